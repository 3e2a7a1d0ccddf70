"""``GET /customers``: from the query to a page, and to the links that lead on."""

from collections.abc import Sequence
from functools import partial
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, urlencode

import msgspec

from enrol.api.lists.cursors import seal, unseal
from enrol.api.lists.page_query import ANY, PageQuery
from enrol.api.lists.query import time_of
from enrol.api.server import Server
from enrol.customers.enrolment import DID, EXTERNAL, SUB, WALLET
from enrol.customers.faults import Fault
from enrol.customers.lifecycle.statuses import NO_STATUS
from enrol.customers.plan import key_hash
from enrol.customers.profiles.fields import NO_RISK
from enrol.customers.search.entry import (
    ANY_FINDING,
    BY_CREATED,
    BY_NAME,
    BY_UPDATED,
    FINDING,
    ID_BYTES,
    NAMESPACE,
    SINGLE,
    TAG,
    facet,
)
from enrol.customers.search.words import search_terms
from enrol.customers.wallets.lookup import lookup_spellings
from enrol.problems import Problem
from enrol.store.protocol import CustomerRecord, KeyRecord
from enrol.store.search.listing import Found, find_listed, find_newest
from enrol.store.search.matching import ALL, Filters
from enrol.store.search.paging import Order, TooDeep

# How long a list waits for the index to have seen what was committed before it.
CATCH_UP_SECONDS: Final = 1.0
SORTS: Final = {"createdAt": BY_CREATED, "updatedAt": BY_UPDATED, "name": BY_NAME}
NOTHING: Final = {NO_STATUS, NO_RISK}


class Listed(NamedTuple):
    """A page, of those of whom `is_shown` says so. ``total`` is exact where ``behind``, the events
    that the index has not seen, is 0; ``after`` is the cursor of the next page, None where this is
    the last."""

    ids: Sequence[bytes]
    total: int
    behind: int
    after: str | None


async def list_page(server: Server, key: KeyRecord, query: PageQuery) -> Listed:
    """The page that a query asks for. Raises `Problem`."""
    filters = await find_filters(server, key, query)
    order = _order(server.store.secret, query)
    found, behind = await _find(server, key.project, filters, order, query)
    page = found.page[: query.limit]
    after = None
    if len(found.page) > query.limit:
        after = seal(server.store.secret, _about(query), page[-1][0])
    return Listed([each for _, each in page], found.total, behind, after)


async def find_filters(server: Server, key: KeyRecord, query: PageQuery) -> Filters:
    """What the customers of a list must have."""
    return _filters(query, await _find_owners(server, key, query))


def links(query_string: bytes, after: str | None) -> str:
    """The value of `Link` (RFC 8288): the first page of the same list, and the next if any."""
    kept = [
        (name, text)
        for name, text in parse_qsl(query_string.decode("latin-1"), keep_blank_values=True)
        if name not in ("after", "currentPage")
    ]
    found = [f'</customers?{urlencode(kept)}>; rel="first"']
    if after is not None:
        found.append(f'</customers?{urlencode([*kept, ("after", after)])}>; rel="next"')
    return ", ".join(found)


async def find_owners(
    server: Server, project: int, values: Sequence[tuple[int, str]]
) -> list[bytes]:
    """The customers to whom unique values, each with its kind, belong."""
    hashes = [key_hash(server.store.secret, project, kind, value) for kind, value in values]
    found = await server.store.find_identifiers(project, hashes)
    return list(dict.fromkeys(found[each] for each in hashes if each in found))


def wallet_values(address: str) -> list[tuple[int, str]]:
    """The unique values that an address may be, whatever its spelling and namespace."""
    return [(WALLET, f"{space}:{spelling}") for space, spelling in lookup_spellings(address)]


async def _find_owners(server: Server, key: KeyRecord, query: PageQuery) -> list[bytes] | None:
    """The customers that have all the unique values asked for; None where none is."""
    asked = [
        wallet_values(query.wallet) if query.wallet else [],
        [(DID, query.did)] if query.did else [],
        [(SUB, query.sub)] if query.sub else [],
        [(EXTERNAL, query.external_customer_id)] if query.external_customer_id else [],
    ]
    owners: list[bytes] | None = None
    if query.wallet and not asked[0]:
        return []
    for values in asked:
        if values:
            found = await find_owners(server, key.project, values)
            owners = found if owners is None else [each for each in owners if each in found]
    return owners


async def _find(
    server: Server, project: int, filters: Filters, order: Order, query: PageQuery
) -> tuple[Found, int]:
    """The page with one more customer behind it, and how far the index is behind."""
    limit = query.limit + 1
    if filters._replace(ids=None) == ALL and order.sort == BY_CREATED and order.down:
        if filters.ids is not None:
            # At most a few, which no index need be asked for.
            newest = [(each, each) for each in sorted(filters.ids, reverse=True)]
            last = order.after
            rest = [one for one in newest if last is None or one[0] < last[-ID_BYTES:]]
            return Found(rest[order.skip :][:limit], len(newest)), 0
        # A longer cursor is of a page out of the index, and leads on there.
        if order.after is None or len(order.after) == ID_BYTES:
            found = await server.store.run(partial(find_newest, project, order, limit))
            if found is not None:
                return found, 0
    seconds = CATCH_UP_SECONDS if query.count == "exact" else 0
    behind = await server.store.catch_up(project, seconds)
    dialect = server.store.dialect
    try:
        listed = await server.store.run(
            partial(find_listed, dialect, project, filters, order, limit)
        )
    except TooDeep:
        hint = "So deep leads only the cursor that each page has in its Link header."
        faults = [Fault(None, "/currentPage", "query.value", hint)]
        raise Problem("query.invalid", faults=faults) from None
    return listed, behind


def _filters(query: PageQuery, ids: list[bytes] | None) -> Filters:
    singles = {
        "type": query.type,
        "status": query.status,
        "risk_score": query.risk_level,
        "onboarding_level": query.on_boarding_level,
        "country_of_residence": query.country_of_residence,
        "nationality": query.nationality,
    }
    facets = [
        facet(SINGLE[column], "" if value in NOTHING else value)
        for column, value in singles.items()
        if value
    ]
    several = ((NAMESPACE, query.namespace), (TAG, query.tag), (FINDING, query.finding))
    facets += [
        ANY_FINDING if kind == FINDING and value == ANY else facet(kind, value)
        for kind, value in several
        if value
    ]
    created = None
    if query.from_date or query.to_date:
        start = time_of(query.from_date) if query.from_date else 0
        end = time_of(query.to_date, end=True) if query.to_date else None
        created = start, end
    deleted = time_of(query.soft_deleted_before) if query.soft_deleted_before else None
    terms = search_terms(query.search) if query.search else ()
    return Filters(tuple(facets), tuple(terms), created, deleted, ids)


def _order(secret: bytes, query: PageQuery) -> Order:
    after = None
    if query.after:
        after = unseal(secret, _about(query), query.after)
        if after is None:
            hint = "after is a cursor out of the Link header of a page of this same list."
            faults = [Fault(None, "/after", "query.value", hint)]
            raise Problem("query.invalid", faults=faults)
    skip = (query.current_page - 1) * query.limit
    down = query.sort.startswith("-")
    return Order(SORTS[query.sort.removeprefix("-")], down, after, skip)


def _about(query: PageQuery) -> bytes:
    """What stands for a list: a cursor leads on in no other one."""
    same = msgspec.structs.replace(query, after="", current_page=1, limit=1, count="exact")
    return msgspec.msgpack.encode(same)


def is_shown(query: PageQuery, record: CustomerRecord) -> bool:
    """Whether a customer is still of the list: the index may be a moment behind, and what was read
    just now is not."""
    row = record.customer
    if row["erased_at"] is not None:
        return False
    deleted = bool(query.soft_deleted_before)
    return deleted or (row["deleted_at"] is None and row["merged_into"] is None)
