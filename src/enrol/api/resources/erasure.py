"""Erasing a customer: the personal data go, everywhere, and a tombstone stays."""

import secrets
from collections.abc import Sequence
from typing import Annotated, Final, NamedTuple
from uuid import UUID

from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Meta, Struct

from enrol.api.bodies import edge_request, read_json
from enrol.api.changing import ATTEMPTS, customer_bytes, require_match
from enrol.api.resources.customers import Reads
from enrol.api.server import Server
from enrol.api.views import Timestamp, timestamp
from enrol.customers.lifecycle.change import Change, Stale
from enrol.customers.lifecycle.erasure import Erasure, plan_erasure
from enrol.customers.lifecycle.keys import unique_keys
from enrol.customers.model import CustomerType
from enrol.problems import Problem
from enrol.store.protocol import CustomerRecord, KeyRecord
from enrol.store.queries.erasure import find_actor, find_told, find_unerased
from enrol.store.queries.merging import find_merged

ADMIN: Final = "admin"
MOST_REASON_CHARS: Final = 500
SALT_BYTES: Final = 16
# So much is erased at once. All others who write to a SQLite file wait while the pages around it
# are cleared: up to 4 ms for the data of an event, and 18 ms for a customer.
MOST_TOLD: Final = 50
MOST_SOURCES: Final = 10


class EraseRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Why a customer is erased. It is kept: let it name nobody."""

    reason: Annotated[str, Meta(min_length=1, max_length=MOST_REASON_CHARS)] | None = None


class Part(NamedTuple):
    """What is erased at once: sources by their IDs, the data of events by their numbers, and at
    last the customer itself, for a ``reason``."""

    sources: Sequence[bytes] = ()
    told: Sequence[int] = ()
    is_last: bool = False
    reason: str | None = None


class TombstoneView(Struct, frozen=True, kw_only=True, rename="camel"):
    """All that is left of a customer that was erased. ``erasedBy`` is the API key that called,
    ``mergedInto`` the customer that this one was a part of."""

    id: UUID
    cms_project_id: str
    type: CustomerType
    batch_id: UUID
    created_at: Timestamp
    erased_at: Timestamp
    erased_by: str | None
    merged_into: UUID | None


@post(
    "/customers/{customer_id:str}/erase",
    status_code=200,
    operation_id="eraseCustomer",
    tags=["customers"],
)
async def erase_customer(
    server: NamedDependency[Server], request: Reads, customer_id: FromPath[str]
) -> TombstoneView:
    """Remove the personal data of a customer and of those merged into it; there is no way back."""
    key = await server.access.key_of(request.headers.get("authorization"), ADMIN)
    wanted = customer_bytes(customer_id)
    asked = await _asked(server, request)
    for _ in range(ATTEMPTS):
        record = await _find(server, key, wanted)
        if record.customer["erased_at"] is not None:
            return await tombstone_view(server, key, record)
        if record.customer["merged_into"] is not None:
            raise Problem("customer.merged")
        require_match(record, ", ".join(request.headers.getall("if-match", [])) or None)
        if await _erase(server, key, record, asked.reason):
            return await tombstone_view(server, key, await _find(server, key, wanted))
    raise Problem("customer.busy")


async def tombstone_view(server: Server, key: KeyRecord, record: CustomerRecord) -> TombstoneView:
    """What is left of an erased customer."""
    row = record.customer
    merged_into = row["merged_into"]
    return TombstoneView(
        id=UUID(bytes=row["id"]),
        cms_project_id=key.project_id,
        type=row["type"],
        batch_id=UUID(bytes=row["batch_id"]),
        created_at=timestamp(row["created_at"]),
        erased_at=timestamp(row["erased_at"]),
        # Nothing happens to a tombstone: its last event is the erasure.
        erased_by=await find_actor(server.store, key.project, row["version"]),
        merged_into=None if merged_into is None else UUID(bytes=merged_into),
    )


async def _asked(server: Server, request: Reads) -> EraseRequest:
    """What the body says; none at all says nothing."""
    sent = edge_request(request)
    if sent.header(b"content-length") in (None, "0") and not sent.header(b"transfer-encoding"):
        return EraseRequest()
    return await read_json(server, request, EraseRequest)


async def _find(server: Server, key: KeyRecord, customer_id: bytes) -> CustomerRecord:
    records = await server.store.find_customers(key.project, [customer_id])
    if not records:
        raise Problem("customer.unknown")
    return records[0]


async def _erase(
    server: Server, key: KeyRecord, record: CustomerRecord, reason: str | None
) -> bool:
    """Erase this customer, as it was read, and those merged into it. False: it has changed.

    The customer was read before all else here: whatever is merged into it or told of it later
    gives it another version, and nothing more is written. It goes last, so that a call that ends
    in the midst is finished by the next one.
    """
    store, project, wanted = server.store, key.project, record.customer["id"]
    merged = await find_merged(store, project, wanted)
    told = await find_told(store, project, [*merged, wanted])
    sources = await find_unerased(store, project, merged)
    while len(told) > MOST_TOLD or len(sources) > MOST_SOURCES:
        # First the data, of which no event says that they go, for nobody is erased yet.
        some = (
            Part(told=told[:MOST_TOLD]) if len(told) > MOST_TOLD else Part(sources[:MOST_SOURCES])
        )
        if not await _apply(server, key, record, some):
            return False
        told, sources = told[len(some.told) :], sources[len(some.sources) :]
    return await _apply(server, key, record, Part(sources, told, is_last=True, reason=reason))


async def _apply(server: Server, key: KeyRecord, record: CustomerRecord, part: Part) -> bool:
    """Store a part of the erasing of this customer. False: it has changed."""
    store, project = server.store, key.project
    records = await store.find_customers(project, part.sources)
    if part.is_last:
        records = [*records, record]
    ids = {each.customer["id"] for each in records}
    hashes = [k.hash for each in records for k in unique_keys(store.secret, project, each)]
    # A deleted customer has given up its keys, which others may have taken.
    owners = await store.find_identifiers(project, hashes)
    at = int(server.clock() * 1000)
    salt = secrets.token_bytes(SALT_BYTES)
    writes, events = plan_erasure(Erasure(project, at, records, part.told, part.reason, salt))
    expected = {each.customer["id"]: each.customer["version"] for each in (*records, record)}
    change = Change(
        project=project,
        id=server.mint().bytes,
        key_id=key.key_id,
        at=at,
        expected=[*expected.items()],
        release=sorted(each for each, owner in owners.items() if owner in ids),
        writes=writes,
        events=events,
        erases=True,
    )
    return not isinstance(await store.apply(change), Stale)


HANDLERS: Final = (erase_customer,)
