"""The write itself: a group of enrolments in one transaction of PostgreSQL, by binary COPY."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

from asyncpg import Connection

from enrol.customers.enrolment import Enrolment, Receipt, Refused
from enrol.store.changes import CREATED_COLUMNS
from enrol.store.group import (
    TABLES,
    Accepted,
    Decided,
    Receipts,
    chain_group,
    decide_group,
    decode_receipt,
    hashes_of,
    idempotency_keys_of,
    keys_of,
    rows_of,
)
from enrol.store.postgres.apply import add_links, lock_head

FIND_IDENTIFIERS: Final = """
SELECT hash, customer_id FROM identifiers WHERE project = $1 AND hash = ANY($2::bytea[])
"""
FEW_HASHES: Final = 500
FIND_RECEIPTS: Final = """
SELECT key_hash, fingerprint, receipt FROM idempotency
WHERE project = $1 AND key_hash = ANY($2::bytea[]) AND created_at > $3
"""
# A key that has aged out makes room for the same key; others go a few at a time, so that the
# table stays as small as a day's calls. Within a project alone: a distributed table asks one node.
FORGET_RECEIPTS: Final = """
DELETE FROM idempotency WHERE project = $1 AND key_hash IN (
  (SELECT key_hash FROM idempotency WHERE project = $1 AND created_at <= $3
   ORDER BY created_at LIMIT 100)
  UNION ALL SELECT unnest($2::bytea[])
) AND created_at <= $3
"""
FIND_BATCH: Final = "SELECT 1 FROM batches WHERE project = $1 AND id = $2"
KEY_COLUMNS: Final = ("project", "hash", "customer_id")


async def write_group(
    connection: Connection[Any], group: Sequence[Enrolment], oldest: int, *, ask: bool
) -> Decided:
    """Write a group in the transaction that is open. ``oldest``: receipts before it have aged out.

    Without ``ask`` all keys are taken to be new. Raises whatever asyncpg raises; a unique key that
    is stored, or that another transaction stored meanwhile, is its `UniqueViolationError`.
    """
    taken: defaultdict[int, dict[bytes, bytes]] = defaultdict(dict)
    for project, hashes in hashes_of(group).items() if ask else ():
        taken[project] = await find_identifiers(connection, project, hashes)
    decided = decide_group(group, taken, await _receipts(connection, group, oldest))
    if not ask and any(isinstance(outcome, Refused) for outcome in decided.outcomes):
        # For twins in itself; what is stored is to be told in the same answer.
        return await write_group(connection, group, oldest, ask=True)
    await _copy(connection, decided.accepted)
    return decided


async def find_identifiers(
    connection: Connection[Any], project: int, hashes: Sequence[bytes]
) -> dict[bytes, bytes]:
    """Which hashes are stored, and whose they are."""
    if not hashes:
        return {}
    rows = await connection.fetch(FIND_IDENTIFIERS, project, hashes)
    return {row[0]: row[1] for row in rows}


async def find_many_identifiers(
    connection: Connection[Any], project: int, hashes: Sequence[bytes]
) -> dict[bytes, bytes]:
    """The same, for callers that ask for few hashes mostly and sometimes for very many.

    A statement that was run some times keeps one plan for any values. One that was made for a few
    hashes, when the table was small, holds each row against each hash: the many get a plan of
    their own, for one trip more.
    """
    if len(hashes) <= FEW_HASHES:
        return await find_identifiers(connection, project, hashes)
    statement = await connection.prepare(FIND_IDENTIFIERS)
    return {row[0]: row[1] for row in await statement.fetch(project, hashes)}


async def find_receipts(
    connection: Connection[Any], project: int, key_hashes: Sequence[bytes], oldest: int
) -> dict[bytes, tuple[bytes, Receipt]]:
    """The fingerprints and receipts of Idempotency-Keys that have not aged out."""
    rows = await connection.fetch(FIND_RECEIPTS, project, key_hashes, oldest)
    return {row[0]: (row[1], decode_receipt(row[2])) for row in rows}


async def is_stored(connection: Connection[Any], enrolment: Enrolment) -> bool:
    """Whether the batch of an enrolment is there: it was committed with all that it holds."""
    found = await connection.fetchval(FIND_BATCH, enrolment.project, enrolment.batch_id)
    return found is not None


async def _receipts(
    connection: Connection[Any], group: Sequence[Enrolment], oldest: int
) -> Receipts:
    asked: dict[int, list[bytes]] = defaultdict(list)
    for project, key_hash in idempotency_keys_of(group):
        asked[project].append(key_hash)
    found: Receipts = {}
    for project, key_hashes in asked.items():
        await connection.execute(FORGET_RECEIPTS, project, key_hashes, oldest)
        stored = await find_receipts(connection, project, key_hashes, oldest)
        found.update({(project, key_hash): receipt for key_hash, receipt in stored.items()})
    return found


async def _copy(connection: Connection[Any], accepted: Sequence[Accepted]) -> None:
    if not accepted:
        return
    # The unique keys first: a conflict with another transaction shows before all else is sent.
    # Sorted, so that two transactions with the same keys wait for one another, and never both.
    rows = [
        (project, key, customer_id)
        for project, keys in sorted(keys_of(accepted).items())
        for key, customer_id in keys
    ]
    await _copy_rows(connection, "identifiers", KEY_COLUMNS, rows)
    for table in TABLES:
        await _copy_rows(connection, table.name, table.columns, rows_of(table, accepted))
    # The heads of the chains last: whoever waits for one waits for this commit alone.
    projects = sorted({enrolment.project for enrolment, decision in accepted if decision.create})
    heads = {project: await lock_head(connection, project) for project in projects}
    chained = chain_group(accepted, heads)
    await _copy_rows(connection, "events", CREATED_COLUMNS, chained.events)
    await add_links(connection, chained.links)


async def _copy_rows(
    connection: Connection[Any],
    table: str,
    columns: Sequence[str],
    rows: Iterable[tuple[Any, ...]],
) -> None:
    records = list(rows)
    if records:
        await connection.copy_records_to_table(table, records=records, columns=columns)
