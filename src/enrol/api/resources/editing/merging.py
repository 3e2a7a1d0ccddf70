"""Merging customers, and taking a merge back."""

from collections.abc import Sequence
from typing import Annotated, Final
from uuid import UUID

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Meta, Struct

from enrol.api.bodies import read_json
from enrol.api.changing import (
    ATTEMPTS,
    Decided,
    change_customers,
    customer_bytes,
    decided_of,
    require_match,
    store_decided,
)
from enrol.api.http import JSON, encode_json
from enrol.api.resources.customers import Reads
from enrol.api.resources.editing.changing import Caller, require_there
from enrol.api.server import Server
from enrol.customers.editing.merge import (
    MOST_SOURCES,
    UNDO_MS,
    is_merged,
    merge_faults,
    plan_merge,
    plan_unmerge,
    unmerge_faults,
)
from enrol.problems import Problem
from enrol.store.protocol import CustomerRecord
from enrol.store.queries.merging import find_moved


class MergeRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Customers of one type, and the one that gets what they have."""

    source_customer_ids: Annotated[list[UUID], Meta(min_length=1, max_length=MOST_SOURCES)]
    target_customer_id: UUID


class UnmergeRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """The customer that was merged into that of the path."""

    source_customer_id: UUID


@post("/customers/merge", status_code=200, operation_id="mergeCustomers", tags=["customers"])
async def merge_customers(server: NamedDependency[Server], request: Reads) -> Response[bytes]:
    """Give a customer what others have, and delete these softly."""
    caller = await Caller.of(server, request)
    key, actor = caller.key, caller.actor
    asked = await read_json(server, request, MergeRequest)
    target_id = asked.target_customer_id.bytes
    source_ids = [each.bytes for each in asked.source_customer_ids]

    def decide(records: Sequence[CustomerRecord]) -> Decided:
        found = {record.customer["id"]: record for record in records}
        if faults := merge_faults(target_id, source_ids, found):
            raise Problem("merge.refused", faults=faults)
        require_match(found[target_id], caller.if_match)
        sources = [found[each] for each in source_ids if not is_merged(found[each], target_id)]
        return decided_of(plan_merge(actor, found[target_id], sources)) if sources else Decided()

    await change_customers(server, key, list(dict.fromkeys([target_id, *source_ids])), decide)
    return _answer(target_id)


@post(
    "/customers/{customer_id:str}/unmerge",
    status_code=200,
    operation_id="unmergeCustomer",
    tags=["customers"],
)
async def unmerge_customer(
    server: NamedDependency[Server], request: Reads, customer_id: FromPath[str]
) -> Response[bytes]:
    """Give a merged customer back what is still there of its parts, and restore it."""
    caller = await Caller.of(server, request)
    key = caller.key
    asked = await read_json(server, request, UnmergeRequest)
    target_id, source_id = customer_bytes(customer_id), asked.source_customer_id.bytes
    async with server.turns.of(key.project, [target_id, source_id]):
        for _ in range(ATTEMPTS):
            records = await server.store.find_customers(key.project, [target_id, source_id])
            # What moved is read after the versions: a merge that comes between is seen by them.
            decided = await _decide_unmerge(caller, records, (target_id, source_id))
            if await store_decided(server, key, records, decided) is not None:
                return _answer(source_id)
    raise Problem("customer.busy")


async def _decide_unmerge(
    caller: Caller, records: Sequence[CustomerRecord], asked: tuple[bytes, bytes]
) -> Decided:
    actor = caller.actor
    found = {record.customer["id"]: record for record in records}
    target, source = (found.get(each) for each in asked)
    if target is None:
        raise Problem("customer.unknown")
    if target.customer["erased_at"] is not None:
        raise Problem("customer.erased")
    require_there(target)
    require_match(target, caller.if_match)
    faults = unmerge_faults(asked[0], source)
    if source is None or faults:
        raise Problem("merge.refused", faults=faults)
    moved = await find_moved(caller.server.store, actor.project, asked[1])
    if moved is None or actor.at - source.customer["deleted_at"] > UNDO_MS:
        raise Problem("merge.expired")
    return decided_of(plan_unmerge(actor, target, source, moved))


def _answer(customer_id: bytes) -> Response[bytes]:
    return Response(encode_json(UUID(bytes=customer_id)), media_type=JSON)


HANDLERS: Final = (merge_customers, unmerge_customer)
