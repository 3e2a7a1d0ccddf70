"""All customers of a project that are there, page by page, in the order of their IDs."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from enrol.customers.exporting.items import COLUMNS, PICTURE
from enrol.store.protocol import Row, Store
from enrol.store.queries.batches import ALWAYS, NEVER, SLACK_MS, least_id

_CHOSEN: Final = """
FROM customers WHERE project = $1 AND id > $2 AND id <= $3
AND deleted_at IS NULL AND merged_into IS NULL AND erased_at IS NULL
AND ($4 = '' OR type = $4) AND created_at >= $5 AND created_at < $6 ORDER BY id LIMIT $7
"""
PAGE: Final = f"SELECT id, {PICTURE} IS NOT NULL, {', '.join(COLUMNS)} {_CHOSEN}"
# Those of the page, from the same snapshot.
_PARTS: Final = (
    "SELECT customer_id, {columns} FROM {table} WHERE project = $1 "
    f"AND customer_id IN (SELECT id {_CHOSEN}) "
    "ORDER BY customer_id, id"
)
WALLETS: Final = _PARTS.format(columns="address, namespace, verified, created_by", table="wallets")
DIDS: Final = _PARTS.format(columns="did, created_by, updated_by", table="dids")
EMAILS: Final = _PARTS.format(columns="email", table="emails")
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
    """Customers: their IDs, whether each has a picture, and the values of `COLUMNS`; and the rows
    of their first wallets, DIDs and email addresses, by ID."""

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


async def read_page(store: Store, project: int, chosen: Chosen, span: Span, limit: int) -> Page:
    """The first customers of a span."""
    values = (project, span.after, span.last, *chosen, limit)
    asked = [(statement, *values) for statement in (PAGE, WALLETS, DIDS, EMAILS)]
    customers, *parts = await store.fetch_together(*asked)
    wallets, dids, emails = map(_first, parts)
    return Page(customers, wallets, dids, emails)


async def read_pictures(store: Store, project: int, ids: Sequence[bytes]) -> dict[bytes, str]:
    """The pictures of a few customers."""
    rows = await store.fetch(PICTURES, project, list(ids)) if ids else []
    return {customer: picture for customer, picture in rows if picture is not None}


def _first(rows: Iterable[Row]) -> dict[bytes, Row]:
    found: dict[bytes, Any] = {}
    for customer, *values in rows:
        found.setdefault(customer, values)
    return found
