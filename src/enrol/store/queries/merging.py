"""Which customers were merged into which, and what moved."""

from typing import Final

from enrol.customers.editing.merge import Moved, decode_moved
from enrol.store.protocol import Store

# Through the index of the customers that were merged, which are few.
FIND_MERGED: Final = """
WITH RECURSIVE merged (id) AS (
  SELECT id FROM customers WHERE project = $1 AND merged_into = $2
  UNION
  SELECT source.id FROM merged JOIN customers AS source
  ON source.project = $1 AND source.merged_into = merged.id
)
SELECT id FROM merged ORDER BY id
"""
# The first condition lets the index of events that are no creations serve. A customer that was
# merged has no later event of the kind.
FIND_MOVED: Final = """
SELECT data FROM events /* INDEXED BY events_by_customer */
WHERE project = $1 AND customer_id = $2 AND type <> 'customer.created' AND type = 'customer.merged'
ORDER BY seq DESC LIMIT 1
"""


async def find_merged(store: Store, project: int, customer_id: bytes) -> list[bytes]:
    """The customers that were merged into this one, also by way of others."""
    return [row[0] for row in await store.fetch(FIND_MERGED, project, customer_id)]


async def find_moved(store: Store, project: int, source_id: bytes) -> Moved | None:
    """What moved when this customer was merged; None where it was not, or was erased since."""
    rows = await store.fetch(FIND_MOVED, project, source_id)
    return decode_moved(rows[0][0]) if rows and rows[0][0] is not None else None
