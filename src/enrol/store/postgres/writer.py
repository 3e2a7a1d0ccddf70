"""Writes what the calls of one process want stored: a few connections, each a group at a time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

import asyncpg
from asyncpg import Connection

from enrol.customers.enrolment import Enrolment, Outcome
from enrol.logs import log_error
from enrol.store.clock import now_ms
from enrol.store.group import Decided
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

    def start(self) -> None:
        """Begin to take enrolments."""
        self.tasks = [asyncio.create_task(self._serve()) for _ in range(WRITERS)]

    async def stop(self) -> None:
        """Finish what was taken, and disconnect; not for ever, where the database is silent."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.waiting.join(), COMMAND_SECONDS)
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def enrol(self, enrolment: Enrolment) -> Outcome:
        """See `Store.enrol`."""
        job = Job(enrolment, asyncio.get_running_loop().create_future())
        self.waiting.put_nowait(job)
        return await job.future

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


class Line:
    """A connection that is made anew when it is lost."""

    def __init__(self, url: str, idempotency_ms: int) -> None:
        self.url = url
        self.idempotency_ms = idempotency_ms
        self.connection: Connection[Any] | None = None
        self.ask_until = 0.0

    async def write(self, group: Sequence[Enrolment]) -> list[Outcome]:
        """Store a group in one transaction: one outcome an enrolment, in order.

        Nearly all keys are new, so nobody asks first: on a conflict, with what is stored or with a
        transaction beside this one, the group is decided anew, from an answer. A commit whose
        answer was lost is settled by the batch's own record, which is there or not. Raises
        `StoreUnavailable` and `StoreFull`.
        """
        unsure: Decided | None = None
        loop = asyncio.get_running_loop()
        ask = loop.time() < self.ask_until or any(one.return_existing for one in group)
        for attempt in range(ATTEMPTS):
            if attempt > 1 or unsure:
                await asyncio.sleep(FIRST_PAUSE * 2**attempt * random.uniform(0.5, 1.5))
            decided: Decided | None = None
            try:
                connection = await self._connected()
                # From one snapshot, or a commit that arrives between the two questions would make
                # a batch its own rival.
                isolation = "repeatable_read" if unsure else None
                async with connection.transaction(isolation=isolation):
                    if unsure and await is_stored(connection, unsure.accepted[0][0]):
                        return unsure.outcomes
                    oldest = now_ms() - self.idempotency_ms
                    decided = await write_group(connection, group, oldest, ask=ask)
            except REPEATABLE as error:
                reason: Exception = error
                ask, self.ask_until = True, loop.time() + ASK_SECONDS
            except (*LOST, StoreUnavailable) as error:
                reason = error
                if decided and decided.accepted:
                    unsure = decided
                await self.close()
            except asyncpg.PostgresError as error:
                if unsure:
                    raise StoreUnavailable(type(error).__name__) from error
                if isinstance(error, asyncpg.DiskFullError):
                    raise StoreFull from error
                raise
            else:
                return decided.outcomes
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
