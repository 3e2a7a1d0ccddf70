"""Writes what the calls of one process want stored: a few connections, each a group at a time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple, TypeVar

import asyncpg
from asyncpg import Connection

from enrol.customers.editing.undoing import Undo
from enrol.customers.enrolment import Enrolment, Outcome
from enrol.customers.lifecycle.change import Applied, Change, ChangeOutcome, Stale
from enrol.logs import log_error
from enrol.store.clock import now_ms
from enrol.store.ending import end_tasks
from enrol.store.group import Decided
from enrol.store.postgres.apply import NothingFound, apply, is_applied
from enrol.store.postgres.connections import COMMAND_SECONDS, LOST, REPEATABLE, connect
from enrol.store.postgres.enrol import is_stored, write_group
from enrol.store.protocol import StoreFull, StoreUnavailable

# While one transaction waits for the disk, another sends its rows.
WRITERS: Final = 2
# The most customers that share a commit: a bound on how long the first of them waits.
GROUP_CUSTOMERS: Final = 10_000
ATTEMPTS: Final = 6
FIRST_PAUSE: Final = 0.03
# After a conflict others are likely: a caller repeats an import, say.
ASK_SECONDS: Final = 5.0


# Changes are small, and each has its own transaction.
CHANGERS: Final = 2
T = TypeVar("T")


class Job(NamedTuple):
    """One enrolment and who waits for its outcome."""

    enrolment: Enrolment
    future: asyncio.Future[Outcome]


class PostgresWriter:
    """``await writer.enrol(enrolment)`` returns once the enrolment is durable."""

    def __init__(self, url: str, idempotency_ms: int) -> None:
        self.url = url
        self.idempotency_ms = idempotency_ms
        self.waiting: asyncio.Queue[Job] = asyncio.Queue()
        self.tasks: list[asyncio.Task[None]] = []
        self.changers: asyncio.LifoQueue[Line] = asyncio.LifoQueue()
        self.applying: set[asyncio.Task[ChangeOutcome]] = set()

    def start(self) -> None:
        """Begin to take enrolments."""
        self.tasks = [asyncio.create_task(self._serve()) for _ in range(WRITERS)]
        for _ in range(CHANGERS):
            self.changers.put_nowait(Line(self.url, self.idempotency_ms))

    async def stop(self) -> None:
        """Finish what was taken, and disconnect; not for ever, where the database is silent."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.waiting.join(), COMMAND_SECONDS)
        if self.applying:
            await asyncio.wait(self.applying, timeout=COMMAND_SECONDS)
        await end_tasks((*self.tasks, *self.applying))
        while not self.changers.empty():
            await self.changers.get_nowait().close()

    async def enrol(self, enrolment: Enrolment) -> Outcome:
        """See `Store.enrol`."""
        job = Job(enrolment, asyncio.get_running_loop().create_future())
        self.waiting.put_nowait(job)
        return await job.future

    async def apply(self, change: Change | Undo) -> ChangeOutcome:
        """See `Store.apply`. What was begun is finished, though its caller be gone."""
        task = asyncio.create_task(self._apply(change))
        self.applying.add(task)
        task.add_done_callback(self.applying.discard)
        return await asyncio.shield(task)

    async def _apply(self, change: Change | Undo) -> ChangeOutcome:
        line = await self.changers.get()
        try:
            return await line.apply(change)
        except asyncpg.PostgresError as error:
            log_error("change failed", error)
            raise StoreUnavailable(type(error).__name__) from error
        finally:
            self.changers.put_nowait(line)

    async def _serve(self) -> None:
        line = Line(self.url, self.idempotency_ms)
        try:
            while True:
                group = [await self.waiting.get()]
                self._gather(group)
                await _settle(line, group)
                for _ in group:
                    self.waiting.task_done()
        finally:
            await line.close()

    def _gather(self, group: list[Job]) -> None:
        """Add all that waits, up to the bound."""
        customers = len(group[0].enrolment.ids)
        while customers < GROUP_CUSTOMERS and not self.waiting.empty():
            job = self.waiting.get_nowait()
            group.append(job)
            customers += len(job.enrolment.ids)


async def _settle(line: Line, group: Sequence[Job]) -> None:
    """Give every job of a group its outcome. When a group fails each member is tried alone: what
    one of them broke harms no other. But a database that is away or full is nobody's fault."""
    try:
        outcomes = await line.write([job.enrolment for job in group])
    except (StoreUnavailable, StoreFull) as error:
        _fail(group, error)
    except Exception as error:
        log_error("commit failed", error, enrolments=len(group))
        if len(group) == 1:
            is_database = isinstance(error, asyncpg.PostgresError)
            _fail(group, StoreUnavailable(type(error).__name__) if is_database else error)
        else:
            for job in group:
                await _settle(line, [job])
    else:
        for job, outcome in zip(group, outcomes, strict=True):
            # Whoever waited may be gone.
            if not job.future.done():
                job.future.set_result(outcome)


def _fail(group: Sequence[Job], error: Exception) -> None:
    for job in group:
        if not job.future.done():
            job.future.set_exception(error)


class _Found(Exception):
    """What a commit without an answer left is there: what was begun since is to be undone."""

    def __init__(self, outcome: Any) -> None:
        super().__init__()
        self.outcome = outcome


async def _require_absent(
    find: Callable[[Connection[Any], T], Awaitable[T | None]],
    connection: Connection[Any],
    unsure: T,
) -> None:
    outcome = await find(connection, unsure)
    if outcome is not None:
        raise _Found(outcome)


class Line:
    """A connection that is made anew when it is lost, for one transaction after another."""

    def __init__(self, url: str, idempotency_ms: int) -> None:
        self.url = url
        self.idempotency_ms = idempotency_ms
        self.connection: Connection[Any] | None = None
        self.ask_until = 0.0

    async def write(self, group: Sequence[Enrolment]) -> list[Outcome]:
        """Store a group in one transaction: one outcome an enrolment, in order.

        Nearly all keys are new, so nobody asks first: on a conflict, with what is stored or with a
        transaction beside this one, the group is decided anew, from an answer. Raises
        `StoreUnavailable` and `StoreFull`.
        """
        return_existing = any(one.return_existing for one in group)

        async def write(connection: Connection[Any]) -> Decided:
            ask = return_existing or asyncio.get_running_loop().time() < self.ask_until
            return await write_group(connection, group, now_ms() - self.idempotency_ms, ask=ask)

        async def find(connection: Connection[Any], decided: Decided) -> Decided | None:
            accepted = decided.accepted
            stored = accepted and await is_stored(connection, accepted[0][0])
            return decided if stored else None

        def stands(unsure: Decided, decided: Decided) -> bool:
            first = next((one.batch_id for one, _ in unsure.accepted), None)
            return first is None or any(one.batch_id == first for one, _ in decided.accepted)

        return (await self._run(write, find, stands)).outcomes

    async def apply(self, change: Change | Undo) -> ChangeOutcome:
        """Store a change in one transaction. Raises `StoreUnavailable` and `StoreFull`.

        One without events leaves nothing to settle a lost answer by, and is written again: let it
        be one that can.
        """

        async def write(connection: Connection[Any]) -> ChangeOutcome:
            return await apply(connection, change)

        async def find(connection: Connection[Any], _: object) -> ChangeOutcome | None:
            return await is_applied(connection, change)

        async def look(connection: Connection[Any]) -> ChangeOutcome:
            return await is_applied(connection, change) or Stale()

        def stands(_: ChangeOutcome, outcome: ChangeOutcome) -> bool:
            return isinstance(outcome, Applied)

        try:
            return await self._run(write, find, stands)
        except NothingFound:
            # Perhaps because it is there itself: its commit arrived after it had been looked for.
            return await self._run(look, find, stands)

    async def _run(
        self,
        write: Callable[[Connection[Any]], Awaitable[T]],
        find: Callable[[Connection[Any], T], Awaitable[T | None]],
        stands: Callable[[T, T], bool],
    ) -> T:
        """``write`` in a transaction, again after a conflict. A commit whose answer was lost is
        settled by ``find``, which looks for what it left.

        It may yet arrive, and be its own rival then. Where the same rows are written again their
        keys refuse them, and it is looked for anew; where they are not (``stands`` tells of what
        was unsure and what is written now), it is looked for before that is believed. Not from one
        snapshot: whoever waits for the head of a chain finds it changed since.
        """
        unsure: T | None = None
        for attempt in range(ATTEMPTS):
            if attempt > 1 or unsure is not None:
                await asyncio.sleep(FIRST_PAUSE * 2**attempt * random.uniform(0.5, 1.5))
            written: T | None = None
            try:
                connection = await self._connected()
                async with connection.transaction():
                    if unsure is not None:
                        await _require_absent(find, connection, unsure)
                    decided = await write(connection)
                    if unsure is not None and not stands(unsure, decided):
                        await _require_absent(find, connection, unsure)
                    written = decided
            except _Found as found:
                outcome: T = found.outcome
                return outcome
            except REPEATABLE as error:
                reason: Exception = error
                self.ask_until = asyncio.get_running_loop().time() + ASK_SECONDS
            except (*LOST, StoreUnavailable) as error:
                reason = error
                unsure = unsure if written is None else written
                await self.close()
            except asyncpg.PostgresError as error:
                if unsure is not None:
                    raise StoreUnavailable(type(error).__name__) from error
                if isinstance(error, asyncpg.DiskFullError):
                    raise StoreFull from error
                raise
            else:
                return decided
        log_error("commit given up", reason, attempts=ATTEMPTS, unsure=unsure is not None)
        raise StoreUnavailable(type(reason).__name__) from reason

    async def close(self) -> None:
        """Disconnect, without waiting for a server that does not answer."""
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.terminate()

    async def _connected(self) -> Connection[Any]:
        if self.connection is None or self.connection.is_closed():
            self.connection = await connect(self.url)
        return self.connection
