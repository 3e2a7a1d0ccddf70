"""Wallet, DID, sub and external ID are unique in a project: conflicts with stored customers."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.api.refusals import faults, problem
from tests.people import (
    CHECKSUMMED,
    claims,
    customer,
    did,
    wallet,
    with_claims,
    with_did,
    with_wallet,
)
from tests.serving import Project, Served

Make = Callable[[], dict[str, Any]]

KINDS: dict[str, tuple[Make, str]] = {
    "wallet": (lambda: with_wallet(CHECKSUMMED), "/customerWallet/wallet"),
    "did": (lambda: with_did("did:example:known"), "/customerDid/did"),
    "sub": (lambda: with_claims(sub="known"), "/customerClaims/sub"),
    "external": (lambda: {"externalCustomerId": "known"}, "/externalCustomerId"),
}
SENTENCES = {
    "wallet": "Wallet already attached to another identity",
    "did": "DID already attached to another customer.",
    "sub": "sub already used by another customer.",
    "external": "externalCustomerId already used by another customer.",
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def unchanged(project: Project) -> Iterator[Callable[[], None]]:
    """Remember what is stored when called first; the test fails if more is stored at its end."""
    remembered: list[dict[str, int]] = []
    yield lambda: remembered.append(project.rows())
    assert project.rows() == remembered[0]


def test_what_is_taken_is_refused_with_its_owner(
    project: Project, kind: str, unchanged: Callable[[], None]
) -> None:
    make, pointer = KINDS[kind]
    (owner,) = project.enrol(make())
    unchanged()
    document = problem(project.post(project.body(customer(), make())), "batch.conflict")
    assert document["errors"] == [
        {
            "pointer": f"/customerData/1{pointer}",
            "code": f"conflict.{kind}",
            "detail": SENTENCES[kind],
            "customerId": owner,
        }
    ]
    assert document["errorCount"] == 1


def test_a_wallet_conflict_says_what_clients_of_the_hosted_api_look_for(project: Project) -> None:
    project.enrol(with_wallet(CHECKSUMMED))
    document = problem(project.post(project.body(with_wallet(CHECKSUMMED))), "batch.conflict")
    assert document["message"] == "Wallet already attached to another identity"


def test_all_that_is_taken_is_told(project: Project, unchanged: Callable[[], None]) -> None:
    item = customer() | {"externalCustomerId": "known"}
    (owner,) = project.enrol(item)
    unchanged()
    document = problem(project.post(project.body(item, customer(), item)), "batch.conflict")
    assert faults(document) == [
        (f"/customerData/{place}{KINDS[kind][1]}", f"conflict.{kind}")
        for place in (0, 2)
        for kind in KINDS
    ]
    assert {error["customerId"] for error in document["errors"]} == {owner}


def test_conflicts_and_faults_are_told_together(
    project: Project, unchanged: Callable[[], None]
) -> None:
    known = with_did("did:example:known")
    project.enrol(known)
    unchanged()
    wrong = {"customerClaims": {"locale": "?"}}
    document = problem(project.post(project.body(known, wrong)), "batch.invalid")
    assert faults(document) == [
        ("/customerData/0/customerDid/did", "conflict.did"),
        ("/customerData/1/customerClaims/locale", "locale.syntax"),
    ]


def test_another_project_is_free(server: Served, project: Project, kind: str) -> None:
    make, _ = KINDS[kind]
    project.enrol(make())
    assert len(server.new_project().enrol(make())) == 1


def test_a_refused_batch_takes_nothing(project: Project, kind: str) -> None:
    """What stood beside the conflict can be enrolled afterwards."""
    make, _ = KINDS[kind]
    beside = customer()
    project.enrol(make())
    problem(project.post(project.body(beside, make())), "batch.conflict")
    assert len(project.enrol(beside)) == 1


@pytest.mark.parametrize("spelled", [CHECKSUMMED.lower(), "0x" + CHECKSUMMED[2:].upper()])
def test_a_wallet_spelled_otherwise_is_the_same(project: Project, spelled: str) -> None:
    project.enrol(with_wallet(CHECKSUMMED))
    document = problem(project.post(project.body(with_wallet(spelled))), "batch.conflict")
    assert faults(document) == [("/customerData/0/customerWallet/wallet", "conflict.wallet")]


def test_the_same_address_in_another_namespace_is_another_wallet(project: Project) -> None:
    project.enrol(with_wallet(CHECKSUMMED.lower()))
    assert len(project.enrol(with_wallet(CHECKSUMMED.lower(), "avax"))) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [("a", "A"), ("a", "a "), ("caf\u00e9", "cafe\u0301"), ("user1", "user\u200b1")],
)
def test_subs_that_differ_in_any_character_are_two(lenient: Project, one: str, other: str) -> None:
    """OpenID Connect Core 1.0, section 2: sub is case sensitive; section 13: no normalization."""
    assert len(lenient.enrol(with_claims(sub=one), with_claims(sub=other))) == 2


def test_a_did_and_a_sub_of_the_same_text_are_no_conflict(project: Project) -> None:
    project.enrol(with_did("did:example:known"))
    assert len(project.enrol(with_claims(sub="did:example:known"))) == 1


def test_return_gives_the_stored_id_in_its_place(project: Project, kind: str) -> None:
    make, _ = KINDS[kind]
    (owner,) = project.enrol(make())
    first, second, third = project.enrol(customer(), make(), customer(), onConflict="return")
    assert second == owner
    assert len({first, second, third}) == 3
    assert project.total() == 3


def test_return_leaves_the_stored_customer_untouched(project: Project) -> None:
    sent = {"customerWallet": wallet(CHECKSUMMED), "customerClaims": claims(name="Before")}
    (owner,) = project.enrol(sent)
    before, rows = project.customer(owner), project.rows()
    changed = {"customerWallet": wallet(CHECKSUMMED), "customerClaims": {"name": "After"}}
    assert project.enrol(changed | {"customerDid": did()}, onConflict="return") == [owner]
    assert project.customer(owner) == before
    assert project.rows() == rows | {"batches": rows["batches"] + 1}


def test_a_half_known_import_can_be_repeated(project: Project) -> None:
    items = [customer() for _ in range(6)]
    known = project.enrol(*items[:3])
    ids = project.enrol(*items, onConflict="return")
    assert ids[:3] == known
    assert project.enrol(*items, onConflict="return") == ids
    assert project.total() == 6


def test_return_takes_several_items_of_one_stored_customer(project: Project) -> None:
    """Each is known, so none is new twice."""
    item = customer()
    (owner,) = project.enrol(item)
    parts = [{name: item[name]} for name in item]
    assert project.enrol(*parts, item, onConflict="return") == [owner] * 4
    assert project.total() == 1


def test_return_in_partial_says_which_exist(project: Project) -> None:
    known = customer()
    (owner,) = project.enrol(known)
    body = project.body(known, customer())
    answer = project.post(body, mode="partial", onConflict="return")
    assert answer.status_code == 200
    exists, created = answer.json()
    assert exists == {"outcome": "exists", "id": owner}
    assert created["outcome"] == "created"


def test_partial_without_return_refuses_with_the_owner(project: Project) -> None:
    known = with_did()
    (owner,) = project.enrol(known)
    answer = project.post(project.body(known, customer()), mode="partial")
    assert answer.status_code == 207
    assert answer.json()[0]["errors"][0]["customerId"] == owner


def test_return_refuses_an_item_of_two_owners(
    project: Project, unchanged: Callable[[], None]
) -> None:
    first, second = project.enrol(with_wallet(CHECKSUMMED), with_did("did:example:known"))
    unchanged()
    both = {"customerWallet": wallet(CHECKSUMMED), "customerDid": did("did:example:known")}
    answer = project.post(project.body(customer(), both), onConflict="return")
    document = problem(answer, "batch.conflict")
    assert faults(document) == [
        ("/customerData/1/customerWallet/wallet", "conflict.wallet"),
        ("/customerData/1/customerDid/did", "conflict.did"),
    ]
    assert [error["customerId"] for error in document["errors"]] == [first, second]


def test_return_still_refuses_new_twins(project: Project, unchanged: Callable[[], None]) -> None:
    unchanged()
    twin = with_did()
    document = problem(
        project.post(project.body(twin, twin), onConflict="return"), "batch.conflict"
    )
    assert faults(document) == [("/customerData/1/customerDid/did", "duplicate.did")]


def test_of_many_calls_at_once_one_enrols_the_customer(project: Project) -> None:
    body = project.body(customer())
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: project.post(body), range(16)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 15
    (enrolled,) = next(answer.json() for answer in answers if answer.status_code == 200)
    for answer in answers:
        if answer.status_code == 409:
            document = problem(answer, "batch.conflict")
            assert {error["customerId"] for error in document["errors"]} == {enrolled}
    assert project.total() == 1


def test_many_calls_at_once_that_return_agree_on_the_id(project: Project) -> None:
    body = project.body(customer())
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: project.post(body, onConflict="return"), range(16)))
    assert len({tuple(answer.json()) for answer in answers}) == 1
    assert project.total() == 1
