"""A copy of a SQLite file, made page by page while others write it, and put in place whole."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

import apsw

from enrol.maintenance import MaintenanceFailed, Progress

# 10 MiB: often enough for a bar that moves.
PAGES_A_STEP: Final = 2_560
MAGIC: Final = b"SQLite format 3\x00"
MOST_MESSAGES: Final = 10
OWNER_ALONE: Final = 0o600
# A server that has a file open holds its lock for as long; waiting would not help.
BUSY_MILLISECONDS: Final = 200


@contextmanager
def partial_file(target: Path) -> Iterator[Path]:
    """A new empty file beside the target, for its owner alone; gone after the block."""
    partial = target.with_name(f".{target.name}.{uuid4().hex[:8]}.partial")
    try:
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_RDWR, OWNER_ALONE))
    except OSError as error:
        raise MaintenanceFailed(f"{target} cannot be written: {error.strerror}.") from error
    try:
        yield partial
    finally:
        partial.unlink(missing_ok=True)


def put_in_place(partial: Path, target: Path) -> None:
    """Give the file its name, on the disk as well: after a power cut it is there, whole."""
    _sync(partial)
    partial.replace(target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def copy_pages(source: apsw.Connection, target: Path, step: str, progress: Progress) -> None:
    """Copy what the source holds at this moment into an empty file, as one file without a log."""
    copy = apsw.Connection(str(target))
    try:
        # The file is nothing until it has its name, and is synced before it gets it.
        copy.pragma("journal_mode", "off")
        copy.pragma("synchronous", "off")
        # One snapshot for all steps. Without it each commit of the server would make SQLite
        # begin anew, and a busy server's backup would never end.
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        try:
            with copy.backup("main", source, "main") as backup:
                while not backup.done:
                    backup.step(PAGES_A_STEP)
                    progress(step, backup.page_count - backup.remaining, backup.page_count)
        finally:
            source.execute("ROLLBACK")
        copy.pragma("journal_mode", "delete")
    finally:
        copy.close()


def require_sound(connection: apsw.Connection, name: str) -> None:
    """Raises `MaintenanceFailed` unless SQLite finds every page and index as it should be."""
    if problems := integrity_problems(connection):
        raise MaintenanceFailed(f"{name} is damaged: {problems[0]}.")


def require_unused(target: Path) -> None:
    """Raises `MaintenanceFailed` when a process has the file open.

    A server knows the file's secret and keys by heart, and would go on in a file that is gone.
    """
    if not target.exists():
        return
    connection = apsw.Connection(str(target))
    connection.set_busy_timeout(BUSY_MILLISECONDS)
    try:
        # Only who is alone may leave the mode of the log, and that brings the log home.
        connection.pragma("journal_mode", "delete")
    except apsw.BusyError:
        raise MaintenanceFailed(f"The database {target} is in use: stop its server.") from None
    except (apsw.NotADBError, apsw.CorruptError):
        return
    finally:
        connection.close()


def integrity_problems(connection: apsw.Connection) -> list[str]:
    """What SQLite's integrity check finds wrong; places and names, never a value."""
    try:
        rows = connection.execute(f"PRAGMA integrity_check({MOST_MESSAGES})").fetchall()
    except (apsw.CorruptError, apsw.NotADBError) as error:
        return [str(error)]
    # SQLite puts a line break into some of its sentences.
    return [" ".join(str(text).split()) for (text,) in rows if text != "ok"]


def is_sqlite(path: Path) -> bool:
    """True for a file that begins as SQLite's do."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC
