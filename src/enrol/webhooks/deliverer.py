"""Delivers the webhooks of all projects: one process of all servers at a time, by a lease.

The lease is a row that its holder renews, and that every write of a courier renews as well: who
lost it, because it stood still for too long, cannot write any more. When its holder is killed, it
runs out, and another process goes on from what was written.
"""

import asyncio
import random
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final
from uuid import UUID

from uuid_utils import uuid7

from enrol.customers.lifecycle.change import Applied, Change, Write
from enrol.logs import log, log_error
from enrol.store.clock import now_ms
from enrol.store.ending import end_tasks
from enrol.store.protocol import Store, StoreFull, StoreUnavailable
from enrol.store.queries import webhooks as queries
from enrol.store.queries.webhooks import Attempt, Endpoint, Lease, Work
from enrol.webhooks import messages
from enrol.webhooks.courier import NOBODY, Courier, Superseded
from enrol.webhooks.lanes import Message
from enrol.webhooks.office import Office
from enrol.webhooks.resolving import Lookup, Resolver
from enrol.webhooks.sending import CONNECT_SECONDS, Sender

# What is new is seen at the latest after this time.
POLL_SECONDS: Final = 0.5
# Where there is no endpoint.
IDLE_SECONDS: Final = 2.0
LEASE_MS: Final = 8_000
RENEW_MS: Final = 3_000
# On their way at once, to all endpoints.
MOST_SENT: Final = 256
# After a failure that nobody foresaw.
MEND_SECONDS: Final = 5.0
# How long what is on its way may take when the process is to end.
STOP_SECONDS: Final = 2.0
# Messages that callers of this process wait for, at once.
MOST_BY_HAND: Final = 16
Key = tuple[int, bytes]


class TooManyByHand(Exception):
    """As many messages as may be sent by hand at once are on their way."""


class Deliverer:
    """The task of one process that delivers when it holds the lease. ``clock`` gives Unix
    milliseconds, ``chance`` random numbers from 0 to 1, ``lookup`` the addresses of a host."""

    def __init__(
        self,
        store: Store,
        *,
        private: bool,
        lookup: Lookup | None = None,
        clock: Callable[[], int] = now_ms,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.store = store
        self.private = private
        self.lookup = lookup or Resolver()
        self.clock = clock
        self.chance = chance
        self.holder = secrets.token_hex(8)
        self.couriers: dict[Key, tuple[Courier, asyncio.Task[None]]] = {}
        self.failed_until: dict[Key, float] = {}
        self.woken = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self.made: Office | None = None
        self.by_hand = 0

    @property
    def office(self) -> Office:
        """What couriers need, made when the first is there: trusting the authorities of the
        internet takes a process that has no endpoint some milliseconds and memory."""
        if self.made is None:
            self.made = Office(
                self.store,
                Sender(self.lookup, private=self.private),
                private=self.private,
                clock=self.clock,
                chance=self.chance,
                most_sent=MOST_SENT,
            )
        return self.made

    async def start(self) -> None:
        """Begin to deliver."""
        self.task = asyncio.create_task(self._run())
        self.task.add_done_callback(self._mend)

    async def stop(self) -> None:
        """Finish what is on its way, for a moment, and let others deliver."""
        task, self.task = self.task, None
        if task is not None:
            await end_tasks([task])
        held = bool(self.couriers)
        await self._dismiss([*self.couriers])
        if held:
            with suppress(StoreUnavailable, StoreFull):
                await self._apply(queries.renew_lease(Lease(self.holder, 0)))
        if self.made is not None:
            await self.made.sender.close()

    def wake(self) -> None:
        """Something is new: look at once."""
        self.woken.set()

    def _mend(self, task: "asyncio.Task[None]") -> None:
        """The task never ends by itself but by a fault of ours: tell it, and go on."""
        if task.cancelled() or self.task is not task:
            return
        error = task.exception()
        if error is not None:
            log_error("webhooks failed", error)
        self.task = asyncio.get_running_loop().create_task(self._run(MEND_SECONDS))
        self.task.add_done_callback(self._mend)

    async def _run(self, wait: float = 0.0) -> None:
        await asyncio.sleep(wait)
        while True:
            self.woken.clear()
            try:
                busy = await self._turn()
            except (StoreUnavailable, StoreFull):
                busy = True
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS if busy else IDLE_SECONDS):
                    await self.woken.wait()

    async def _turn(self) -> bool:
        """Look for what there is to do; whether there is any endpoint."""
        lease, work = await queries.find_work(self.store)
        if not work or not await self._holds(lease):
            await self._dismiss([*self.couriers])
            return bool(work)
        wanted = {(one.project, one.id): one for one in work}
        await self._dismiss([key for key in self.couriers if key not in wanted])
        for key, one in wanted.items():
            await self._set_to_work(key, one)
        return True

    async def _holds(self, lease: Lease | None) -> bool:
        """Whether this process delivers, once it has taken or renewed the lease."""
        now = self.clock()
        renewed = Lease(self.holder, now + LEASE_MS)
        if lease is not None and lease.holder == self.holder and lease.until > now:
            self.office.lease = renewed
            if lease.until - now > LEASE_MS - RENEW_MS:
                return True
            return await self._apply(queries.renew_lease(renewed))
        # Another's, or one that this process let run out: then others may have had it since.
        if lease is not None and lease.until > now:
            return False
        if not await self._apply(queries.take_lease(lease, renewed)):
            return False
        # First, for what couriers write as they end renews it as well.
        self.office.lease = renewed
        await self._dismiss([*self.couriers])
        return True

    async def _apply(self, write: Write) -> bool:
        change = Change(queries.NO_PROJECT, uuid7().bytes, NOBODY, self.clock(), writes=[write])
        return isinstance(await self.store.apply(change), Applied)

    async def _set_to_work(self, key: Key, work: Work) -> None:
        courier, task = self.couriers.get(key, (None, None))
        if courier is not None and task is not None and not task.done():
            changed = courier.endpoint.generation != work.generation
            endpoint = await queries.find_endpoint(self.store, *key) if changed else None
            if endpoint is None or endpoint.epoch == courier.endpoint.epoch:
                if courier.head != work.head or endpoint is not None:
                    courier.wake(work.head, endpoint)
                return
            # It was disabled and enabled: what this one knows of it does not hold any more.
            await self._dismiss([key])
        elif task is not None:
            self._tell(key, task)
        if self.failed_until.get(key, 0.0) > time.monotonic():
            return
        endpoint = await queries.find_endpoint(self.store, *key)
        if endpoint is not None and endpoint.disabled_at is None:
            courier = Courier(self.office, endpoint, work.head)
            self.couriers[key] = (courier, asyncio.create_task(courier.run()))

    async def addresses(self, host: str, port: int) -> list[str]:
        """The addresses of a host, none where it has none just now."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await self.lookup(host, port)
        except OSError:  # and TimeoutError, which is one
            return []

    async def post_by_hand(self, endpoint: Endpoint, message: Message) -> Attempt | None:
        """Send one message at once, whatever else waits, and log it; None when there is nothing
        to tell. Raises `TooManyByHand`."""
        if self.by_hand >= MOST_BY_HAND:
            raise TooManyByHand
        self.by_hand += 1
        try:
            body = await self.office.body_of(endpoint, message)
            if body is None:
                return None
            name = messages.message_id(message.type, message.message_key)
            at = self.clock()
            answered, ms = await self.office.post(endpoint, name, body)
        finally:
            self.by_hand -= 1
        told = (answered.status, answered.error)
        attempt = Attempt(uuid7().bytes, name, message.type, 0, at, ms, *told)
        await self._log(endpoint, attempt)
        return attempt

    async def _log(self, endpoint: Endpoint, attempt: Attempt) -> None:
        writes = [queries.put_attempts(endpoint, [attempt])]
        await self.store.apply(
            Change(endpoint.project, uuid7().bytes, NOBODY, self.clock(), writes=writes)
        )

    def _tell(self, key: Key, task: "asyncio.Task[None]") -> None:
        """A courier has ended by itself: why?"""
        del self.couriers[key]
        error = None if task.cancelled() else task.exception()
        unforeseen = [
            each
            for each in _leaves(error)
            if not isinstance(each, Superseded | StoreUnavailable | StoreFull)
        ]
        if unforeseen:
            log_error("webhook failed", unforeseen[0], webhook=str(UUID(bytes=key[1])))
            self.failed_until[key] = time.monotonic() + MEND_SECONDS

    async def _dismiss(self, keys: list[Key]) -> None:
        """Let couriers end."""
        dismissed = [self.couriers.pop(key) for key in keys]
        if not dismissed:
            return
        for courier, _ in dismissed:
            courier.stop()
        tasks = [task for _, task in dismissed]
        await asyncio.wait(tasks, timeout=STOP_SECONDS)
        await end_tasks(tasks)
        log("webhooks stopped", endpoints=len(tasks))


def _leaves(error: BaseException | None) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _leaves(each)
    elif error is not None:
        yield error
