"""Couriers on a real store and real sockets, with the clock in the test's hands."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from uuid_utils import uuid7

from enrol.app import open_store
from enrol.customers.batch import plan_batch, read_batch
from enrol.customers.enrolment import Stored
from enrol.customers.lifecycle.change import Applied, Change, Event, Write
from enrol.customers.model import Limits
from enrol.customers.plan import Call
from enrol.settings import Settings
from enrol.store.clock import now_ms
from enrol.store.protocol import Store
from enrol.store.queries import webhooks as queries
from enrol.store.queries.webhooks import Endpoint, Secret
from enrol.store.registry import is_postgres, open_registry
from enrol.store.sqlite.process import WriterProcess
from enrol.webhooks import courier as couriers
from enrol.webhooks.deliverer import LEASE_MS, Deliverer
from enrol.webhooks.resolving import Lookup
from enrol.webhooks.retries import HOUR, SPAN_MS
from enrol.webhooks.signing import make_secret
from tests.conftest import ON_TWO_STORES, NewDatabase
from tests.people import customer
from tests.webhooks.receivers import Answer, Received, Receiver, closed_port

pytestmark = ON_TWO_STORES

PROJECT = 1
DAY_MS = 86_400_000
# Of today: the IDs of attempts have the time of the machine.
START = now_ms()


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        return self.now


class House:
    """A project of a store, and those that deliver its webhooks."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = Clock()
        self.deliverers: list[Deliverer] = []

    async def started(self, lookup: Lookup | None = None) -> Deliverer:
        """One that delivers; with a ``lookup`` of its own, to public addresses alone."""
        made = Deliverer(
            self.store,
            private=lookup is None,
            lookup=lookup,
            clock=self.clock,
            chance=lambda: 0.5,
        )
        self.deliverers.append(made)
        await made.start()
        return made

    async def pass_time(self, milliseconds: int) -> None:
        """Time passes, and everybody looks at the clock."""
        self.clock.now += milliseconds
        for deliverer in self.deliverers:
            if deliverer.task is None:
                continue
            deliverer.wake()
            if deliverer.couriers:
                until = self.clock.now + LEASE_MS
                await self.until(partial(_has_looked, deliverer, until))
            for one, _ in deliverer.couriers.values():
                one.woken.set()
        await asyncio.sleep(0.05)

    async def endpoint(self, url: str, *types: str) -> Endpoint:
        made = Endpoint(
            project=PROJECT,
            id=uuid7().bytes,
            project_id="p",
            url=url,
            description=None,
            event_types=types,
            secrets=(Secret(make_secret()),),
            created_at=START,
            created_by="key_1",
            updated_at=None,
            updated_by=None,
            disabled_at=None,
            disabled_reason=None,
            generation=0,
            epoch=0,
            cursor=await queries.last_seq(self.store, PROJECT),
            delivered_at=None,
        )
        await self.apply(queries.insert_endpoint(made))
        for deliverer in self.deliverers:
            deliverer.wake()
        return made

    async def apply(self, *writes: Write, events: list[Event] | None = None) -> None:
        change = Change(PROJECT, uuid7().bytes, "key_1", self.clock(), writes=writes)
        assert isinstance(await self.store.apply(change._replace(events=events or [])), Applied)

    async def enrol(self, count: int = 1) -> list[bytes]:
        call = Call(PROJECT, self.store.secret, "key_1", self.clock(), uuid7)
        items = [customer() for _ in range(count)]
        body = {"customerType": "Individual", "cmsProjectId": "p", "customerData": items}
        reading = read_batch(json.dumps(body).encode(), Limits())
        planned = plan_batch(reading, call, Limits(), date(2030, 1, 1), lenient=False).enrolment
        outcome = await self.store.enrol(planned)
        assert isinstance(outcome, Stored)
        ids = outcome.receipt.ids
        return [ids[start : start + 16] for start in range(0, len(ids), 16)]

    async def change(self, customer_id: bytes, kind: str = "customer.updated") -> None:
        await self.apply(events=[Event(kind, customer_id, ("status",))])

    async def shown(self, endpoint: Endpoint) -> Endpoint:
        found = await queries.find_endpoint(self.store, PROJECT, endpoint.id)
        assert found is not None
        return found

    async def log(self, endpoint: Endpoint) -> list[queries.Attempt]:
        return await queries.list_attempts(
            self.store, PROJECT, endpoint.id, before=None, limit=1_000
        )

    async def until(self, holds: Callable[[], Any], seconds: float = 10) -> None:
        """Wait until something holds; ``holds`` may be a coroutine function."""
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            found = holds()
            if await found if asyncio.iscoroutine(found) else found:
                return
            assert asyncio.get_running_loop().time() < deadline, "it never was so"
            await asyncio.sleep(0.02)


def _has_looked(deliverer: Deliverer, until: int) -> bool:
    return deliverer.office.lease.until == until


@pytest.fixture
def database(tmp_path: Path, new_database: NewDatabase) -> str:
    url = new_database() or str(tmp_path / "enrol.db")
    with open_registry(url) as registry:
        registry.add_project("p", "Test", lenient=False)
    return url


@pytest.fixture
async def house(database: str) -> AsyncIterator[House]:
    with ExitStack() as stack:
        path = ""
        if not is_postgres(database):
            process = WriterProcess(database, cache_mib=16, idempotency_ms=DAY_MS)
            path = stack.enter_context(process).path
        store = open_store(Settings(database=database, writer_socket=path))
        await store.open()
        made = House(store)
        yield made
        for deliverer in made.deliverers:
            await deliverer.stop()
        await store.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def customers(received: list[Received]) -> list[bytes]:
    return [UUID(one.payload["customerId"]).bytes for one in received]


async def test_an_endpoint_to_which_nothing_came_through_for_24_hours_is_disabled(
    house: House, receiver: Receiver
) -> None:
    await house.started()
    down = await house.endpoint(f"http://127.0.0.1:{closed_port()}/")
    await house.endpoint(receiver.url, "endpoint.disabled")
    await house.enrol(1)
    await house.until(lambda: house.log(down))
    for step in (10, 40, 130, 700, 2_200, 4_400, 9_000, *[18_000] * 3):
        attempts = len(await house.log(down))
        await house.pass_time(step * 1_000)

        async def tried(before: int = attempts) -> bool:
            return len(await house.log(down)) > before

        await house.until(tried, 15)
        assert (await house.shown(down)).disabled_at is None
    house.clock.now = START + SPAN_MS - 1
    await house.pass_time(1)
    await house.until(lambda: receiver.received, 15)
    shown = await house.shown(down)
    assert shown.disabled_reason == "failing"
    (notice,) = receiver.received
    assert notice.payload["webhookId"] == str(UUID(bytes=down.id))
    assert notice.payload["reason"] == "failing"
    attempts = len(await house.log(down))
    assert attempts >= 10
    # The message that failed is still there, for when the endpoint is enabled.
    (pending,) = await queries.list_pending(house.store, PROJECT, down.id)
    assert pending.attempts == attempts


async def test_a_message_that_fails_alone_is_given_up_and_the_endpoint_stays(
    house: House, receiver: Receiver
) -> None:
    bad, good = await house.enrol(2)
    receiver.answer = lambda one: Answer(500 if customers([one]) == [bad] else 204)
    await house.started()
    endpoint = await house.endpoint(receiver.url)
    await house.change(bad)
    for number in range(4):
        if number:
            await house.pass_time(9 * HOUR)
        await house.change(good)

        async def told(attempts: int = number + 1) -> bool:
            # In the log, where an answer stands that was read before time passed on.
            log = await house.log(endpoint)
            failures = [one for one in log if one.status == 500]
            return len(failures) >= attempts and len(log) >= 2 * attempts

        await house.until(told)
    assert customers(receiver.received).count(bad) == 4

    async def given_up() -> bool:
        return not await queries.list_pending(house.store, PROJECT, endpoint.id)

    await house.until(given_up)
    assert (await house.shown(endpoint)).disabled_at is None
    # And what came after it for the same customer goes out.
    receiver.answer = lambda _: Answer()
    count = len(receiver.received)
    await house.change(bad, "customer.deleted")
    await house.until(lambda: len(receiver.received) > count)
    assert receiver.received[-1].type == "customer.deleted"


async def test_what_waits_behind_a_failure_survives_the_end_of_the_process(
    house: House, receiver: Receiver
) -> None:
    first, second = await house.enrol(2)
    receiver.answer = lambda _: Answer(500)
    deliverer = await house.started()
    endpoint = await house.endpoint(receiver.url)
    for kind in ("updated", "deleted", "restored"):
        await house.change(first, f"customer.{kind}")
    await house.change(second)
    await house.until(lambda: len(receiver.received) == 2)

    async def kept() -> bool:
        return len(await queries.list_pending(house.store, PROJECT, endpoint.id)) == 4

    await house.until(kept)
    assert (await house.shown(endpoint)).cursor == await queries.last_seq(house.store, PROJECT)
    # As by kill -9: nothing is written any more, and the lease is not given back.
    assert deliverer.task is not None
    tasks = [deliverer.task, *(task for _, task in deliverer.couriers.values())]
    deliverer.task = None
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    deliverer.couriers.clear()
    receiver.answer = lambda _: Answer()
    receiver.received.clear()
    await house.started()
    await asyncio.sleep(0.8)
    assert receiver.received == []
    await house.pass_time(LEASE_MS + 1_000)
    await house.until(lambda: len(receiver.received) == 4)
    of_first = [one.type for one in receiver.received if customers([one]) == [first]]
    assert of_first == [f"customer.{kind}" for kind in ("updated", "deleted", "restored")]

    async def none_left() -> bool:
        return not await queries.list_pending(house.store, PROJECT, endpoint.id)

    await house.until(none_left)


async def test_a_change_and_its_actor(house: House, receiver: Receiver) -> None:
    await house.started()
    await house.endpoint(receiver.url)
    (one,) = await house.enrol(1)
    await house.until(lambda: receiver.received)
    house.clock.now += 1_000
    values = ("Rejected", "Zurück, 漢", PROJECT, one)
    write = Write("update", "customers", ("status", "reason"), [values], ("project", "id"))
    change = Change(PROJECT, uuid7().bytes, "key_2", house.clock(), writes=[write])
    events = [Event("customer.updated", one, ("status", "reason"))]
    assert isinstance(await house.store.apply(change._replace(events=events)), Applied)
    await house.until(lambda: len(receiver.received) == 2)
    received = receiver.received[1]
    assert received.type == "customer.updated"
    payload = received.payload
    assert (payload["status"], payload["reason"]) == ("Rejected", "Zurück, 漢")
    assert (payload["createdBy"], payload["updatedBy"]) == ("key_1", "key_2")
    assert payload["updatedAt"] > payload["createdAt"]
    assert received.id == f"msg_{change.id.hex()}"


async def test_a_customers_messages_stay_in_order_though_some_fail(
    house: House, receiver: Receiver
) -> None:
    """Twenty changes of each of three customers, of whose messages every third fails at first."""
    ids = await house.enrol(3)
    failed: set[str] = set()

    def answer(received: Received) -> Answer:
        if int(received.id[-1], 16) % 3 or received.id in failed:
            return Answer()
        failed.add(received.id)
        return Answer(500)

    receiver.answer = answer
    await house.started()
    await house.endpoint(receiver.url)
    for _ in range(20):
        for one in ids:
            await house.change(one)
    sent: dict[bytes, list[str]] = {one: [] for one in ids}

    def taken() -> bool:
        for messages in sent.values():
            messages.clear()
        seen: set[str] = set()
        for received in [*receiver.received]:
            if received.id not in failed or received.id in seen:
                sent[customers([received])[0]].append(received.id)
            seen.add(received.id)
        return sum(map(len, sent.values())) >= 60

    for _ in range(30):
        await house.pass_time(6_000)
        await asyncio.sleep(0.1)
        if taken():
            break
    assert failed
    for messages in sent.values():
        assert len(messages) == 20
        assert messages == sorted(messages)


async def test_a_customer_waits_for_the_summary_that_names_its_batch(
    house: House, receiver: Receiver
) -> None:
    receiver.answer = lambda one: Answer(500 if one.type == "customers.created" else 204)
    await house.started()
    await house.endpoint(receiver.url, "customers.created", "customer.updated")
    (early,) = await house.enrol(1)
    await house.until(lambda: receiver.received)
    await house.change(early)
    await asyncio.sleep(0.8)
    assert [one.type for one in receiver.received] == ["customers.created"]
    receiver.answer = lambda _: Answer()
    await house.pass_time(10_000)
    await house.until(lambda: len(receiver.received) == 3)
    assert [one.type for one in receiver.received] == [
        *("customers.created", "customers.created", "customer.updated")
    ]


async def test_a_receiver_that_asks_for_time_gets_it(house: House, receiver: Receiver) -> None:
    receiver.answer = lambda _: Answer(429, {"Retry-After": "30"})
    await house.started()
    await house.endpoint(receiver.url)
    await house.enrol(1)
    await house.until(lambda: receiver.received)
    receiver.answer = lambda _: Answer()
    await house.enrol(1)
    for _ in range(5):
        await house.pass_time(5_000)  # the lease is renewed meanwhile
    await asyncio.sleep(0.6)
    assert len(receiver.received) == 1
    await house.pass_time(6_000)
    await house.until(lambda: len(receiver.received) == 3)


async def test_a_receiver_that_is_not_there_is_asked_seldom_and_gets_all_when_it_is(
    house: House,
) -> None:
    port = closed_port()
    await house.started()
    endpoint = await house.endpoint(f"http://127.0.0.1:{port}/")
    await house.enrol(200)
    await house.until(lambda: house.log(endpoint))
    for _ in range(10):
        await house.pass_time(1_000)
        await asyncio.sleep(0.05)
    # Three rounds of what may be on its way at once, and then one at a time.
    await asyncio.sleep(0.5)
    assert len(await house.log(endpoint)) <= 3 * couriers.MOST_SENT + 10
    with Receiver(port) as receiver:
        for _ in range(5):
            await house.pass_time(couriers.LONGEST_PAUSE_MS)
        await house.until(lambda: len(receiver.received) >= 200)
        await asyncio.sleep(0.4)
        assert len(set(customers(receiver.received))) == len(receiver.received) == 200


async def test_one_of_two_delivers_and_the_other_takes_over(
    house: House, receiver: Receiver
) -> None:
    one = await house.started()
    await house.endpoint(receiver.url)
    await house.until(lambda: one.couriers)
    other = await house.started()
    await house.enrol(10)
    await house.until(lambda: len(receiver.received) == 10)
    assert (len(one.couriers), len(other.couriers)) == (1, 0)
    await one.stop()
    other.wake()
    await house.until(lambda: other.couriers)
    await house.enrol(10)
    await house.until(lambda: len(receiver.received) == 20)
    await asyncio.sleep(0.5)
    assert len(receiver.received) == 20


async def test_who_stood_still_for_too_long_writes_nothing_any_more(
    house: House, receiver: Receiver
) -> None:
    one = await house.started()
    endpoint = await house.endpoint(receiver.url)
    await house.until(lambda: one.couriers)
    assert one.task is not None
    supervisor, one.task = one.task, None
    supervisor.cancel()  # it renews no more, and its courier goes on
    ((_, task),) = one.couriers.values()
    await house.pass_time(LEASE_MS + 1)
    other = await house.started()
    await house.until(lambda: other.couriers)
    before = await house.shown(endpoint)
    await house.enrol(1)
    ((stale, _),) = one.couriers.values()
    stale.wake(await queries.last_seq(house.store, PROJECT))
    await house.until(task.done)
    group = task.exception()
    assert isinstance(group, ExceptionGroup)
    assert [type(each) for each in group.exceptions] == [couriers.Superseded]
    other.wake()
    await house.until(lambda: house.log(endpoint))
    assert len({row.message_id for row in await house.log(endpoint)}) == 1
    assert (await house.shown(endpoint)).epoch == before.epoch


async def test_a_name_that_leads_to_a_private_address_by_now_is_not_called(
    house: House, receiver: Receiver
) -> None:
    """It was public when the endpoint was made, as far as its name server said."""

    async def lookup(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    await house.started(lookup)
    endpoint = await house.endpoint(f"https://hooks.example:{receiver.port}/")
    await house.enrol(1)
    await house.until(lambda: house.log(endpoint))
    assert [(one.status, one.error) for one in await house.log(endpoint)] == [
        (None, "address.refused")
    ]
    assert receiver.connections == 0


async def test_the_log_goes_a_week_back(house: House, receiver: Receiver) -> None:
    def attempt(at: int) -> queries.Attempt:
        id = at.to_bytes(6, "big") + uuid7().bytes[6:]
        return queries.Attempt(id, "msg_x", "customer.created", 1, at, 5, 204, None)

    endpoint = await house.endpoint(receiver.url)
    old = [attempt(START - couriers.LOG_MS - 1_000 - number) for number in range(1_500)]
    young = attempt(START - couriers.LOG_MS + 1_000)
    await house.apply(queries.put_attempts(endpoint, [*old, young]))
    await house.started()
    await house.enrol(1)
    await house.until(lambda: receiver.received)
    await house.enrol(1)

    async def purged() -> bool:
        return len(await house.log(endpoint)) == 3

    await house.until(purged)
    assert young.id in [row.id for row in await house.log(endpoint)]


async def test_without_an_endpoint_nothing_is_written(house: House) -> None:
    await house.started()
    await house.enrol(1)
    await asyncio.sleep(0.3)
    lease, work = await queries.find_work(house.store)
    assert (lease, work) == (None, [])


async def test_an_event_that_nobody_chose_moves_the_cursor_alone(
    house: House, receiver: Receiver
) -> None:
    deliverer = await house.started()
    endpoint = await house.endpoint(receiver.url, "customer.erased")
    await house.enrol(3)
    await house.until(lambda: deliverer.couriers)
    deliverer.wake()
    ((one, _),) = deliverer.couriers.values()
    await house.until(lambda: one.position == 3)
    await deliverer.stop()
    assert (await house.shown(endpoint)).cursor == 3
    assert receiver.received == []
