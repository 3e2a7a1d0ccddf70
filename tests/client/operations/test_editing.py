"""One customer: created, changed, deleted and restored, with its parts, merged."""

from collections.abc import Callable
from functools import partial
from uuid import UUID, uuid4

import pytest

from enrol.client import AnswerUnreadable, ChangeNotShown, EnrolProblem, NotEncodable
from enrol.customers.editing.patch import ClaimsPatch, CustomerPatch
from enrol.customers.model import Customer, CustomerClaims
from tests.client.answering import Told, ids_for
from tests.client.callers import Caller, caller_to, caller_told, ids_of
from tests.people import CHECKSUMMED, customer, with_claims, with_did, with_wallet
from tests.serving import Project

MARKED = "marker-value"


def refused(code: str, act: Callable[[], object]) -> EnrolProblem:
    with pytest.raises(EnrolProblem) as caught:
        act()
    assert caught.value.code == code
    return caught.value


def made(caller: Caller) -> UUID:
    """A customer with a wallet, claims and a DID."""
    (customer_id,) = ids_of(caller, [customer(name="Before")])
    return customer_id


@pytest.mark.parametrize(
    "sent", [with_claims(name="A"), Customer(customer_claims=CustomerClaims(name="A"))], ids=type
)
def test_one_customer_is_created_and_shown(caller: Caller, own: Project, sent: object) -> None:
    view = caller.call("create_customer", sent, customer_type="Company")
    assert (view.type, view.cms_project_id) == ("Company", own.id)
    assert view.customer_claims[0].name == "A"
    assert caller.call("get_customer", view.id) == view


def test_a_customer_is_created_once_under_one_key(caller: Caller, own: Project) -> None:
    first, second = (
        caller.call("create_customer", with_claims(name="A"), idempotency_key="k") for _ in "12"
    )
    assert first == second
    assert own.total() == 1
    known = with_did()
    own.enrol(known)
    problem = refused("customer.conflict", lambda: caller.call("create_customer", known))
    assert problem.errors[0].pointer == "/customerDid/did"
    again = caller.call("create_customer", {**known, "odd": 1}, **LOOSE)
    assert again.customer_dids[0].did == known["customerDid"]["did"]


LOOSE = {"on_conflict": "return", "unknown_fields": "ignore"}


def test_what_is_no_object_or_no_json_is_not_sent(kind: str) -> None:
    surrogate = with_claims(name=f"{MARKED}\ud800")
    with caller_told(kind, ids_for) as (server, caller):
        for name, args in (
            ("create_customer", [[1]]),
            ("create_customer", [surrogate]),
            ("update_customer", [uuid4(), surrogate]),
            ("update_claims", [uuid4(), {"name": object()}]),
            ("add_wallet", [uuid4(), "\ud800", "eip155"]),
        ):
            with pytest.raises(NotEncodable) as caught:
                caller.call(name, *args)
            assert MARKED not in str(caught.value)
        for customer_id in ("", "lookup", "../healthz"):
            with pytest.raises(ValueError, match="badly formed"):
                caller.call("delete_customer", customer_id)
    assert server.asked == []


@pytest.mark.parametrize(
    "patch",
    [
        {"status": "Active", "customerClaims": {"name": "After"}},
        CustomerPatch(status="Active", customer_claims=ClaimsPatch(name="After")),
    ],
    ids=type,
)
def test_a_merge_patch_gives_the_customer_as_it_is_then(caller: Caller, patch: object) -> None:
    customer_id = made(caller)
    changed = caller.call("update_customer", customer_id, patch)
    assert (changed.status, changed.customer_claims[0].name) == ("Active", "After")
    assert changed.customer_claims[0].sub
    assert caller.call("get_customer", customer_id) == changed


def test_an_entity_tag_guards_every_change(caller: Caller) -> None:
    customer_id = made(caller)
    before, stale = caller.call("get_customer_and_tag", customer_id)
    assert before == caller.call("get_customer", customer_id)
    caller.call("update_customer", customer_id, {"tags": ["a"]}, if_match=stale)
    for name, args in (
        ("update_customer", [{"tags": ["b"]}]),
        ("update_claims", [{"name": "B"}]),
        ("delete_customer", []),
        ("restore_customer", []),
        ("add_wallet", [CHECKSUMMED, "eip155"]),
        ("update_wallet", [before.customer_wallets[0].id]),
        ("remove_wallet", [before.customer_wallets[0].id]),
        ("add_did", ["did:example:b"]),
        ("update_did", [before.customer_dids[0].id]),
        ("remove_did", [before.customer_dids[0].id]),
        ("add_email", ["a@example.com"]),
    ):
        act = partial(caller.call, name, customer_id, *args, if_match=stale)
        assert refused("customer.changed", act).status == 412
    email = caller.call("add_email", customer_id, "a@example.com").id
    for name in ("update_email", "remove_email"):
        act = partial(caller.call, name, customer_id, email, if_match=stale)
        refused("customer.changed", act)
    after, tag = caller.call("get_customer_and_tag", customer_id)
    assert after.tags == ["a"]
    assert tag != stale


def test_claims_are_merged(caller: Caller) -> None:
    customer_id = made(caller)
    claims = caller.call("update_claims", customer_id, {"nickname": "N"})
    assert (claims.name, claims.nickname) == ("Before", "N")
    act = partial(caller.call, "update_claims", customer_id, {"nationality": "afg"})
    assert refused("body.invalid", act).errors[0].pointer == "/nationality"


def test_a_customer_is_deleted_and_restored(caller: Caller) -> None:
    customer_id = made(caller)
    for _ in "12":
        assert caller.call("delete_customer", customer_id, reason="left us") is None
    assert caller.call("get_customer", customer_id).deleted_at
    refused("customer.deleted", lambda: caller.call("update_customer", customer_id, {}))
    for _ in "12":
        assert caller.call("restore_customer", customer_id, reason="back").deleted_at is None
    told = [event.type for event in caller.each("iter_customer_events", customer_id)]
    assert told == ["customer.created", "customer.deleted", "customer.restored"]


def test_wallets_are_added_changed_and_removed(caller: Caller) -> None:
    customer_id = made(caller)
    address = f"0x{uuid4().hex}00000000"
    added = caller.call("add_wallet", customer_id, address, "eip155", created_by="me")
    assert (added.wallet, added.verified, added.created_by) == (address, False, "me")
    assert caller.call("add_wallet", customer_id, address, "eip155") == added
    assert len(caller.call("list_wallets", customer_id)) == 2
    changed = caller.call("update_wallet", customer_id, added.id, verified=True, updated_by="you")
    assert (changed.verified, changed.updated_by) == (True, "you")
    assert caller.call("update_wallet", customer_id, added.id) == changed
    assert caller.call("get_wallet", customer_id, str(added.id)) == changed
    assert caller.call("remove_wallet", customer_id, added.id) is None
    refused("wallet.unknown", lambda: caller.call("remove_wallet", customer_id, added.id))
    refused("body.invalid", lambda: caller.call("add_wallet", customer_id, "x", "eip155"))


def test_dids_are_added_changed_and_removed(caller: Caller) -> None:
    customer_id = made(caller)
    added = caller.call("add_did", customer_id, "did:example:a", created_by="me")
    assert (added.did, added.created_by) == ("did:example:a", "me")
    assert added in caller.call("list_dids", customer_id)
    changed = caller.call("update_did", customer_id, added.id, updated_by="you")
    assert changed.updated_by == "you"
    assert caller.call("get_did", customer_id, added.id) == changed
    assert caller.call("remove_did", customer_id, added.id) is None
    refused("did.unknown", lambda: caller.call("get_did", customer_id, added.id))


def test_emails_are_added_changed_and_removed(caller: Caller) -> None:
    customer_id = made(caller)
    added = caller.call("add_email", customer_id, "a@example.com", verified=True, created_by="me")
    assert (added.email, added.verified, added.created_by) == ("a@example.com", True, "me")
    changed = caller.call("update_email", customer_id, added.id, email="b@example.com")
    assert (changed.email, changed.verified) == ("b@example.com", False)
    assert caller.call("get_email", customer_id, added.id) == changed
    assert caller.call("list_emails", customer_id) == [changed]
    assert caller.call("remove_email", customer_id, added.id) is None
    refused("email.unknown", lambda: caller.call("update_email", customer_id, added.id))


def test_customers_are_merged_and_the_merge_is_taken_back(caller: Caller) -> None:
    source, target = ids_of(caller, [with_wallet(), with_wallet()])
    for _ in "12":
        assert caller.call("merge_customers", [source], target) == target
    assert len(caller.call("list_wallets", target)) == 2
    assert caller.call("get_customer", source).merged_into == target
    assert caller.call("unmerge_customer", target, source) == source
    refused("merge.refused", lambda: caller.call("unmerge_customer", target, source))
    assert [len(caller.call("list_wallets", each)) for each in (source, target)] == [1, 1]


def test_a_key_that_may_not_read_is_told_that_it_is_done(
    own: Project, kind: str, writer: Caller
) -> None:
    with pytest.raises(ChangeNotShown) as caught:
        writer.call("create_customer", with_did())
    made = caught.value.id
    assert own.customer(str(made))["id"] == str(made)
    with pytest.raises(ChangeNotShown) as caught:
        writer.call("update_customer", made, {"tags": ["a"]})
    assert caught.value.id == made
    with pytest.raises(ChangeNotShown) as caught:
        writer.call("update_claims", made, {"name": "B"})
    assert caught.value.id is None
    with pytest.raises(ChangeNotShown) as caught:
        writer.call("add_email", made, "a@example.com")
    with caller_to(kind, own) as reader:
        assert [email.id for email in reader.call("list_emails", made)] == [caught.value.id]
    shown = own.customer(str(made))
    assert (shown["tags"], shown["customerClaims"][0]["name"]) == (["a"], "B")
    # What gives nothing back needs no more.
    writer.call("remove_email", made, caught.value.id)
    writer.call("delete_customer", made)


def test_an_answer_that_is_no_customer_is_unreadable(kind: str) -> None:
    for body in (b'{"id": 1}', b'"no-uuid"', b"[]", b"<html>"):
        with (
            caller_told(kind, Told(200, body)) as (_, caller),
            pytest.raises(AnswerUnreadable),
        ):
            caller.call("update_customer", uuid4(), {})
