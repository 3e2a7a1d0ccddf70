"""The batches of a project: who enrolled whom, and how a wrong one is undone."""

import secrets
from datetime import date, datetime
from typing import Annotated, Final
from urllib.parse import urlencode
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Meta, Struct

from enrol.api.bodies import edge_request, read_json
from enrol.api.query import read_query
from enrol.api.resources.customers import Reads, reading_key
from enrol.api.server import Server
from enrol.api.views import CustomerView, Timestamp, customer_view, timestamp
from enrol.customers.editing.acting import SALT_BYTES, Actor
from enrol.customers.editing.undoing import Undoing, plan_undo, sort_out
from enrol.customers.lifecycle.change import Stale
from enrol.problems import Problem
from enrol.store.protocol import CustomerRecord, KeyRecord
from enrol.store.queries.batches import (
    NEVER,
    Batch,
    find_batch,
    find_created,
    list_batches,
)

WRITE: Final = "customers:write"
MOST_LISTED: Final = 1_000
MOST_SEQ: Final = 2**63 - 1
MOST_REASON_CHARS: Final = 1_000
ATTEMPTS: Final = 8
# How many customers are read at once: a batch has as many as the settings let it.
CHUNK: Final = 1_000

Limit = Annotated[int, Meta(ge=1, le=MOST_LISTED, description="How many a page.")]
Time = Annotated[
    date | datetime | None,
    Meta(title="an RFC 3339 date, or date and time", description="A date, or date and time."),
]


class BatchesQuery(Struct, frozen=True, kw_only=True, rename="camel"):
    """The query of ``GET /batches``."""

    after: Annotated[
        UUID | None, Meta(description="The last batch of the page before; none at first.")
    ] = None
    limit: Limit = 100
    from_ms: Annotated[
        int, Meta(ge=0, le=NEVER, description="Created at this time (Unix milliseconds) or later.")
    ] = 0
    to_ms: Annotated[
        int, Meta(ge=0, le=NEVER, description="Created at this time (Unix milliseconds) or before.")
    ] = NEVER


class BatchCustomersQuery(Struct, frozen=True, kw_only=True, rename="camel"):
    """The query of ``GET /batches/{id}/customers``."""

    after: Annotated[
        int,
        Meta(ge=0, le=MOST_SEQ, description="`nextAfter` of the page before; 0 at first."),
    ] = 0
    limit: Limit = 100


class UndoQuery(Struct, frozen=True, kw_only=True, rename="camel"):
    """The query of ``POST /batches/{id}/undo``."""

    dry_run: Annotated[bool, Meta(description="`true`: tell what it would do, and do nothing.")] = (
        False
    )


class UndoRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Why a batch is undone."""

    reason: Annotated[str, Meta(min_length=1, max_length=MOST_REASON_CHARS)] | None = None


class CountsView(Struct, frozen=True, kw_only=True, rename="camel"):
    """How many items a batch had, and what became of them."""

    items: int
    created: int
    existing: int
    refused: int


class UndoneView(Struct, frozen=True, kw_only=True, rename="camel"):
    """That a batch was undone: when, by which API key, and how many customers that removed."""

    at: Timestamp
    by: str
    removed: int


class BatchView(Struct, frozen=True, kw_only=True, rename="camel"):
    """A batch; ``createdBy`` is the API key that called."""

    id: UUID
    created_at: Timestamp
    created_by: str
    mode: str
    counts: CountsView
    undone: UndoneView | None


class BatchPage(Struct, frozen=True, kw_only=True, rename="camel"):
    """Batches, newest first."""

    data: list[BatchView]


class BatchCustomers(Struct, frozen=True, kw_only=True, rename="camel"):
    """Customers that a batch created, as they are now, in the order of the call. ``nextAfter`` is
    null on the last page."""

    data: list[CustomerView]
    next_after: str | None


class LeftView(Struct, frozen=True, kw_only=True, rename="camel"):
    """A customer that an undo leaves as it is: it was ``changed``, ``deleted``, ``merged`` or
    ``erased`` since."""

    id: UUID
    reason: str


class UndoView(Struct, frozen=True, kw_only=True, rename="camel"):
    """What an undo did, or would do."""

    batch_id: UUID
    removed: int
    left: list[LeftView]


@get("/batches", operation_id="listBatches", tags=["batches"])
async def list_project_batches(
    server: NamedDependency[Server], request: Reads
) -> Response[BatchPage]:
    """Batches of the key's project, newest first."""
    key = await reading_key(server, request)
    query = read_query(request.scope["query_string"], BatchesQuery)
    found = await list_batches(
        server.store,
        key.project,
        before=query.after and query.after.bytes,
        from_ms=query.from_ms,
        to_ms=query.to_ms,
        limit=query.limit + 1,
    )
    shown = found[: query.limit]
    headers = {}
    if len(found) > len(shown):
        asked = {"limit": query.limit, "fromMs": query.from_ms or None}
        asked["toMs"] = None if query.to_ms == NEVER else query.to_ms
        kept = {name: value for name, value in asked.items() if value is not None}
        following = urlencode({"after": UUID(bytes=shown[-1].id), **kept})
        headers["Link"] = f'</batches?{following}>; rel="next"'
    return Response(BatchPage(data=[_view(batch) for batch in shown]), headers=headers)


@get("/batches/{batch_id:str}", operation_id="getBatch", tags=["batches"])
async def get_batch(
    server: NamedDependency[Server], request: Reads, batch_id: FromPath[str]
) -> BatchView:
    """One batch: who called, when, and what became of its items."""
    key = await reading_key(server, request)
    return _view(await _found(server, key, batch_id))


@get("/batches/{batch_id:str}/customers", operation_id="listBatchCustomers", tags=["batches"])
async def list_batch_customers(
    server: NamedDependency[Server], request: Reads, batch_id: FromPath[str]
) -> BatchCustomers:
    """The customers that a batch created, deleted ones too, in the order of the call."""
    key = await reading_key(server, request)
    query = read_query(request.scope["query_string"], BatchCustomersQuery)
    batch = await _found(server, key, batch_id)
    found = await find_created(
        server.store, key.project, batch.id, after=query.after, limit=query.limit + 1
    )
    shown = found[: query.limit]
    records = await server.store.find_customers(key.project, [each for _, each in shown])
    return BatchCustomers(
        data=[
            customer_view(record, key.project_id)
            for record in records
            if record.customer["erased_at"] is None
        ],
        next_after=str(shown[-1][0]) if len(found) > len(shown) else None,
    )


@post(
    "/batches/{batch_id:str}/undo", status_code=200, operation_id="undoBatch", tags=["batches"]
)
async def undo_batch(
    server: NamedDependency[Server], request: Reads, batch_id: FromPath[str]
) -> UndoView:
    """Delete, softly, the customers that a batch created and that nobody has changed since."""
    key = await server.access.key_of(request.headers.get("authorization"), WRITE)
    query = read_query(request.scope["query_string"], UndoQuery)
    reason = await _reason(server, request)
    batch = await _found(server, key, batch_id)
    created = await find_created(
        server.store, key.project, batch.id, limit=max(batch.created, 1)
    )
    ids = [customer_id for _, customer_id in created]
    for _ in range(ATTEMPTS):
        undoing = sort_out(await _records(server, key, ids))
        if query.dry_run or not undoing.removed:
            return _undo_view(batch, undoing)
        change = plan_undo(
            _actor(server, key), server.mint().bytes, batch.id, undoing, reason
        )
        outcome = await server.store.apply(change)
        if not isinstance(outcome, Stale):
            return _undo_view(batch, undoing)
    raise Problem("customer.busy")


async def _records(
    server: Server, key: KeyRecord, ids: list[bytes]
) -> list[CustomerRecord]:
    """The customers, a part at a time, so that other readers come in between."""
    records: list[CustomerRecord] = []
    for start in range(0, len(ids), CHUNK):
        part = ids[start : start + CHUNK]
        records += await server.store.find_customers(key.project, part)
    return records


async def _reason(server: Server, request: Reads) -> str | None:
    """The reason, where there is a body that says one."""
    length = request.headers.get("content-length", "")
    if length in ("", "0") and "transfer-encoding" not in request.headers:
        return None
    return (await read_json(server, edge_request(request), UndoRequest)).reason


async def _found(server: Server, key: KeyRecord, batch_id: str) -> Batch:
    try:
        wanted = UUID(batch_id).bytes
    except ValueError:
        raise Problem("batch.unknown") from None
    batch = await find_batch(server.store, key.project, wanted)
    if batch is None:
        raise Problem("batch.unknown")
    return batch


def _actor(server: Server, key: KeyRecord) -> Actor:
    at = int(server.clock() * 1000)
    salt = secrets.token_bytes(SALT_BYTES)
    return Actor(key.project, server.store.secret, key.key_id, at, salt)


def _view(batch: Batch) -> BatchView:
    undone = None
    if batch.undone_at is not None and batch.undone_by is not None:
        undone = UndoneView(
            at=timestamp(batch.undone_at), by=batch.undone_by, removed=batch.removed
        )
    return BatchView(
        id=UUID(bytes=batch.id),
        created_at=timestamp(batch.created_at),
        created_by=batch.key_id,
        mode=batch.mode,
        counts=CountsView(
            items=batch.items,
            created=batch.created,
            existing=batch.existing,
            refused=batch.refused,
        ),
        undone=undone,
    )


def _undo_view(batch: Batch, undoing: Undoing) -> UndoView:
    return UndoView(
        batch_id=UUID(bytes=batch.id),
        removed=len(undoing.removed),
        left=[
            LeftView(id=UUID(bytes=left.customer_id), reason=left.reason) for left in undoing.left
        ],
    )


HANDLERS: Final = (list_project_batches, get_batch, list_batch_customers, undo_batch)
