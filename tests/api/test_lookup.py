"""Looking up many customers in one call."""

import json
import time
from typing import Any

import httpx
import pytest

from enrol.api.resources.lookup import MOST_ASKED, MOST_SHOWN
from tests.api.refusals import faults, points_into, problem
from tests.api.test_merge import merged, ok
from tests.api.test_parts import added
from tests.people import (
    CHECKSUMMED,
    TEZOS,
    customer,
    did,
    wallet,
    with_claims,
    with_did,
    with_wallet,
)
from tests.serving import Project

KINDS = ("wallets", "ids", "dids", "subs", "externalCustomerIds")
# One account of Polkadot under two of its prefixes, and a text that is of two namespaces.
SS58 = (
    "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
    "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5",
)
SHORT = "0x0" + "1" * 63
# On this machine it takes about a fifth; a slow one, and a busy, is no fault of the code.
MOST_SECONDS = 5.0


def asked(project: Project, **values: object) -> dict[str, Any]:
    answer: dict[str, Any] = ok(project.call("POST", "/customers/lookup", values))
    return answer


def found(project: Project, **values: object) -> list[str | None]:
    """What is found of values of one kind."""
    (kind,) = values
    data = asked(project, **values)["data"]
    assert data.keys() == {*KINDS}
    assert [name for name in KINDS if data[name] and name != kind] == []
    answers: list[str | None] = data[kind]
    return answers


def test_wallets_are_found_in_any_spelling(project: Project) -> None:
    ids = project.enrol(
        with_wallet(CHECKSUMMED), with_wallet(TEZOS, "tezos"), with_wallet(SS58[0], "polkadot")
    )
    spelt = [
        *(CHECKSUMMED, CHECKSUMMED.lower(), CHECKSUMMED.upper(), f"eip155:1:{CHECKSUMMED}"),
        *(TEZOS, f"tezos:NetXdQprcVkpaWU:{TEZOS}", *SS58),
    ]
    expected = [ids[0]] * 4 + [ids[1]] * 2 + [ids[2]] * 2
    assert found(project, wallets=spelt) == expected
    assert found(project, wallets=spelt[::-1]) == expected[::-1]
    nobody = ["0x" + "0" * 40, "nonsense", "", "x" * 4_000, f"eip155:1:{TEZOS}"]
    assert found(project, wallets=[*nobody, TEZOS]) == [None] * 5 + [ids[1]]


def test_a_namespace_narrows_it(project: Project) -> None:
    (one, two) = project.enrol(with_wallet(SHORT, "aptos"), with_wallet(SHORT, "starknet"))
    named = [
        {"wallet": SHORT, "blockchainNamespace": name} for name in ("starknet", "aptos", "eip155")
    ]
    assert found(project, wallets=named) == [two, one, None]
    answer = asked(project, wallets=["nobody", SHORT, named[0]])
    assert answer["data"]["wallets"] == [None, one, two]
    assert answer["ambiguousWallets"] == [1]


def test_what_a_lenient_project_took_as_it_was_is_found(lenient: Project) -> None:
    ids = lenient.enrol(with_wallet("no address"), with_wallet(TEZOS, "solana"))
    asks = ["no address", TEZOS, {"wallet": TEZOS, "blockchainNamespace": "solana"}, "No address"]
    assert found(lenient, wallets=asks) == [ids[0], ids[1], ids[1], None]


def test_dids_subs_and_ids(project: Project) -> None:
    ids = project.enrol(with_did("did:example:1"), {"customerClaims": {"sub": "crm-1"}})
    assert found(project, dids=["did:example:2", "did:example:1"]) == [None, ids[0]]
    assert found(project, subs=["crm-1", "CRM-1", ""]) == [ids[1], None, None]
    assert found(project, ids=[ids[1].upper(), ids[0], "x", "0" * 32]) == [
        ids[1],
        ids[0],
        None,
        None,
    ]
    changed = project.call("PATCH", f"/customers/{ids[0]}", {"externalCustomerId": "host-1"})
    assert changed.status_code == 200, changed.text
    assert found(project, externalCustomerIds=["host-1", "host-2"]) == [ids[0], None]


def test_all_kinds_at_once(project: Project) -> None:
    sent = customer()
    (one,) = project.enrol(sent)
    answer = asked(
        project,
        wallets=[sent["customerWallet"]["wallet"]],
        ids=[one],
        dids=[sent["customerDid"]["did"]],
        subs=[sent["customerClaims"]["sub"]],
        externalCustomerIds=["none"],
    )
    data = {kind: [None if kind == "externalCustomerIds" else one] for kind in KINDS}
    assert answer == {"data": data, "ambiguousWallets": []}
    assert asked(project) == {"data": {kind: [] for kind in KINDS}, "ambiguousWallets": []}


def test_what_is_deleted_or_merged_is_not_found(project: Project) -> None:
    first, second = customer(), customer()
    gone, source, target = project.enrol(first, second, customer())
    project.call("DELETE", f"/customers/{gone}")
    ok(merged(project, target, source))
    wallets = [each["customerWallet"]["wallet"] for each in (first, second)]
    assert found(project, wallets=wallets) == [None, target]
    assert (
        found(project, subs=[each["customerClaims"]["sub"] for each in (first, second)])
        == [None] * 2
    )
    assert found(project, ids=[gone, source, target]) == [None, None, target]


def test_wallets_that_were_added_are_found(project: Project) -> None:
    (one,) = project.enrol(with_claims(name="A"))
    many = [added(project, one, wallet())["wallet"] for _ in range(3)]
    dids = [added(project, one, did())["did"] for _ in range(2)]
    assert found(project, wallets=many) == [one] * 3
    assert found(project, dids=dids) == [one] * 2


def test_customers_are_included_once_each(project: Project) -> None:
    sent = customer()
    (one,) = project.enrol(sent)
    added(project, one, wallet(CHECKSUMMED))
    body = {"wallets": [sent["customerWallet"]["wallet"], CHECKSUMMED, "x"], "ids": [one]}
    answer = ok(project.call("POST", "/customers/lookup?include=customers", body))
    assert answer["data"]["wallets"] == [one, one, None]
    assert answer["customers"] == [project.customer(one)]
    body = {"subs": ["x"] * (MOST_SHOWN + 1)}
    refused = project.call("POST", "/customers/lookup?include=customers", body)
    assert faults(problem(refused, "body.invalid")) == [("", "field.value")]
    assert ok(project.call("POST", "/customers/lookup", body))["data"]["subs"][-1] is None
    problem(project.call("POST", "/customers/lookup?include=x", {}), "query.invalid")
    problem(project.call("POST", "/customers/lookup?x=y", {}), "query.invalid")


FAULTY: list[tuple[object, list[tuple[str, str]]]] = [
    ([], [("", "field.type")]),
    ({"wallets": TEZOS}, [("/wallets", "field.type")]),
    (
        {"wallets": [1, {"wallet": TEZOS}, {"wallet": TEZOS, "blockchainNamespace": "tezzos"}]},
        [("/wallets/0", "field.type"), ("/wallets/1/blockchainNamespace", "field.missing")],
    ),
    (
        {"wallets": [{"wallet": TEZOS, "blockchainNamespace": "tezzos"}]},
        [("/wallets/0/blockchainNamespace", "namespace.unknown")],
    ),
    (
        {"walets": [], "dids": [None], "subs": ["\0"], "ids": ["x" * 70_000]},
        [
            ("/dids/0", "field.type"),
            ("/ids/0", "text.too_long"),
            ("/subs/0", "text.nul"),
            ("/walets", "field.unknown"),
        ],
    ),
]


@pytest.mark.parametrize(("body", "expected"), FAULTY)
def test_faults_come_at_once(
    project: Project, body: object, expected: list[tuple[str, str]]
) -> None:
    answer = project.call("POST", "/customers/lookup", body)
    document = problem(answer, "body.invalid")
    assert faults(document) == expected
    assert points_into(answer.request.content, document) == []


def test_no_value_is_echoed_or_logged(project: Project) -> None:
    secret = "tell-tale-5f1c"
    body = {"wallets": [secret, {"wallet": secret, "blockchainNamespace": secret}], "subs": [1]}
    answer = project.call("POST", "/customers/lookup", body)
    assert secret not in answer.text + project.server.whole_log()


def test_another_projects_customers_are_not_found(project: Project, lenient: Project) -> None:
    sent = customer()
    (one,) = lenient.enrol(sent)
    answer = asked(
        project,
        wallets=[sent["customerWallet"]["wallet"]],
        ids=[one],
        dids=[sent["customerDid"]["did"]],
        subs=[sent["customerClaims"]["sub"]],
    )
    assert [each for kind in answer["data"].values() for each in kind] == [None] * 4


def test_the_scope_is_that_of_reading(project: Project) -> None:
    writes = project._replace(key=project.server.new_key(project.id, "customers:write").text)
    problem(writes.call("POST", "/customers/lookup", {}), "access.scope")
    reads = project._replace(key=project.server.new_key(project.id, "customers:read").text)
    assert reads.call("POST", "/customers/lookup", {}).status_code == 200


@pytest.fixture(scope="module")
def many(server: Any) -> tuple[Project, list[dict[str, Any]], list[str]]:
    """A project of ten thousand customers, what was sent, and their IDs."""
    project = server.new_project()
    sent = [
        {"customerWallet": wallet(), "customerClaims": {"sub": f"s-{n}"}} for n in range(MOST_ASKED)
    ]
    return project, sent, project.enrol(*sent)


def timed(project: Project, body: object) -> tuple[float, httpx.Response]:
    content = json.dumps(body).encode()
    start = time.perf_counter()
    answer = project.call("POST", "/customers/lookup", content)
    return time.perf_counter() - start, answer


@pytest.mark.parametrize("spelling", ["as sent", "upper", "named", "missing"])
def test_ten_thousand_wallets_in_one_call(
    many: tuple[Project, list[dict[str, Any]], list[str]], spelling: str
) -> None:
    project, sent, ids = many
    wallets: list[Any] = [each["customerWallet"]["wallet"] for each in sent]
    expected: list[str | None] = [*ids]
    if spelling == "upper":
        wallets = [each.upper() for each in wallets]
    elif spelling == "named":
        wallets = [{"wallet": each, "blockchainNamespace": "eip155"} for each in wallets]
    elif spelling == "missing":
        wallets, expected = [wallet()["wallet"] for _ in wallets], [None] * len(wallets)
    seconds, answer = timed(project, {"wallets": wallets})
    assert ok(answer)["data"]["wallets"] == expected
    assert ok(answer)["ambiguousWallets"] == []
    assert seconds < MOST_SECONDS


def test_ten_thousand_ids_or_subs_in_one_call_and_no_more(
    many: tuple[Project, list[dict[str, Any]], list[str]],
) -> None:
    project, sent, ids = many
    subs = [each["customerClaims"]["sub"] for each in sent]
    assert found(project, ids=ids) == ids
    assert found(project, subs=subs) == ids
    half = MOST_ASKED // 2
    both = asked(project, ids=ids[:half], subs=subs[half:])["data"]
    assert both["ids"] + both["subs"] == ids
    answer = project.call("POST", "/customers/lookup", {"ids": ids, "subs": subs[:1]})
    assert faults(problem(answer, "body.invalid")) == [("", "field.value")]
