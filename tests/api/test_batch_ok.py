"""Batches that are right: IDs in order, and all that was sent comes back as it was sent."""

import json
from itertools import pairwise
from uuid import UUID

import pytest

from enrol.customers.wallets.registry import NAMESPACES
from tests.api.bodies import example
from tests.customers.vectors import rows
from tests.people import CHECKSUMMED, claims, customer, did, wallet, with_claims, with_wallet
from tests.serving import Project, Served

RFC_4122 = "specified in RFC 4122"


def an_address(namespace: str) -> str:
    """An address of the namespace that is right."""
    valid = (row for row in rows(f"wallets/{namespace}") if row["expect"] == "valid")
    return str(next(valid)["address"])


def test_the_sample_body_enrols_its_three_customers(project: Project) -> None:
    answer = project.post(example("sample", project))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert len(answer.json()) == project.total() == 3


def test_the_sample_body_comes_back_as_it_was_sent(project: Project) -> None:
    items = example("sample", project)["customerData"]
    for sent, customer_id in zip(items, project.enrol(*items), strict=True):
        shown = project.customer(customer_id)
        for part, listed in (
            ("customerWallet", "customerWallets"),
            ("customerClaims", "customerClaims"),
            ("customerDid", "customerDids"),
        ):
            held = [{name: one[name] for name in sent[part]} for one in shown[listed]]
            assert held == ([sent[part]] if part in sent else [])


def test_a_customer_is_shown_whole(project: Project) -> None:
    sent = {
        "customerWallet": wallet(CHECKSUMMED, verified=True, createdBy="a"),
        "customerClaims": {"sub": "s", "name": "N", "createdBy": "b"},
        "customerDid": did("did:web:example.com", createdBy="c", updatedBy="d"),
    }
    answer = project.post(project.body(sent, customer_type="Company"))
    shown = project.customer(answer.json()[0])
    at = shown["createdAt"]
    (held_wallet,), (held_did,) = shown["customerWallets"], shown["customerDids"]
    empty = dict.fromkeys(shown["customerClaims"][0])
    empty["canonical"] = dict.fromkeys(shown["customerClaims"][0]["canonical"])
    assert shown == {
        "id": answer.json()[0],
        "cmsProjectId": project.id,
        "externalCustomerId": None,
        "type": "Company",
        "status": "No status",
        "reason": None,
        "riskScore": "No risk",
        "onboardingLevel": None,
        "batchId": answer.headers["enrol-batch-id"],
        "createdAt": at,
        "updatedAt": at,
        "deletedAt": None,
        "deletedBy": None,
        "mergedInto": None,
        "tags": [],
        "metadata": {},
        "customerContact": dict.fromkeys(("phone", "twitter", "discord", "telegram")),
        "customerClaims": [empty | {"sub": "s", "name": "N", "createdBy": "b"}],
        "customerEmails": [],
        "customerWallets": [
            {
                "id": held_wallet["id"],
                "customerId": shown["id"],
                "wallet": CHECKSUMMED,
                "canonical": CHECKSUMMED.lower(),
                "network": None,
                "chainId": None,
                "accountId": None,
                "blockchainNamespace": "eip155",
                "verified": True,
                "createdAt": at,
                "updatedAt": at,
                "createdBy": "a",
                "updatedBy": None,
            }
        ],
        "customerDids": [
            {
                "id": held_did["id"],
                "customerId": shown["id"],
                "did": "did:web:example.com",
                "createdAt": at,
                "updatedAt": at,
                "createdBy": "c",
                "updatedBy": "d",
            }
        ],
        "findings": [],
    }
    assert project.get(f"/customers/{shown['id']}").headers["etag"] == '"0"'


def test_the_ids_stand_in_the_order_of_the_customers(project: Project) -> None:
    subs = [f"sub-{place}" for place in range(50)]
    ids = project.enrol(*(with_claims(sub=sub) for sub in subs))
    assert [project.customer(one)["customerClaims"][0]["sub"] for one in ids] == subs


def test_the_ids_of_a_large_batch_stand_in_the_order_of_the_customers(project: Project) -> None:
    """A large batch is checked in a thread of its own."""
    subs = [f"sub-{place}" for place in range(1_000)]
    ids = project.enrol(*(with_claims(sub=sub, address="x" * 300) for sub in subs))
    page = project.get("/customers", cmsProjectId=project.id, limit=1_000).json()
    held = {one["id"]: one["customerClaims"][0]["sub"] for one in page["data"]}
    assert [held[one] for one in ids] == subs


def test_the_ids_are_rising_uuids_of_version_7(project: Project) -> None:
    ids = [UUID(one) for one in project.enrol(*(customer() for _ in range(20)))]
    assert {(one.version, one.variant) for one in ids} == {(7, RFC_4122)}
    assert all(one < next_one for one, next_one in pairwise(ids))


def test_an_id_is_written_in_lower_case_with_hyphens(project: Project) -> None:
    (one,) = project.enrol(customer())
    assert one == str(UUID(one))


@pytest.mark.parametrize("ensure_ascii", [True, False], ids=["escaped", "plain"])
def test_text_comes_back_character_by_character(project: Project, ensure_ascii: bool) -> None:
    naughty = [row["s"] for row in rows("hostile/blns")]
    body = project.body(*(with_claims(name=text, address=text + "\n ") for text in naughty))
    answer = project.post(json.dumps(body, ensure_ascii=ensure_ascii).encode())
    assert answer.status_code == 200
    page = project.get("/customers", cmsProjectId=project.id, limit=1_000).json()
    held = {one["id"]: one["customerClaims"][0] for one in page["data"]}
    assert [held[one]["name"] for one in answer.json()] == naughty
    assert [held[one]["address"] for one in answer.json()] == [text + "\n " for text in naughty]


def test_who_created_a_part_is_free_text(project: Project) -> None:
    text = "\u202eevil\u202c \U0001f469\u200d\U0001f680 'quoted' \"twice\" \\ {}:[],"
    parts = {
        "customerWallet": wallet(createdBy=text),
        "customerDid": did(createdBy=text, updatedBy=text),
        "customerClaims": claims(createdBy=text),
    }
    shown = project.customer(project.enrol(parts)[0])
    (held_did,) = shown["customerDids"]
    assert shown["customerWallets"][0]["createdBy"] == text
    assert shown["customerClaims"][0]["createdBy"] == text
    assert (held_did["createdBy"], held_did["updatedBy"]) == (text, text)


def test_every_namespace_is_taken(project: Project) -> None:
    items = [with_wallet(an_address(namespace), namespace) for namespace in NAMESPACES]
    ids = project.enrol(*items)
    held = [project.customer(one)["customerWallets"][0] for one in ids]
    assert [one["blockchainNamespace"] for one in held] == list(NAMESPACES)
    assert [one["wallet"] for one in held] == [one["customerWallet"]["wallet"] for one in items]


PARTS = {"customerWallet": wallet, "customerClaims": claims, "customerDid": did}


@pytest.mark.parametrize("chosen", range(1, 8))
def test_any_part_is_enough(project: Project, chosen: int) -> None:
    names = [name for place, name in enumerate(PARTS) if chosen >> place & 1]
    (one,) = project.enrol({name: PARTS[name]() for name in names})
    shown = project.customer(one)
    assert [bool(shown[f"{name}s".replace("ss", "s")]) for name in PARTS] == [
        name in names for name in PARTS
    ]


@pytest.mark.parametrize("chosen", range(1, 8))
def test_a_part_that_is_null_is_absent(project: Project, chosen: int) -> None:
    item = {
        name: make() if chosen >> place & 1 else None
        for place, (name, make) in enumerate(PARTS.items())
    }
    (one,) = project.enrol(item)
    shown = project.customer(one)
    lists = (shown["customerWallets"], shown["customerClaims"], shown["customerDids"])
    assert [len(listed) for listed in lists] == [chosen >> place & 1 for place in range(3)]


def test_fields_that_are_null_are_absent(project: Project) -> None:
    item = {
        "customerWallet": wallet(verified=None, createdBy=None),
        "customerDid": did(createdBy=None, updatedBy=None),
        "customerClaims": {"sub": None, "name": None, "nationality": None, "picture": None},
    }
    shown = project.customer(project.enrol(item)[0])
    assert shown["customerClaims"] == []
    assert shown["customerWallets"][0]["verified"] is False
    assert shown["customerWallets"][0]["createdBy"] is None
    assert shown["customerDids"][0]["updatedBy"] is None


def test_many_customers_may_have_no_sub(project: Project) -> None:
    assert len(project.enrol(with_claims(name="A"), with_claims(name="A", sub=None))) == 2


def test_no_customers_are_no_work(project: Project) -> None:
    answer = project.post(project.body())
    assert (answer.status_code, answer.json()) == (200, [])
    assert "enrol-batch-id" not in answer.headers
    assert set(project.rows().values()) == {0}


@pytest.mark.parametrize("mode", ["partial", "dryRun"])
def test_no_customers_are_no_work_in_every_mode(project: Project, mode: str) -> None:
    answer = project.post(project.body(), mode=mode)
    assert (answer.status_code, answer.json()) == (200, [])


def test_every_customer_knows_its_batch(project: Project) -> None:
    answer = project.post(project.body(customer(), customer()))
    batch = answer.headers["enrol-batch-id"]
    assert UUID(batch).version == 7
    assert {project.customer(one)["batchId"] for one in answer.json()} == {batch}


def test_two_calls_are_two_batches(project: Project) -> None:
    first, second = project.post(project.body(customer())), project.post(project.body(customer()))
    assert first.headers["enrol-batch-id"] != second.headers["enrol-batch-id"]


def test_a_batch_is_recorded_with_its_counts_its_key_and_its_time(server: Served) -> None:
    project = server.new_project()
    key = server.new_key(project.id)
    answer = project._replace(key=key.text).post(project.body(customer(), customer()))
    batch = UUID(answer.headers["enrol-batch-id"]).bytes
    counted = "SELECT key_id, mode, items, created, existing, refused, created_at FROM batches"
    ((*counts, at),) = server.query(f"{counted} WHERE id = $1", batch)
    assert counts == [key.id, "atomic", 2, 2, 0, 0]
    assert abs(at - int.from_bytes(batch[:6], "big")) < 1_000


def test_every_customer_has_one_event(project: Project) -> None:
    answer = project.post(project.body(customer(), customer(), customer()))
    query = (
        "SELECT e.type, e.customer_id, l.id FROM links AS l JOIN events AS e "
        "ON e.project = l.project AND e.seq BETWEEN l.first AND l.last "
        "WHERE l.batch_id = $1 ORDER BY e.seq"
    )
    batch = UUID(answer.headers["enrol-batch-id"]).bytes
    events = project.server.query(query, batch)
    ids = [UUID(one).bytes for one in answer.json()]
    assert events == [("customer.created", one, batch) for one in ids]


def test_the_order_of_members_is_free(project: Project) -> None:
    body = json.dumps(project.body(customer()))
    turned = json.dumps(dict(reversed(json.loads(body).items())))
    assert project.post(turned.encode()).status_code == 200


def test_a_media_type_may_name_its_charset(project: Project) -> None:
    sent = {"Content-Type": 'Application/JSON; charset="UTF-8"'}
    assert project.post(project.body(customer()), sent).status_code == 200


def test_no_cache_keeps_an_answer(project: Project) -> None:
    answer = project.post(project.body(customer()))
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_request_id_is_given_back(project: Project) -> None:
    sent = {"X-Request-Id": "0199f0aa-1111-7222-8333-444455556666"}
    answer = project.post(project.body(customer()), sent)
    assert answer.headers["x-request-id"] == sent["X-Request-Id"]


def test_a_request_without_an_id_gets_one(project: Project) -> None:
    answer = project.post(project.body(customer()))
    assert UUID(answer.headers["x-request-id"]).version == 7
