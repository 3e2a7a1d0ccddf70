"""The batches of a project, and the customers that each created."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from enrol.store.protocol import Store

_COLUMNS: Final = """
id, key_id, mode, items, created, existing, refused, created_at, undone_at, undone_by, removed
"""
LIST: Final = f"""
SELECT {_COLUMNS} FROM batches
WHERE project = $1 AND id < $2 AND id >= $3 AND created_at >= $4 AND created_at < $5
AND ($6 = '' OR key_id = $6) ORDER BY id DESC LIMIT $7
"""  # noqa: S608 - names of ours
FIND: Final = f"SELECT {_COLUMNS} FROM batches WHERE project = $1 AND id = $2"  # noqa: S608 - names of ours
# A batch is the link of its events, which stand next to one another.
FIND_EVENTS: Final = "SELECT first, last FROM links WHERE project = $1 AND id = $2"
LIST_EVENTS: Final = """
SELECT seq, customer_id FROM events
WHERE project = $1 AND seq > $2 AND seq <= $3 AND customer_id IS NOT NULL ORDER BY seq LIMIT $4
"""
FIND_MEMBERS: Final = """
SELECT id, version, deleted_at, merged_into, erased_at, sub, external_customer_id
FROM customers WHERE project = $1 AND id = ANY($2) ORDER BY id
"""
FIND_WALLETS: Final = """
SELECT customer_id, namespace, address, canonical
FROM wallets WHERE project = $1 AND customer_id = ANY($2)
"""
FIND_DIDS: Final = "SELECT customer_id, did FROM dids WHERE project = $1 AND customer_id = ANY($2)"
MEMBER: Final = (
    *("id", "version", "deleted_at", "merged_into", "erased_at", "sub", "external_customer_id"),
)
WALLET: Final = ("customer_id", "namespace", "address", "canonical")
DID: Final = ("customer_id", "did")

ALWAYS: Final = 0
NEVER: Final = 2**62
# How many customers are read at once, so that others come in between.
PART: Final = 1_000
NEWEST_ID: Final = b"\xff" * 16
# A batch's ID is made a moment after or before its time is taken.
SLACK_MS: Final = 60_000
TIME_BYTES: Final = 6
LATEST_MS: Final = 2 ** (8 * TIME_BYTES) - 1


class Batch(NamedTuple):
    """A batch; times in Unix milliseconds. ``removed``: how many customers its undoing removed."""

    id: bytes
    key_id: str
    mode: str
    items: int
    created: int
    existing: int
    refused: int
    created_at: int
    undone_at: int | None
    undone_by: str | None
    removed: int


class Member(NamedTuple):
    """A customer of a batch with all that is unique of it, and what became of it."""

    customer: Mapping[str, Any]
    wallets: Sequence[Mapping[str, Any]]
    dids: Sequence[Mapping[str, Any]]


async def list_batches(
    store: Store,
    project: int,
    *,
    before: bytes | None,
    start: int = ALWAYS,
    end: int = NEVER,
    key_id: str = "",
    limit: int,
) -> list[Batch]:
    """Batches newest first, behind the one whose ID is ``before``: of a time that begins with
    ``start`` and ends before ``end``, and of one API key, if any."""
    newest = min(before or NEWEST_ID, least_id(end + SLACK_MS))
    oldest = least_id(start - SLACK_MS)
    rows = await store.fetch(LIST, project, newest, oldest, start, end, key_id, limit)
    return [Batch(*row) for row in rows]


async def find_batch(store: Store, project: int, batch_id: bytes) -> Batch | None:
    """One batch."""
    rows = await store.fetch(FIND, project, batch_id)
    return Batch(*rows[0]) if rows else None


async def find_customers_of(
    store: Store, project: int, call_id: bytes, *, after: int = 0, limit: int
) -> list[tuple[int, bytes]]:
    """The customers of a call, a batch or a change, in the order of their events, each with its
    event's number; those behind the event ``after``."""
    rows = await store.fetch(FIND_EVENTS, project, call_id)
    if not rows:
        return []
    first, last = rows[0]
    found = await store.fetch(LIST_EVENTS, project, max(first - 1, after), last, limit)
    return [(seq, customer_id) for seq, customer_id in found]


async def find_members(store: Store, project: int, ids: Sequence[bytes]) -> list[Member]:
    """The customers with these IDs, in their order."""
    members: dict[bytes, Member] = {}
    for start in range(0, len(ids), PART):
        part = list(ids[start : start + PART])
        asked = [(query, project, part) for query in (FIND_MEMBERS, FIND_WALLETS, FIND_DIDS)]
        customers, wallets, dids = await store.fetch_together(*asked)
        wallets_of, dids_of = _by_customer(wallets, WALLET), _by_customer(dids, DID)
        for row in customers:
            members[row[0]] = Member(
                dict(zip(MEMBER, row, strict=True)), wallets_of[row[0]], dids_of[row[0]]
            )
    return [members[each] for each in ids if each in members]


def _by_customer(
    rows: Sequence[tuple[Any, ...]], names: Sequence[str]
) -> dict[bytes, list[Mapping[str, Any]]]:
    found: dict[bytes, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row[0]].append(dict(zip(names, row, strict=True)))
    return found


def least_id(milliseconds: int) -> bytes:
    """The least UUIDv7 of a time (RFC 9562 section 5.7)."""
    if milliseconds > LATEST_MS:
        return NEWEST_ID
    return max(milliseconds, 0).to_bytes(TIME_BYTES, "big") + bytes(16 - TIME_BYTES)
