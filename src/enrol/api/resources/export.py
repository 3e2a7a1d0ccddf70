"""``GET /customers/export``: any number of customers in one answer, at the memory of a page."""

import asyncio
import zlib
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from functools import partial
from typing import Annotated, Any, Final, NamedTuple
from urllib.parse import parse_qsl, urlencode

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from msgspec import Meta, Struct

from enrol.api.bodies import edge_request
from enrol.api.http import GZIP_WINDOW, RETRY_SECONDS, Receive, Scope, Send
from enrol.api.listing import find_filters
from enrol.api.page_query import PageQuery, read_page_query, time_of
from enrol.api.query import read_query
from enrol.api.resources.customers import Reads, reading_key
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
from enrol.customers.faults import Fault
from enrol.customers.search.entry import BY_CREATED
from enrol.logs import log_error
from enrol.problems import Problem
from enrol.store.protocol import KeyRecord, Row, StoreUnavailable
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

# How long it waits for the index to have seen what was committed before it.
CATCH_UP_SECONDS: Final = 10.0
# The sets of the index are joined for each of its pages.
INDEX_CUSTOMERS: Final = 5_000
# Each holds a page in memory, and takes its share of the process.
MOST_EXPORTS: Final = 4
PAGE_CUSTOMERS: Final = 250
# A picture may be as large as a thousand customers without any.
MOST_PICTURES: Final = 4
# Whoever takes nothing for so long makes room for others.
STALL_SECONDS: Final = 60.0
GZIP_LEVEL: Final = 1
JSONL: Final = "application/jsonl"
CSV: Final = "text/csv; charset=utf-8"
BOM: Final = "\ufeff".encode()
PROJECT: Final = "cmsProjectId"
# Parameters of a list that an export has no use for.
PAGING: Final = ("currentPage", "limit", "after", "sort", "count")
OWN: Final = ("format", "spreadsheet")
_encode: Final = msgspec.json.Encoder().encode


class ExportOptions(Struct, frozen=True, kw_only=True, rename="camel"):
    """What ``GET /customers/export`` can be asked for, beside the filters of ``GET /customers``."""

    format: Annotated[
        str,
        Meta(
            pattern="^(full|jsonl|csv)$",
            title="one of: full, jsonl, csv",
            description="`jsonl` and `csv`: as `enrol import` reads them, so that they need a "
            "`type`. `full`: JSON Lines of customers as `GET /customers/{id}` answers them.",
        ),
    ] = "full"
    spreadsheet: Annotated[
        bool,
        Meta(
            description="`true`, with `format=csv`: for the eyes. No cell is a formula, for an "
            "apostrophe stands before what begins as one, and a byte order mark leads the file; "
            "it is not to be imported.",
        ),
    ] = False


class Export(NamedTuple):
    """What is asked for, and by whom."""

    server: Server
    key: KeyRecord
    options: ExportOptions
    query: PageQuery


class _Running:
    """How many exports this process has under way."""

    def __init__(self) -> None:
        self.number = 0

    def begin(self) -> None:
        """Raises `Problem` ``server.busy``."""
        if self.number >= MOST_EXPORTS:
            raise Problem("server.busy", headers={"Retry-After": RETRY_SECONDS})
        self.number += 1

    def end(self) -> None:
        self.number -= 1


_running: Final = _Running()


@get("/customers/export", operation_id="exportCustomers", tags=["customers"])
async def export_customers(server: NamedDependency[Server], request: Reads) -> Response[None]:
    """The project's customers, oldest first, as one stream."""
    key = await reading_key(server, request)
    options, query = _read(request.scope["query_string"], key.project_id)
    if query.cms_project_id != key.project_id:
        raise Problem("access.project")
    _running.begin()
    try:
        # Before the answer begins, so that a database that is away is told as a problem.
        chunks = _chunks(Export(server, key, options, query))
        first = await anext(chunks)
    except BaseException:
        _running.end()
        raise
    return _Streamed(request, options, first, chunks)


def _read(query_string: bytes, project_id: str) -> tuple[ExportOptions, PageQuery]:
    """The query. Raises `Problem` ``query.invalid`` naming every fault."""
    sent = parse_qsl(query_string.decode("latin-1"), keep_blank_values=True)
    own = [pair for pair in sent if pair[0] in OWN]
    filters = [pair for pair in sent if pair[0] not in {*OWN, *PAGING}]
    faults = [
        Fault(None, "", "query.unknown", "An export has no pages, and one order.")
        for name, _ in sent
        if name in PAGING
    ]
    if not any(name == PROJECT for name, _ in filters):
        filters.append((PROJECT, project_id))
    options, query = ExportOptions(), None
    try:
        options = read_query(urlencode(own).encode(), ExportOptions)
    except Problem as problem:
        faults += problem.faults
    try:
        query = read_page_query(urlencode(filters).encode())
    except Problem as problem:
        faults += problem.faults
    if query is not None and not query.type and options.format != "full":
        hint = "type is Individual or Company: a file that can be imported has customers of one."
        faults.append(Fault(None, "/type", "query.value", hint))
    if faults or query is None:
        raise Problem("query.invalid", faults=faults)
    return options, query


async def _chunks(export: Export) -> AsyncGenerator[bytes]:
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


def _gzip(request: Reads) -> bool:
    """Whether the caller takes gzip (RFC 9110 section 12.5.3)."""
    for coding in ",".join(request.headers.getall("accept-encoding", [])).split(","):
        name, _, weight = coding.partition(";")
        if name.strip().lower() in ("gzip", "x-gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


class _Streamed(Response[None]):
    """An answer that is made while it is sent: the next page is read once the one before is on its
    way. Whoever reads slowly holds no connection to the database, and a page of memory."""

    def __init__(
        self, request: Reads, options: ExportOptions, first: bytes, chunks: AsyncGenerator[bytes]
    ) -> None:
        super().__init__(None)
        self.request = edge_request(request)
        self.options = options
        self.first = first
        self.chunks = chunks
        self.packer = zlib.compressobj(GZIP_LEVEL, wbits=GZIP_WINDOW) if _gzip(request) else None

    def to_asgi_response(self, *_: Any, **__: Any) -> Any:
        """What the framework calls with the connection."""
        return self.send_all

    async def send_all(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file. One that breaks off is not ended, which no client takes for the whole."""
        gone = asyncio.create_task(_gone(receive))
        try:
            async with aclosing(self.chunks):
                await self._send_all(send, gone)
        except (StoreUnavailable, TimeoutError) as error:
            # It has begun, so that there is no other way to tell it: the connection is closed.
            log_error("export broken off", error, request=self.request.request_id)
            self.request.notes["code"] = "export.broken"
        finally:
            _running.end()
            gone.cancel()

    async def _send_all(self, send: Send, gone: asyncio.Task[None]) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self._headers()})
        await self._send(send, self.first)
        async for chunk in self.chunks:
            if gone.done():
                self.request.notes["code"] = "client.gone"
                return
            await self._send(send, chunk)
        rest = self.packer.flush() if self.packer else b""
        await send({"type": "http.response.body", "body": rest})

    async def _send(self, send: Send, chunk: bytes) -> None:
        if self.packer:
            chunk = self.packer.compress(chunk)
        if chunk:
            # Returns once the connection takes more.
            async with asyncio.timeout(STALL_SECONDS):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})

    def _headers(self) -> list[tuple[bytes, bytes]]:
        ending = "csv" if self.options.format == "csv" else "jsonl"
        headers = {
            "content-type": CSV if ending == "csv" else JSONL,
            "content-disposition": f'attachment; filename="customers.{ending}"',
            "vary": "Accept-Encoding",
        }
        if self.packer:
            headers["content-encoding"] = "gzip"
        return [(name.encode(), value.encode()) for name, value in headers.items()]


async def _gone(receive: Receive) -> None:
    """Return once the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


HANDLERS: Final = (export_customers,)
