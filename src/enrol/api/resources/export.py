"""``GET /customers/export``: any number of customers in one answer, at the memory of a page."""

import asyncio
import zlib
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from msgspec import Meta, Struct

from enrol.api.bodies import edge_request
from enrol.api.http import GZIP_WINDOW, RETRY_SECONDS, Receive, Scope, Send
from enrol.api.query import FromDate, ToDate, read_query, time_of
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
from enrol.logs import log_error
from enrol.problems import Problem
from enrol.store.protocol import KeyRecord, Row, StoreUnavailable
from enrol.store.queries.batches import ALWAYS, NEVER
from enrol.store.queries.export import Chosen, Page, Span, find_span, read_page, read_pictures

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
_encode: Final = msgspec.json.Encoder().encode


class ExportQuery(Struct, frozen=True, kw_only=True, rename="camel"):
    """The query of ``GET /customers/export``."""

    format: Annotated[
        str,
        Meta(
            pattern="^(jsonl|csv|full)$",
            title="one of: jsonl, csv, full",
            description="`jsonl` and `csv`: as `enrol import` reads them, so that they need a "
            "`type`. `full`: JSON Lines of customers as `GET /customers/{id}` answers them.",
        ),
    ] = "jsonl"
    type: Annotated[
        str,
        Meta(
            pattern="^(Individual|Company)$",
            title="one of: Individual, Company",
            description="Only customers of this type.",
        ),
    ] = ""
    from_date: FromDate = ""
    to_date: ToDate = ""
    spreadsheet: Annotated[
        bool,
        Meta(
            description="`true`, with `format=csv`: for the eyes. No cell is a formula, for an "
            "apostrophe stands before what begins as one, and a byte order mark leads the file; "
            "it is not to be imported.",
        ),
    ] = False
    cms_project_id: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=200,
            description="The project, which must be the key's own.",
        ),
    ] = ""


class Export(NamedTuple):
    """What is asked for, and by whom."""

    server: Server
    key: KeyRecord
    query: ExportQuery
    chosen: Chosen


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
    query = read_query(request.scope["query_string"], ExportQuery)
    if query.cms_project_id and query.cms_project_id != key.project_id:
        raise Problem("access.project")
    if not query.type and query.format != "full":
        hint = "type is Individual or Company: a file that can be imported has customers of one."
        raise Problem("query.invalid", faults=[Fault(None, "/type", "query.value", hint)])
    start = time_of(query.from_date) if query.from_date else ALWAYS
    end = time_of(query.to_date, end=True) if query.to_date else NEVER
    export = Export(server, key, query, Chosen(query.type, start, end))
    _running.begin()
    try:
        # Before the answer begins, so that a database that is away is told as a problem.
        chunks = _chunks(export)
        first = await anext(chunks)
    except BaseException:
        _running.end()
        raise
    return _Streamed(request, query, first, chunks)


async def _chunks(export: Export) -> AsyncGenerator[bytes]:
    """The file, piece by piece."""
    server, key, query, chosen = export
    span = await find_span(server.store, key.project, chosen)
    if query.format == "csv":
        yield (BOM if query.spreadsheet else b"") + csv_header()
    while True:
        page = await read_page(server.store, key.project, chosen, span, PAGE_CUSTOMERS)
        for rows in _groups(page.customers):
            yield await _written(export, page, rows)
        if len(page.customers) < PAGE_CUSTOMERS:
            break
        span = Span(page.customers[-1][0], span.last)


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
    server, key, query, _ = export
    if query.format == "full":
        records = await server.store.find_customers(key.project, [row[0] for row in rows])
        # Some may have been deleted just now.
        views = [
            customer_view(record, key.project_id)
            for record in records
            if record.customer["deleted_at"] is None and record.customer["erased_at"] is None
        ]
        return b"".join(line for view in views for line in (_encode(view), b"\n"))
    pictured = [row[0] for row in rows if row[1]]
    pictures = await read_pictures(server.store, key.project, pictured)
    items = _items(page, rows, pictures)
    if query.format == "csv":
        return csv_lines(items, for_spreadsheets=query.spreadsheet)
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
        self, request: Reads, query: ExportQuery, first: bytes, chunks: AsyncGenerator[bytes]
    ) -> None:
        super().__init__(None)
        self.request = edge_request(request)
        self.query = query
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
        ending = "csv" if self.query.format == "csv" else "jsonl"
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
