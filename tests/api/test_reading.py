"""Reading customers back: by ID, by page, by wallet in any of its spellings."""

from urllib.parse import quote
from uuid import UUID, uuid4

import pytest

from tests.api.refusals import faults, problem
from tests.people import CHECKSUMMED, TEZOS, customer, with_claims, with_wallet
from tests.serving import Project, Served

POLKADOT = "15FKUKXC6kwaXxJ1tXNywmFy4ZY6FoDFCnU3fMbibFdeqwGw"
BECH32 = "cosmos1depk54cuajgkzea6zpgkq36tnjwdzv4afc3d27"


def by_wallet(address: str) -> str:
    return f"/projects/{{}}/customer-wallets/{quote(address, safe='')}/customer"


def test_a_customer_is_found_by_its_id(project: Project) -> None:
    first, second = project.enrol(customer(name="A"), customer(name="B"))
    names = [project.customer(one)["customerClaims"][0]["name"] for one in (first, second)]
    assert names == ["A", "B"]


def test_an_id_is_read_in_any_spelling(project: Project) -> None:
    (one,) = project.enrol(customer())
    for spelled in (one.upper(), UUID(one).hex):
        assert project.customer(spelled)["id"] == one


@pytest.mark.parametrize(
    "customer_id",
    [
        "0199f0aa-1111-7222-8333-444455556666",
        "x",
        "1",
        "%00",
        "%",
        "0199f0aa-1111-7222-8333-44445555666g",
    ],
)
def test_a_customer_that_is_not_there(project: Project, customer_id: str) -> None:
    project.enrol(customer())
    problem(project.get(f"/customers/{customer_id}"), "customer.unknown")


def test_a_customer_of_another_project_is_not_there(server: Served, project: Project) -> None:
    """The same answer as for a customer that nobody has."""
    (one,) = project.enrol(customer())
    other = server.new_project()
    told = [
        problem(other.get(f"/customers/{each}"), "customer.unknown") | {"requestId": ""}
        for each in (one, uuid4())
    ]
    assert told[0] == told[1]


def test_a_project_without_customers_has_an_empty_page(project: Project) -> None:
    answer = project.get("/customers", cmsProjectId=project.id)
    assert (answer.status_code, answer.json()) == (200, {"data": [], "totalCount": 0})


def test_a_page_has_the_newest_first(project: Project) -> None:
    ids = project.enrol(*(customer() for _ in range(3))) + project.enrol(customer())
    page = project.get("/customers", cmsProjectId=project.id).json()
    assert [one["id"] for one in page["data"]] == ids[::-1]


def test_a_page_shows_customers_as_they_are_shown_alone(project: Project) -> None:
    ids = project.enrol(customer(name="A"), with_wallet(), with_claims(name="B"))
    page = project.get("/customers", cmsProjectId=project.id).json()
    assert page == {"data": [project.customer(one) for one in ids[::-1]], "totalCount": 3}


def test_pages_follow_one_another(project: Project) -> None:
    ids = project.enrol(*(with_claims(name="A") for _ in range(7)))
    pages = [
        project.get("/customers", cmsProjectId=project.id, currentPage=page, limit=3).json()
        for page in (1, 2, 3, 4)
    ]
    assert [len(page["data"]) for page in pages] == [3, 3, 1, 0]
    assert [one["id"] for page in pages for one in page["data"]] == ids[::-1]
    assert {page["totalCount"] for page in pages} == {7}


def test_a_page_has_a_hundred_customers_unless_told(project: Project) -> None:
    project.enrol(*(with_claims(name="A") for _ in range(101)))
    page = project.get("/customers", cmsProjectId=project.id).json()
    assert (len(page["data"]), page["totalCount"]) == (100, 101)


def test_a_page_counts_the_customers_of_its_project_alone(server: Served, project: Project) -> None:
    other = server.new_project()
    project.enrol(customer())
    other.enrol(customer(), customer())
    assert (project.total(), other.total()) == (1, 2)


def test_existing_and_refused_items_are_not_counted(project: Project) -> None:
    known = customer()
    project.enrol(known)
    project.post(project.body(known, customer(), {}), mode="partial", onConflict="return")
    assert project.total() == 2


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"limit": "0"}, "/limit"),
        ({"limit": "1001"}, "/limit"),
        ({"limit": "many"}, "/limit"),
        ({"limit": ""}, "/limit"),
        ({"limit": "1.5"}, "/limit"),
        ({"currentPage": "0"}, "/currentPage"),
        ({"currentPage": "-1"}, "/currentPage"),
        ({"currentPage": "9" * 30}, "/currentPage"),
    ],
    ids=str,
)
def test_a_page_that_is_none(project: Project, query: dict[str, str], pointer: str) -> None:
    document = problem(project.get("/customers", cmsProjectId=project.id, **query), "query.invalid")
    assert faults(document) == [(pointer, "query.value")]


def test_a_page_has_no_unknown_parameter(project: Project) -> None:
    document = problem(
        project.get("/customers", cmsProjectId=project.id, page=2, what="x"), "query.invalid"
    )
    assert faults(document) == [("", "query.unknown")] * 2
    assert "currentPage" in document["errors"][0]["detail"]


def test_a_page_needs_a_project(project: Project) -> None:
    document = problem(project.get("/customers"), "query.invalid")
    assert faults(document) == [("/cmsProjectId", "query.value")]


def test_the_last_page_that_can_be_asked_for_is_empty(project: Project) -> None:
    project.enrol(customer())
    page = project.get("/customers", cmsProjectId=project.id, currentPage=10**9, limit=1_000)
    assert page.json() == {"data": [], "totalCount": 1}


SPELLINGS: list[tuple[str, str, str]] = [
    ("eip155", CHECKSUMMED, CHECKSUMMED),
    ("eip155", CHECKSUMMED, CHECKSUMMED.lower()),
    ("eip155", CHECKSUMMED, CHECKSUMMED.upper()),
    ("eip155", CHECKSUMMED, "0x" + CHECKSUMMED[2:].upper()),
    ("eip155", CHECKSUMMED, CHECKSUMMED.swapcase().replace("X", "x")),
    ("eip155", CHECKSUMMED.lower(), CHECKSUMMED),
    ("avax", CHECKSUMMED.lower(), CHECKSUMMED),
    ("tezos", TEZOS, TEZOS),
    ("cosmos", BECH32, BECH32),
    ("cosmos", BECH32, BECH32.upper()),
    ("cosmos", BECH32.upper(), BECH32),
    ("eip155", CHECKSUMMED, f"eip155:1:{CHECKSUMMED}"),
    ("eip155", f"eip155:137:{CHECKSUMMED}", CHECKSUMMED),
    ("polkadot", POLKADOT, "5GK2KzG8Eyg76RHVvtKyocRpCwYSZVf78HjZW4cN3Ac8fcVe"),
    (
        "xrpl",
        "r9cZA1mLK5R5Am25ArfXFmqgNwjZgnfk59",
        "X7AcgcsBL6XDcUb289X4mJ8djcdyKaB5hJDWMArnXr61cqZ",
    ),
    ("tron", "TJRabPrwbZy45sbavfcjinPJC18kjpRTv8", "415cbdd86a2fa8dc4bddd8a8f69dba48572eec07fb"),
    ("starknet", "0x2", "0x" + "0" * 63 + "2"),
    ("aptos", "0x" + "0" * 63 + "a", "0xA"),
]


@pytest.mark.parametrize(("namespace", "sent", "asked"), SPELLINGS)
def test_a_customer_is_found_by_its_wallet(
    project: Project, namespace: str, sent: str, asked: str
) -> None:
    (one, _) = project.enrol(with_wallet(sent, namespace), customer())
    answer = project.get(by_wallet(asked).format(project.id))
    assert answer.json() == project.customer(one)
    page = project.get("/customers", cmsProjectId=project.id, wallet=asked)
    assert page.json() == {"data": [project.customer(one)], "totalCount": 1}


def test_a_wallet_in_two_namespaces_has_two_customers(project: Project) -> None:
    ids = project.enrol(with_wallet(CHECKSUMMED, "eip155"), with_wallet(CHECKSUMMED, "avax"))
    query = {"cmsProjectId": project.id, "wallet": CHECKSUMMED}
    found = project.get("/customers", **query).json()
    assert {one["id"] for one in found["data"]} == set(ids)
    second = project.get("/customers", **query, currentPage=2, limit=1).json()
    assert [second["data"][0]["id"], second["totalCount"]] == [found["data"][1]["id"], 2]


@pytest.mark.parametrize("asked", ["", "x" * 4_097])
def test_a_wallet_that_cannot_be_asked_for(project: Project, asked: str) -> None:
    answer = project.get("/customers", cmsProjectId=project.id, wallet=asked)
    document = problem(answer, "query.invalid")
    assert faults(document) == [("/wallet", "query.value")]
    assert "1 to 4096 characters" in document["errors"][0]["detail"]


def test_nobody_has_a_wallet_that_is_not_there(project: Project) -> None:
    project.enrol(with_wallet())
    answer = project.get("/customers", cmsProjectId=project.id, wallet=TEZOS)
    assert answer.json() == {"data": [], "totalCount": 0}


def test_two_slashes_are_one(project: Project) -> None:
    """Some clients of the hosted API join its address with a slash too many."""
    (one,) = project.enrol(with_wallet(TEZOS, "tezos"))
    url = f"{project.server.url}/{by_wallet(TEZOS)}".format(project.id)
    assert url.count("//") == 2
    answer = project.server.http.get(url, headers=project.headers)
    assert answer.json()["id"] == one


@pytest.mark.parametrize("address", [TEZOS, TEZOS.lower(), CHECKSUMMED, "x", "%", "\u00e9", " "])
def test_a_wallet_that_is_not_there(project: Project, address: str) -> None:
    project.enrol(with_wallet())
    problem(project.get(by_wallet(address).format(project.id)), "customer.unknown")


def test_a_wallet_of_another_project_is_not_there(server: Served, project: Project) -> None:
    project.enrol(with_wallet(TEZOS, "tezos"))
    other = server.new_project()
    problem(other.get(by_wallet(TEZOS).format(other.id)), "customer.unknown")


@pytest.mark.parametrize(
    ("namespace", "address"),
    [
        ("tezos", "string"),
        ("eip155", "0xABC"),
        ("eip155", CHECKSUMMED[:-1] + "D"),
        ("solana", "0x" + "Ab" * 20),
        ("xrpl", "a b?c#d%e%2Ff\u00e9"),
    ],
)
def test_a_wallet_of_a_wrong_format_is_found_as_it_was_sent(
    lenient: Project, namespace: str, address: str
) -> None:
    (one,) = lenient.enrol(with_wallet(address, namespace))
    answer = lenient.get(by_wallet(address).format(quote(lenient.id)))
    assert answer.json()["id"] == one


def test_what_is_read_is_json_that_no_cache_keeps(project: Project) -> None:
    project.enrol(customer())
    answer = project.get("/customers", cmsProjectId=project.id)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert UUID(answer.headers["x-request-id"]).version == 7
