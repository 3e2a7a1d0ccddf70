"""The reading queries of a SQLite file, each by its name."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

import apsw

from enrol.store.protocol import CustomerRecord, KeyRecord, Row, key_record
from enrol.store.search.on_sqlite import bound
from enrol.store.sqlite.file import snapshot
from enrol.store.sqlite.keys.identifiers import find
from enrol.store.statements import to_sqlite

FIND_KEY: Final = """
SELECT k.id, k.scopes, p.project, p.id, p.lenient, k.expires_at, k.revoked_at, k.rate_limit
FROM api_keys AS k JOIN projects AS p ON p.project = k.project
WHERE k.hash = ?
"""
# Parts of the customers of a page, by their IDs, in one query a table.
FIND_PARTS: Final = """
SELECT part.* FROM carray(?2) AS asked CROSS JOIN {table} AS part
ON part.project = ?1 AND part.{column} = asked.value
"""
PAGE: Final = """
SELECT id FROM customers WHERE project = ? ORDER BY id DESC LIMIT ? OFFSET ?
"""
# Customers come by batches alone, so the batches know how many there are.
COUNT: Final = "SELECT coalesce(sum(created), 0) FROM batches WHERE project = ?"

COUNT_FINDINGS: Final = """
SELECT f.code, count(*) FROM findings AS f JOIN customers AS c
ON c.project = f.project AND c.id = f.customer_id
WHERE f.project = ? AND c.deleted_at IS NULL GROUP BY f.code ORDER BY f.code
"""


def ping(connection: apsw.Connection) -> None:
    """Read one row."""
    connection.execute("SELECT count(*) FROM meta").fetchone()


def fetch(connection: apsw.Connection, statement: str, values: Sequence[Any]) -> list[Row]:
    """The rows of a statement."""
    rows: Any = connection.execute(to_sqlite(statement), [bound(each) for each in values])
    return list(rows)


def fetch_together(
    connection: apsw.Connection, asked: Sequence[tuple[Any, ...]]
) -> list[list[Row]]:
    """The rows of several statements, from one snapshot."""
    with snapshot(connection):
        return [fetch(connection, statement, values) for statement, *values in asked]


def find_key(connection: apsw.Connection, key_hash: bytes) -> KeyRecord | None:
    """The API key with this hash."""
    row: Any = connection.execute(FIND_KEY, (key_hash,)).fetchone()
    return None if row is None else key_record(row)


def find_customers(
    connection: apsw.Connection, project: int, ids: Sequence[bytes]
) -> list[CustomerRecord]:
    """The customers with these IDs, in their order, without those that are not there; each with
    the parts that it had when it had this version."""
    with snapshot(connection):
        return _find_customers(connection, project, ids)


def find_identifiers(
    connection: apsw.Connection, project: int, hashes: Sequence[bytes]
) -> dict[bytes, bytes]:
    """Which hashes are stored, and whose they are."""
    with snapshot(connection):
        return find(connection, project, hashes)


def _find_customers(
    connection: apsw.Connection, project: int, ids: Sequence[bytes]
) -> list[CustomerRecord]:
    if not ids:
        return []
    customers = {row["id"]: row for row in _parts(connection, project, "customers", "id", ids)}
    wallets, dids, emails, findings = (
        _by_customer(_parts(connection, project, table, "customer_id", ids))
        for table in ("wallets", "dids", "emails", "findings")
    )
    return [
        CustomerRecord(customers[key], wallets[key], dids[key], emails[key], findings[key])
        for key in ids
        if key in customers
    ]


def list_customers(
    connection: apsw.Connection, project: int, offset: int, limit: int
) -> tuple[list[CustomerRecord], int]:
    """A page, newest first, and the count of all, from one snapshot."""
    with snapshot(connection):
        ids: Any = [row[0] for row in connection.execute(PAGE, (project, limit, offset))]
        count: Any = connection.execute(COUNT, (project,)).fetchone()
        return _find_customers(connection, project, ids), count[0]


def count_findings(connection: apsw.Connection, project: int) -> dict[str, int]:
    """How many findings of each code there are."""
    rows: Any = connection.execute(COUNT_FINDINGS, (project,))
    return dict(rows)


def _parts(
    connection: apsw.Connection, project: int, table: str, column: str, ids: Sequence[bytes]
) -> list[Mapping[str, Any]]:
    query = FIND_PARTS.format(table=table, column=column)
    cursor = connection.execute(query, (project, apsw.carray(tuple(ids))))
    names: list[str] = []
    rows: list[Mapping[str, Any]] = []
    for row in cursor:
        # apsw can name the columns only while there is a row.
        names = names or [column[0] for column in cursor.get_description()]
        rows.append(dict(zip(names, row, strict=True)))
    return rows


def _by_customer(rows: Sequence[Mapping[str, Any]]) -> dict[bytes, list[Mapping[str, Any]]]:
    grouped: dict[bytes, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        grouped[row["customer_id"]].append(row)
    return grouped
