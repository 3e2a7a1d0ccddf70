"""A change in the transaction that is open on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from asyncpg import Connection

from enrol.customers.editing.undoing import Undo, undo_change
from enrol.customers.lifecycle.chain import EventRow, Head, Link
from enrol.customers.lifecycle.change import Applied, Change, ChangeOutcome, Stale, Write
from enrol.store.changes import (
    EVENT_COLUMNS,
    FIND_VERSIONS,
    LINK_COLUMNS,
    Appended,
    conflict_of,
    is_stale,
)
from enrol.store.statements import insert_into, statement_of

LOCK_VERSIONS: Final = f"{FIND_VERSIONS} FOR UPDATE"
FIND_OWNERS: Final = """
SELECT hash, customer_id FROM identifiers WHERE project = $1 AND hash = ANY($2)
"""
RELEASE: Final = "DELETE FROM identifiers WHERE project = $1 AND hash = ANY($2)"
TAKE: Final = "INSERT INTO identifiers (project, hash, customer_id) VALUES ($1, $2, $3)"
# Also makes the head of a project that has no event yet; in both cases its row stays locked until
# the commit, so that the next in line sees what was added here.
LOCK_HEAD: Final = """
INSERT INTO chain_heads AS head (project, seq, hash) VALUES ($1, 0, '')
ON CONFLICT (project) DO UPDATE SET seq = head.seq RETURNING seq, hash
"""
SET_VERSIONS: Final = """
UPDATE customers SET version = new.version, updated_at = $2
FROM unnest($3::bytea[], $4::bigint[]) AS new (customer, version)
WHERE project = $1 AND id = new.customer
"""
# A COPY is a statement more for the server to prepare.
FEWEST_COPIED: Final = 20
FIND_SEQ: Final = "SELECT seq FROM chain_heads WHERE project = $1"
SET_HEAD: Final = "UPDATE chain_heads SET seq = $2, hash = $3 WHERE project = $1"
ADD_EVENT: Final = insert_into("events", EVENT_COLUMNS)
# A group of small calls has a link each: one statement, for the head is locked meanwhile.
ADD_LINKS: Final = f"""
INSERT INTO links ({", ".join(LINK_COLUMNS)}) SELECT * FROM unnest(
  $1::int[], $2::bigint[], $3::bigint[], $4::bytea[], $5::text[], $6::bytea[], $7::bigint[],
  $8::bytea[]
)
"""  # noqa: S608 - names of ours
FIND_LINK: Final = "SELECT last FROM links WHERE project = $1 AND id = $2"


class NothingFound(Exception):
    """A row that an exact write names is not there."""


async def apply(connection: Connection[Any], change: Change | Undo) -> ChangeOutcome:
    """Write a change in the transaction that is open, or raise `NothingFound`, after which it is
    to be rolled back. Raises whatever asyncpg raises."""
    if isinstance(change, Undo):
        versions = await _lock_versions(connection, change.project, change.customers)
        change = undo_change(change, versions)
    elif change.expected:
        versions = await _lock_versions(connection, change.project, change.expected)
        if is_stale(change, versions):
            return Stale()
    if change.take:
        keys = [key for key, _, _ in change.take]
        conflict = conflict_of(
            change, dict(await connection.fetch(FIND_OWNERS, change.project, keys))
        )
        if conflict is not None:
            return conflict
    if change.release:
        await connection.execute(RELEASE, change.project, sorted(change.release))
    taken = sorted((change.project, key, owner) for key, owner, _ in change.take)
    await _run(connection, TAKE, taken)
    for write in change.writes:
        await _write_rows(connection, write)
    if not change.events:
        return Applied(await connection.fetchval(FIND_SEQ, change.project) or 0)
    # The head last of all: whoever waits for it waits for this commit alone.
    head = await lock_head(connection, change.project)
    appended = Appended(head, change)
    await _add_events(connection, appended.rows)
    await add_links(connection, [appended.link])
    seqs = [seq for seq, _, _, _ in appended.versions]
    customers = [customer for _, _, _, customer in appended.versions]
    await connection.execute(SET_VERSIONS, change.project, change.at, customers, seqs)
    return Applied(appended.head.seq)


async def _lock_versions(
    connection: Connection[Any], project: int, customers: Sequence[tuple[bytes, Any]]
) -> dict[bytes, int]:
    ids = sorted(customer for customer, _ in customers)
    return dict(await connection.fetch(LOCK_VERSIONS, project, ids))


async def _add_events(connection: Connection[Any], rows: Sequence[EventRow]) -> None:
    if len(rows) < FEWEST_COPIED:
        await _run(connection, ADD_EVENT, rows)
    else:
        await connection.copy_records_to_table("events", records=rows, columns=EVENT_COLUMNS)


async def lock_head(connection: Connection[Any], project: int) -> Head:
    """Where the chain of a project ends; nobody else adds to it until the commit."""
    row = await connection.fetchrow(LOCK_HEAD, project)
    assert row is not None
    return Head(*row)


async def add_links(connection: Connection[Any], links: Sequence[Link]) -> None:
    """Add links at the ends of their chains, which are locked."""
    if links:
        await connection.execute(ADD_LINKS, *zip(*links, strict=True))
    ends = {link.project: (link.project, link.last, link.hash) for link in links}
    await _run(connection, SET_HEAD, [*ends.values()])


async def is_applied(connection: Connection[Any], change: Change | Undo) -> Applied | None:
    """What became of a change whose commit was not answered; None: it is not there."""
    last: int | None = await connection.fetchval(FIND_LINK, change.project, change.id)
    return None if last is None else Applied(last)


async def _run(
    connection: Connection[Any], statement: str, rows: Iterable[tuple[Any, ...]]
) -> None:
    every = [tuple(row) for row in rows]
    if len(every) == 1:
        await connection.execute(statement, *every[0])
    elif every:
        await connection.executemany(statement, every)


async def _write_rows(connection: Connection[Any], write: Write) -> None:
    changed = write.verb in ("update", "delete")
    if changed and len(write.rows) > 1 and len({row[:-1] for row in write.rows}) == 1:
        # Rows that differ in whom they are for alone are one statement.
        *same, _ = write.rows[0]
        statement = statement_of(write, among=True)
        status = await connection.execute(statement, *same, [row[-1] for row in write.rows])
        if write.exact and int(status.rpartition(" ")[2]) < len(write.rows):
            raise NothingFound
        return
    statement = statement_of(write)
    if not write.exact:
        await _run(connection, statement, write.rows)
        return
    for row in write.rows:
        if (await connection.execute(statement, *row)).endswith(" 0"):
            raise NothingFound
