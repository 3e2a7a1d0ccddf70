"""``enrol backup``: one file that holds a database as it is at one moment, while it is used."""

import os
import time
from pathlib import Path
from typing import Final, NamedTuple

from enrol.maintenance import AlreadyThere, MaintenanceFailed, Progress
from enrol.maintenance.copies import copy_pages, partial_file, put_in_place, require_sound
from enrol.maintenance.databases import Database, PostgresDatabase, SqliteDatabase, open_database
from enrol.maintenance.places import Place
from enrol.maintenance.programs import bytes_of, find_program, run_program, server_version
from enrol.maintenance.tables import is_enrol, revision_of, table_names

COPYING: Final = "Copying"
CHECKING: Final = "Checking the copy"
DUMP_FORMAT: Final = "--format=custom"


class Backup(NamedTuple):
    """A backup that was made and checked."""

    file: str
    bytes: int
    schema: str
    seconds: float


def back_up(place: Place, target: Path, progress: Progress, *, force: bool = False) -> Backup:
    """Write the backup; ``force`` replaces a file that is there. Raises `MaintenanceFailed`."""
    start = time.monotonic()
    _require_free(place, target, force=force)
    with open_database(place, read_only=True) as database:
        revision = _revision(database, place)
        with partial_file(target) as partial:
            if isinstance(database, PostgresDatabase):
                _dump(database, partial, progress)
            else:
                _copy(database, partial, progress)
            _require_free(place, target, force=force)
            put_in_place(partial, target)
    seconds = round(time.monotonic() - start, 3)
    return Backup(str(target), target.stat().st_size, revision, seconds)


def _require_free(place: Place, target: Path, *, force: bool) -> None:
    if target.is_dir():
        raise MaintenanceFailed(f"{target} is a folder: name a file.")
    if not place.is_postgres:
        # Without its log a database lacks what was committed last, and nobody would notice.
        for part in ("", "-wal", "-shm", "-journal"):
            if target.resolve() == Path(f"{place.path.resolve()}{part}"):
                raise MaintenanceFailed(f"{target} is the database itself.")
        if target.exists() and target.samefile(place.path):
            raise MaintenanceFailed(f"{target} is the database itself.")
    if target.exists() and not force:
        raise AlreadyThere(f"{target} is there already; --force replaces it.")


def _revision(database: Database, place: Place) -> str:
    # One that is newer than this Enrol is backed up as well: nothing of it is interpreted.
    tables = table_names(database)
    revision = revision_of(database, tables) if is_enrol(tables) else None
    if revision is None:
        raise MaintenanceFailed(f"{place} is not an Enrol database.")
    return revision


def _copy(database: SqliteDatabase, partial: Path, progress: Progress) -> None:
    copy_pages(database.connection, partial, COPYING, progress)
    progress(CHECKING, 0, None)
    with SqliteDatabase(str(partial), read_only=True) as copy:
        require_sound(copy.connection, "The copy")


def _dump(database: PostgresDatabase, partial: Path, progress: Progress) -> None:
    server = server_version(database)
    dump, restore = find_program("pg_dump", server), find_program("pg_restore", server)
    # Whoever restores it may have other users.
    arguments = [DUMP_FORMAT, "--no-owner", "--no-privileges", f"--file={partial}"]
    run_program(dump, database.place, arguments, lambda: progress(COPYING, bytes_of(partial), None))
    progress(CHECKING, 0, None)
    # Reads and unpacks all of it, into nothing.
    run_program(restore, None, [f"--file={os.devnull}", str(partial)], lambda: None)
