"""Holds what clients were told against what the database has."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import apsw

from enrol.customers.enrolment import DID, SUB, WALLET
from enrol.customers.plan import key_hash
from enrol.store.sqlite.file import connect, read_secret
from tests.faults.load import Batch

# Each is a fault where it finds a row.
PARTIAL = """
SELECT b.id, b.created, coalesce(c.n, 0), coalesce(e.n, 0) FROM batches AS b
LEFT JOIN (SELECT batch_id, count(*) AS n FROM customers GROUP BY batch_id) AS c
  ON c.batch_id = b.id
LEFT JOIN (SELECT batch_id, count(*) AS n FROM events GROUP BY batch_id) AS e
  ON e.batch_id = b.id
WHERE b.created != coalesce(c.n, 0) OR b.created != coalesce(e.n, 0)
"""
STRAY = """
SELECT c.id FROM customers AS c
WHERE NOT EXISTS (SELECT 1 FROM batches AS b WHERE b.project = c.project AND b.id = c.batch_id)
   OR (SELECT count(*) FROM wallets AS w WHERE w.project = c.project AND w.customer_id = c.id) != 1
   OR (SELECT count(*) FROM dids AS d WHERE d.project = c.project AND d.customer_id = c.id) != 1
"""
TWICE = """
SELECT value FROM (
  SELECT 'sub ' || sub AS value FROM customers
  UNION ALL SELECT 'wallet ' || coalesce(canonical, address) FROM wallets
  UNION ALL SELECT 'did ' || did FROM dids
  UNION ALL SELECT 'event ' || hex(customer_id) FROM events
) GROUP BY value HAVING count(*) > 1
"""
LOOSE = """
SELECT 1 FROM (SELECT count(*) AS n FROM customers) AS c, (SELECT count(*) AS n FROM wallets) AS w,
  (SELECT count(*) AS n FROM dids) AS d, (SELECT count(*) AS n FROM events) AS e
WHERE c.n != w.n OR c.n != d.n OR c.n != e.n
"""
STORED = """
SELECT c.sub, c.id, c.batch_id, w.address, d.did FROM customers AS c
JOIN wallets AS w ON w.project = c.project AND w.customer_id = c.id
JOIN dids AS d ON d.project = c.project AND d.customer_id = c.id
"""
IDENTIFIERS = """
SELECT hash, customer_id FROM identifiers UNION SELECT hash, customer_id FROM identifiers_new
"""
COUNT = "SELECT count(*) FROM customers"
# The one project of these tests.
PROJECT = 1


@contextmanager
def reading(database: str) -> Iterator[apsw.Connection]:
    """The file, read beside the server or after it."""
    connection = connect(database, read_only=True)
    try:
        yield connection
    finally:
        connection.close()


def count_customers(database: str) -> int:
    with reading(database) as connection:
        rows: Any = connection.execute(COUNT).fetchall()
        count: int = rows[0][0]
        return count


def check_answered(database: str, batches: Iterable[Batch]) -> None:
    """Every customer whose ID was told is stored, whole; cheap enough for each round."""
    with reading(database) as connection:
        for batch in batches:
            for ids, _ in batch.answers:
                wanted = apsw.carray(tuple(UUID(text).bytes for text in ids))
                query = STORED + " WHERE c.project = ? AND c.id IN (SELECT value FROM carray(?))"
                rows: Any = connection.execute(query, (PROJECT, wanted)).fetchall()
                assert len(rows) == batch.size, f"{batch.name}: {len(rows)} of {batch.size}"


def check_all(database: str, batches: Sequence[Batch]) -> int:
    """Every promise, on every row; how many customers there are."""
    with reading(database) as connection:
        assert connection.pragma("integrity_check") == "ok"
        for fault in (PARTIAL, STRAY, TWICE, LOOSE):
            assert connection.execute(fault).fetchall() == [], fault
        stored: Any = {row[0]: row[1:] for row in connection.execute(STORED)}
        _check_identifiers(connection, stored)
    for batch in batches:
        _check_batch(batch, stored)
    sent = {person.sub for batch in batches for person in batch.people}
    assert stored.keys() <= sent
    return len(stored)


def _check_batch(batch: Batch, stored: dict[str, tuple[bytes, bytes, str, str]]) -> None:
    people = batch.people
    rows = [stored.get(person.sub) for person in people]
    held = [row for row in rows if row is not None]
    assert len(held) in (0, batch.size), f"{batch.name}: {len(held)} of {batch.size} stored"
    assert len({row[1] for row in held}) <= 1, f"{batch.name}: more than one batch row"
    if batch.answers or 409 in batch.statuses:
        assert held, f"{batch.name}: answered and not stored"
    for ids, batch_id in batch.answers:
        # Calls with the same key, before and after a crash, were told the same.
        assert [UUID(text).bytes for text in ids] == [row[0] for row in held], batch.name
        assert {UUID(batch_id).bytes} == {row[1] for row in held}, batch.name
    for person, row in zip(people, held, strict=False):
        assert (person.wallet, person.did) == row[2:], batch.name


def _check_identifiers(
    connection: apsw.Connection, stored: dict[str, tuple[bytes, bytes, str, str]]
) -> None:
    """Each wallet, DID and sub has its one key, in one of the two tables, with its owner."""
    secret = read_secret(connection)
    found: Any = connection.execute(IDENTIFIERS).fetchall()
    assert len(found) == 3 * len(stored)
    owners = dict(found)
    for sub, (customer_id, _, address, did) in stored.items():
        for kind, value in ((SUB, sub), (WALLET, f"eip155:{address}"), (DID, did)):
            assert owners.pop(key_hash(secret, PROJECT, kind, value)) == customer_id, value
    assert not owners


def outcomes(batches: Iterable[Batch]) -> Counter[str]:
    """What became of the calls, to be told in a report."""
    told: Counter[str] = Counter()
    for batch in batches:
        told["answered"] += len(batch.answers)
        told["repeated"] += max(0, len(batch.answers) - 1)
        told["lost"] += batch.lost
        for status in batch.statuses:
            told[str(status)] += 1
    return told
