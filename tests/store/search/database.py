"""A database whose rows a test writes itself, and whose index it keeps itself."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from enrol.store.postgres.connections import connect as connect_postgres
from enrol.store.postgres.schema import prepare as prepare_postgres
from enrol.store.search import on_postgres, on_sqlite
from enrol.store.search.indexing import index_slice
from enrol.store.search.steps import Dialect, Steps
from enrol.store.sqlite.file import connect, prepare, transaction
from enrol.store.statements import insert_into, to_sqlite

T = TypeVar("T")
PROJECT = 7


class SqliteBase:
    """A file."""

    dialect: Dialect = "sqlite"

    def __init__(self, path: Path) -> None:
        prepare(str(path))
        self.connection = connect(str(path))

    def write(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        with transaction(self.connection):
            self.connection.executemany(to_sqlite(statement), rows)

    def run(self, steps: Steps[T]) -> T:
        with transaction(self.connection):
            return on_sqlite.run_steps(self.connection, steps)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        rows: Any = self.connection.execute(statement)
        return list(rows)

    def close(self) -> None:
        self.connection.close()


class PostgresBase:
    """A database of a server."""

    dialect: Dialect = "postgresql"

    def __init__(self, url: str) -> None:
        self.runner = asyncio.Runner()
        self.connection = self.runner.run(connect_postgres(url))
        self.runner.run(prepare_postgres(self.connection))

    def write(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        self.runner.run(self.connection.executemany(statement, rows))

    def run(self, steps: Steps[T]) -> T:
        async def run() -> T:
            async with self.connection.transaction():
                return await on_postgres.run_steps(self.connection, steps)

        return self.runner.run(run())

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.runner.run(self.connection.fetch(statement))]

    def close(self) -> None:
        self.runner.run(self.connection.close())
        self.runner.close()


Base = SqliteBase | PostgresBase


def open_base(folder: Path, url: str | None) -> Base:
    return SqliteBase(folder / "enrol.db") if url is None else PostgresBase(url)


def insert(base: Base, table: str, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows of the same columns."""
    if rows:
        columns = tuple(rows[0])
        base.write(insert_into(table, columns), [tuple(row.values()) for row in rows])


def add_events(base: Base, seq: int, events: Sequence[tuple[str, bytes]]) -> int:
    """Add events behind a number, and give that of the last."""
    rows = [
        {"project": PROJECT, "seq": seq + place, "type": kind, "customer_id": customer}
        for place, (kind, customer) in enumerate(events, 1)
    ]
    insert(base, "events", rows)
    last = seq + len(rows)
    base.write(
        "INSERT INTO chain_heads (project, seq, hash) VALUES ($1, $2, $3) "
        "ON CONFLICT (project) DO UPDATE SET seq = excluded.seq",
        [(PROJECT, last, b"")],
    )
    return last


def index_all(base: Base, most: int = 2_000) -> int:
    """Index until there is nothing to do; how many slices that took."""
    slices = 0
    while base.run(index_slice(base.dialect, PROJECT, most)):
        slices += 1
    return slices
