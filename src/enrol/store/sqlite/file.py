"""One SQLite file: how a connection to it is opened, and its schema.

apsw alone opens it. Two builds of SQLite in one process would drop one another's file locks
(sqlite.org/howtocorrupt.html section 2.2.1), so the standard library's module stays out.
"""

import os
import time
from pathlib import Path
from typing import Any, Final

import apsw

from enrol.store.protocol import SCHEMA_VERSION, StoreUnavailable

PAGE_SIZE: Final = 4096
# Each page in the log is copied once at a checkpoint, however often it was written, so a long
# log saves work: 100 MiB, which a crashed server reads again in a fraction of a second.
CHECKPOINT_PAGES: Final = 25_600
BUSY_MILLISECONDS: Final = 30_000
MIB_IN_KIB: Final = 1024


class SchemaTooNew(Exception):
    """The file was written by a newer Enrol than this one."""


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
        connection.pragma("journal_mode", "wal")
        connection.pragma("synchronous", "full")
        connection.pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
        connection.pragma("journal_size_limit", 2 * CHECKPOINT_PAGES * PAGE_SIZE)
    return connection


def prepare(path: str) -> None:
    """Make the file and its tables, unless they are there.

    The file can be read by its owner alone: it holds personal data. Raises `SchemaTooNew`, and
    `StoreUnavailable` when the file cannot be opened.
    """
    try:
        if not Path(path).exists():
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        connection = connect(path)
    except (OSError, apsw.Error) as error:
        raise StoreUnavailable(f"The database cannot be opened: {type(error).__name__}") from error
    try:
        version = connection.pragma("user_version")
        if version > SCHEMA_VERSION:
            raise SchemaTooNew(f"The database has schema {version}, this Enrol {SCHEMA_VERSION}.")
        if version < SCHEMA_VERSION:
            _create(connection)
    finally:
        connection.close()


def _create(connection: apsw.Connection) -> None:
    # Making a file is rare; SQLAlchemy takes half a second to load.
    from enrol.store.schema import sqlite_statements

    with transaction(connection):
        # Another process may have been first.
        if connection.pragma("user_version") == 0:
            for statement in sqlite_statements():
                connection.execute(statement)
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


def read_secret(connection: apsw.Connection) -> bytes:
    """The key of the keyed hashes."""
    row = connection.execute("SELECT value FROM meta WHERE name = 'secret'").fetchone()
    if row is None:
        raise StoreUnavailable("The database has no secret: it is not an Enrol database.")
    secret: Any = row[0]
    return bytes(secret)


def now_ms() -> int:
    """The clock of the store, in Unix milliseconds."""
    return time.time_ns() // 1_000_000
