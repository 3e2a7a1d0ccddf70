"""What is read in several statements is of one moment, though somebody commits between them."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import apsw
import asyncpg
import pytest

from enrol.store.postgres import reads as postgres_reads
from enrol.store.postgres.store import PostgresStore
from enrol.store.protocol import CustomerRecord
from enrol.store.sqlite.file import connect, prepare, transaction
from enrol.store.sqlite.keys.identifiers import Shelf
from enrol.store.sqlite.store import SqliteStore

PROJECT = 1
DAY_MS = 86_400_000
KEY, SOURCE, TARGET, WALLET = (letter * 16 for letter in (b"k", b"s", b"t", b"w"))
CUSTOMER = f"""
INSERT INTO customers (project, id, batch_id, type, created_at, version)
VALUES ({PROJECT}, $1, $1, 'Individual', 0, 0)
"""
# A merge gives the target what the source had.
MERGE = (
    f"UPDATE customers SET version = 1 WHERE project = {PROJECT} AND id = $1",
    f"""
    INSERT INTO wallets
    (project, customer_id, id, namespace, address, canonical, verified, created_by, created_at)
    VALUES ({PROJECT}, $1, '{WALLET.decode()}', 'eip155', '0x', '0x', FALSE, 'me', 0)
    """,
)


def is_of_one_moment(records: Sequence[CustomerRecord]) -> bool:
    (record,) = records
    return bool(record.customer["version"] == len(record.wallets))


class Merging(SqliteStore):
    """A store on whose reads a merge is committed, before the second statement that finds rows."""

    def __init__(self, database: str) -> None:
        super().__init__(database, "", idempotency_ms=DAY_MS)
        self.other = connect(database)
        self.found = 0

    def _connection(self) -> apsw.Connection:
        connection = super()._connection()
        connection.exec_trace = self._trace
        return connection

    def _trace(self, _: object, statement: str, __: object) -> bool:
        if statement.lstrip().startswith(("SELECT", "WITH")):
            self.found += 1
            if self.found == 2:
                self.merge()
        return True

    def merge(self) -> None:
        with transaction(self.other):
            shelf = Shelf(self.other, PROJECT)
            shelf.find(self.other, [KEY])
            shelf.release(self.other, [KEY])
            shelf.add(self.other, [(KEY, TARGET)])
            for statement in MERGE:
                self.other.execute(statement.replace("$1", "?"), (TARGET,))


@pytest.fixture
def on_file(tmp_path: Path) -> Iterator[Merging]:
    path = str(tmp_path / "enrol.db")
    prepare(path)
    store = Merging(path)
    store.other.execute("INSERT INTO identifiers VALUES (?, ?, ?)", (PROJECT, KEY, SOURCE))
    store.other.execute(CUSTOMER.replace("$1", "?1"), (TARGET,))
    yield store
    store.readers.shutdown()
    store.other.close()


async def test_a_key_that_a_merge_moves_always_belongs_to_somebody(on_file: Merging) -> None:
    assert await on_file.find_identifiers(PROJECT, [KEY]) == {KEY: SOURCE}
    assert await on_file.find_identifiers(PROJECT, [KEY]) == {KEY: TARGET}


async def test_a_customer_in_a_file_is_read_as_it_is_at_one_moment(on_file: Merging) -> None:
    assert is_of_one_moment(await on_file.find_customers(PROJECT, [TARGET]))
    (record,) = await on_file.find_customers(PROJECT, [TARGET])
    assert (record.customer["version"], len(record.wallets)) == (1, 1)


@pytest.fixture
async def on_postgres(url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PostgresStore]:
    """A store on whose first read a merge is committed, behind the first of its statements."""
    other = await asyncpg.connect(url)
    await other.execute(CUSTOMER, TARGET)
    parts = postgres_reads._parts
    found = 0

    async def merging(*asked: Any) -> list[Mapping[str, Any]]:
        nonlocal found
        rows = await parts(*asked)
        found += 1
        if found == 1:
            async with other.transaction():
                for statement in MERGE:
                    await other.execute(statement, TARGET)
        return rows

    monkeypatch.setattr(postgres_reads, "_parts", merging)
    store = PostgresStore(url, idempotency_ms=DAY_MS)
    await store.open()
    yield store
    await store.close()
    await other.close()


async def test_a_customer_on_postgresql_is_read_as_it_is_at_one_moment(
    on_postgres: PostgresStore,
) -> None:
    assert is_of_one_moment(await on_postgres.find_customers(PROJECT, [TARGET]))
    (record,) = await on_postgres.find_customers(PROJECT, [TARGET])
    assert (record.customer["version"], len(record.wallets)) == (1, 1)
