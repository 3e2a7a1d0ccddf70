"""One SQLite file: how a connection to it is opened, and its schema.

apsw alone opens it. Two builds of SQLite in one process would drop one another's file locks
(sqlite.org/howtocorrupt.html section 2.2.1), so the standard library's module stays out.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import apsw

from enrol.store.migrations import plan
from enrol.store.protocol import SCHEMA_VERSION, SchemaTooNew, StoreUnavailable

PAGE_SIZE: Final = 4096
# Each page in the log is copied once at a checkpoint, however often it was written, so a long
# log saves work: 100 MiB, which a crashed server reads again in a fraction of a second.
CHECKPOINT_PAGES: Final = 25_600
BUSY_MILLISECONDS: Final = 30_000
WAL_RETRY_SECONDS: Final = 0.01
MIB_IN_KIB: Final = 1024

# A file from before the revisions has all but this, and stands at the first of them.
STAMP: Final = """
CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO alembic_version (version_num) VALUES ('0001');
"""


def connect(path: str, *, cache_mib: int = 16, read_only: bool = False) -> apsw.Connection:
    """Open the file (made when it is not there) as a WAL database that is durable per commit."""
    connection = apsw.Connection(path)
    connection.set_busy_timeout(BUSY_MILLISECONDS)
    connection.pragma("cache_size", -cache_mib * MIB_IN_KIB)
    connection.pragma("foreign_keys", True)
    connection.pragma("temp_store", "memory")
    if read_only:
        connection.pragma("query_only", True)
    else:
        connection.pragma("page_size", PAGE_SIZE)
        _set_wal(connection)
        connection.pragma("synchronous", "full")
        # What is deleted from a page that is written anyway is overwritten: see scrubbing.py.
        connection.pragma("secure_delete", "fast")
        connection.pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
        connection.pragma("journal_size_limit", 2 * CHECKPOINT_PAGES * PAGE_SIZE)
    return connection


def _set_wal(connection: apsw.Connection) -> None:
    # SQLite does not wait here by itself when another process is just making the same file.
    deadline = time.monotonic() + BUSY_MILLISECONDS / 1000
    while True:
        try:
            connection.pragma("journal_mode", "wal")
        except apsw.BusyError:
            if time.monotonic() > deadline:
                raise
            time.sleep(WAL_RETRY_SECONDS)
        else:
            return


def prepare(path: str) -> None:
    """Make the file and its tables, or bring them to the newest revision.

    The file can be read by its owner alone: it holds personal data. Raises `SchemaTooNew`, and
    `StoreUnavailable` when the file cannot be opened.
    """
    try:
        if not Path(path).exists():
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        connection = connect(path)
    except (OSError, apsw.Error) as error:
        raise StoreUnavailable(f"The database cannot be opened: {type(error).__name__}") from error
    # What a revision sorts may be all that there is.
    connection.pragma("temp_store", "file")
    try:
        while plan.is_behind(revision := read_revision(connection)):
            _migrate(connection, revision)
    finally:
        connection.close()


def read_revision(connection: apsw.Connection) -> str | None:
    """The revision of the schema; None where there is none yet. Raises `SchemaTooNew`."""
    version = connection.pragma("user_version")
    if version > SCHEMA_VERSION:
        raise SchemaTooNew(f"The database has schema {version}, this Enrol {SCHEMA_VERSION}.")
    if version == 0:
        if connection.execute("SELECT count(*) FROM sqlite_master").get:
            raise StoreUnavailable("It is not an Enrol database: it has tables of another's.")
        return None
    if not _is_stamped(connection):
        return "0001"
    revision: str | None = connection.execute("SELECT version_num FROM alembic_version").get
    return revision


def _is_stamped(connection: apsw.Connection) -> bool:
    # Not by `Connection.table_exists`, which knows the tables that there were when it was opened.
    statement = "SELECT count(*) FROM sqlite_master WHERE name = 'alembic_version'"
    return bool(connection.execute(statement).get)


def _migrate(connection: apsw.Connection, revision: str | None) -> None:
    # Rendered before the lock is taken: that lasts half a second, and others wait to write.
    statements = plan.statements("sqlite", revision)
    with transaction(connection):
        # Another process may have been first.
        if read_revision(connection) != revision:
            return
        if revision is not None and not _is_stamped(connection):
            connection.execute(STAMP)
        for statement in statements:
            connection.execute(statement)
        if revision is None:
            insert = "INSERT INTO meta (name, value) VALUES (?, ?)"
            connection.execute(insert, ("secret", os.urandom(32)))
        connection.pragma("user_version", SCHEMA_VERSION)


class transaction:  # noqa: N801
    """``with transaction(connection):`` one write transaction, rolled back on any error."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection

    def __enter__(self) -> None:
        self.connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            try:
                self.connection.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise
        else:
            self._roll_back()

    def _roll_back(self) -> None:
        # SQLite has rolled back by itself after some errors (a full disk, say).
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")


@contextmanager
def snapshot(connection: apsw.Connection) -> Iterator[None]:
    """``with snapshot(connection):`` all statements, which only read, see the same commits."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        # SQLite has ended the transaction by itself after some errors.
        if connection.in_transaction:
            connection.execute("COMMIT")


def read_secret(connection: apsw.Connection) -> bytes:
    """The key of the keyed hashes."""
    row = connection.execute("SELECT value FROM meta WHERE name = 'secret'").fetchone()
    if row is None:
        raise StoreUnavailable("The database has no secret: it is not an Enrol database.")
    secret: Any = row[0]
    return bytes(secret)
