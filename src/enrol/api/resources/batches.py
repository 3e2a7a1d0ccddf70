"""The batches of a project: who enrolled whom, and how a wrong one is undone."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Meta, Struct

from enrol.api.bodies import edge_request, read_json
from enrol.api.lists.pages import answer_with
from enrol.api.lists.query import FromDate, ToDate, read_query, time_of
from enrol.api.resources.customers import Reads, reading_key
from enrol.api.server import Server
from enrol.api.views import CustomerView, Timestamp, timestamp
from enrol.customers.editing.acting import SALT_BYTES
from enrol.customers.editing.undoing import Left, Sorted, Undo, sort_out
from enrol.customers.lifecycle.keys import unique_keys
from enrol.problems import Problem
from enrol.store.protocol import KeyRecord
from enrol.store.queries.batches import (
    ALWAYS,
    NEVER,
    Batch,
    find_batch,
    find_customers_of,
    find_members,
    list_batches,
)

WRITE: Final = "customers:write"
MOST_LISTED: Final = 1_000
MOST_SEQ: Final = 2**63 - 1
MOST_REASON_CHARS: Final = 1_000

Limit = Annotated[int, Meta(ge=1, le=MOST_LISTED, description="How many a page.")]


class BatchesQuery(Struct, frozen=True, kw_only=True, rename="camel"):
    """The query of ``GET /batches``."""

    after: Annotated[
        UUID | None, Meta(description="The last batch of the page before; none at first.")
    ] = None
    limit: Limit = 100
    from_date: FromDate = ""
    to_date: ToDate = ""
    created_by: Annotated[
        str,
        Meta(
            pattern=r"^[0-9A-Za-z_-]{1,64}$",
            title="the ID of an API key",
            description="Only batches of the API key with this ID.",
        ),
    ] = ""


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
    """That a batch was undone: when, by which API key, how many customers that removed, and how
    many it left."""

    at: Timestamp
    by: str
    removed: int
    left: int


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
        before=None if query.after is None else query.after.bytes,
        start=time_of(query.from_date) if query.from_date else ALWAYS,
        end=time_of(query.to_date, end=True) if query.to_date else NEVER,
        key_id=query.created_by,
        limit=query.limit + 1,
    )
    shown = found[: query.limit]
    page = BatchPage(data=[_view(batch) for batch in shown])
    if len(found) == len(shown):
        return Response(page)
    asked = {
        "after": UUID(bytes=shown[-1].id),
        "limit": query.limit,
        "fromDate": query.from_date,
        "toDate": query.to_date,
        "createdBy": query.created_by,
    }
    return Response(page, headers=_next("/batches", asked))


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
) -> Response[Any]:
    """The customers that a batch created, deleted ones too, in the order of the call."""
    key = await reading_key(server, request)
    query = read_query(request.scope["query_string"], BatchCustomersQuery)
    batch = await _found(server, key, batch_id)
    found = await find_customers_of(
        server.store, key.project, batch.id, after=query.after, limit=query.limit + 1
    )
    shown = found[: query.limit]
    after = None if len(found) == len(shown) else str(shown[-1][0])
    headers: Mapping[str, str] = {}
    if after is not None:
        path = f"/batches/{UUID(bytes=batch.id)}/customers"
        headers = _next(path, {"after": after, "limit": query.limit})
    return await answer_with(
        server,
        key,
        edge_request(request),
        [customer for _, customer in shown],
        BatchCustomers(data=[], next_after=after),
        "data",
        is_shown=lambda record: record.customer["erased_at"] is None,
        headers=headers,
    )


@post("/batches/{batch_id:str}/undo", status_code=200, operation_id="undoBatch", tags=["batches"])
async def undo_batch(
    server: NamedDependency[Server], request: Reads, batch_id: FromPath[str]
) -> UndoView:
    """Delete, softly, the customers that a batch created and that nobody has changed since."""
    key = await server.access.key_of(request.headers.get("authorization"), WRITE)
    query = read_query(request.scope["query_string"], UndoQuery)
    reason = await _reason(server, request)
    batch = await _found(server, key, batch_id)
    ids = await _customers_of(server, key, batch.id, batch.created)
    found = sort_out(await find_members(server.store, key.project, ids))
    if query.dry_run or not found.untouched:
        return _undo_view(batch, len(found.untouched), found.left)
    undo = _undo(server, key, batch, found, reason)
    await server.store.apply(undo)
    # Whoever was changed in the meantime was left out, where the rest was decided.
    removed = set(await _customers_of(server, key, undo.id, batch.created + 1))
    others = [customer for customer in ids if customer not in removed]
    left = sort_out(await find_members(server.store, key.project, others)).left
    return _undo_view(batch, len(removed), left)


async def _customers_of(server: Server, key: KeyRecord, call_id: bytes, most: int) -> list[bytes]:
    found = await find_customers_of(server.store, key.project, call_id, limit=most)
    return [customer for _, customer in found]


def _undo(server: Server, key: KeyRecord, batch: Batch, found: Sorted, reason: str | None) -> Undo:
    secret = server.store.secret
    return Undo(
        project=key.project,
        id=server.mint().bytes,
        key_id=key.key_id,
        at=int(server.clock() * 1000),
        salt=secrets.token_bytes(SALT_BYTES),
        batch_id=batch.id,
        reason=reason,
        customers=[
            (
                record.customer["id"],
                [each.hash for each in unique_keys(secret, key.project, record)],
            )
            for record in found.untouched
        ],
        left=len(found.left),
    )


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


def _view(batch: Batch) -> BatchView:
    undone = None
    if batch.undone_at is not None and batch.undone_by is not None:
        undone = UndoneView(
            at=timestamp(batch.undone_at),
            by=batch.undone_by,
            removed=batch.removed,
            # A batch is undone once: then there is nobody left whom nobody has changed.
            left=batch.created - batch.removed,
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


def _undo_view(batch: Batch, removed: int, left: Sequence[Left]) -> UndoView:
    views = [LeftView(id=UUID(bytes=each.customer_id), reason=each.reason) for each in left]
    return UndoView(batch_id=UUID(bytes=batch.id), removed=removed, left=views)


def _next(path: str, asked: Mapping[str, object]) -> Mapping[str, str]:
    """The link to the next page (RFC 8288)."""
    query = urlencode({name: value for name, value in asked.items() if value})
    return {"Link": f'<{path}?{query}>; rel="next"'}


HANDLERS: Final = (list_project_batches, get_batch, list_batch_customers, undo_batch)
