"""A change in the transaction that is open on a SQLite file."""

from collections.abc import Sequence
from typing import Any, Final

import apsw

from enrol.customers.editing.undoing import Undo, undo_change
from enrol.customers.lifecycle.chain import Head, Link
from enrol.customers.lifecycle.change import Applied, Change, ChangeOutcome, Stale, Write
from enrol.store.changes import (
    EVENT_COLUMNS,
    FIND_VERSIONS,
    LINK_COLUMNS,
    SET_VERSION,
    Appended,
    conflict_of,
    is_stale,
)
from enrol.store.sqlite.keys.identifiers import Shelf
from enrol.store.sqlite.scrubbing import scrub
from enrol.store.statements import insert_into, statement_of, to_sqlite

READ_VERSIONS: Final = to_sqlite(FIND_VERSIONS)
WRITE_VERSION: Final = to_sqlite(SET_VERSION)
ADD_EVENT: Final = to_sqlite(insert_into("events", EVENT_COLUMNS))
ADD_LINK: Final = to_sqlite(insert_into("links", LINK_COLUMNS))
FIND_HEAD: Final = "SELECT seq, hash FROM chain_heads WHERE project = ?"
SET_HEAD: Final = """
INSERT INTO chain_heads (project, seq, hash) VALUES (?1, ?2, ?3)
ON CONFLICT (project) DO UPDATE SET seq = excluded.seq, hash = excluded.hash
"""


class NothingFound(Exception):
    """A row that an exact write names is not there."""


def apply(connection: apsw.Connection, shelf: Shelf, change: Change | Undo) -> ChangeOutcome:
    """Write a change, or nothing of it."""
    if isinstance(change, Undo):
        change = undo_change(change, _versions(connection, change.project, change.customers))
    elif change.expected and is_stale(
        change, _versions(connection, change.project, change.expected)
    ):
        return Stale()
    if change.take:
        conflict = conflict_of(change, shelf.find(connection, [key for key, _, _ in change.take]))
        if conflict is not None:
            return conflict
    try:
        # A savepoint: others share the transaction.
        with connection:
            seq = _write(connection, shelf, change)
    except NothingFound:
        return Stale()
    return Applied(seq)


def find_head(connection: apsw.Connection, project: int) -> Head:
    """Where the chain of a project ends."""
    row: Any = connection.execute(FIND_HEAD, (project,)).fetchone()
    return Head(0, b"") if row is None else Head(*row)


def add_links(connection: apsw.Connection, links: Sequence[Link]) -> None:
    """Add links at the ends of their chains."""
    connection.executemany(ADD_LINK, links)
    ends = {link.project: (link.project, link.last, link.hash) for link in links}
    connection.executemany(SET_HEAD, ends.values())


def _versions(
    connection: apsw.Connection, project: int, customers: Sequence[tuple[bytes, Any]]
) -> dict[bytes, int]:
    ids = apsw.carray(tuple(customer for customer, _ in customers) or (b"",))
    rows: Any = connection.execute(READ_VERSIONS, (project, ids))
    return dict(rows)


def _write(connection: apsw.Connection, shelf: Shelf, change: Change) -> int:
    for write in change.writes:
        _write_rows(connection, write)
    if change.erases:
        scrub(connection, change)
    # What the shelf remembers is not rolled back: from here on nothing is found missing.
    shelf.release(connection, change.release)
    shelf.add(connection, sorted((key, owner) for key, owner, _ in change.take))
    head = find_head(connection, change.project)
    if not change.events:
        return head.seq
    appended = Appended(head, change)
    connection.executemany(ADD_EVENT, appended.rows)
    add_links(connection, [appended.link])
    connection.executemany(WRITE_VERSION, appended.versions)
    return appended.head.seq


def _write_rows(connection: apsw.Connection, write: Write) -> None:
    statement = to_sqlite(statement_of(write))
    if not write.exact:
        connection.executemany(statement, write.rows)
        return
    for row in write.rows:
        connection.execute(statement, row)
        if connection.changes() == 0:
            raise NothingFound
