"""The events of a project: a feed without gaps, its head, and the history of one customer."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Final
from urllib.parse import urlencode
from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Meta, Raw, Struct

from enrol.api.changing import customer_bytes
from enrol.api.lists.query import read_query
from enrol.api.resources.customers import Reads, reading_key
from enrol.api.server import Server
from enrol.api.views import Timestamp, timestamp
from enrol.customers.lifecycle.event_ids import event_id
from enrol.problems import Problem
from enrol.store.protocol import KeyRecord
from enrol.store.queries.events import FeedEvent, Page, find_head, read_feed, read_history
from enrol.store.queries.merging import find_merged

MOST_EVENTS: Final = 1_000
MOST_SEQ: Final = 2**63 - 1
MOST_WAIT_SECONDS: Final = 20
LOOK_SECONDS: Final = 0.25
# Whoever waits holds a connection, and the server takes calls of others beside.
MOST_WAITING: Final = 64

After = Annotated[
    int,
    Meta(ge=0, le=MOST_SEQ, description="The cursor: `nextAfter` of the page before; 0 at first."),
]
Limit = Annotated[int, Meta(ge=1, le=MOST_EVENTS, description="Events a page.")]
Wait = Annotated[
    int,
    Meta(
        ge=0,
        le=MOST_WAIT_SECONDS,
        description="For how many seconds to wait for an event where there is none yet.",
    ),
]
OnlyType = Annotated[
    str,
    Meta(
        pattern=r"^[a-z._]{1,64}$",
        title="the name of a type of events",
        description="Only events of this type, `customer.updated` say.",
    ),
]


Data = Annotated[Raw, Meta(extra_json_schema={"anyOf": [{"type": "object"}, {"type": "null"}]})]
NO_DATA: Final = Raw(b"null")


class HistoryQuery(Struct, frozen=True, kw_only=True, rename="camel"):
    """The query of ``GET /customers/{id}/events``."""

    after: After = 0
    limit: Limit = 100
    type: OnlyType = ""


class FeedQuery(Struct, frozen=True, kw_only=True, rename="camel"):
    """The query of ``GET /events``."""

    after: After = 0
    limit: Limit = 100
    type: OnlyType = ""
    customer_id: Annotated[UUID | None, Meta(description="Only events of this customer.")] = None
    wait: Wait = 0


class EventView(Struct, frozen=True, kw_only=True, rename="camel"):
    """What happened: ``actor`` is the API key that called, ``fields`` names what changed, ``data``
    tells more (null: there is no more to tell, or the customer was erased)."""

    id: UUID
    seq: int
    type: str
    customer_id: UUID | None
    batch_id: UUID | None
    actor: str
    fields: list[str]
    data: Data
    created_at: Timestamp


class EventPage(Struct, frozen=True, kw_only=True, rename="camel"):
    """Events in the order in which they happened. ``nextAfter`` is the cursor to go on with, at
    once or later."""

    data: list[EventView]
    next_after: str


class HeadView(Struct, frozen=True, kw_only=True, rename="camel"):
    """The last event of the project (0: there is none), and the hash that covers it and all before
    it, in hexadecimal (null: nothing is chained yet)."""

    seq: int
    hash: str | None


@get("/events", operation_id="listEvents", tags=["events"])
async def list_events(server: NamedDependency[Server], request: Reads) -> Response[EventPage]:
    """Events of the key's project, oldest first."""
    key = await reading_key(server, request)
    query = read_query(request.scope["query_string"], FeedQuery)
    page = await _awaited(server, key, query)
    asked = {"limit": query.limit, "type": query.type, "customerId": query.customer_id}
    return _answer(server, key, page, "/events", asked)


@get("/customers/{customer_id:str}/events", operation_id="listCustomerEvents", tags=["events"])
async def list_customer_events(
    server: NamedDependency[Server], request: Reads, customer_id: FromPath[str]
) -> Response[EventPage]:
    """Events of one customer and of those that were merged into it, deleted or erased ones
    included, oldest first."""
    key = await reading_key(server, request)
    wanted = customer_bytes(customer_id)
    query = read_query(request.scope["query_string"], HistoryQuery)
    if not await server.store.find_customers(key.project, [wanted]):
        raise Problem("customer.unknown")
    ids = [wanted, *await find_merged(server.store, key.project, wanted)]
    page = await _read(server, key, query, query.after, ids)
    asked = {"limit": query.limit, "type": query.type}
    return _answer(server, key, page, f"/customers/{UUID(bytes=wanted)}/events", asked)


@get("/events/head", operation_id="getEventsHead", tags=["events"])
async def get_events_head(server: NamedDependency[Server], request: Reads) -> HeadView:
    """Where the chain of the project's events ends: to be kept where nobody can change it."""
    key = await reading_key(server, request)
    head = await find_head(server.store, key.project)
    return HeadView(seq=head.seq, hash=head.hash.hex() or None)


def event_view(secret: bytes, project: int, event: FeedEvent) -> EventView:
    """A stored event in the shape of the API."""
    return EventView(
        id=event_id(secret, project, event.seq),
        seq=event.seq,
        type=event.type,
        customer_id=_uuid(event.customer_id),
        batch_id=_uuid(event.batch_id),
        actor=event.key_id,
        fields=(event.fields or "").split(),
        data=NO_DATA if event.data is None else Raw(event.data),
        created_at=timestamp(event.created_at),
    )


class _Waiting:
    """How many calls of this process wait for events."""

    def __init__(self) -> None:
        self.number = 0

    @contextmanager
    def one_more(self) -> Iterator[bool]:
        """Whether there is room for one more, who waits within the block."""
        room = self.number < MOST_WAITING
        self.number += room
        try:
            yield room
        finally:
            self.number -= room


_waiting: Final = _Waiting()


async def _awaited(server: Server, key: KeyRecord, query: FeedQuery) -> Page:
    """The next page, once there is an event on it or the time is over."""
    customer = [query.customer_id.bytes] if query.customer_id else None
    page = await _read(server, key, query, query.after, customer)
    if page.events or not query.wait:
        return page
    loop = asyncio.get_running_loop()
    deadline = loop.time() + query.wait
    with _waiting.one_more() as room:
        while room and not page.events and loop.time() < deadline:
            await asyncio.sleep(LOOK_SECONDS)
            head = await find_head(server.store, key.project)
            if head.seq > page.read_to:
                page = await _read(server, key, query, page.read_to, customer)
    return page


async def _read(
    server: Server,
    key: KeyRecord,
    query: FeedQuery | HistoryQuery,
    after: int,
    customer_ids: Sequence[bytes] | None,
) -> Page:
    store, project = server.store, key.project
    head = (await find_head(store, project)).seq
    if after > head:
        raise Problem("events.ahead")
    if customer_ids is None:
        return await read_feed(store, project, after, query.limit, head, query.type or None)
    return await read_history(
        store, project, customer_ids, after, query.limit, head, query.type or None
    )


def _answer(
    server: Server, key: KeyRecord, page: Page, path: str, asked: Mapping[str, object]
) -> Response[EventPage]:
    """The page, with a link (RFC 8288) to the next where it may not be the last."""
    secret = server.store.secret
    data = [event_view(secret, key.project, event) for event in page.events]
    view = EventPage(data=data, next_after=str(page.read_to))
    if not page.full:
        return Response(view)
    query = {"after": page.read_to, **{name: each for name, each in asked.items() if each}}
    return Response(view, headers={"Link": f'<{path}?{urlencode(query)}>; rel="next"'})


def _uuid(value: bytes | None) -> UUID | None:
    return None if value is None else UUID(bytes=value)


HANDLERS: Final = (list_events, get_events_head, list_customer_events)
