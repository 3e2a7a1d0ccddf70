"""The feed of events, as it is read: pages behind a cursor, the head, one customer's history."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final, NamedTuple

from enrol.customers.lifecycle.chain import Head
from enrol.customers.plan import CREATED
from enrol.store.protocol import Store


class FeedEvent(NamedTuple):
    """An event with what its link knows of it. ``fields`` are names separated by spaces, ``data``
    a JSON object, ``created_at`` Unix milliseconds."""

    seq: int
    type: str
    customer_id: bytes | None
    fields: str | None
    data: str | None
    key_id: str
    batch_id: bytes | None
    created_at: int


class Page(NamedTuple):
    """Events in the order of their numbers. All up to ``read_to`` were looked at, and ``full``
    says that more may come right behind."""

    events: list[FeedEvent]
    read_to: int
    full: bool


class Created(NamedTuple):
    """The events of the batch that created a customer."""

    first: int
    last: int


FIND_HEAD: Final = "SELECT seq, hash FROM chain_heads WHERE project = $1"
# Sorted by an expression, so that PostgreSQL does not walk the numbers of all.
FIND_CHANGES: Final = f"""
SELECT seq FROM events /* INDEXED BY events_by_customer */
WHERE project = $1 AND customer_id = ANY($2) AND type <> '{CREATED}'
AND seq > $3 AND seq <= $4 ORDER BY +seq LIMIT $5
"""  # noqa: S608 - a name of ours
# SQLite goes from left to right where it is told CROSS JOIN: from the customers to their batches.
FIND_BATCHES: Final = """
SELECT l.first, l.last, c.id FROM customers AS c CROSS JOIN links AS l
WHERE c.project = $1 AND c.id = ANY($2) AND l.project = $1 AND l.id = c.batch_id
AND +l.last > $3 AND +l.first <= $4 ORDER BY +l.first
"""
FIND_CREATIONS: Final = """
SELECT seq FROM events WHERE project = $1 AND seq > $2 AND seq <= $3
AND customer_id = ANY($4) AND type = $5 ORDER BY seq LIMIT $6
"""
FIND_CREATED: Final = """
SELECT l.first, l.last FROM customers AS c JOIN links AS l
ON l.project = c.project AND l.id = c.batch_id
WHERE c.project = $1 AND c.id = $2
"""
# The link of an event is the first that ends at it or behind it.
_READ: Final = """
SELECT e.seq, e.type, e.customer_id, e.fields, e.data, l.key_id, l.batch_id, l.created_at
FROM (
  SELECT seq, type, customer_id, fields, data,
    (SELECT min(k.last) FROM links AS k WHERE k.project = $1 AND k.last >= seq) AS link
  FROM events {index} WHERE project = $1 AND seq > $2 AND seq <= $3 {only} ORDER BY seq LIMIT $4
) AS e JOIN links AS l ON l.project = $1 AND l.last = e.link ORDER BY e.seq
"""
# Said so that the index that leaves out the creations serves, for nearly all events are creations.
_CHANGES: Final = f"AND type <> '{CREATED}'"
READ_ALL: Final = _READ.format(index="", only="")
READ_TYPE: Final = _READ.format(index="", only="AND type = $5")
READ_CHANGE_TYPE: Final = _READ.format(
    index="/* INDEXED BY events_of_changes */", only=f"AND type = $5 {_CHANGES}"
)
READ_CUSTOMER: Final = _READ.format(
    index="/* INDEXED BY events_by_customer */", only=f"AND customer_id = $5 {_CHANGES}"
)
READ_THESE: Final = _READ.format(index="", only="AND seq = ANY($5)")
READ_CREATION: Final = _READ.format(index="", only="AND customer_id = $5 AND type = $6")


async def find_head(store: Store, project: int) -> Head:
    """The last event of a project and its hash; 0 and nothing where there is none."""
    rows = await store.fetch(FIND_HEAD, project)
    return Head(*rows[0]) if rows else Head(0, b"")


async def read_feed(
    store: Store, project: int, after: int, limit: int, head: int, only_type: str | None = None
) -> Page:
    """The events behind ``after``, up to ``head``, which was read before: whatever is numbered
    below it is there to be read, so that nothing comes up behind a cursor."""
    if only_type is None:
        rows = await store.fetch(READ_ALL, project, after, head, limit)
    else:
        read = READ_TYPE if only_type == CREATED else READ_CHANGE_TYPE
        rows = await store.fetch(read, project, after, head, limit, only_type)
    return _page([FeedEvent(*row) for row in rows], after, limit, head)


async def read_history(
    store: Store,
    project: int,
    customer_ids: Sequence[bytes],
    after: int,
    limit: int,
    head: int,
    only_type: str | None = None,
) -> Page:
    """The same of these customers alone: their creations, to which their batches lead, and all
    since."""
    if len(customer_ids) == 1:
        events = await _creation(store, project, customer_ids[0], after, head)
        rows = await store.fetch(READ_CUSTOMER, project, after, head, limit, customer_ids[0])
    else:
        seqs = await _find_seqs(store, project, customer_ids, after, limit, head)
        events, rows = [], await store.fetch(READ_THESE, project, after, head, limit, seqs)
    page = _page([*events, *(FeedEvent(*row) for row in rows)][:limit], after, limit, head)
    if only_type is None:
        return page
    return page._replace(events=[event for event in page.events if event.type == only_type])


async def _find_seqs(
    store: Store, project: int, customer_ids: Sequence[bytes], after: int, limit: int, head: int
) -> list[int]:
    """The numbers of the first events of several customers."""
    ids = list(customer_ids)
    rows = await store.fetch(FIND_CHANGES, project, ids, after, head, limit)
    seqs = [row[0] for row in rows]
    batches: dict[Created, list[bytes]] = defaultdict(list)
    for first, last, customer_id in await store.fetch(FIND_BATCHES, project, ids, after, head):
        batches[Created(first, last)].append(customer_id)
    for batch, created in batches.items():
        # The batches come in their order: what is behind the page need not be looked through.
        if len(seqs) >= limit and batch.first > seqs[-1]:
            break
        start, end = max(after, batch.first - 1), min(head, batch.last)
        asked = project, start, end, created, CREATED, limit
        seqs += [row[0] for row in await store.fetch(FIND_CREATIONS, *asked)]
        seqs = sorted(seqs)[:limit]
    return seqs


async def _creation(
    store: Store, project: int, customer_id: bytes, after: int, head: int
) -> list[FeedEvent]:
    found = await store.fetch(FIND_CREATED, project, customer_id)
    if not found:
        return []
    batch = Created(*found[0])
    if batch.last <= after:
        return []
    start, end = max(after, batch.first - 1), min(head, batch.last)
    rows = await store.fetch(READ_CREATION, project, start, end, 1, customer_id, CREATED)
    return [FeedEvent(*row) for row in rows]


def _page(events: list[FeedEvent], after: int, limit: int, head: int) -> Page:
    full = len(events) >= limit
    return Page(events, events[-1].seq if full else max(after, head), full)
