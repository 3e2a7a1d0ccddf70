"""Messages as real receivers get them from a real server."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ON_TWO_STORES, NewDatabase
from tests.people import customer
from tests.serving import Served
from tests.webhooks.hooks import Hooked, hooked
from tests.webhooks.official import Signed, javascript_takes, python_takes
from tests.webhooks.receivers import Answer, Received, Receiver, closed_port, silent_listener

pytestmark = ON_TWO_STORES


@pytest.fixture(scope="module")
def lan(tmp_path_factory: pytest.TempPathFactory, new_database: NewDatabase) -> Iterator[Served]:
    """A server whose webhooks may go to this machine."""
    folder = tmp_path_factory.mktemp("lan")
    with Served(folder, new_database(), webhook_private_addresses=True) as served:
        yield served


@pytest.fixture
def owner(lan: Served) -> Hooked:
    return hooked(lan)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def signed(received: Received, secret: str) -> Signed:
    return Signed(secret, received.headers, received.body)


def test_a_created_customer_is_told_within_a_second(owner: Hooked, receiver: Receiver) -> None:
    webhook = owner.hook(receiver)
    owner.enrol()
    receiver.wait_count(1)  # the first message finds out that there is a webhook
    start = time.monotonic()
    (customer_id,) = owner.enrol()
    _, received = receiver.wait_count(2)
    assert time.monotonic() - start < 1.5
    assert received.type == "customer.created"
    payload = received.payload
    assert (payload["customerId"], payload["cmsProjectId"]) == (customer_id, owner.project.id)
    assert (payload["status"], payload["riskScore"], payload["type"]) == (
        *("No status", "No risk", "Individual"),
    )
    assert payload["createdBy"].startswith("key_")
    assert (payload["updatedBy"], payload["deletedAt"]) == (None, None)
    shown = owner.project.customer(customer_id)
    assert (payload["createdAt"], payload["updatedAt"]) == (shown["createdAt"],) * 2
    event = owner.get("/events")["data"][-1]
    assert (payload["id"], event["customerId"]) == (event["id"], customer_id)
    message = signed(received, owner.secret(webhook))
    assert python_takes(message)
    assert javascript_takes([message]) == [True]
    for name in ("id", "timestamp", "signature"):
        assert received.headers[f"svix-{name}"] == received.headers[f"webhook-{name}"]
    assert received.headers["content-type"] == "application/json"


def test_each_customer_of_a_batch_or_one_summary(owner: Hooked) -> None:
    with Receiver() as each, Receiver() as batches:
        owner.hook(each)
        owner.hook(batches, eventTypes=["customers.created"])
        answer = owner.project.post(owner.project.body(*(customer() for _ in range(700))))
        ids, batch_id = answer.json(), answer.headers["enrol-batch-id"]
        more = owner.enrol(3)
        received = each.wait_count(703)
        told = batches.wait_count(2)
        time.sleep(0.6)
    assert sorted(one.payload["customerId"] for one in received) == sorted([*ids, *more])
    assert len({one.id for one in received}) == 703
    assert [one.type for one in told] == ["customers.created"] * 2
    counts = {one.payload["batchId"]: one.payload["count"] for one in told}
    assert (len(told), counts[batch_id], sorted(counts.values())) == (2, 700, [3, 700])
    assert told[0].id.startswith("batch_")


def test_a_webhook_gets_what_it_chose_and_what_comes_after_it(
    owner: Hooked, receiver: Receiver
) -> None:
    owner.enrol(2)
    owner.hook(receiver, eventTypes=["customers.created"])
    owner.enrol(5)
    (received,) = receiver.wait_count(1)
    assert received.payload["count"] == 5
    other = hooked(owner.server)
    other.enrol(1)
    time.sleep(1.2)
    assert len(receiver.received) == 1


def test_a_receiver_that_was_down_gets_everything(owner: Hooked) -> None:
    port = closed_port()
    webhook = owner.hook(f"http://127.0.0.1:{port}/hook")
    ids = owner.enrol(20)
    deadline = time.monotonic() + 10
    while not owner.attempts(webhook):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    attempts = owner.attempts(webhook)
    assert {one["error"] for one in attempts} == {"connect.failed"}
    with Receiver(port) as receiver:
        received = receiver.wait_count(20, seconds=40)
    assert sorted({one.payload["customerId"] for one in received}) == sorted(ids)
    # Its messages were not all tried all the time.
    assert len(owner.attempts(webhook, outcome="failed")) <= 60


def test_a_slow_receiver_harms_no_other(owner: Hooked, receiver: Receiver) -> None:
    with silent_listener() as port:
        for _ in range(5):
            owner.hook(f"http://127.0.0.1:{port}/")
        owner.hook(receiver)
        start = time.monotonic()
        owner.enrol(300)
        receiver.wait_count(300)
        assert time.monotonic() - start < 10


def test_gone_disables_at_once_and_the_others_are_told(owner: Hooked, receiver: Receiver) -> None:
    with Receiver() as gone:
        gone.answer = lambda _: Answer(410)
        webhook = owner.hook(gone)
        owner.hook(receiver, eventTypes=["endpoint.disabled"])
        owner.enrol(1)
        (notice,) = receiver.wait_count(1)
        assert notice.type == "endpoint.disabled"
        assert (notice.payload["webhookId"], notice.payload["reason"]) == (webhook, "gone")
        shown = owner.get(f"/webhooks/{webhook}")
        assert (shown["disabledReason"], shown["disabledAt"]) == (
            *("gone", notice.payload["disabledAt"]),
        )
        count = len(gone.received)
        owner.enrol(1)
        time.sleep(1.2)
        assert len(gone.received) == count
        # Enabled again it gets what it missed.
        gone.answer = lambda _: Answer()
        owner.post(f"/webhooks/{webhook}/enable")
        gone.wait_count(count + 2)
    assert '"event":"webhook disabled"' in owner.server.log_text()


def test_what_was_missed_can_be_skipped(owner: Hooked, receiver: Receiver) -> None:
    webhook = owner.hook(receiver)
    owner.patch(f"/webhooks/{webhook}", {"disabled": True})
    owner.enrol(3)
    owner.post(f"/webhooks/{webhook}/enable", missed="skip")
    (last,) = owner.enrol(1)
    (received,) = receiver.wait_count(1)
    time.sleep(0.7)
    assert [one.payload["customerId"] for one in receiver.received] == [last]
    assert received.payload["customerId"] == last


def test_a_rotated_secret_signs_beside_the_old_one(owner: Hooked, receiver: Receiver) -> None:
    webhook = owner.hook(receiver)
    old = owner.secret(webhook)
    rotated = owner.post(f"/webhooks/{webhook}/secret/rotate", {"overlapHours": 1})
    assert [one["secret"] for one in rotated["previous"]] == [old]
    assert rotated == owner.get(f"/webhooks/{webhook}/secret")
    owner.post(f"/webhooks/{webhook}/ping")
    (both,) = receiver.wait_count(1)
    for secret in (rotated["secret"], old):
        message = signed(both, secret)
        assert (python_takes(message), javascript_takes([message])) == (True, [True])
    again = owner.post(f"/webhooks/{webhook}/secret/rotate", {"overlapHours": 0})
    assert rotated["secret"] not in json.dumps(again)
    owner.post(f"/webhooks/{webhook}/ping")
    one = receiver.wait_count(2)[1]
    assert python_takes(signed(one, again["secret"]))
    assert not python_takes(signed(one, rotated["secret"]))
    # The first of three rotations is still in force: it was given an hour.
    assert python_takes(signed(one, old))


def test_a_secret_of_ones_own(owner: Hooked, receiver: Receiver) -> None:
    secret = "whsec_" + "c2VjcmV0" * 4
    webhook = owner.hook(receiver, secret=secret)
    assert owner.secret(webhook) == secret
    owner.post(f"/webhooks/{webhook}/ping")
    assert python_takes(signed(receiver.wait_count(1)[0], secret))


def test_a_ping_tells_what_came_of_it(owner: Hooked, receiver: Receiver) -> None:
    webhook = owner.hook(receiver)
    attempt = owner.post(f"/webhooks/{webhook}/ping")
    assert (attempt["delivered"], attempt["status"], attempt["eventType"]) == (True, 204, "ping")
    (received,) = receiver.received
    assert received.payload["webhookId"] == webhook
    assert received.id == attempt["messageId"]
    receiver.answer = lambda _: Answer(401)
    failed = owner.post(f"/webhooks/{webhook}/ping")
    assert (failed["delivered"], failed["status"], failed["error"]) == (False, 401, None)
    assert owner.attempts(webhook) == [failed, attempt]


def test_a_message_is_delivered_again(owner: Hooked, receiver: Receiver) -> None:
    webhook = owner.hook(receiver, eventTypes=["customer.created", "customers.created"])
    (customer_id,) = owner.enrol(1)
    received = receiver.wait_count(2)
    for one in [*received]:
        attempt = owner.post(f"/webhooks/{webhook}/messages/{one.id}/redeliver")
        assert attempt["delivered"]
        last = receiver.received[-1]
        assert (last.id, last.body) == (one.id, one.body)
    time.sleep(0.5)
    log = owner.attempts(webhook, messageId=received[0].id)
    assert sorted(one["attempt"] for one in log) == [0, 1]
    assert owner.project.customer(customer_id)["id"] == customer_id


def test_after_kill_9_everything_is_delivered(tmp_path: Path, new_database: NewDatabase) -> None:
    with (
        Served(tmp_path, new_database(), webhook_private_addresses=True) as server,
        Receiver() as receiver,
    ):
        owner = hooked(server)
        receiver.answer = lambda _: Answer(after=0.02)
        owner.hook(receiver)
        ids = owner.enrol(400)
        receiver.wait_count(60)
        server.process.kill()
        server.process.wait()
        before = len(receiver.received)
        assert before < 400
        server.stop()
        server.start()
        received = receiver.wait_for(
            lambda received: len({one.payload["customerId"] for one in received}) == 400, 40
        )
    assert sorted({one.payload["customerId"] for one in received}) == sorted(ids)
    # What was on its way or not written yet came twice, and no more of it.
    assert len(received) < 400 + before + 16


def test_a_stop_leaves_nothing_to_be_sent_twice(tmp_path: Path, new_database: NewDatabase) -> None:
    with (
        Served(tmp_path, new_database(), webhook_private_addresses=True) as server,
        Receiver() as receiver,
    ):
        owner = hooked(server)
        receiver.answer = lambda _: Answer(after=0.05)
        owner.hook(receiver)
        owner.enrol(300)
        receiver.wait_count(30)
        start = time.monotonic()
        server.restart()
        received = receiver.wait_for(
            lambda received: len({one.payload["customerId"] for one in received}) == 300, 40
        )
        # The lease was given back: nobody waited for it to run out.
        assert time.monotonic() - start < 20
        time.sleep(0.5)
        assert len(received) == 300


def test_of_several_processes_one_delivers(tmp_path: Path, new_database: NewDatabase) -> None:
    settings: dict[str, Any] = {"workers": 3, "webhook_private_addresses": True}
    with Served(tmp_path, new_database(), **settings) as server, Receiver() as receiver:
        owner = hooked(server)
        owner.hook(receiver)
        ids = owner.enrol(200)
        receiver.wait_count(200)
        time.sleep(1)
    assert sorted(one.payload["customerId"] for one in receiver.received) == sorted(ids)
