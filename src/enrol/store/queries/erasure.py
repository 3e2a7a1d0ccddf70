"""What belongs to a person beside the customer itself: events with data, and batches."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from enrol.store.protocol import Store

# Said of the type so that the index of events that are no creations serves.
FIND_TOLD: Final = """
SELECT seq FROM events /* INDEXED BY events_by_customer */
WHERE project = $1 AND customer_id = ANY($2)
AND type <> 'customer.created' AND data IS NOT NULL ORDER BY +seq
"""
FIND_UNERASED: Final = """
SELECT id FROM customers WHERE project = $1 AND id = ANY($2) AND erased_at IS NULL ORDER BY id
"""
FIND_ACTOR: Final = """
SELECT key_id FROM links WHERE project = $1 AND last >= $2 ORDER BY last LIMIT 1
"""
FIND_BATCHES: Final = """
SELECT id, mode, created_at, key_id FROM batches
WHERE project = $1 AND id = ANY($2) ORDER BY id
"""


class Batch(NamedTuple):
    """A call that brought customers; ``created_at`` in Unix milliseconds."""

    id: bytes
    mode: str
    created_at: int
    key_id: str


async def find_told(store: Store, project: int, ids: Sequence[bytes]) -> list[int]:
    """The numbers of the events of these customers that have data."""
    return [row[0] for row in await store.fetch(FIND_TOLD, project, list(ids))]


async def find_unerased(store: Store, project: int, ids: Sequence[bytes]) -> list[bytes]:
    """Which of these customers are not erased."""
    return [row[0] for row in await store.fetch(FIND_UNERASED, project, list(ids))]


async def find_actor(store: Store, project: int, seq: int) -> str | None:
    """The ID of the API key that an event is of."""
    rows = await store.fetch(FIND_ACTOR, project, seq)
    return rows[0][0] if rows else None


async def find_batches(store: Store, project: int, ids: Sequence[bytes]) -> list[Batch]:
    """The batches with these IDs, oldest first."""
    return [Batch(*row) for row in await store.fetch(FIND_BATCHES, project, list(ids))]
