"""The batches of a project, and the customers that each created."""

from typing import Final, NamedTuple

from enrol.store.protocol import Store

LIST: Final = """
SELECT id, key_id, mode, items, created, existing, refused, created_at,
  undone_at, undone_by, removed
FROM batches WHERE project = $1 AND id < $2 AND id >= $3 AND created_at BETWEEN $4 AND $5
ORDER BY id DESC LIMIT $6
"""
FIND: Final = """
SELECT id, key_id, mode, items, created, existing, refused, created_at,
  undone_at, undone_by, removed
FROM batches WHERE project = $1 AND id = $2
"""
# A batch is the link of its events, which stand next to one another.
FIND_EVENTS: Final = "SELECT first, last FROM links WHERE project = $1 AND id = $2"
LIST_CREATED: Final = """
SELECT seq, customer_id FROM events WHERE project = $1 AND seq > $2 AND seq <= $3
ORDER BY seq LIMIT $4
"""
NEWEST_ID: Final = b"\xff" * 16
LONGEST_AGO: Final = 0
NEVER: Final = 2**63 - 1
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


async def list_batches(
    store: Store,
    project: int,
    *,
    before: bytes | None,
    from_ms: int = LONGEST_AGO,
    to_ms: int = NEVER,
    limit: int,
) -> list[Batch]:
    """Batches newest first, behind the one whose ID is ``before``, of the time asked for."""
    newest = min(before or NEWEST_ID, _id_of_time(to_ms + SLACK_MS))
    oldest = _id_of_time(from_ms - SLACK_MS)
    rows = await store.fetch(LIST, project, newest, oldest, from_ms, to_ms, limit)
    return [Batch(*row) for row in rows]


async def find_batch(store: Store, project: int, batch_id: bytes) -> Batch | None:
    """One batch."""
    rows = await store.fetch(FIND, project, batch_id)
    return Batch(*rows[0]) if rows else None


async def find_created(
    store: Store, project: int, batch_id: bytes, *, after: int = 0, limit: int
) -> list[tuple[int, bytes]]:
    """The customers that a batch created, in its order, each with its event's number; those
    behind the event ``after``."""
    rows = await store.fetch(FIND_EVENTS, project, batch_id)
    if not rows:
        return []
    first, last = rows[0]
    found = await store.fetch(LIST_CREATED, project, max(first - 1, after), last, limit)
    return [(seq, customer_id) for seq, customer_id in found]


def _id_of_time(milliseconds: int) -> bytes:
    """The least UUIDv7 of a time (RFC 9562 section 5.7)."""
    if milliseconds > LATEST_MS:
        return NEWEST_ID
    return max(milliseconds, 0).to_bytes(TIME_BYTES, "big") + bytes(16 - TIME_BYTES)
