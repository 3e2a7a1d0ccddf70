"""What a key with the scope ``admin`` does: erasure, keys, webhooks."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from enrol.client import EnrolProblem
from tests.client.callers import Caller, caller_of, caller_to, ids_of
from tests.client.operations.test_editing import refused
from tests.people import customer, with_claims
from tests.serving import Project, Served
from tests.webhooks.receivers import Answer, Receiver


def test_a_dossier_is_all_that_is_held_and_an_erasure_leaves_a_tombstone(admin: Caller) -> None:
    (customer_id,) = ids_of(admin, [customer(name="A")])
    admin.call("update_customer", customer_id, {"status": "Active", "reason": "checked"})
    before = admin.call("get_dossier", customer_id)
    assert before.customer == admin.call("get_customer", customer_id)
    assert [(status.to, status.reason) for status in before.statuses] == [("Active", "checked")]
    assert before.tombstone is None
    tombstone = admin.call("erase_customer", customer_id, reason="asked for")
    assert (tombstone.id, tombstone.batch_id) == (customer_id, before.batches[0].id)
    assert admin.call("erase_customer", customer_id) == tombstone
    after = admin.call("get_dossier", customer_id)
    assert (after.customer, after.tombstone) == (None, tombstone)
    refused("customer.erased", partial(admin.call, "get_customer", customer_id))
    refused("customer.unknown", partial(admin.call, "erase_customer", uuid4()))


def test_what_needs_an_admin_is_refused_to_others(caller: Caller) -> None:
    (customer_id,) = ids_of(caller, [with_claims(name="A")])
    for name, args in (
        ("erase_customer", [customer_id]),
        ("create_key", ["n", ["admin"]]),
        ("list_keys", []),
        ("list_webhooks", []),
        ("create_webhook", ["https://example.com"]),
    ):
        refused("access.scope", partial(caller.call, name, *args))


def test_keys_are_made_listed_and_revoked(admin: Caller, kind: str, owner: Project) -> None:
    later = datetime.now(UTC) + timedelta(days=1)
    made = admin.call("create_key", "CRM", ["customers:read"], expires_at=later, rate_limit=7)
    assert (made.name, made.scopes, made.rate_limit) == ("CRM", ["customers:read"], 7)
    assert made.expires_at == later.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    shown = admin.call("get_key", made.id)
    assert shown in admin.call("list_keys")
    with caller_of(kind, owner.server.url, made.key, owner.id) as caller:
        assert caller.call("count_customers") == 0
        revoked = admin.call("revoke_key", made.id)
        assert admin.call("revoke_key", made.id) == revoked == admin.call("get_key", made.id)
    assert admin.call("list_keys", revoked=True) == [revoked]
    assert made.id not in {key.id for key in admin.call("list_keys")}
    refused("key.unknown", partial(admin.call, "get_key", "key/none"))
    odd: Any = ["customers:delete"]
    assert refused("body.invalid", partial(admin.call, "create_key", "", odd)).error_count == 2


@pytest.fixture(scope="session")
def near(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server whose webhooks may be on this very machine."""
    folder = tmp_path_factory.mktemp("near")
    with Served(folder, webhook_private_addresses=True) as served:
        yield served


@pytest.fixture
def hooking(kind: str, near: Served) -> Iterator[Caller]:
    """Each client with a key that may do all, on ``near``."""
    own = near.new_project()
    with caller_to(kind, own._replace(key=near.new_key(own.id, "admin").text)) as given:
        yield given


URL = "https://127.0.0.1/hook"


def test_webhooks_are_made_changed_and_deleted(hooking: Caller) -> None:
    made = hooking.call("create_webhook", URL, description="CRM", event_types=["customer.created"])
    assert (made.url, made.description, made.event_types) == (URL, "CRM", ["customer.created"])
    assert hooking.call("list_webhooks") == [made]
    assert hooking.call("change_webhook", made.id) == made
    changed = hooking.call(
        "change_webhook", made.id, description=None, event_types=("customer.updated",)
    )
    assert (changed.url, changed.description) == (URL, None)
    assert changed.event_types == ["customer.updated"]
    assert hooking.call("get_webhook", str(made.id)) == changed
    assert len(hooking.call("change_webhook", made.id, event_types=None).event_types) > 1
    for skip in (False, True):
        off = hooking.call("change_webhook", made.id, disabled=True)
        assert off.disabled_reason == "requested"
        on = hooking.call("enable_webhook", made.id, skip_missed=skip)
        assert on.disabled_at is None
    assert hooking.call("delete_webhook", made.id) is None
    refused("webhook.unknown", partial(hooking.call, "delete_webhook", made.id))
    assert hooking.call("list_webhooks") == []
    problem = refused("body.invalid", partial(hooking.call, "create_webhook", "ftp://x"))
    assert problem.errors[0].code == "webhook.url"


def test_a_secret_is_shown_and_rotated(hooking: Caller) -> None:
    made = hooking.call("create_webhook", URL)
    first = hooking.call("get_webhook_secret", made.id)
    assert first.previous == []
    rotated = hooking.call("rotate_webhook_secret", made.id, overlap_hours=2)
    assert rotated.secret != first.secret
    assert [old.secret for old in rotated.previous] == [first.secret]
    own = hooking.call("rotate_webhook_secret", made.id, secret=first.secret, overlap_hours=0)
    assert (own.secret, own.previous) == (first.secret, [])
    assert hooking.call("get_webhook_secret", made.id) == own


def log_of(caller: Caller, webhook_id: UUID, event_type: str) -> Any:
    """The first attempt to deliver an event of this type, once there is one."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for attempt in caller.each("iter_webhook_attempts", webhook_id):
            if attempt.event_type == event_type:
                return attempt
        time.sleep(0.1)
    raise AssertionError(event_type)


def test_deliveries_are_listed_and_repeated(hooking: Caller) -> None:
    with Receiver() as receiver:
        made = hooking.call("create_webhook", receiver.url)
        assert hooking.call("ping_webhook", made.id).delivered
        receiver.answer = lambda _: Answer(500)
        assert not hooking.call("ping_webhook", made.id).delivered
        receiver.answer = lambda _: Answer()
        failed = list(hooking.each("iter_webhook_attempts", made.id, failed=True))
        assert [each.status for each in failed] == [500]
        for _ in range(3):
            hooking.call("ping_webhook", made.id)
        attempts = list(hooking.each("iter_webhook_attempts", made.id, limit=2))
        assert len(attempts) == 5
        assert attempts == list(hooking.each("iter_webhook_attempts", made.id))
        assert [each.id for each in attempts] == sorted((e.id for e in attempts), reverse=True)
        of_one = hooking.each("iter_webhook_attempts", made.id, message_id=failed[0].message_id)
        assert list(of_one) == failed
        ids_of(hooking, [with_claims(name="A")])
        delivered = log_of(hooking, made.id, "customer.created")
        again = hooking.call("redeliver_webhook_message", made.id, delivered.message_id)
        assert (again.delivered, again.event_type) == (True, "customer.created")
        assert len([one for one in receiver.received if one.id == delivered.message_id]) == 2
        with pytest.raises(EnrolProblem) as caught:
            hooking.call("redeliver_webhook_message", made.id, "msg/none")
        assert caught.value.code == "message.unknown"
