"""The steps on PostgreSQL, and the index kept by the HTTP processes, one of them at a time."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Any, Final, TypeVar

import asyncpg
from asyncpg import Connection

from enrol.logs import log_error
from enrol.store.ending import end_tasks
from enrol.store.postgres.connections import LOST, connect
from enrol.store.protocol import StoreUnavailable
from enrol.store.search.indexing import FIND_BEHIND, index_slice
from enrol.store.search.left_behind import LOOK_SECONDS, PAUSE_SECONDS, LeftBehind
from enrol.store.search.steps import Add, Ask, Many, Steps

# Smaller than on SQLite: it is done in a process that answers calls.
SLICE: Final = 300
# After so many slices the statistics are told, rather than when autovacuum comes by: the planner
# of a full-text search goes by them.
ANALYZED: Final = 100
ANALYZE: Final = "ANALYZE search_words, search_entries, search_orders, search_sets"
IDLE_SECONDS: Final = 0.25
# See on_sqlite.py.
STALE_SECONDS: Final = 5.0
STALE_PAUSES: Final = 9
RIVAL_SECONDS: Final = 0.02
# "srch" in ASCII, beside the number of a project.
LOCK: Final = 0x73726368
TRY_LOCK: Final = "SELECT pg_try_advisory_xact_lock($1, $2)"
# Plans are made for the values that are asked for, and out of indexes, whatever the statistics say
# of a table that was empty a moment ago; and in the order of an index, of which a page needs but
# the first.
SETTINGS: Final = """
SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL jit = off;
SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off
"""

T = TypeVar("T")


async def run_steps(connection: Connection[Any], steps: Steps[T]) -> T:
    """Do the steps in the transaction that is open. Raises whatever asyncpg raises."""
    await connection.execute(SETTINGS)
    rows: Any = None
    while True:
        try:
            step = steps.send(rows)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        if isinstance(step, Ask):
            rows = await connection.fetch(step.statement, *step.values)
            continue
        if isinstance(step, Add) and step.rows:
            await connection.copy_records_to_table(
                step.table, records=step.rows, columns=step.columns
            )
        elif isinstance(step, Many) and step.rows:
            await connection.executemany(step.statement, step.rows)
        rows = ()


async def read_steps(connection: Connection[Any], steps: Steps[T]) -> T:
    """Do steps that read, on one snapshot."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        return await run_steps(connection, steps)


class Indexer:
    """Takes the events in, a slice at a time, on a connection of its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.connection: Connection[Any] | None = None
        self.turn = asyncio.Lock()
        # Projects with events that the index has not seen, and since when.
        self.behind: dict[int, float] = {}
        self.left = LeftBehind()
        self.next_look = 0.0
        self.noted = 0.0
        self.slices = 0
        self.wanted = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to follow the events."""
        self.task = asyncio.create_task(self._serve())

    async def stop(self) -> None:
        """Leave the rest to whoever comes next."""
        if self.task is not None:
            await end_tasks([self.task])
        if self.connection is not None:
            self.connection.terminate()

    def note(self, project: int) -> None:
        """Events of a project were added."""
        self.noted = time.monotonic()
        self.behind.setdefault(project, self.noted)
        self.wanted.set()

    async def take_slice(self, project: int) -> bool:
        """Take in a slice; False where there is nothing to do. Raises `StoreUnavailable`, and does
        so without a try where one has failed just now."""
        async with self.turn:
            if self.behind.get(project, 0.0) > time.monotonic():
                raise StoreUnavailable("indexing failed")
            try:
                connection = await self._connected()
                async with connection.transaction():
                    if await connection.fetchval(TRY_LOCK, LOCK, project):
                        steps = index_slice("postgresql", project, SLICE)
                        done = await run_steps(connection, steps)
                        self.slices += done > 0
                        return done > 0
            except Exception as error:
                log_error("indexing failed", error)
                if self.connection is not None:
                    self.connection.terminate()
                self.behind[project] = time.monotonic() + PAUSE_SECONDS
                raise StoreUnavailable(type(error).__name__) from error
        # Another process is at it.
        await asyncio.sleep(RIVAL_SECONDS)
        return True

    async def _serve(self) -> None:
        while True:
            await self._look()
            if not self.behind:
                self.wanted.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await self.wanted.wait()
                continue
            busy = time.monotonic() - self.noted < IDLE_SECONDS
            project = min(self.behind, key=self.behind.__getitem__)
            if self.behind[project] > time.monotonic():
                # All that are behind are left alone.
                await asyncio.sleep(IDLE_SECONDS)
                continue
            if busy and time.monotonic() - self.behind[project] < STALE_SECONDS:
                await asyncio.sleep(IDLE_SECONDS)
                continue
            start = time.monotonic()
            await self._try_slice(project)
            await asyncio.sleep((time.monotonic() - start) * STALE_PAUSES if busy else 0)

    async def _try_slice(self, project: int) -> None:
        # Events that are noted meanwhile note it again.
        since = self.behind.pop(project)
        try:
            if await self.take_slice(project):
                self.behind[project] = since
        except StoreUnavailable:
            # Perhaps the database is away, for all projects.
            await asyncio.sleep(PAUSE_SECONDS)
            return
        if self.slices >= ANALYZED:
            await self._analyze()

    async def _analyze(self) -> None:
        self.slices = 0
        try:
            async with self.turn:
                await (await self._connected()).execute(ANALYZE)
        except (StoreUnavailable, *LOST, asyncpg.PostgresError) as error:
            log_error("analyze failed", error)

    async def _look(self) -> None:
        """See now and then what other processes have left to do, or this one: it knows nothing of
        a commit that nobody waited for any more, or whose answer was lost."""
        now = time.monotonic()
        if now < self.next_look:
            return
        self.next_look = now + LOOK_SECONDS
        try:
            async with self.turn:
                rows = await (await self._connected()).fetch(FIND_BEHIND)
        except (StoreUnavailable, *LOST, asyncpg.PostgresError):
            if self.connection is not None:
                self.connection.terminate()
            return
        for project in self.left.look((row[0], row[1]) for row in rows):
            self.behind.setdefault(project, now)

    async def _connected(self) -> Connection[Any]:
        if self.connection is None or self.connection.is_closed():
            self.connection = await connect(self.url)
        return self.connection
