"""Wallets and DIDs of a customer as resources of their own."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest

from enrol.customers.editing.parts import MOST_PARTS
from tests.api.refusals import faults, points_into, problem
from tests.conftest import ON_TWO_STORES
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

pytestmark = ON_TWO_STORES

SHOWN = {"Prefer": "return=representation"}
NOWHERE = "0190a1f2-6c00-7a32-8e15-9c3f7b2d4a60"
# The address with the case of one letter turned: the checksum is wrong.
MISTYPED = "0x5aaeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
ERC1191 = "0x5aaEB6053f3e94c9b9a09f33669435E7ef1bEAeD"  # for chain 30, as EIP-1191 has it


def wallets_of(project: Project, customer_id: str) -> list[dict[str, Any]]:
    answer = project.get(f"/customers/{customer_id}/wallets")
    assert answer.status_code == 200, answer.text
    shown: list[dict[str, Any]] = answer.json()
    return shown


def added(project: Project, customer_id: str, body: dict[str, Any]) -> dict[str, Any]:
    """A wallet or a DID that is added."""
    kind = "wallets" if "wallet" in body else "dids"
    answer = project.call("POST", f"/customers/{customer_id}/{kind}", body)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def events_of(project: Project, customer_id: str) -> list[tuple[str, str | None, Any]]:
    """Type, fields and data of what happened to a customer since it was created."""
    rows = project.server.query(
        "SELECT type, fields, data FROM events WHERE project = "
        "(SELECT project FROM projects WHERE id = $1) AND customer_id = $2 "
        "AND type <> 'customer.created' ORDER BY seq",
        *(project.id, bytes.fromhex(customer_id.replace("-", ""))),
    )
    return [(kind, fields, data and json.loads(data)) for kind, fields, data in rows]


def owner_of(project: Project, address: str) -> str | None:
    answer = project.get(f"/projects/{project.id}/customer-wallets/{address}/customer")
    return answer.json()["id"] if answer.status_code == 200 else None


class TestWallets:
    def test_the_list_has_the_hosted_shape(self, project: Project) -> None:
        (one,) = project.enrol(
            {"customerWallet": wallet(TEZOS, "tezos", verified=True, createdBy="crm")}
        )
        (shown,) = wallets_of(project, one)
        hosted = {"id", "wallet", "blockchainNamespace", "customerId", "verified", "createdAt"}
        assert shown.keys() >= hosted | {"updatedAt", "createdBy", "updatedBy"}
        assert shown["wallet"] == TEZOS
        assert shown["blockchainNamespace"] == "tezos"
        assert shown["customerId"] == one
        assert shown["verified"] is True
        assert (shown["createdBy"], shown["updatedBy"]) == ("crm", None)
        assert shown == project.customer(one)["customerWallets"][0]

    def test_one_is_added(self, project: Project) -> None:
        (one,) = project.enrol(with_claims(name="A"))
        sent = wallet(CHECKSUMMED, verified=True, createdBy="crm")
        shown = added(project, one, sent)
        assert (shown["wallet"], shown["canonical"]) == (CHECKSUMMED, CHECKSUMMED.lower())
        assert (shown["verified"], shown["createdBy"], shown["customerId"]) == (True, "crm", one)
        assert wallets_of(project, one) == [shown]
        assert owner_of(project, CHECKSUMMED.lower()) == one
        got = project.get(f"/customers/{one}/wallets/{shown['id']}")
        assert got.json() == shown
        ((kind, fields, data),) = events_of(project, one)
        assert (kind, fields) == ("customer.updated", "customerWallets")
        told = {"id": shown["id"], "blockchainNamespace": "eip155"}
        assert data == {"customerWallets": {"added": [told]}}

    def test_many_are_added_in_order(self, project: Project) -> None:
        (one,) = project.enrol(with_wallet())
        ids = [wallets_of(project, one)[0]["id"]]
        ids += [added(project, one, wallet())["id"] for _ in range(5)]
        assert [each["id"] for each in wallets_of(project, one)] == ids

    def test_one_that_is_there_stays_as_it_is(self, project: Project) -> None:
        (one,) = project.enrol(with_wallet(CHECKSUMMED))
        (before,) = wallets_of(project, one)
        again = added(project, one, wallet(CHECKSUMMED.lower(), verified=True))
        assert again == before
        assert wallets_of(project, one) == [before]
        assert events_of(project, one) == []

    def test_one_of_another_customer_is_refused(self, project: Project) -> None:
        one, two = project.enrol(with_wallet(CHECKSUMMED), with_wallet())
        body = wallet(CHECKSUMMED.lower())
        answer = project.call("POST", f"/customers/{two}/wallets", body)
        document = problem(answer, "customer.conflict")
        assert document["message"] == "Wallet already attached to another identity"
        assert faults(document) == [("/wallet", "conflict.wallet")]
        assert document["errors"][0]["customerId"] == one
        assert CHECKSUMMED.lower() not in answer.text
        assert len(wallets_of(project, two)) == 1

    def test_verified_is_changed(self, project: Project) -> None:
        (one,) = project.enrol(with_wallet())
        (before,) = wallets_of(project, one)
        path = f"/customers/{one}/wallets/{before['id']}"
        answer = project.call("PATCH", path, {"verified": True, "updatedBy": "desk"}, **SHOWN)
        after = answer.json()
        assert (after["verified"], after["updatedBy"]) == (True, "desk")
        assert after["updatedAt"] >= before["updatedAt"]
        assert after == wallets_of(project, one)[0]
        ((kind, fields, data),) = events_of(project, one)
        assert (kind, fields) == ("customer.updated", "customerWallets")
        told = {"id": before["id"], "verified": {"from": False, "to": True}}
        assert data == {"customerWallets": {"changed": [told]}}
        merge_patch = {"Content_Type": "application/merge-patch+json"}
        again = project.call("PATCH", path, {"verified": True}, **merge_patch)
        assert (again.status_code, again.json()) == (200, before["id"])
        assert len(events_of(project, one)) == 1
        undone = project.call("PATCH", path, {"verified": None}, **SHOWN)
        assert undone.json()["verified"] is False

    def test_the_last_one_is_removed_and_free_then(self, project: Project) -> None:
        one, two = project.enrol(with_wallet(CHECKSUMMED), with_wallet())
        (shown,) = wallets_of(project, one)
        path = f"/customers/{one}/wallets/{shown['id']}"
        answer = project.call("DELETE", path)
        assert (answer.status_code, answer.json()) == (200, shown["id"])
        assert answer.headers["content-type"] == "application/json"
        assert wallets_of(project, one) == []
        assert owner_of(project, CHECKSUMMED) is None
        problem(project.call("DELETE", path), "wallet.unknown")
        problem(project.get(path), "wallet.unknown")
        problem(project.call("PATCH", path, {"verified": True}), "wallet.unknown")
        assert added(project, two, wallet(CHECKSUMMED))["customerId"] == two
        assert owner_of(project, CHECKSUMMED) == two
        (event,) = events_of(project, one)
        told = {"id": shown["id"], "blockchainNamespace": "eip155"}
        assert event[2] == {"customerWallets": {"removed": [told]}}

    def test_a_customer_has_so_many_and_no_more(self, project: Project) -> None:
        (one,) = project.enrol(with_wallet())
        number = "(SELECT project FROM projects WHERE id = $1)"
        project.server.registry.database.rows(
            "WITH RECURSIVE n (i) AS "
            f"(SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < {MOST_PARTS}) "
            "INSERT INTO wallets (project, customer_id, id, namespace, address, created_at) "
            f"SELECT {number}, w.customer_id, {_row_id(project)}, 'eip155', 'none' || n.i, 0 "
            f"FROM n, wallets AS w WHERE w.project = {number}",
            project.id,
        )
        assert len(wallets_of(project, one)) == MOST_PARTS
        answer = project.call("POST", f"/customers/{one}/wallets", wallet())
        assert "1,000" in problem(answer, "wallet.too_many")["detail"]


def _row_id(project: Project) -> str:
    return (
        "CAST(printf('%016d', n.i) AS BLOB)"
        if project.server.on_file
        else "convert_to(lpad(n.i::text, 16, '0'), 'UTF8')"
    )


class TestDids:
    def test_the_whole_way(self, project: Project) -> None:
        one, two = project.enrol(with_wallet(), with_did("did:example:1"))
        shown = added(project, one, did("did:example:2", createdBy="crm"))
        assert (shown["did"], shown["createdBy"], shown["customerId"]) == (
            "did:example:2",
            "crm",
            one,
        )
        assert added(project, one, did("did:example:2")) == shown
        assert project.get(f"/customers/{one}/dids").json() == [shown]
        path = f"/customers/{one}/dids/{shown['id']}"
        assert project.get(path).json() == shown
        changed = project.call("PATCH", path, {"updatedBy": "desk"}, **SHOWN)
        assert changed.json() == project.get(path).json()
        assert changed.json()["updatedBy"] == "desk"
        answer = project.call("POST", f"/customers/{one}/dids", did("did:example:1"))
        document = problem(answer, "customer.conflict")
        assert faults(document) == [("/did", "conflict.did")]
        assert document["errors"][0]["customerId"] == two
        assert project.call("DELETE", path).json() == shown["id"]
        problem(project.get(path), "did.unknown")
        assert added(project, two, did("did:example:2"))["customerId"] == two
        told = events_of(project, one)
        assert [fields for _, fields, _ in told] == ["customerDids"] * 3
        kinds = ("added", "changed", "removed")
        same = [{"customerDids": {kind: [{"id": shown["id"]}]}} for kind in kinds]
        assert [data for _, _, data in told] == same

    def test_one_that_names_another_account_is_noted_until_that_is_there(
        self, project: Project
    ) -> None:
        (one,) = project.enrol(with_wallet())
        noted = added(project, one, did(f"did:pkh:eip155:1:{CHECKSUMMED}"))
        place = {"pointer": "/customerDids/0/did", "code": "did.other_account"}
        assert project.customer(one)["findings"] == [place]
        added(project, one, wallet(CHECKSUMMED.lower()))
        assert project.customer(one)["findings"] == []
        added(project, one, did(f"did:pkh:eip155:10:{CHECKSUMMED}"))
        assert project.customer(one)["findings"] == []
        assert noted["did"].startswith("did:pkh")


FAULTY: list[tuple[str, dict[str, Any], list[tuple[str, str]]]] = [
    ("wallets", wallet(MISTYPED), [("/wallet", "wallet.checksum")]),
    ("wallets", wallet("", "eip155"), [("/wallet", "field.empty")]),
    ("wallets", wallet(TEZOS, "tezzos"), [("/blockchainNamespace", "namespace.unknown")]),
    (
        "wallets",
        {"walet": 1, "blockchainNamespace": 2, "verified": "yes"},
        [
            ("/blockchainNamespace", "field.type"),
            ("/verified", "field.type"),
            ("/walet", "field.unknown"),
            ("/wallet", "field.missing"),
        ],
    ),
    ("dids", did("did:web:"), [("/did", "did.syntax")]),
    ("dids", did("did:pkh:eip155:1:0x12"), [("/did", "did.pkh")]),
    ("dids", {}, [("/did", "field.missing")]),
    ("dids", did("did:example:\0"), [("/did", "text.nul")]),
]


@pytest.mark.parametrize(("kind", "body", "expected"), FAULTY)
def test_what_a_batch_refuses_is_refused(
    project: Project, kind: str, body: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    (one,) = project.enrol(customer())
    before = project.customer(one)
    answer = project.call("POST", f"/customers/{one}/{kind}", body)
    document = problem(answer, "body.invalid")
    assert faults(document) == expected
    assert points_into(answer.request.content, document) == []
    assert project.customer(one) == before


def test_secrets_are_refused_in_lenient_projects_too(lenient: Project) -> None:
    (one,) = lenient.enrol(with_claims(name="A"))
    secret = "0x" + "4c" * 32
    answer = lenient.call("POST", f"/customers/{one}/wallets", wallet(secret))
    assert faults(problem(answer, "body.invalid")) == [("/wallet", "wallet.secret")]
    assert secret not in answer.text + lenient.server.whole_log()


class TestFindings:
    def test_a_lenient_project_notes_the_wallet_that_it_is_of(self, lenient: Project) -> None:
        (one,) = lenient.enrol(with_wallet(MISTYPED))
        assert lenient.customer(one)["findings"] == [
            {"pointer": "/customerWallet/wallet", "code": "wallet.checksum"}
        ]
        first = wallets_of(lenient, one)[0]["id"]
        second = added(lenient, one, wallet("nonsense", "tezos"))["id"]
        codes = {(f["pointer"], f["code"]) for f in lenient.customer(one)["findings"]}
        assert codes == {
            ("/customerWallet/wallet", "wallet.checksum"),
            ("/customerWallets/1/wallet", "wallet.prefix"),
        }
        lenient.call("DELETE", f"/customers/{one}/wallets/{first}")
        assert lenient.customer(one)["findings"] == [
            {"pointer": "/customerWallets/0/wallet", "code": "wallet.prefix"}
        ]
        lenient.call("DELETE", f"/customers/{one}/wallets/{second}")
        assert lenient.customer(one)["findings"] == []

    def test_what_is_odd_is_noted_in_every_project(self, project: Project) -> None:
        (one,) = project.enrol(with_wallet())
        added(project, one, wallet(ERC1191))
        assert project.customer(one)["findings"] == [
            {"pointer": "/customerWallets/1/wallet", "code": "wallet.erc1191"}
        ]


def every_call(project: Project, customer_id: str, part: str) -> list[httpx.Response]:
    """Each route of wallets and DIDs, of one customer and one part."""
    answers = []
    for kind, body in (("wallets", wallet()), ("dids", did())):
        path = f"/customers/{customer_id}/{kind}"
        answers += [project.get(path), project.call("POST", path, body)]
        answers += [project.get(f"{path}/{part}"), project.call("DELETE", f"{path}/{part}")]
        patch = {"updatedBy": "x"}
        answers.append(project.call("PATCH", f"{path}/{part}", patch))
    return answers


def test_another_projects_customer_is_none(project: Project, lenient: Project) -> None:
    (one,) = lenient.enrol(customer())
    part = wallets_of(lenient, one)[0]["id"]
    for customer_id in (one, NOWHERE, "x"):
        for answer in every_call(project, customer_id, part):
            problem(answer, "customer.unknown")
    assert len(wallets_of(lenient, one)) == 1


def test_another_customers_part_is_none(project: Project) -> None:
    one, two = project.enrol(customer(), customer())
    part = wallets_of(project, two)[0]["id"]
    for part_id in (part, NOWHERE, "x"):
        path = f"/customers/{one}/wallets/{part_id}"
        problem(project.get(path), "wallet.unknown")
        problem(project.call("DELETE", path), "wallet.unknown")
        problem(project.call("PATCH", path, {"verified": True}), "wallet.unknown")
    assert len(wallets_of(project, two)) == 1


def test_scopes(project: Project) -> None:
    (one,) = project.enrol(customer())
    part = wallets_of(project, one)[0]["id"]
    reads = project._replace(key=project.server.new_key(project.id, "customers:read").text)
    writes = project._replace(key=project.server.new_key(project.id, "customers:write").text)
    for key in (reads, writes):
        for answer in every_call(key, one, part):
            allowed = (key is reads) == (answer.request.method == "GET")
            assert (answer.status_code == 403) is not allowed, answer.text


def test_a_key_that_may_not_read_is_shown_nothing(project: Project) -> None:
    (one,) = project.enrol({"customerWallet": wallet(CHECKSUMMED, createdBy="somebody")})
    writes = project._replace(key=project.server.new_key(project.id, "customers:write").text)
    answer = writes.call("POST", f"/customers/{one}/wallets", wallet(CHECKSUMMED), **SHOWN)
    assert answer.json() == wallets_of(project, one)[0]["id"]


def test_a_customer_that_is_deleted_keeps_its_parts_as_they_are(project: Project) -> None:
    (one,) = project.enrol(with_wallet())
    (shown,) = wallets_of(project, one)
    assert project.call("DELETE", f"/customers/{one}").status_code == 200
    assert wallets_of(project, one) == [shown]
    for answer in every_call(project, one, shown["id"]):
        if answer.request.method != "GET":
            problem(answer, "customer.deleted")
    assert wallets_of(project, one) == [shown]


def test_if_match_refuses_a_change_of_what_was_changed(project: Project) -> None:
    (one,) = project.enrol(with_wallet())
    path = f"/customers/{one}/wallets"
    tag = project.get(path).headers["etag"]
    first = project.call("POST", path, wallet(), If_Match=tag)
    assert first.status_code == 200
    assert first.headers["etag"] == project.get(f"/customers/{one}").headers["etag"] != tag
    problem(project.call("POST", path, wallet(), If_Match=tag), "customer.changed")
    assert len(wallets_of(project, one)) == 2


class TestRaces:
    def test_of_two_customers_one_gets_a_wallet(self, project: Project) -> None:
        ids = project.enrol(*(with_claims(name=f"N{n}") for n in range(8)))
        body = wallet(CHECKSUMMED)

        def add(customer_id: str) -> int:
            return project.call("POST", f"/customers/{customer_id}/wallets", body).status_code

        with ThreadPoolExecutor(8) as pool:
            statuses = list(pool.map(add, ids))
        assert sorted(statuses) == [200] + [409] * 7
        holders = [one for one in ids if wallets_of(project, one)]
        assert holders == [ids[statuses.index(200)]] == [owner_of(project, CHECKSUMMED)]

    def test_the_same_wallet_added_at_once_is_added_once(self, project: Project) -> None:
        (one,) = project.enrol(with_claims(name="A"))
        body = wallet(CHECKSUMMED)

        def add(_: int) -> httpx.Response:
            return project.call("POST", f"/customers/{one}/wallets", body)

        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(add, range(4)))
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.json()["id"] for answer in answers}) == 1
        assert len(wallets_of(project, one)) == len(events_of(project, one)) == 1

    def test_many_are_added_at_once(self, project: Project) -> None:
        (one,) = project.enrol(with_claims(name="A"))

        def add(_: int) -> int:
            while True:
                answer = project.call("POST", f"/customers/{one}/wallets", wallet())
                if answer.status_code != 409:
                    return answer.status_code
                problem(answer, "customer.busy")

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(add, range(16))) == [200] * 16
        assert len(wallets_of(project, one)) == len(events_of(project, one)) == 16


def test_an_import_sees_the_wallets_that_were_added(project: Project) -> None:
    (one,) = project.enrol(with_claims(name=str(uuid4())))
    added(project, one, wallet(CHECKSUMMED))
    problem(project.post(project.body(with_wallet(CHECKSUMMED))), "batch.conflict")
    assert project.enrol(with_wallet(CHECKSUMMED.lower()), onConflict="return") == [one]
