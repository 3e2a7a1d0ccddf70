"""The file of an export, piece by piece: never more than a page of customers at once."""

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from functools import partial
from typing import Final, NamedTuple

import msgspec

from enrol.api.exporting.asking import ExportOptions
from enrol.api.http import RETRY_SECONDS
from enrol.api.lists.listing import find_filters
from enrol.api.lists.page_query import PageQuery
from enrol.api.lists.query import time_of
from enrol.api.server import Server
from enrol.api.views import customer_view
from enrol.customers.exporting.items import (
    Item,
    Parts,
    csv_header,
    csv_lines,
    item_of,
    json_lines,
)
from enrol.customers.search.entry import BY_CREATED
from enrol.problems import Problem
from enrol.store.protocol import KeyRecord, Row
from enrol.store.queries.batches import ALWAYS, NEVER
from enrol.store.queries.export import (
    Chosen,
    Page,
    Span,
    find_ids,
    find_span,
    read_page,
    read_pictures,
)
from enrol.store.search.listing import find_listed
from enrol.store.search.paging import Order

PAGE_CUSTOMERS: Final = 250
# A picture may be as large as a thousand customers without any.
MOST_PICTURES: Final = 4
# How long it waits for the index to have seen what was committed before it.
CATCH_UP_SECONDS: Final = 10.0
# The sets of the index are joined for each of its pages.
INDEX_CUSTOMERS: Final = 5_000
BOM: Final = "\ufeff".encode()
_encode: Final = msgspec.json.Encoder().encode


class Export(NamedTuple):
    """What is asked for, and by whom."""

    server: Server
    key: KeyRecord
    options: ExportOptions
    query: PageQuery


async def file_of(export: Export) -> AsyncGenerator[bytes]:
    """The file, piece by piece."""
    store, project = export.server.store, export.key.project
    head = b""
    if export.options.format == "csv":
        head = (BOM if export.options.spreadsheet else b"") + csv_header()
    ids = _by_filters(export) if _has_filters(export.query) else _by_creation(export)
    async with aclosing(ids):
        async for part in ids:
            page = await read_page(store, project, part)
            for rows in _groups(page.customers):
                yield head + await _written(export, page, rows)
                head = b""
    # So that there is something in any case.
    yield head


def _has_filters(query: PageQuery) -> bool:
    """Whether there is more to it than the type and the time of creation."""
    rest = msgspec.structs.replace(query, type="", from_date="", to_date="")
    return rest != PageQuery(cms_project_id=query.cms_project_id)


async def _by_creation(export: Export) -> AsyncGenerator[Sequence[bytes]]:
    """The customers' IDs, out of their own table."""
    store, project, query = export.server.store, export.key.project, export.query
    start = time_of(query.from_date) if query.from_date else ALWAYS
    end = time_of(query.to_date, end=True) if query.to_date else NEVER
    chosen = Chosen(query.type, start, end)
    span = await find_span(store, project, chosen)
    while ids := await find_ids(store, project, chosen, span, PAGE_CUSTOMERS):
        yield ids
        span = Span(ids[-1], span.last)


async def _by_filters(export: Export) -> AsyncGenerator[Sequence[bytes]]:
    """The customers' IDs, out of the index, as far as it has come."""
    server, key, _, query = export
    filters = await find_filters(server, key, query)
    # Whoever comes later would keep it from ending.
    start, end = filters.created or (0, None)
    latest = int(server.clock() * 1000) + 1
    filters = filters._replace(created=(start, latest if end is None else min(end, latest)))
    if await server.store.catch_up(key.project, CATCH_UP_SECONDS):
        raise Problem("server.busy", headers={"Retry-After": RETRY_SECONDS})
    order = Order(BY_CREATED, down=False)
    full = True
    while full:
        steps = partial(
            find_listed, server.store.dialect, key.project, filters, order, INDEX_CUSTOMERS
        )
        found = await server.store.run(steps)
        for place in range(0, len(found.page), PAGE_CUSTOMERS):
            yield [customer for _, customer in found.page[place : place + PAGE_CUSTOMERS]]
        full = len(found.page) == INDEX_CUSTOMERS
        if full:
            order = order._replace(after=found.page[-1][0])


def _groups(customers: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Customers that are written together: never many pictures at once."""
    group: list[Row] = []
    pictures = 0
    for row in customers:
        if pictures == MOST_PICTURES and row[1]:
            yield group
            group, pictures = [], 0
        group.append(row)
        pictures += bool(row[1])
    yield group


async def _written(export: Export, page: Page, rows: Sequence[Row]) -> bytes:
    server, key, options, query = export
    if options.format == "full":
        records = await server.store.find_customers(key.project, [row[0] for row in rows])
        # Some may have been deleted just now.
        views = [
            customer_view(record, key.project_id)
            for record in records
            if record.customer["erased_at"] is None
            and (record.customer["deleted_at"] is None or query.soft_deleted_before)
        ]
        return b"".join(line for view in views for line in (_encode(view), b"\n"))
    pictured = [row[0] for row in rows if row[1]]
    pictures = await read_pictures(server.store, key.project, pictured)
    items = _items(page, rows, pictures)
    if options.format == "csv":
        return csv_lines(items, for_spreadsheets=options.spreadsheet)
    return json_lines(items)


def _items(page: Page, rows: Sequence[Row], pictures: dict[bytes, str]) -> Iterator[Item]:
    for customer, _, *values in rows:
        email = page.emails.get(customer)
        parts = Parts(
            page.wallets.get(customer),
            page.dids.get(customer),
            None if email is None else email[0],
            pictures.get(customer),
        )
        yield item_of(values, parts)
