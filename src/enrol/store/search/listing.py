"""A list of customers: which they are, how many, and one page of them."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from enrol.customers.search import sets
from enrol.customers.search.entry import ID_BYTES, LIVE
from enrol.store.search.indexing import FIND_LAG, FIND_NUMBERS
from enrol.store.search.matching import Filters, find_chunks, find_matching, find_set
from enrol.store.search.paging import MOST_SKIPPED, Order, find_page
from enrol.store.search.steps import Ask, Dialect, Steps

IS_LIVE: Final = "deleted_at IS NULL AND merged_into IS NULL AND erased_at IS NULL"
NEWEST: Final = f"""
SELECT id FROM customers WHERE project = $1 AND {IS_LIVE}
ORDER BY id DESC LIMIT $2 OFFSET $3
"""  # noqa: S608
NEWEST_BEFORE: Final = f"""
SELECT id FROM customers WHERE project = $1 AND {IS_LIVE} AND id < $4
ORDER BY id DESC LIMIT $2 OFFSET $3
"""  # noqa: S608
# By the index `events_of_changes`, which holds no customer's creation.
FIND_CHANGED: Final = """
SELECT DISTINCT customer_id FROM events
WHERE project = $1 AND seq > $2 AND type <> 'customer.created' AND customer_id IS NOT NULL
"""
COUNT_CHANGES: Final = """
SELECT count(*) FROM events WHERE project = $1 AND seq > $2 AND type <> 'customer.created'
"""
COUNT_LIVE: Final = f"""
SELECT count(*) FROM customers WHERE project = $1 AND id = ANY($2) AND {IS_LIVE}
"""  # noqa: S608


class Found(NamedTuple):
    """A page of customers: the key of each in the order, and its ID; and how many there are."""

    page: Sequence[tuple[bytes, bytes]]
    total: int


def find_listed(
    dialect: Dialect, project: int, filters: Filters, order: Order, limit: int
) -> Steps[Found]:
    """A page out of the index, as far as it has come. Raises `TooDeep`."""
    chunks = yield from find_chunks(project)
    matching = yield from find_matching(dialect, project, filters, chunks)
    page = yield from find_page(project, matching, chunks, order, limit)
    return Found(page, sets.count(matching))


def find_newest(project: int, order: Order, limit: int) -> Steps[Found | None]:
    """A page of all customers, newest first: from their own table, so that it has whatever is
    committed. None where the index would do better: deep down, or among many that are deleted.

    What began here goes on here, whatever is deleted meanwhile: the order of the IDs is not quite
    that of the times by which the index goes, so that a cursor of one tells no place in the other.
    """
    live = yield from find_set(project, LIVE)
    ((head, seq),) = yield Ask(FIND_LAG, (project,))
    count = yield from _count(project, live, head, seq)
    rows = yield Ask("SELECT size FROM search_progress WHERE project = $1", (project,))
    size = rows[0][0] if rows else 0
    if order.after is None and (order.skip > MOST_SKIPPED or sets.count(live) * 2 < size):
        return None
    values = project, limit, order.skip
    if order.after is None:
        rows = yield Ask(NEWEST, values)
    else:
        rows = yield Ask(NEWEST_BEFORE, (*values, order.after[-ID_BYTES:]))
    return Found([(row[0], row[0]) for row in rows], count)


def _count(project: int, live: sets.Chunks, head: int, seq: int) -> Steps[int]:
    """How many customers there are: what the index has, and what has happened since."""
    if head == seq:
        return sets.count(live)
    changed = [row[0] for row in (yield Ask(FIND_CHANGED, (project, seq)))]
    ((changes,),) = yield Ask(COUNT_CHANGES, (project, seq))
    created = int(head - seq - changes)
    if not changed:
        return sets.count(live) + created
    # Those that changed are counted one by one, as they are now.
    numbers = [row[0] for row in (yield Ask(FIND_NUMBERS, (project, changed)))]
    others = sets.without(live, sets.chunks_of(numbers))
    ((now,),) = yield Ask(COUNT_LIVE, (project, changed))
    return int(sets.count(others) + created - (len(changed) - len(numbers)) + now)
