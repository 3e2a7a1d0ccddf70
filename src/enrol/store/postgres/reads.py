"""The reading queries of PostgreSQL, each by its name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from asyncpg import Connection

from enrol.store.columns import PART_COLUMNS
from enrol.store.protocol import CustomerRecord, KeyRecord, Row, key_record

FIND_KEY: Final = """
SELECT k.id, k.scopes, p.project, p.id, p.lenient, k.expires_at, k.revoked_at, k.rate_limit
FROM api_keys AS k JOIN projects AS p ON p.project = k.project
WHERE k.hash = $1
"""
# Parts of the customers of a page, by their IDs, in one query a table. The columns are named: a
# newer Enrol may add some while this one runs.
_FIND_PARTS: Final = """
SELECT {columns} FROM {table} WHERE project = $1 AND {owner} = ANY($2::bytea[])
"""
FIND_PARTS: Final = {
    table: _FIND_PARTS.format(
        columns=", ".join(columns),
        table=table,
        owner="id" if table == "customers" else "customer_id",
    )
    for table, columns in PART_COLUMNS.items()
}
# As SQLite's tables have them: by their keys.
ORDER: Final = dict.fromkeys(("wallets", "dids", "emails"), " ORDER BY id") | {
    "findings": " ORDER BY pointer, code"
}
PAGE: Final = """
SELECT id FROM customers WHERE project = $1 ORDER BY id DESC LIMIT $2 OFFSET $3
"""
# Customers come by batches alone, so the batches know how many there are.
COUNT: Final = "SELECT coalesce(sum(created), 0)::bigint FROM batches WHERE project = $1"
COUNT_FINDINGS: Final = """
SELECT f.code, count(*) FROM findings AS f JOIN customers AS c
ON c.project = f.project AND c.id = f.customer_id
WHERE f.project = $1 AND c.deleted_at IS NULL GROUP BY f.code ORDER BY f.code
"""


async def fetch(connection: Connection[Any], statement: str, values: Sequence[Any]) -> list[Row]:
    """The rows of a statement."""
    return [tuple(row) for row in await connection.fetch(statement, *values)]


async def fetch_together(
    connection: Connection[Any], asked: Sequence[tuple[Any, ...]]
) -> list[list[Row]]:
    """The rows of several statements, from one snapshot."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        return [await fetch(connection, statement, values) for statement, *values in asked]


async def find_key(connection: Connection[Any], key_hash: bytes) -> KeyRecord | None:
    """The API key with this hash."""
    row = await connection.fetchrow(FIND_KEY, key_hash)
    return None if row is None else key_record(tuple(row))


async def find_customers(
    connection: Connection[Any], project: int, ids: Sequence[bytes]
) -> list[CustomerRecord]:
    """The customers with these IDs, in their order, without those that are not there; each with
    the parts that it had when it had this version.

    The transaction costs two trips more. One statement with the parts as arrays needs a single
    one, but takes up to twice as long for a page.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        return await _find_customers(connection, project, ids)


async def _find_customers(
    connection: Connection[Any], project: int, ids: Sequence[bytes]
) -> list[CustomerRecord]:
    if not ids:
        return []
    found = await _parts(connection, project, "customers", ids)
    customers = {row["id"]: row for row in found}
    wallets, dids, emails, findings = [
        _by_customer(await _parts(connection, project, table, ids))
        for table in ("wallets", "dids", "emails", "findings")
    ]
    return [
        CustomerRecord(customers[key], wallets[key], dids[key], emails[key], findings[key])
        for key in ids
        if key in customers
    ]


async def list_customers(
    connection: Connection[Any], project: int, offset: int, limit: int
) -> tuple[list[CustomerRecord], int]:
    """A page, newest first, and the count of all, from one snapshot."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        ids = [row[0] for row in await connection.fetch(PAGE, project, limit, offset)]
        count: int = await connection.fetchval(COUNT, project)
        return await _find_customers(connection, project, ids), count


async def count_findings(connection: Connection[Any], project: int) -> dict[str, int]:
    """How many findings of each code there are."""
    return {row[0]: row[1] for row in await connection.fetch(COUNT_FINDINGS, project)}


async def _parts(
    connection: Connection[Any], project: int, table: str, ids: Sequence[bytes]
) -> list[Mapping[str, Any]]:
    query = FIND_PARTS[table] + ORDER.get(table, "")
    # A record of asyncpg's looks each name up to become a dict.
    names = PART_COLUMNS[table]
    return [
        dict(zip(names, row, strict=True)) for row in await connection.fetch(query, project, ids)
    ]


def _by_customer(rows: Sequence[Mapping[str, Any]]) -> dict[bytes, list[Mapping[str, Any]]]:
    grouped: dict[bytes, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        grouped[row["customer_id"]].append(row)
    return grouped
