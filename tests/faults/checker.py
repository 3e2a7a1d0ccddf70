"""Holds what clients were told against what the database has."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from enrol.customers.enrolment import DID, SUB, WALLET
from enrol.customers.lifecycle.chain import EventColumns, Link, link_hash
from enrol.customers.plan import key_hash
from enrol.store.postgres.session import PostgresSession
from enrol.store.registry import is_postgres
from enrol.store.sqlite.file import connect
from tests.faults.changes import Changes, check_changes
from tests.faults.load import Batch

# The rows of a statement; values are $1, $2 ...
Rows = Callable[..., list[tuple[Any, ...]]]

# The statements are such that both databases take them. Each is a fault where it finds a row.
PARTIAL = """
SELECT b.id, b.created, coalesce(c.n, 0), coalesce(e.n, 0) FROM batches AS b
LEFT JOIN (SELECT batch_id, count(*) AS n FROM customers GROUP BY batch_id) AS c
  ON c.batch_id = b.id
LEFT JOIN (SELECT id, sum(last - first + 1) AS n FROM links GROUP BY id) AS e
  ON e.id = b.id
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
) AS held GROUP BY value HAVING count(*) > 1
"""
TOLD_TWICE = """
SELECT customer_id FROM events WHERE type = 'customer.created'
GROUP BY customer_id HAVING count(*) > 1
"""
LOOSE = """
SELECT 1 FROM (SELECT count(*) AS n FROM customers) AS c, (SELECT count(*) AS n FROM wallets) AS w,
  (SELECT count(*) AS n FROM dids) AS d,
  (SELECT count(*) AS n FROM events WHERE type = 'customer.created') AS e
WHERE c.n != w.n OR c.n != d.n OR c.n != e.n
"""
STORED = """
SELECT c.sub, c.id, c.batch_id, w.address, d.did FROM customers AS c
JOIN wallets AS w ON w.project = c.project AND w.customer_id = c.id
JOIN dids AS d ON d.project = c.project AND d.customer_id = c.id
"""
LINKS = f"SELECT {', '.join(Link._fields)} FROM links ORDER BY project, last"
EVENTS = """
SELECT project, seq, type, customer_id, fields, digest FROM events ORDER BY project, seq
"""
# A project's head may be there before its first event.
HEADS = "SELECT project, seq, hash FROM chain_heads WHERE seq > 0"
IDENTIFIERS = "SELECT hash, customer_id FROM identifiers"
# New keys on SQLite lie apart at first, and in both tables while they are filed.
IDENTIFIERS_OF_A_FILE = IDENTIFIERS + " UNION SELECT hash, customer_id FROM identifiers_new"
SECRET = "SELECT value FROM meta WHERE name = 'secret'"
COUNT = "SELECT count(*) FROM customers"
# The one project of these tests.
PROJECT = 1


@contextmanager
def reading(database: str) -> Iterator[Rows]:
    """The database, read beside the server or after it."""
    if is_postgres(database):
        session = PostgresSession(database)
        try:
            yield session.rows
        finally:
            session.close()
    else:
        connection = connect(database, read_only=True)
        try:
            yield lambda statement, *values: connection.execute(statement, values).fetchall()
        finally:
            connection.close()


def count_customers(database: str) -> int:
    with reading(database) as rows:
        count: int = rows(COUNT)[0][0]
        return count


def check_answered(database: str, batches: Iterable[Batch]) -> None:
    """Every customer whose ID was told is stored, whole; cheap enough for each round."""
    with reading(database) as rows:
        for batch in batches:
            for ids, _ in batch.answers:
                places = ", ".join(f"${number}" for number in range(2, 2 + len(ids)))
                query = f"{STORED} WHERE c.project = $1 AND c.id IN ({places})"
                found = rows(query, PROJECT, *(UUID(text).bytes for text in ids))
                assert len(found) == batch.size, f"{batch.name}: {len(found)} of {batch.size}"


def check_chain(rows: Rows) -> int:
    """Events are numbered without a gap, and each link's hash is that of its events and of the link
    before it; how many events there are."""
    events = rows(EVENTS)
    place, ends = 0, dict[int, tuple[int, bytes]]()
    for link in (Link(*row) for row in rows(LINKS)):
        last, before = ends.get(link.project, (0, b""))
        assert link.first == last + 1, f"a gap before {link.first}"
        count = link.last - last
        found, place = events[place : place + count], place + count
        assert [row[:2] for row in found] == [
            (link.project, seq) for seq in range(link.first, link.last + 1)
        ]
        columns = EventColumns(*list(zip(*found, strict=True))[2:])
        assert link_hash(before, link, columns) == link.hash, f"the link to {link.last}"
        ends[link.project] = link.last, link.hash
    assert place == len(events), "events in no link"
    assert {project: (seq, digest) for project, seq, digest in rows(HEADS)} == ends
    return place


def check_all(database: str, batches: Sequence[Batch], changes: Changes | None = None) -> int:
    """Every promise, on every row; how many customers there are."""
    on_file = not is_postgres(database)
    with reading(database) as rows:
        # Of one moment: what a process that was killed has sent may still be committed.
        rows("BEGIN" if on_file else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        if on_file:
            assert rows("PRAGMA integrity_check") == [("ok",)]
        for fault in (PARTIAL, STRAY, TWICE, TOLD_TWICE, LOOSE):
            assert rows(fault) == [], fault
        stored: Any = {row[0]: row[1:] for row in rows(STORED)}
        keys = rows(IDENTIFIERS_OF_A_FILE if on_file else IDENTIFIERS)
        check_chain(rows)
        taken = check_changes(rows, changes.told() if changes else {})
        ((secret,),) = rows(SECRET)
    _check_identifiers(secret, keys, stored, taken)
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
    secret: bytes,
    keys: list[tuple[Any, ...]],
    stored: dict[str, tuple[bytes, bytes, str, str]],
    taken: dict[bytes, bytes],
) -> None:
    """Each wallet, DID and sub has its one key, with its owner, and so has each change."""
    assert len(keys) == 3 * len(stored) + len(taken)
    owners = dict(keys)
    for key, customer_id in taken.items():
        assert owners.pop(key) == customer_id
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
