"""All that is held on a person, as one document (GDPR article 15)."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Meta, Struct

from enrol.api.changing import customer_bytes
from enrol.api.resources.customers import Reads, reading_key
from enrol.api.resources.erasure import TombstoneView, tombstone_view
from enrol.api.resources.events import MOST_EVENTS, EventView, event_view
from enrol.api.server import Server
from enrol.api.views import CustomerView, Timestamp, customer_view, timestamp
from enrol.problems import Problem
from enrol.store.protocol import KeyRecord
from enrol.store.queries.erasure import Batch, find_batches
from enrol.store.queries.events import FeedEvent, find_head, read_history
from enrol.store.queries.merging import find_merged

VERSION: Final = 1


class OriginView(Struct, frozen=True, kw_only=True, rename="camel"):
    """The call that brought the customer: ``createdBy`` is the API key that made it."""

    id: UUID
    mode: str
    created_at: Timestamp
    created_by: str


class StatusChangeView(Struct, frozen=True, kw_only=True, rename="camel"):
    """A change of status: the event that tells of it, and what it says."""

    seq: int
    from_: Annotated[str | None, Meta(description="The status before.")] = msgspec.field(
        name="from"
    )
    to: str | None
    reason: str | None
    actor: str
    created_at: Timestamp


class DossierView(Struct, frozen=True, kw_only=True, rename="camel"):
    """All that is held on a person. ``mergedCustomers`` were merged into the customer, and the
    batches, statuses and events are theirs as well. Of an erased customer there are the tombstone
    and events without values."""

    version: Annotated[
        Literal[1], Meta(description="Of the form of this document: fields may come to it.")
    ]
    created_at: Timestamp
    customer: CustomerView | None
    tombstone: TombstoneView | None
    merged_customers: list[CustomerView]
    batches: list[OriginView]
    statuses: list[StatusChangeView]
    events: list[EventView]


class _Status(Struct, frozen=True):
    from_: str | None = msgspec.field(name="from", default=None)
    to: str | None = None


class _StatusData(Struct, frozen=True):
    """What the data of an event say where the status changed."""

    status: _Status
    reason: str | None = None


@get("/customers/{customer_id:str}/dossier", operation_id="getDossier", tags=["customers"])
async def get_dossier(
    server: NamedDependency[Server], request: Reads, customer_id: FromPath[str]
) -> DossierView:
    """All that is held on the person, also on one that was deleted or erased."""
    key = await reading_key(server, request)
    wanted = customer_bytes(customer_id)
    ids = [wanted, *await find_merged(server.store, key.project, wanted)]
    records = await server.store.find_customers(key.project, ids)
    if not records or records[0].customer["id"] != wanted:
        raise Problem("customer.unknown")
    erased = records[0].customer["erased_at"] is not None
    # An erasure that was broken off has begun with those that were merged into it.
    views = [
        customer_view(record, key.project_id)
        for record in records
        if not erased and record.customer["erased_at"] is None
    ]
    batch_ids = sorted({record.customer["batch_id"] for record in records})
    batches = await find_batches(server.store, key.project, batch_ids)
    events = await _events(server, key, ids)
    return DossierView(
        version=VERSION,
        created_at=timestamp(int(server.clock() * 1000)),
        customer=views[0] if views else None,
        tombstone=await tombstone_view(server, key, records[0]) if erased else None,
        merged_customers=views[1:],
        batches=[_batch(batch) for batch in batches],
        statuses=[*_statuses(events)],
        events=[event_view(server.store.secret, key.project, event) for event in events],
    )


async def _events(server: Server, key: KeyRecord, ids: Sequence[bytes]) -> list[FeedEvent]:
    """All events of these customers, in their order."""
    head = (await find_head(server.store, key.project)).seq
    events: list[FeedEvent] = []
    after, full = 0, True
    while full:
        page = await read_history(server.store, key.project, ids, after, MOST_EVENTS, head)
        events += page.events
        after, full = page.read_to, page.full
    return events


def _statuses(events: Iterable[FeedEvent]) -> Iterator[StatusChangeView]:
    for event in events:
        if event.data is None or "status" not in (event.fields or "").split():
            continue
        try:
            told = msgspec.json.decode(event.data, type=_StatusData)
        except msgspec.ValidationError:
            continue
        yield StatusChangeView(
            seq=event.seq,
            from_=told.status.from_,
            to=told.status.to,
            reason=told.reason,
            actor=event.key_id,
            created_at=timestamp(event.created_at),
        )


def _batch(batch: Batch) -> OriginView:
    return OriginView(
        id=UUID(bytes=batch.id),
        mode=batch.mode,
        created_at=timestamp(batch.created_at),
        created_by=batch.key_id,
    )


HANDLERS: Final = (get_dossier,)
