"""``enrol move``: a database goes from SQLite to PostgreSQL or back, and is compared afterwards.

Rows are copied in the order of their keys, some thousands a transaction, and each transaction
also notes how far it came: whatever ends a move, the next one goes on from there. At the end both
sides are read and their digests compared, table by table. The secret of the keyed hashes goes
last, so that no server takes half a database for a whole one.
"""

import time
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct

from enrol.maintenance import AlreadyThere, MaintenanceFailed, NotThere, Progress
from enrol.maintenance.copies import require_unused
from enrol.maintenance.databases import (
    Database,
    PostgresDatabase,
    SqliteDatabase,
    Step,
    open_database,
)
from enrol.maintenance.moved_tables import MovedTable, gather_runs, moved_tables
from enrol.maintenance.places import Place
from enrol.maintenance.tables import (
    is_empty,
    is_enrol,
    revision_of,
    table_names,
)
from enrol.store.migrations import plan
from enrol.store.protocol import SchemaTooNew, StoreUnavailable
from enrol.store.sqlite.file import prepare

COPYING: Final = "Copying"
COMPARING: Final = "Comparing"
DIGEST_BYTES: Final = 16
# The row of `meta` that tells how far a move has come. It is there from the first step to the last.
MARK: Final = "move"
SECRET: Final = "secret"
READ_META: Final = "SELECT value FROM meta WHERE name = $1"
DELETE_META: Final = "DELETE FROM meta WHERE name = $1"
ADD_META: Final = "INSERT INTO meta (name, value) VALUES ($1, $2)"
# How far a file has filed its keys is of that file alone.
LIST_META: Final = "SELECT name, value FROM meta WHERE name NOT LIKE 'filing.%'"
# A server knows the secret that the target had, and would go on to use it.
SERVERS: Final = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'enrol'
"""

encode: Final = msgspec.msgpack.Encoder().encode


class Mark(Struct, kw_only=True):
    """How far a move has come: the last key copied of each table, as Python's own values."""

    source: bytes
    copied: dict[str, int]
    last: dict[str, list[Any]]


class MovedRows(NamedTuple):
    """A table that is the same on both sides."""

    rows: int
    digest: str


class Move(NamedTuple):
    """A move that was finished; ``resumed``: it had been begun before."""

    tables: dict[str, MovedRows]
    resumed: bool
    seconds: float


def move(source: Place, target: Place, progress: Progress) -> Move:
    """Move all rows. Raises `MaintenanceFailed`; then the same call goes on where it ended."""
    start = time.monotonic()
    if source.text == target.text:
        raise MaintenanceFailed("--from and --to are the same database.")
    with open_database(source) as origin:
        _require_head(origin, source)
        identity = _identity(origin, source)
        with _open_target(target) as goal:
            _require_head(goal, target)
            mark, resumed = _begin(goal, target, identity)
            for database in (origin, goal):
                gather_runs(database)
            tables = moved_tables()
            total = sum(table.count(origin) for table in tables)
            for table in tables:
                _copy(table, origin, goal, mark, total, progress)
            moved = _compare(tables, origin, goal, mark, total, progress)
            _finish(origin, goal)
    return Move(moved, resumed, round(time.monotonic() - start, 3))


def _open_target(place: Place) -> SqliteDatabase | PostgresDatabase:
    if not place.is_postgres:
        require_unused(place.path)
        try:
            prepare(place.text)
        except (StoreUnavailable, SchemaTooNew) as error:
            raise MaintenanceFailed(f"{place} cannot be moved to: {error}") from error
        return SqliteDatabase(place.text)
    database = PostgresDatabase(place)
    if database.rows(SERVERS)[0][0]:
        database.close()
        raise MaintenanceFailed(f"The database {place} is in use: stop its servers.")
    return database


def _require_head(database: Database, place: Place) -> None:
    tables = table_names(database)
    if not is_enrol(tables):
        hint = "run enrol migrate on it first" if place.is_postgres else "name another"
        raise NotThere(f"{place} is not an Enrol database: {hint}.")
    if (revision := revision_of(database, tables)) != plan.head():
        raise MaintenanceFailed(
            f"{place} has schema {revision}, not {plan.head()}: run enrol migrate on it first."
        )


def _identity(origin: Database, source: Place) -> bytes:
    """What tells the source from other databases: a hash of its secret, which is not shown."""
    if origin.rows(READ_META, MARK):
        raise MaintenanceFailed(f"{source} is itself the half of a move that has not ended.")
    secret = origin.rows(READ_META, SECRET)
    if not secret:
        raise MaintenanceFailed(f"{source} has no secret: it is not an Enrol database.")
    return blake2b(secret[0][0], digest_size=DIGEST_BYTES).digest()


def _begin(goal: Database, target: Place, identity: bytes) -> tuple[Mark, bool]:
    """The mark of this move, made or found; and whether it was found."""
    found = goal.rows(READ_META, MARK)
    if found:
        mark = msgspec.msgpack.decode(found[0][0], type=Mark)
        if mark.source != identity:
            raise AlreadyThere(f"Another database is being moved to {target}.")
        return mark, True
    if not is_empty(goal, table_names(goal)):
        raise AlreadyThere(f"{target} holds data: move into an empty database.")
    mark = Mark(source=identity, copied={}, last={})
    goal.write([Step("DELETE FROM meta"), Step(ADD_META, MARK, encode(mark))])
    return mark, False


def _copy(
    table: MovedTable, origin: Database, goal: Database, mark: Mark, total: int, progress: Progress
) -> None:
    # What earlier tables and an earlier call have copied counts as done.
    for rows in table.chunks(origin, mark.last.get(table.name)):
        mark.last[table.name] = list(table.key_of(rows[-1]))
        mark.copied[table.name] = mark.copied.get(table.name, 0) + len(rows)
        goal.write([table.adding(rows, goal), *_noting(mark)])
        progress(COPYING, sum(mark.copied.values()), total)


def _noting(mark: Mark) -> list[Step]:
    return [Step(DELETE_META, MARK), Step(ADD_META, MARK, encode(mark))]


def _compare(
    tables: Sequence[MovedTable],
    origin: Database,
    goal: Database,
    mark: Mark,
    total: int,
    progress: Progress,
) -> dict[str, MovedRows]:
    """Read both sides. Raises `MaintenanceFailed` where they differ; those tables begin anew."""
    _analyze(goal)
    moved: dict[str, MovedRows] = {}
    different: list[str] = []
    done = 0
    for table in tables:
        sides = []
        for database in (origin, goal):
            digest, number = blake2b(digest_size=DIGEST_BYTES), 0
            for rows in table.chunks(database, None):
                digest.update(b"".join(map(encode, rows)))
                number += len(rows)
                done += len(rows)
                progress(COMPARING, done, 2 * total)
            sides.append(MovedRows(number, digest.hexdigest()))
        moved[table.name] = sides[0]
        if sides[0] != sides[1]:
            different.append(table.name)
    if different:
        _begin_anew(tables, different, goal, mark)
        raise MaintenanceFailed(
            f"{', '.join(different)} differ: the source was written while it was moved. Stop its "
            "servers and move again; what is the same stays."
        )
    return moved


def _begin_anew(
    tables: Sequence[MovedTable], different: list[str], goal: Database, mark: Mark
) -> None:
    again = [table for table in tables if not {table.name, *table.needs}.isdisjoint(different)]
    for table in again:
        mark.last.pop(table.name, None)
        mark.copied.pop(table.name, None)
    # What refers to others goes first.
    deletes = [Step(f"DELETE FROM {table.name}") for table in reversed(again)]  # noqa: S608
    goal.write([*deletes, *_noting(mark)])


def _finish(origin: Database, goal: Database) -> None:
    rows = [Step(ADD_META, name, bytes(value)) for name, value in origin.rows(LIST_META)]
    goal.write([Step(DELETE_META, MARK), *rows])


def _analyze(goal: Database) -> None:
    # The planner knows nothing of tables that have just come.
    if goal.dialect == "postgresql":
        goal.write([Step("ANALYZE")])
