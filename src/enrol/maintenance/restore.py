"""``enrol restore``: a backup becomes a database again, checked before and counted after."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

import apsw

from enrol.maintenance import AlreadyThere, MaintenanceFailed, NotThere, Progress
from enrol.maintenance.copies import (
    copy_pages,
    is_sqlite,
    partial_file,
    put_in_place,
    require_sound,
    require_unused,
)
from enrol.maintenance.databases import PostgresDatabase, SqliteDatabase, Step
from enrol.maintenance.places import Place
from enrol.maintenance.programs import find_program, run_program, server_version
from enrol.maintenance.tables import (
    ENROL_TABLES,
    REVISIONS,
    count_rows,
    is_empty,
    is_enrol,
    require_known,
    revision_of,
    table_names,
)

CHECKING: Final = "Checking the backup"
COPYING: Final = "Restoring"
COUNTING: Final = "Counting"
DUMP_MAGIC: Final = b"PGDMP"


class Restored(NamedTuple):
    """A database that was restored; ``set_aside`` is where the one before it is now."""

    database: str
    schema: str
    rows: dict[str, int]
    set_aside: str | None
    seconds: float


def restore(source: Path, place: Place, progress: Progress, *, force: bool = False) -> Restored:
    """Restore into a database that is not there or empty.

    ``force`` replaces a SQLite file, which is set aside. Raises `MaintenanceFailed`.
    """
    start = time.monotonic()
    if not source.is_file():
        raise NotThere(f"There is no backup {source}.")
    with source.open("rb") as file:
        is_dump = file.read(len(DUMP_MAGIC)) == DUMP_MAGIC
    set_aside = None
    if place.is_postgres:
        if not is_dump:
            raise MaintenanceFailed(
                f"{source} is no backup of PostgreSQL. A SQLite backup is restored into a file; "
                "enrol move brings it to PostgreSQL."
            )
        if force:
            raise MaintenanceFailed("--force is for SQLite: restore into a new database.")
        schema, rows = _restore_dump(source, place, progress)
    else:
        if is_dump:
            raise MaintenanceFailed(
                f"{source} is a backup of PostgreSQL: restore it there; enrol move brings it "
                "to SQLite."
            )
        schema, rows, set_aside = _restore_file(source, place, progress, force=force)
    seconds = round(time.monotonic() - start, 3)
    return Restored(str(place), schema, rows, set_aside, seconds)


def _restore_file(
    source: Path, place: Place, progress: Progress, *, force: bool
) -> tuple[str, dict[str, int], str | None]:
    target = place.path
    if not is_sqlite(source):
        raise MaintenanceFailed(f"{source} is no backup of Enrol.")
    if target.exists() and target.samefile(source):
        raise MaintenanceFailed(f"{source} is the database itself.")
    used = _holds_data(target)
    if used and not force:
        raise AlreadyThere(f"The database {place} holds data; --force sets it aside.")
    require_unused(target)
    with partial_file(target) as partial:
        try:
            schema, rows = _copy_checked(source, partial, progress)
        except (apsw.CorruptError, apsw.NotADBError) as error:
            raise MaintenanceFailed(f"{source} is damaged: {error}.") from error
        # Once more: the copy took its time.
        require_unused(target)
        set_aside = _set_aside(target) if used or not target.exists() else None
        put_in_place(partial, target)
    return schema, rows, set_aside


def _copy_checked(source: Path, partial: Path, progress: Progress) -> tuple[str, dict[str, int]]:
    with SqliteDatabase(str(source), read_only=True) as backup:
        progress(CHECKING, 0, None)
        require_sound(backup.connection, str(source))
        tables = table_names(backup)
        schema = require_known(revision_of(backup, tables))
        copy_pages(backup.connection, partial, COPYING, progress)
        expected = count_rows(backup, tables)
    progress(COUNTING, 0, None)
    with SqliteDatabase(str(partial), read_only=True) as copy:
        rows = count_rows(copy, tables)
    if rows != expected:
        raise MaintenanceFailed(f"{source} changed while it was restored.")
    return schema, rows


def _holds_data(target: Path) -> bool:
    if not target.exists() or target.stat().st_size == 0:
        return False
    try:
        with SqliteDatabase(str(target), read_only=True) as database:
            tables = table_names(database)
            return bool(tables) and not (is_enrol(tables) and is_empty(database, tables))
    except (apsw.NotADBError, apsw.CorruptError):
        # Damaged, or something else altogether: whoever gave it this name wants to keep it.
        return True


def _set_aside(target: Path) -> str | None:
    """Rename the file, and a log that a killed process or a deleted file has left behind.

    SQLite would take such a log for the restored file's own.
    """
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    aside = target.with_name(f"{target.name}.replaced-{now}")
    if aside.exists():
        raise AlreadyThere(f"{aside} is there already.")
    existed = target.exists()
    for ending in ("", "-wal", "-shm"):
        part = target.with_name(target.name + ending)
        if part.exists():
            part.rename(aside.with_name(aside.name + ending))
    return str(aside) if existed else None


def _restore_dump(source: Path, place: Place, progress: Progress) -> tuple[str, dict[str, int]]:
    with PostgresDatabase(place) as database:
        program = find_program("pg_restore", server_version(database))
        progress(CHECKING, 0, None)
        schema = require_known(_dumped_revision(program, source))
        arguments = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"]
        tables = table_names(database)
        if tables:
            if not is_empty(database, tables):
                raise AlreadyThere(f"The database {place} holds data: restore into a new one.")
            if revision_of(database, tables) != schema:
                raise MaintenanceFailed(
                    f"The database {place} has tables of another schema than the backup's: "
                    "restore into a new one."
                )
            arguments += ["--clean", "--if-exists"]
        progress(COPYING, 0, None)
        run_program(program, place, [*arguments, str(source)], lambda: None)
        progress(COUNTING, 0, None)
        # The planner knows nothing of tables that have just come.
        database.write([Step("ANALYZE")])
        rows = count_rows(database, table_names(database))
    return schema, rows


def _dumped_revision(program: Path, source: Path) -> str | None:
    """The revision that stands in a dump; None where it is not Enrol's."""
    listed = run_program(program, None, ["--list", str(source)], lambda: None)
    # "215; 1259 16385 TABLE public customers postgres"
    words = [line.split() for line in listed.splitlines() if not line.startswith(";")]
    tables = {line[5] for line in words if line[3:4] == ["TABLE"] and len(line) > 5}
    if not tables >= ENROL_TABLES:
        return None
    arguments = ["--data-only", f"--table={REVISIONS}", "--file=-", str(source)]
    text = run_program(program, None, arguments, lambda: None)
    # The line after COPY, or none where Enrol has not kept revisions.
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith("COPY "):
            value = next(lines, "")
            return None if value == "\\." else value
    return None
