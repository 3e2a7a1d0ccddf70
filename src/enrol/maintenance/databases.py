"""A database as maintenance sees it: a few plain calls that are the same for both kinds.

Blocking on purpose: a command does one thing after another, and serves nobody meanwhile.
Placeholders are ``$1``, ``$2``, first used in this order, which SQLite and PostgreSQL both take.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Protocol, Self, TypeVar

import apsw

from enrol.customers.enrolment import Row
from enrol.maintenance import MaintenanceFailed, NotThere
from enrol.maintenance.places import Place
from enrol.store.sqlite.file import connect, transaction

if TYPE_CHECKING:
    import asyncpg

CONNECT_SECONDS: Final = 10.0
# What one call hands over at most, for rows hold texts and pictures of any size.
MOST_ROWS: Final = 5_000
MOST_BYTES: Final = 8 * 1024 * 1024
ROWS_AT_ONCE: Final = 100

T = TypeVar("T")


class Database(Protocol):
    """An open database. Whatever fails on PostgreSQL is raised as `MaintenanceFailed`."""

    dialect: str

    def rows(self, query: str, *values: Any) -> list[Row]:
        """All rows of a query whose answer is short."""
        ...

    def first_rows(self, query: str, *values: Any) -> list[Row]:
        """The first rows, as many as fit into `MOST_ROWS` and `MOST_BYTES`; one at least."""
        ...

    def write(self, steps: "Sequence[Step]") -> None:
        """Do all steps in one transaction."""
        ...

    def close(self) -> None:
        """Disconnect."""
        ...


class Step:
    """A statement with its values; or ``rows``, to be added to ``table``."""

    def __init__(
        self,
        statement: str = "",
        *values: Any,
        table: str = "",
        columns: Sequence[str] = (),
        rows: Sequence[Row] = (),
    ) -> None:
        self.statement = statement
        self.values = values
        self.table = table
        self.columns = columns
        self.rows = rows


class SqliteDatabase:
    """A `Database` in a file, which must be there."""

    dialect = "sqlite"

    def __init__(self, path: str, *, read_only: bool = False) -> None:
        self.connection = connect(path, read_only=read_only)
        # What sorts a whole table belongs on the disk.
        self.connection.pragma("temp_store", "file")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def rows(self, query: str, *values: Any) -> list[Row]:
        """See `Database.rows`."""
        return list(self.connection.execute(query, values))

    def first_rows(self, query: str, *values: Any) -> list[Row]:
        """See `Database.first_rows`."""
        rows: list[Row] = []
        size = 0
        cursor = self.connection.execute(query, values)
        for row in cursor:
            rows.append(row)
            size += row_bytes(row)
            if len(rows) >= MOST_ROWS or size >= MOST_BYTES:
                cursor.close(True)
                break
        return rows

    def write(self, steps: Sequence[Step]) -> None:
        """See `Database.write`."""
        with transaction(self.connection):
            for step in steps:
                if step.table:
                    places = ", ".join("?" * len(step.columns))
                    columns = ", ".join(step.columns)
                    insert = f"INSERT INTO {step.table} ({columns}) VALUES ({places})"  # noqa: S608
                    self.connection.executemany(insert, step.rows)
                else:
                    self.connection.execute(step.statement, step.values)

    def close(self) -> None:
        """See `Database.close`."""
        self.connection.close()


class PostgresDatabase:
    """A `Database` of a PostgreSQL server."""

    dialect = "postgresql"

    def __init__(self, place: Place, **settings: str) -> None:
        self.place = place
        self.runner = asyncio.Runner()
        try:
            self.connection = self.run(_connect(place.text, settings))
        except BaseException:
            self.runner.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def rows(self, query: str, *values: Any) -> list[Row]:
        """See `Database.rows`."""
        return [tuple(row) for row in self.run(self.connection.fetch(query, *values))]

    def first_rows(self, query: str, *values: Any) -> list[Row]:
        """See `Database.first_rows`."""
        return self.run(self._first_rows(query, values))

    async def _first_rows(self, query: str, values: Sequence[Any]) -> list[Row]:
        rows: list[Row] = []
        size = 0
        async with self.connection.transaction(readonly=True):
            cursor = await self.connection.cursor(query, *values)
            while len(rows) < MOST_ROWS and size < MOST_BYTES:
                more = [tuple(row) for row in await cursor.fetch(ROWS_AT_ONCE)]
                rows += more
                size += sum(map(row_bytes, more))
                if len(more) < ROWS_AT_ONCE:
                    break
        return rows

    def write(self, steps: Sequence[Step]) -> None:
        """See `Database.write`."""
        self.run(self._write(steps))

    async def _write(self, steps: Sequence[Step]) -> None:
        async with self.connection.transaction():
            for step in steps:
                if step.table:
                    await self.connection.copy_records_to_table(
                        step.table, records=step.rows, columns=list(step.columns)
                    )
                else:
                    await self.connection.execute(step.statement, *step.values)

    def close(self) -> None:
        """See `Database.close`."""
        try:
            self.run(self.connection.close(timeout=CONNECT_SECONDS))
        except MaintenanceFailed:
            self.connection.terminate()
        finally:
            self.runner.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of what is done on `connection`."""
        import asyncpg

        try:
            return self.runner.run(work)
        except asyncpg.PostgresError as error:
            raise MaintenanceFailed(f"{self.place}: {postgres_reason(error)}.") from error
        except (OSError, asyncpg.InterfaceError) as error:
            if hasattr(self, "connection"):
                raise MaintenanceFailed(f"The connection to {self.place} was lost.") from error
            # TimeoutError is an OSError, and has no words of its own.
            reason = str(error) or type(error).__name__
            raise MaintenanceFailed(f"{self.place} cannot be reached: {reason}.") from error


async def _connect(url: str, settings: dict[str, str]) -> "asyncpg.Connection[Any]":
    import asyncpg

    # Prepared statements and their plans are of no use to queries that are asked once.
    return await asyncpg.connect(
        url,
        timeout=CONNECT_SECONDS,
        server_settings={"application_name": "enrol maintenance", **settings},
    )


def postgres_reason(error: Exception) -> str:
    """The server's first line: below it stand a row's values."""
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


def row_bytes(row: Row) -> int:
    """About how much memory the texts of a row take."""
    return sum(len(value) for value in row if type(value) is str or type(value) is bytes)


def open_database(place: Place, *, read_only: bool = False) -> SqliteDatabase | PostgresDatabase:
    """Connect. Raises `NotThere` for a file that is not there: a typo is no empty database."""
    if place.is_postgres:
        return PostgresDatabase(place)
    if not place.path.exists():
        raise NotThere(f"There is no database {place}.")
    try:
        return SqliteDatabase(place.text, read_only=read_only)
    except apsw.Error as error:
        raise MaintenanceFailed(f"The database {place} cannot be opened: {error}.") from error
