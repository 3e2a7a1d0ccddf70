"""The store on PostgreSQL: a writer and a pool of readers in every HTTP process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

import asyncpg
from asyncpg import Connection, Pool

from enrol.customers.editing.undoing import Undo
from enrol.customers.enrolment import Enrolment, Outcome, Receipt
from enrol.customers.lifecycle.change import Change, ChangeOutcome
from enrol.store.clock import now_ms
from enrol.store.postgres import reads
from enrol.store.postgres.connections import (
    COMMAND_SECONDS,
    CONNECT_SECONDS,
    LOST,
    SERVER_SETTINGS,
    connect,
)
from enrol.store.postgres.enrol import find_many_identifiers, find_receipts
from enrol.store.postgres.schema import check_schema, read_secret
from enrol.store.postgres.writer import PostgresWriter
from enrol.store.protocol import CustomerRecord, KeyRecord, Row, StoreUnavailable
from enrol.store.search.catching_up import catch_up
from enrol.store.search.on_postgres import Indexer, read_steps
from enrol.store.search.steps import Dialect, Steps

READERS: Final = 4
IS_READ_ONLY: Final = "SELECT current_setting('transaction_read_only') = 'on'"
T = TypeVar("T")


class PostgresStore:
    """A `Store`."""

    dialect: Dialect = "postgresql"

    def __init__(self, url: str, *, idempotency_ms: int) -> None:
        self.url = url
        self.idempotency_ms = idempotency_ms
        self.writer = PostgresWriter(url, idempotency_ms)
        self.indexer = Indexer(url)
        self.readers: Pool[Any] | None = None
        self.secret = b""

    async def open(self) -> None:
        """Connect; raises `StoreUnavailable`, and `SchemaError` where the tables do not fit."""
        connection = await connect(self.url)
        try:
            await check_schema(connection)
            self.secret = await read_secret(connection)
        finally:
            await connection.close()
        self.readers = await asyncpg.create_pool(
            self.url,
            min_size=0,
            max_size=READERS,
            timeout=CONNECT_SECONDS,
            command_timeout=COMMAND_SECONDS,
            server_settings=SERVER_SETTINGS,
        )
        self.writer.start()
        self.indexer.start()

    async def close(self) -> None:
        """Finish what was taken in, and disconnect."""
        await self.writer.stop()
        await self.indexer.stop()
        if self.readers is not None:
            self.readers.terminate()

    async def ping(self) -> None:
        """See `Store.ping`."""
        if await self._read(lambda connection: connection.fetchval(IS_READ_ONLY)):
            raise StoreUnavailable("The database takes no writes.")

    async def enrol(self, enrolment: Enrolment) -> Outcome:
        """See `Store.enrol`."""
        outcome = await self.writer.enrol(enrolment)
        self.indexer.note(enrolment.project)
        return outcome

    async def apply(self, change: Change | Undo) -> ChangeOutcome:
        """See `Store.apply`."""
        outcome = await self.writer.apply(change)
        self.indexer.note(change.project)
        return outcome

    async def fetch(self, statement: str, *values: Any) -> list[Row]:
        """See `Store.fetch`."""
        return await self._read(lambda c: reads.fetch(c, statement, values))

    async def fetch_together(self, *asked: tuple[Any, ...]) -> list[list[Row]]:
        """See `Store.fetch_together`."""
        return await self._read(lambda c: reads.fetch_together(c, asked))

    async def run(self, steps: Callable[[], Steps[T]]) -> T:
        """See `Store.run`."""
        return await self._read(lambda c: read_steps(c, steps()))

    async def catch_up(self, project: int, seconds: float) -> int:
        """See `Store.catch_up`."""
        return await catch_up(self.fetch, self.indexer.take_slice, project, seconds)

    async def find_receipt(self, project: int, key_hash: bytes) -> tuple[bytes, Receipt] | None:
        """See `Store.find_receipt`."""
        oldest = now_ms() - self.idempotency_ms
        found = await self._read(lambda c: find_receipts(c, project, [key_hash], oldest))
        return found.get(key_hash)

    async def find_identifiers(self, project: int, hashes: Sequence[bytes]) -> dict[bytes, bytes]:
        """See `Store.find_identifiers`."""
        return await self._read(lambda c: find_many_identifiers(c, project, hashes))

    async def find_key(self, key_hash: bytes) -> KeyRecord | None:
        """See `Store.find_key`."""
        return await self._read(lambda c: reads.find_key(c, key_hash))

    async def find_customers(self, project: int, ids: Sequence[bytes]) -> list[CustomerRecord]:
        """See `Store.find_customers`."""
        return await self._read(lambda c: reads.find_customers(c, project, ids))

    async def count_findings(self, project: int) -> dict[str, int]:
        """See `Store.count_findings`."""
        return await self._read(lambda c: reads.count_findings(c, project))

    async def list_customers(
        self, project: int, *, offset: int, limit: int
    ) -> tuple[list[CustomerRecord], int]:
        """See `Store.list_customers`."""
        return await self._read(lambda c: reads.list_customers(c, project, offset, limit))

    async def _read(self, query: Callable[[Connection[Any]], Awaitable[T]]) -> T:
        """Ask once more on a new connection when the first was lost: reading changes nothing."""
        assert self.readers is not None
        for last in (False, True):
            try:
                async with self.readers.acquire(timeout=CONNECT_SECONDS) as connection:
                    return await query(connection)
            except (*LOST, asyncpg.PostgresError) as error:
                if last or not isinstance(error, LOST):
                    raise StoreUnavailable(type(error).__name__) from error
                await self.readers.expire_connections()
        raise AssertionError
