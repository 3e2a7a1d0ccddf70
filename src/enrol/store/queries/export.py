"""All customers of a project that are there, page by page, in the order of their IDs."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from enrol.customers.exporting.items import COLUMNS, PICTURE
from enrol.store.protocol import Row, Store
from enrol.store.queries.batches import ALWAYS, NEVER, SLACK_MS, least_id

IS_THERE: Final = "deleted_at IS NULL AND merged_into IS NULL AND erased_at IS NULL"
FIND_IDS: Final = f"""
SELECT id FROM customers WHERE project = $1 AND id > $2 AND id <= $3 AND {IS_THERE}
AND ($4 = '' OR type = $4) AND created_at >= $5 AND created_at < $6 ORDER BY id LIMIT $7
"""  # noqa: S608 - names of ours
CUSTOMERS: Final = f"""
SELECT id, {PICTURE} IS NOT NULL, {", ".join(COLUMNS)} FROM customers
WHERE project = $1 AND id = ANY($2) AND erased_at IS NULL
"""  # noqa: S608 - names of ours
WALLETS: Final = """
SELECT customer_id, address, namespace, verified, created_by FROM wallets
WHERE project = $1 AND customer_id = ANY($2) ORDER BY customer_id, id
"""
DIDS: Final = """
SELECT customer_id, did, created_by, updated_by FROM dids
WHERE project = $1 AND customer_id = ANY($2) ORDER BY customer_id, id
"""
EMAILS: Final = """
SELECT customer_id, email FROM emails
WHERE project = $1 AND customer_id = ANY($2) ORDER BY customer_id, id
"""
PICTURES: Final = f"SELECT id, {PICTURE} FROM customers WHERE project = $1 AND id = ANY($2)"  # noqa: S608
FIND_LAST: Final = "SELECT id FROM customers WHERE project = $1 ORDER BY id DESC LIMIT 1"
FIRST_ID: Final = bytes(16)


class Chosen(NamedTuple):
    """Which customers: of a type, unless it is empty; created in a time that begins with ``start``
    and ends before ``end`` (Unix milliseconds)."""

    customer_type: str = ""
    start: int = ALWAYS
    end: int = NEVER


class Span(NamedTuple):
    """What is left to be read: IDs behind ``after``, up to ``last``."""

    after: bytes
    last: bytes


class Page(NamedTuple):
    """Customers, in the order asked for: their IDs, whether each has a picture, and the values of
    `COLUMNS`; and what their first wallets, DIDs and email addresses are, by ID."""

    customers: Sequence[Row]
    wallets: dict[bytes, Row]
    dids: dict[bytes, Row]
    emails: dict[bytes, Row]


async def find_span(store: Store, project: int, chosen: Chosen) -> Span:
    """From the first customer to the newest that there is now, as far as the time can tell."""
    rows = await store.fetch(FIND_LAST, project)
    newest = rows[0][0] if rows else FIRST_ID
    start = FIRST_ID if chosen.start == ALWAYS else least_id(chosen.start - SLACK_MS)
    return Span(start, min(newest, least_id(chosen.end + SLACK_MS)))


async def find_ids(
    store: Store, project: int, chosen: Chosen, span: Span, limit: int
) -> list[bytes]:
    """The first customers of a span that are there, out of their own table."""
    rows = await store.fetch(FIND_IDS, project, span.after, span.last, *chosen, limit)
    return [row[0] for row in rows]


async def read_page(store: Store, project: int, ids: Sequence[bytes]) -> Page:
    """These customers, each with its parts from one snapshot, without those that were erased."""
    asked = [(each, project, list(ids)) for each in (CUSTOMERS, WALLETS, DIDS, EMAILS)]
    customers, *parts = await store.fetch_together(*asked)
    rows = {row[0]: row for row in customers}
    return Page([rows[each] for each in ids if each in rows], *map(_first, parts))


async def read_pictures(store: Store, project: int, ids: Sequence[bytes]) -> dict[bytes, str]:
    """The pictures of a few customers."""
    rows = await store.fetch(PICTURES, project, list(ids)) if ids else []
    return {customer: picture for customer, picture in rows if picture is not None}


def _first(rows: Iterable[Row]) -> dict[bytes, Row]:
    found: dict[bytes, Any] = {}
    for customer, *values in rows:
        found.setdefault(customer, values)
    return found
