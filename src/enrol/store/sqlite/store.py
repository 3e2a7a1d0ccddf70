"""The store on one SQLite file: reads here, writes by the writer process (sqlite/writer.py)."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

import apsw

from enrol.customers.editing.undoing import Undo
from enrol.customers.enrolment import Enrolment, KeyReused, Outcome, Receipt, Refused, Stored
from enrol.customers.lifecycle.change import Applied, Change, ChangeOutcome, Conflict, Stale
from enrol.store.clock import now_ms
from enrol.store.group import decode_receipt
from enrol.store.protocol import CustomerRecord, KeyRecord, Row, StoreFull, StoreUnavailable
from enrol.store.search.catching_up import catch_up
from enrol.store.search.on_sqlite import read_steps
from enrol.store.search.steps import Dialect, Steps
from enrol.store.sqlite import reads
from enrol.store.sqlite.enrol import find_receipt
from enrol.store.sqlite.file import connect, read_secret
from enrol.store.sqlite.writer_connection import WriterConnection

READERS: Final = 2
T = TypeVar("T")


class SqliteStore:
    """A `Store`; its writer listens at ``writer_path``."""

    dialect: Dialect = "sqlite"

    def __init__(self, database: str, writer_path: str, *, idempotency_ms: int) -> None:
        self.database = database
        self.idempotency_ms = idempotency_ms
        self.writer = WriterConnection(writer_path)
        self.local = threading.local()
        self.readers = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self.secret = b""

    async def open(self) -> None:
        """Connect to the writer, which has made the file ready before it listens."""
        await self.writer.connect()
        self.secret = await self._read(read_secret)

    async def close(self) -> None:
        """Disconnect."""
        self.writer.close()
        self.readers.shutdown()

    async def ping(self) -> None:
        """See `Store.ping`."""
        await self.writer.connect()
        await self._read(reads.ping)

    async def enrol(self, enrolment: Enrolment) -> Outcome:
        """See `Store.enrol`."""
        kind, payload = await self.writer.ask("enrol", tuple(enrolment))
        if kind == "stored":
            receipt, replayed = payload
            return Stored(decode_receipt(receipt), replayed)
        if kind == "refused":
            return Refused(payload)
        if kind == "reused":
            return KeyReused()
        raise _failure(payload)

    async def apply(self, change: Change | Undo) -> ChangeOutcome:
        """See `Store.apply`."""
        if isinstance(change, Undo):
            kind, payload = await self.writer.ask("undo", tuple(change))
        else:
            kind, payload = await self.writer.ask("apply", change.plain())
        if kind == "applied":
            return Applied(payload)
        if kind == "stale":
            return Stale()
        if kind == "conflict":
            return Conflict(payload)
        raise _failure(payload)

    async def fetch(self, statement: str, *values: Any) -> list[Row]:
        """See `Store.fetch`."""
        return await self._read(lambda file: reads.fetch(file, statement, values))

    async def fetch_together(self, *asked: tuple[Any, ...]) -> list[list[Row]]:
        """See `Store.fetch_together`."""
        return await self._read(lambda file: reads.fetch_together(file, asked))

    async def run(self, steps: Callable[[], Steps[T]]) -> T:
        """See `Store.run`."""
        return await self._read(lambda file: read_steps(file, steps()))

    async def catch_up(self, project: int, seconds: float) -> int:
        """See `Store.catch_up`."""

        async def take_slice(project: int) -> None:
            kind, payload = await self.writer.ask("index", project)
            if kind == "failed":
                raise _failure(payload)

        return await catch_up(self.fetch, take_slice, project, seconds)

    async def find_receipt(self, project: int, key_hash: bytes) -> tuple[bytes, Receipt] | None:
        """See `Store.find_receipt`."""
        oldest = now_ms() - self.idempotency_ms
        return await self._read(lambda file: find_receipt(file, project, key_hash, oldest))

    async def find_identifiers(self, project: int, hashes: Sequence[bytes]) -> dict[bytes, bytes]:
        """See `Store.find_identifiers`."""
        return await self._read(lambda file: reads.find_identifiers(file, project, hashes))

    async def find_key(self, key_hash: bytes) -> KeyRecord | None:
        """See `Store.find_key`."""
        return await self._read(lambda file: reads.find_key(file, key_hash))

    async def find_customers(self, project: int, ids: Sequence[bytes]) -> list[CustomerRecord]:
        """See `Store.find_customers`."""
        return await self._read(lambda file: reads.find_customers(file, project, ids))

    async def count_findings(self, project: int) -> dict[str, int]:
        """See `Store.count_findings`."""
        return await self._read(lambda file: reads.count_findings(file, project))

    async def list_customers(
        self, project: int, *, offset: int, limit: int
    ) -> tuple[list[CustomerRecord], int]:
        """See `Store.list_customers`."""
        return await self._read(lambda file: reads.list_customers(file, project, offset, limit))

    async def _read(self, query: Callable[[apsw.Connection], T]) -> T:
        def run() -> T:
            try:
                return query(self._connection())
            except apsw.Error as error:
                raise StoreUnavailable(type(error).__name__) from error

        return await asyncio.get_running_loop().run_in_executor(self.readers, run)

    def _connection(self) -> apsw.Connection:
        connection: Any = getattr(self.local, "connection", None)
        if connection is None:
            connection = self.local.connection = connect(self.database, read_only=True)
        return connection  # type: ignore[no-any-return]


def _failure(code: str) -> StoreFull | StoreUnavailable:
    return StoreFull() if code == "store.full" else StoreUnavailable(code)
