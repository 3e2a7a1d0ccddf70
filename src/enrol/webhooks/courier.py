"""Delivers the messages of one endpoint, for as long as this process is the one that delivers.

What it knows stands in memory, and is written a few times a second: how far the events are read,
which messages wait, what was tried. What is lost with the process was not written, and is sent
again: at least once.
"""

import asyncio
import json
import secrets
import time
from collections.abc import Collection
from contextlib import suppress
from typing import Final
from uuid import UUID

from uuid_utils import uuid7

from enrol.customers.lifecycle.change import Applied, Change, Event
from enrol.logs import log
from enrol.store.protocol import StoreFull, StoreUnavailable
from enrol.store.queries import webhooks as queries
from enrol.store.queries.webhooks import Attempt, Endpoint, Pending
from enrol.webhooks import messages, retries
from enrol.webhooks.feed import WEBHOOK_DISABLED, read_on
from enrol.webhooks.lanes import Lanes, Message
from enrol.webhooks.office import Office
from enrol.webhooks.sending import Answered, retry_after_seconds

# On their way to one endpoint at once; one alone while its receiver does not answer.
MOST_SENT: Final = 16
# Read and not tried yet, at most.
MOST_AHEAD: Final = 500
# Read and not delivered: then the endpoint's feed stands still until some are.
MOST_WAITING: Final = 10_000
# How often what was done is written, and how often when all that was done is reading on.
WRITE_SECONDS: Final = 0.25
IDLE_WRITE_SECONDS: Final = 10.0
# A first attempt that takes longer no longer holds the cursor up.
SLOW_MS: Final = 1_000
# Whoever failed so often in a row, with nobody there, is asked with one message at a time, at
# doubling distances.
STRAINED_AFTER: Final = 3
FIRST_PAUSE_MS: Final = 2_000
LONGEST_PAUSE_MS: Final = 60_000
HURRY_MS: Final = 5 * retries.MINUTE
# How long the delivery log goes back, and what is removed from it at once.
LOG_MS: Final = 7 * 24 * retries.HOUR
PURGE_SECONDS: Final = 600.0
MOST_PURGED: Final = 1_000
UNREACHED: Final = frozenset({429, 502, 503, 504})
NOBODY: Final = "enrol"
_JITTER: Final = 0.2


class Superseded(Exception):
    """The endpoint was changed or removed, or another process delivers by now."""


class Courier:
    """Reads the events of an endpoint's project, sends their messages, and writes what became of
    them. ``head`` is told from outside, and `wake` then."""

    def __init__(self, office: Office, endpoint: Endpoint, head: int) -> None:
        self.office = office
        self.endpoint = endpoint
        self.head = head
        self.position = endpoint.cursor
        self.written_cursor = endpoint.cursor
        self.delivered_at = endpoint.delivered_at
        self.lanes = Lanes()
        self.sent = 0
        self.failures = 0
        self.round = 0
        self.paused_until = 0
        self.asked_until = 0
        self.hurried_at = 0
        self.stopping = False
        self.attempts: list[Attempt] = []
        self.dropped: list[tuple[int, str]] = []
        self.to_write: Change | None = None
        self.disabling: str | None = None
        self.wrote_at = time.monotonic()
        self.purge_at = 0.0
        self.woken = asyncio.Event()

    def wake(self, head: int, endpoint: Endpoint | None = None) -> None:
        """There are new events, or the endpoint was changed: then what failed may go again."""
        self.head = head
        if endpoint is not None:
            self.endpoint = endpoint
            self.failures = self.paused_until = self.asked_until = 0
            self.lanes.hurry(self.office.clock())
        self.woken.set()

    def stop(self) -> None:
        """Let `run` end when what is on its way has come back."""
        self.stopping = True
        self.woken.set()

    async def run(self) -> None:
        """Deliver until `stop`. Raises a group of `Superseded` or `StoreUnavailable`."""
        async with asyncio.TaskGroup() as tasks:
            for pending in await queries.list_pending(
                self.office.store, self.endpoint.project, self.endpoint.id
            ):
                self.lanes.add(Message(**pending._asdict(), kept=True))
            while not (self.stopping and self.sent == 0):
                self.woken.clear()
                await self._read()
                self._send_all(tasks)
                if time.monotonic() >= self._write_at():
                    await self._write()
                # Not `wait_for`, which Python 3.11 lets swallow a cancellation.
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._wait_seconds()):
                        await self.woken.wait()
            await self._write()

    async def _read(self) -> None:
        """Read on, while there is room."""
        types = messages.types_of(self.endpoint.event_types)
        with suppress(StoreUnavailable):  # and again when woken
            while (
                self.position < self.head
                and len(self.lanes.ready) < MOST_AHEAD
                and self.lanes.count < MOST_WAITING
                and not self._strained()
                and not self.stopping
            ):
                found = await queries.read_feed(
                    self.office.store, self.endpoint.project, self.position
                )
                new, position = read_on(*found, types, self.position)
                await self._order(new, types)
                for message in new:
                    # Nobody is told of the disabling of itself.
                    if message.lane != self.endpoint.id:
                        self.lanes.add(message)
                if position == self.position:
                    return
                self.position = position

    async def _order(self, new: list[Message], types: Collection[str]) -> None:
        """Let the messages of a batch's customers stand behind the batch's summary."""
        if messages.CUSTOMERS_CREATED not in types:
            return
        behind = {
            message.lane
            for message in new
            if message.type in messages.CUSTOMER_TYPES and message.type != messages.CUSTOMER_CREATED
        }
        batches = await queries.find_batches_of(
            self.office.store, self.endpoint.project, sorted(behind)
        )
        for message in new:
            message.behind = batches.get(message.lane)

    def _send_all(self, tasks: asyncio.TaskGroup) -> None:
        """Send what may go now."""
        now = self.office.clock()
        most = 1 if self._strained() else MOST_SENT
        while (
            self.disabling is None
            and not self.stopping
            and now >= max(self.paused_until, self.asked_until)
            and self.sent < most
            and self.office.may_send(self.sent)
            and (message := self.lanes.take(now)) is not None
        ):
            self.sent += 1
            self.office.sent += 1
            message.sent_at, message.round = now, self.round
            tasks.create_task(self._send(message))

    async def _send(self, message: Message) -> None:
        try:
            body = await self.office.body_of(self.endpoint, message)
            if body is None:
                self._resolve(message)
                return
            name = messages.message_id(message.type, message.message_key)
            at = self.office.clock()
            answered, ms = await self.office.post(self.endpoint, name, body)
            self._note(message, answered, at, ms)
        except StoreUnavailable:
            message.next_at = self.office.clock() + FIRST_PAUSE_MS
            self.lanes.again(message)
        finally:
            message.sent_at = None
            self.sent -= 1
            self.office.sent -= 1
            self.woken.set()

    def _note(self, message: Message, answered: Answered, at: int, ms: int) -> None:
        """Take in what became of an attempt that began at ``at``."""
        name = messages.message_id(message.type, message.message_key)
        number = message.attempts + 1
        self.attempts.append(
            Attempt(
                *(uuid7().bytes, name, message.type, number, at, ms),
                *(answered.status, answered.error),
            )
        )
        now = self.office.clock()
        if answered.delivered:
            self.delivered_at = now
            self._resolve(message)
            self._relax()
        else:
            self._fail(message, answered, at, now)

    def _fail(self, message: Message, answered: Answered, at: int, now: int) -> None:
        first_at = message.first_at or at
        message.first_at = first_at
        message.attempts += 1
        message.unreached = answered.status is None or answered.status in UNREACHED
        message.changed = True
        asked_ms = self._asked_ms(answered, now)
        following = retries.next_attempt(
            message.attempts, first_at, now, self.office.chance(), asked_ms=asked_ms
        )
        message.next_at = now if following is None else following
        # Those that were sent together fail together, and count once.
        if message.unreached and message.round == self.round:
            self._strain(now)
        if answered.status == retries.GONE:
            self.disabling = "gone"
        elif following is None and retries.nothing_came_through(first_at, self.delivered_at):
            self.disabling = "failing"
        elif following is None:
            self._resolve(message)
            return
        self.lanes.again(message)

    def _asked_ms(self, answered: Answered, now: int) -> int | None:
        """What the receiver asked for, which holds for all messages to it."""
        asked = retry_after_seconds(answered.retry_after, now / 1_000)
        if asked is None or answered.status not in retries.THROTTLES:
            return None
        asked_ms = min(round(asked * 1_000), retries.MOST_ASKED_MS)
        self.asked_until = max(self.asked_until, now + asked_ms)
        return asked_ms

    def _resolve(self, message: Message) -> None:
        """The message is done with."""
        if message.kept:
            self.dropped.append(message.key)
        self.lanes.done(message)

    def _strained(self) -> bool:
        return self.failures >= STRAINED_AFTER

    def _strain(self, now: int) -> None:
        """Nobody was there, again."""
        self.failures += 1
        self.round += 1
        if self._strained():
            doubled = FIRST_PAUSE_MS << min(self.failures - STRAINED_AFTER, 10)
            spread = 1 - _JITTER + 2 * _JITTER * self.office.chance()
            pause = round(min(doubled, LONGEST_PAUSE_MS) * spread)
            self.paused_until = max(self.paused_until, now + pause)

    def _relax(self) -> None:
        """Somebody is there: what failed because nobody was may go at once. But not time and
        again, where it is some messages alone that a receiver does not answer."""
        now = self.office.clock()
        if self._strained() and now - self.hurried_at > HURRY_MS:
            self.hurried_at = now
            self.lanes.hurry(now)
        self.failures = 0
        self.paused_until = 0

    def _wait_seconds(self) -> float:
        """Until something has to be done that nobody wakes for."""
        waits = [self._write_at() - time.monotonic()]
        following = 0 if self.lanes.ready else self.lanes.next_at()
        if following is not None:
            due = max(following, self.paused_until, self.asked_until)
            # Where all places are taken, whoever leaves one wakes no other courier.
            waits.append(max((due - self.office.clock()) / 1_000, 0.05))
        return max(0.0, min(waits))

    def _write_at(self) -> float:
        new = self.disabling or self.to_write or self.attempts or self.dropped
        return self.wrote_at + (WRITE_SECONDS if new else IDLE_WRITE_SECONDS)

    async def _write(self) -> None:
        """Write what is new. Raises `Superseded`; what cannot be written now is written later."""
        self.wrote_at = time.monotonic()
        change = self.to_write or self._change(await self._old_attempts())
        if change is None:
            return
        # What breaks off here is written again, the same.
        self.to_write = change
        try:
            outcome = await self.office.store.apply(change)
        except (StoreUnavailable, StoreFull):
            return
        self.to_write = None
        if not isinstance(outcome, Applied):
            raise Superseded
        if change.events:
            webhook = str(UUID(bytes=self.endpoint.id))
            log("webhook disabled", webhook=webhook, reason=self.disabling)
            raise Superseded

    async def _old_attempts(self) -> list[bytes]:
        """What is to go from the delivery log."""
        if time.monotonic() < self.purge_at:
            return []
        oldest = self.office.clock() - LOG_MS
        with suppress(StoreUnavailable):
            found = await queries.find_old_attempts(
                *(self.office.store, self.endpoint.project, self.endpoint.id),
                before_ms=oldest,
                limit=MOST_PURGED,
            )
            if len(found) < MOST_PURGED:
                self.purge_at = time.monotonic() + PURGE_SECONDS
            return found
        return []

    def _change(self, old: list[bytes]) -> Change | None:
        """What is new since the last one, as a change; None when nothing is.

        The cursor stands before the first message that will soon be decided. What lies behind it
        is kept nowhere: after an end of the process it is read again, in its order.
        """
        now = self.office.clock()
        cursor = self.position
        for one in self.lanes:
            if one.seq <= cursor and not one.kept and self.lanes.is_fresh(one, now - SLOW_MS):
                cursor = one.seq - 1
        kept = [one for one in self.lanes if one.seq <= cursor and (one.changed or not one.kept)]
        news = kept or self.attempts or self.dropped or self.disabling or old
        if not news and cursor == self.written_cursor:
            return None
        writes = [
            queries.renew_lease(self.office.lease),
            queries.move_cursor(self.endpoint, cursor, self.delivered_at),
            queries.put_pending(self.endpoint, [_pending(one) for one in kept]),
            queries.drop_pending(self.endpoint, self.dropped),
            queries.put_attempts(self.endpoint, self.attempts),
            queries.drop_attempts(self.endpoint, old),
        ]
        events: list[Event] = []
        if self.disabling is not None:
            writes.append(queries.disable_endpoint(self.endpoint, now, self.disabling))
            events.append(disabled_event(self.endpoint.id, self.disabling))
        for one in kept:
            one.kept, one.changed = True, False
        self.written_cursor = cursor
        self.attempts, self.dropped = [], []
        filled = [write for write in writes if write.rows]
        return Change(
            self.endpoint.project, uuid7().bytes, NOBODY, now, writes=filled, events=events
        )


def _pending(one: Message) -> Pending:
    return Pending(*(getattr(one, name) for name in Pending._fields))


def disabled_event(endpoint_id: bytes, reason: str) -> Event:
    """The event of an endpoint that was disabled."""
    data = {"webhookId": str(UUID(bytes=endpoint_id)), "reason": reason}
    return Event(WEBHOOK_DISABLED, data=json.dumps(data), salt=secrets.token_bytes(16))
