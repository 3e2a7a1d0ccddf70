"""Atomic, partial, dry run: the caller chooses what becomes of a batch that is not all right."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from tests.api.refusals import faults, refused
from tests.people import (
    CHECKSUMMED,
    customer,
    did,
    with_claims,
    with_did,
    with_wallet,
)
from tests.serving import Project

WRONG = {"customerClaims": {"nationality": "afg"}}
WRONG_AT = "/customerClaims/nationality"


def outcomes(results: list[dict[str, Any]]) -> list[str]:
    return [result["outcome"] for result in results]


def errors(result: dict[str, Any]) -> list[tuple[str, str]]:
    return [(error["pointer"], error["code"]) for error in result["errors"]]


def test_atomic_is_the_default(project: Project) -> None:
    answer = project.post(project.body(customer(), WRONG))
    refused(project, answer, "batch.invalid", (f"/customerData/1{WRONG_AT}", "country.unknown"))


def test_atomic_stores_nothing_when_one_item_is_wrong(project: Project) -> None:
    answer = project.post(project.body(customer(), WRONG, customer()), mode="atomic")
    refused(project, answer, "batch.invalid", (f"/customerData/1{WRONG_AT}", "country.unknown"))


def test_atomic_stores_all_when_none_is_wrong(project: Project) -> None:
    answer = project.post(project.body(customer(), customer()), mode="atomic")
    assert answer.status_code == 200
    assert project.total() == 2


def test_partial_stores_what_is_right(project: Project) -> None:
    answer = project.post(project.body(customer(), WRONG, customer()), mode="partial")
    assert answer.status_code == 207
    first, second, third = answer.json()
    assert outcomes(answer.json()) == ["created", "refused", "created"]
    assert errors(second) == [(f"/customerData/1{WRONG_AT}", "country.unknown")]
    assert "id" not in second
    assert "errors" not in first
    assert [project.customer(one["id"])["id"] for one in (first, third)] == [
        first["id"],
        third["id"],
    ]
    assert project.total() == 2


def test_partial_answers_200_when_none_is_wrong(project: Project) -> None:
    answer = project.post(project.body(customer(), customer()), mode="partial")
    assert answer.status_code == 200
    assert outcomes(answer.json()) == ["created", "created"]
    assert answer.headers["content-type"] == "application/json"


def test_partial_that_refuses_every_item_is_a_batch_all_the_same(project: Project) -> None:
    answer = project.post(project.body(WRONG, WRONG), mode="partial")
    assert (answer.status_code, outcomes(answer.json())) == (207, ["refused", "refused"])
    assert UUID(answer.headers["enrol-batch-id"]).version == 7
    assert project.total() == 0


def test_partial_counts_what_became_of_the_items(project: Project) -> None:
    known = with_did()
    project.enrol(known)
    body = project.body(customer(), WRONG, known, 3)
    answer = project.post(body, mode="partial", onConflict="return")
    assert outcomes(answer.json()) == ["created", "refused", "exists", "refused"]
    query = "SELECT mode, items, created, existing, refused FROM batches WHERE id = $1"
    batch = UUID(answer.headers["enrol-batch-id"]).bytes
    assert project.server.query(query, batch) == [("partial", 4, 1, 1, 2)]


def test_partial_leaves_every_part_of_a_refused_item_out(project: Project) -> None:
    """Also the parts of the item that have no fault, and the keys, which stay free."""
    item = customer()
    wrong = item | {"customerClaims": item["customerClaims"] | {"zoneinfo": "Nowhere/Else"}}
    project.post(project.body(wrong, customer()), mode="partial")
    held = project.rows()
    assert (held["customers"], held["wallets"], held["dids"], held["events"]) == (1, 1, 1, 1)
    assert len(project.enrol(item)) == 1


def test_partial_tells_every_fault_of_an_item(project: Project) -> None:
    wrong = {"customerClaims": {"nationality": "afg", "locale": "?"}, "customerDid": did("did")}
    answer = project.post(project.body(wrong), mode="partial")
    assert errors(answer.json()[0]) == [
        ("/customerData/0/customerClaims/locale", "locale.syntax"),
        ("/customerData/0/customerClaims/nationality", "country.unknown"),
        ("/customerData/0/customerDid/did", "did.syntax"),
    ]


def test_partial_refuses_items_of_the_wrong_shape(project: Project) -> None:
    items: list[object] = [
        None,
        1,
        [],
        "x",
        {"customerWalet": {}},
        {"customerDid": {}},
        {},
        customer(),
    ]
    answer = project.post(project.body(*items), mode="partial")
    results = answer.json()
    assert outcomes(results) == ["refused"] * 7 + ["created"]
    assert [code for result in results[:7] for _, code in errors(result)] == [
        *["field.type"] * 4,
        "field.unknown",
        "field.missing",
        "item.empty",
    ]
    assert project.total() == 1


@pytest.mark.parametrize("mode", ["partial", "dryRun"])
def test_a_fault_of_the_body_refuses_all_items(project: Project, mode: str) -> None:
    body = project.body(customer(), customer_type="Robot")
    answer = project.post(body, mode=mode)
    refused(project, answer, "batch.invalid", ("/customerType", "customer_type.unknown"))


@pytest.mark.parametrize("mode", ["partial", "dryRun"])
def test_an_unknown_member_of_the_body_refuses_all_items(project: Project, mode: str) -> None:
    answer = project.post(project.body(customer()) | {"extra": 1}, mode=mode)
    refused(project, answer, "batch.invalid", ("/extra", "field.unknown"))


def test_a_dry_run_stores_nothing(project: Project) -> None:
    answer = project.post(project.body(customer(), customer()), mode="dryRun")
    assert (answer.status_code, answer.json()) == (200, [{"outcome": "created"}] * 2)
    assert set(project.rows().values()) == {0}
    assert "enrol-batch-id" not in answer.headers


def test_a_dry_run_says_what_the_partial_call_then_says(project: Project) -> None:
    known, twin = with_did(), with_wallet()
    project.enrol(known)
    body = project.body(customer(), WRONG, known, twin, twin, 3, {})
    before = project.rows()
    tried = project.post(body, mode="dryRun")
    assert project.rows() == before
    done = project.post(body, mode="partial")
    without_ids = [
        {name: told for name, told in result.items() if name != "id"} for result in done.json()
    ]
    assert (tried.status_code, tried.json()) == (done.status_code, without_ids)
    assert outcomes(tried.json()) == [
        *("created", "refused", "refused", "created", "refused", "refused", "refused")
    ]


def test_a_dry_run_gives_the_ids_of_stored_customers_alone(project: Project) -> None:
    known = with_did()
    (stored,) = project.enrol(known)
    answer = project.post(project.body(known, customer()), mode="dryRun", onConflict="return")
    assert answer.json() == [{"outcome": "exists", "id": stored}, {"outcome": "created"}]


def test_a_dry_run_leaves_its_idempotency_key_free(project: Project) -> None:
    body, sent = project.body(customer()), {"Idempotency-Key": "once"}
    assert project.post(body, sent, mode="dryRun").status_code == 200
    answer = project.post(body, sent)
    assert answer.status_code == 200
    assert "idempotency-replayed" not in answer.headers


TWINS: dict[str, Callable[[], dict[str, Any]]] = {
    "wallet": lambda: with_wallet(CHECKSUMMED),
    "did": lambda: with_did("did:example:twin"),
    "sub": lambda: with_claims(sub="twin"),
}
POINTERS = {
    "wallet": "/customerWallet/wallet",
    "did": "/customerDid/did",
    "sub": "/customerClaims/sub",
}


@pytest.mark.parametrize("kind", TWINS)
def test_atomic_refuses_twins(project: Project, kind: str) -> None:
    answer = project.post(project.body(TWINS[kind](), customer(), TWINS[kind]()))
    expected = (f"/customerData/2{POINTERS[kind]}", f"duplicate.{kind}")
    document = refused(project, answer, "batch.conflict", expected)
    assert "/customerData/0" in document["errors"][0]["detail"]
    assert "customerId" not in document["errors"][0]


@pytest.mark.parametrize("kind", TWINS)
def test_partial_takes_the_first_of_twins(project: Project, kind: str) -> None:
    body = project.body(TWINS[kind](), customer(), TWINS[kind](), TWINS[kind]())
    answer = project.post(body, mode="partial")
    assert outcomes(answer.json()) == ["created", "created", "refused", "refused"]
    assert project.total() == 2


def test_partial_takes_the_second_of_twins_when_the_first_is_wrong(project: Project) -> None:
    first = TWINS["did"]() | {"customerClaims": {"locale": "?"}}
    answer = project.post(project.body(first, TWINS["did"]()), mode="partial")
    assert outcomes(answer.json()) == ["refused", "created"]


def test_a_wallet_spelled_otherwise_is_a_twin(project: Project) -> None:
    answer = project.post(project.body(with_wallet(CHECKSUMMED), with_wallet(CHECKSUMMED.lower())))
    expected = ("/customerData/1/customerWallet/wallet", "duplicate.wallet")
    refused(project, answer, "batch.conflict", expected)


def test_the_same_address_in_two_namespaces_is_no_twin(project: Project) -> None:
    address = CHECKSUMMED.lower()
    assert len(project.enrol(with_wallet(address), with_wallet(address, "avax"))) == 2


def test_twins_and_faults_are_told_together(project: Project) -> None:
    twin = TWINS["sub"]()
    answer = project.post(project.body(twin, WRONG, twin))
    document = refused(project, answer, "batch.invalid")
    assert faults(document) == [
        (f"/customerData/1{WRONG_AT}", "country.unknown"),
        ("/customerData/2/customerClaims/sub", "duplicate.sub"),
    ]


@pytest.mark.parametrize(
    "query",
    [{"mode": "some"}, {"mode": ""}, {"onConflict": "merge"}, {"unknownFields": "drop"}],
    ids=str,
)
def test_a_parameter_has_one_of_its_values(project: Project, query: dict[str, str]) -> None:
    answer = project.post(project.body(customer()), **query)
    document = refused(project, answer, "query.invalid")
    assert faults(document) == [(f"/{name}", "query.value") for name in query]


def test_an_unknown_parameter_is_refused(project: Project) -> None:
    answer = project.post(project.body(customer()), dryRun="true")
    document = refused(project, answer, "query.invalid")
    assert faults(document) == [("", "query.unknown")]
    assert "mode" in document["errors"][0]["detail"]


def test_a_parameter_stands_once(project: Project) -> None:
    sent = project.headers | {"Content-Type": "application/json"}
    answer = project.server.http.post(
        "/customers/batch?mode=dryRun&mode=atomic", json=project.body(customer()), headers=sent
    )
    refused(project, answer, "query.invalid")


def test_every_wrong_parameter_is_told(project: Project) -> None:
    answer = project.post(project.body(customer()), mode="some", onConflict="merge", what="else")
    assert len(faults(refused(project, answer, "query.invalid"))) == 3


@pytest.mark.parametrize("mode", ["partial", "dryRun"])
def test_the_faults_of_one_item_are_listed_up_to_a_bound(project: Project, mode: str) -> None:
    endless = {"customerClaims": {f"unknown{number}": "" for number in range(500)}}
    answer = project.post(project.body(customer(), endless), mode=mode)
    assert answer.status_code == 207
    assert len(answer.json()[1]["errors"]) == 128
