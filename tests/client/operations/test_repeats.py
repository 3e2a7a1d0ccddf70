"""What is sent again when no answer comes, and what is not: by operation."""

from typing import Any
from uuid import uuid4

import pytest

from enrol.client import EnrolProblem, NotAnswered
from tests.client.answering import Told, problem
from tests.client.callers import QUICK, Caller, caller_of, caller_to, caller_told, ids_of
from tests.client.operations.test_coverage import USES, Use, used
from tests.client.relay import Relay
from tests.people import CHECKSUMMED, customer, with_claims, with_wallet
from tests.serving import Project

# What would be done twice, or would tell of a second time what was not so the first.
ONCE = frozenset(
    {
        "create_key",
        "create_webhook",
        "enable_webhook",
        "ping_webhook",
        "redeliver_webhook_message",
        "rotate_webhook_secret",
        "unmerge_customer",
    }
)
HEALTH = frozenset({"is_alive", "is_ready"})
MANY = [one for uses in USES.values() for one in uses if one.method not in HEALTH]


@pytest.mark.parametrize("one", MANY, ids=lambda one: one.method)
def test_what_may_have_been_done_is_repeated_where_that_is_safe(one: Use) -> None:
    told = Told(502), problem(404, "some.code")
    with caller_told("sync", *told) as (server, caller), pytest.raises(EnrolProblem) as caught:
        used(caller, one)
    if one.method in ONCE:
        assert (len(server.asked), caught.value.status) == (1, 502)
    else:
        first, second = server.asked
        assert caught.value.code == "some.code"
        assert first[1:] == second[1:]


@pytest.mark.parametrize("one", MANY, ids=lambda one: one.method)
def test_what_was_not_done_is_repeated_always(one: Use) -> None:
    told = Told(429), problem(404, "some.code")
    with caller_told("sync", *told) as (server, caller), pytest.raises(EnrolProblem) as caught:
        used(caller, one)
    assert (len(server.asked), caught.value.code) == (2, "some.code")


def test_nobody_there_is_tried_again_for_all(kind: str) -> None:
    with caller_told(kind, Told(200)) as (server, caller):
        url = server.url
    with caller_of(kind, url, "k", "p") as caller:
        for name, args in (("create_key", ["n", ["admin"]]), ("get_events_head", [])):
            with pytest.raises(NotAnswered, match=f"{QUICK.tries} tries"):
                caller.call(name, *args)


@pytest.mark.parametrize(
    "one",
    [
        Use("enable_webhook", (uuid4(),), {}),
        Use("rotate_webhook_secret", (uuid4(),), {"secret": "s"}),
    ],
    ids=lambda one: one.method,
)
def test_options_may_make_a_call_safe(kind: str, one: Use) -> None:
    told = Told(503), problem(404, "some.code")
    with caller_told(kind, *told) as (server, caller), pytest.raises(EnrolProblem):
        used(caller, one)
    assert len(server.asked) == 2


def test_changes_whose_answers_are_lost_are_made_once(
    kind: str, owner: Project, admin: Caller
) -> None:
    source, target = ids_of(admin, [with_wallet(), customer(name="A")])
    with Relay(owner.server.port, 0) as relay, caller_to(kind, owner, relay.url) as caller:

        def lossy(name: str, *args: Any, **options: Any) -> Any:
            relay.left = 1
            answer = caller.call(name, *args, **options)
            assert relay.left == 0
            return answer

        made = lossy("create_customer", with_claims(name="Once"))
        assert lossy("update_customer", target, {"tags": ["a"]}).tags == ["a"]
        assert lossy("update_claims", target, {"nickname": "N"}).nickname == "N"
        wallet = lossy("add_wallet", target, CHECKSUMMED, "eip155")
        did = lossy("add_did", target, "did:example:a")
        email = lossy("add_email", target, "a@example.com")
        assert lossy("update_wallet", target, wallet.id, verified=True).verified
        assert lossy("remove_wallet", target, wallet.id) is None
        assert lossy("remove_did", target, did.id) is None
        assert lossy("remove_email", target, email.id) is None
        assert lossy("merge_customers", [source], target) == target
        assert lossy("delete_customer", target) is None
        assert lossy("restore_customer", target).deleted_at is None
        assert lossy("erase_customer", made.id).id == made.id
        assert lossy("get_events_head") == caller.call("get_events_head")
        assert len(lossy("look_up_customers", ids=[target]).data.ids) == 1
    told = [event.type for event in admin.each("iter_events", customer_id=target)]
    assert told == [
        "customer.created",
        *["customer.updated"] * 9,
        *["customer.merged", "customer.deleted", "customer.restored"],
    ]
    assert len([*admin.each("iter_events", type="customer.created")]) == 3


def test_pages_whose_answers_are_lost_are_asked_again(
    kind: str, owner: Project, admin: Caller
) -> None:
    ids = ids_of(admin, [with_claims(name="A") for _ in range(9)])
    with Relay(owner.server.port, 2) as relay, caller_to(kind, owner, relay.url) as caller:
        assert [each.id for each in caller.each("iter_customers", limit=4)] == sorted(ids)[::-1]
        relay.left = 1
        assert len(list(caller.each("iter_events", limit=4))) == 9


def test_a_key_whose_answer_is_lost_is_made_once_and_told_of(
    kind: str, owner: Project, admin: Caller
) -> None:
    before = len(admin.call("list_keys"))
    with (
        Relay(owner.server.port, 1) as relay,
        caller_to(kind, owner, relay.url) as caller,
        pytest.raises(NotAnswered, match="1 tries"),
    ):
        caller.call("create_key", "n", ["admin"])
    assert len(admin.call("list_keys")) == before + 1


def test_what_is_gone_is_removed_only_where_a_try_may_have_removed_it(kind: str) -> None:
    gone = problem(404, "wallet.unknown")
    ids = uuid4(), uuid4()
    with caller_told(kind, Told(502), gone) as (_, caller):
        assert caller.call("remove_wallet", *ids) is None
    for told in ([gone], [Told(429), gone], [Told(502), problem(404, "customer.unknown")]):
        with caller_told(kind, *told) as (_, caller), pytest.raises(EnrolProblem):
            caller.call("remove_wallet", *ids)
    with caller_told(kind, Told(502), problem(404, "webhook.unknown")) as (_, caller):
        assert caller.call("delete_webhook", ids[0]) is None


def test_a_change_under_an_entity_tag_is_made_once(
    kind: str, owner: Project, admin: Caller
) -> None:
    """Its repeat is refused: the tag is not the customer's any more, through that very change."""
    (customer_id,) = ids_of(admin, [customer(name="A")])
    _, tag = admin.call("get_customer_and_tag", customer_id)
    with (
        Relay(owner.server.port, 1) as relay,
        caller_to(kind, owner, relay.url) as caller,
        pytest.raises(EnrolProblem) as caught,
    ):
        caller.call("update_customer", customer_id, {"tags": ["a"]}, if_match=tag)
    assert caught.value.code == "customer.changed"
    assert admin.call("get_customer", customer_id).tags == ["a"]
