"""One customer: created, changed by a merge patch, deleted softly and restored."""

from typing import Annotated, Final
from urllib.parse import parse_qsl

from litestar import Response, delete, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import UNSET, Meta, Struct, UnsetType

from enrol.api.batch import (
    call_of,
    conflict_of,
    find_replay,
    headers_of,
    idempotency_of,
    options_of,
    plan_of,
    read_body,
    with_conflicts,
)
from enrol.api.bodies import JSON_OR_PATCH, MOST_BYTES, edge_request, read_json
from enrol.api.changing import customer_bytes, find_customer
from enrol.api.http import JSON, Request, encode_json
from enrol.api.resources.customers import Reads
from enrol.api.resources.editing.changing import REPRESENTATION, Caller, require_there
from enrol.api.server import Server
from enrol.api.views import ClaimsView, claims_view, customer_view, entity_tag
from enrol.customers.batch import read_customer
from enrol.customers.editing.acting import Plan
from enrol.customers.editing.patch import ClaimsPatch, CustomerPatch
from enrol.customers.editing.removal import plan_delete, plan_restore
from enrol.customers.editing.update import plan_claims, plan_patch
from enrol.customers.enrolment import KeyReused, Receipt, Refused
from enrol.customers.faults import Fault
from enrol.customers.reading.walk import text_faults
from enrol.customers.uniqueness import fault_of
from enrol.problems import Problem
from enrol.store.protocol import CustomerRecord

PATH: Final = "/customers"
QUERY: Final = {"onConflict": ("refuse", "return"), "unknownFields": ("refuse", "ignore")}
REASON: Final = "reason"
ID_BYTES: Final = 16
# Of a customer as it was created.
FIRST_TAG: Final = '"0"'


class Reason(Struct, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """Why a customer is deleted or restored."""

    reason: Annotated[str, Meta(min_length=1)] | None | UnsetType = UNSET


@post("/customers", status_code=200, operation_id="createCustomer", tags=["customers"])
async def post_customer(server: NamedDependency[Server], request: Reads) -> Response[bytes]:
    """Create one customer, as a batch of one."""
    caller = await Caller.of(server, request)
    asked = edge_request(request)
    options = options_of(asked, QUERY)
    body = await server.bodies.read(asked)
    try:
        idempotency = idempotency_of(server, PATH, options, body)
        if idempotency and (receipt := await find_replay(server, caller.key, idempotency)):
            return await _created(caller, receipt, replayed=True)
        call = call_of(server, caller.key, options, idempotency)
        reading = read_body(server, options, body, read_customer)
    finally:
        server.bodies.release(body)
    planned = plan_of(server, caller.key, call, reading)
    assert planned is not None
    if planned.faults:
        told = await with_conflicts(server, planned.enrolment, planned.faults)
        raise Problem("body.invalid", faults=_of_the_body(told))
    outcome = await server.store.enrol(planned.enrolment)
    if isinstance(outcome, Refused):
        faults = [fault_of(*conflict) for conflict in outcome.conflicts]
        raise conflict_of("customer.conflict", _of_the_body(faults))
    if isinstance(outcome, KeyReused):
        raise Problem("idempotency.reused")
    return await _created(caller, outcome.receipt, replayed=outcome.replayed)


async def _created(caller: Caller, receipt: Receipt, *, replayed: bool) -> Response[bytes]:
    record = await find_customer(caller.server, caller.key, receipt.ids[:ID_BYTES])
    view = customer_view(record, caller.key.project_id)
    headers = {"Location": f"{PATH}/{view.id}", **headers_of(receipt, replayed=replayed)}
    # Whoever is not shown the customer knows what this call created, whatever came since.
    return caller.answer(
        str(view.id),
        view,
        record,
        unless_asked=REPRESENTATION,
        known=None if receipt.existing else FIRST_TAG,
        headers=headers,
    )


def _of_the_body(faults: list[Fault]) -> list[Fault]:
    """The faults with pointers into a body that is the item itself."""
    return sorted((fault._replace(item=None) for fault in faults), key=lambda one: one.pointer)


@patch("/customers/{customer_id:str}", operation_id="updateCustomer", tags=["customers"])
async def patch_customer(
    server: NamedDependency[Server], request: Reads, customer_id: FromPath[str]
) -> Response[bytes]:
    """Change a customer as a JSON Merge Patch (RFC 7396) says."""
    caller = await Caller.of(server, request)
    wanted = customer_bytes(customer_id)
    body = await read_json(
        server,
        request,
        CustomerPatch,
        media_types=JSON_OR_PATCH,
        most_bytes=most_bytes_of(server.limits.picture_bytes),
    )

    def plan(record: CustomerRecord) -> Plan:
        require_there(record)
        return plan_patch(caller.actor, record, body, caller.rules)

    return _answer(caller, await caller.change(wanted, plan))


@post(
    "/customers/{customer_id:str}/claims",
    status_code=200,
    operation_id="updateClaims",
    tags=["customers"],
)
async def post_claims(
    server: NamedDependency[Server], request: Reads, customer_id: FromPath[str]
) -> Response[bytes]:
    """Merge claims into those of a customer."""
    caller = await Caller.of(server, request)
    wanted = customer_bytes(customer_id)
    body = await read_json(
        server,
        request,
        ClaimsPatch,
        media_types=JSON_OR_PATCH,
        most_bytes=most_bytes_of(server.limits.picture_bytes),
    )

    def plan(record: CustomerRecord) -> Plan:
        require_there(record)
        return plan_claims(caller.actor, record, body, caller.rules)

    record = await caller.change(wanted, plan)
    # An object either way, as the hosted API's clients have it.
    shown: ClaimsView | dict[str, str] = {}
    if caller.may_read:
        shown = claims_view(record.customer)
    return Response(encode_json(shown), media_type=JSON, headers={"ETag": entity_tag(record)})


@delete(
    "/customers/{customer_id:str}",
    status_code=200,
    operation_id="deleteCustomer",
    tags=["customers"],
)
async def delete_customer(
    server: NamedDependency[Server], request: Reads, customer_id: FromPath[str]
) -> Response[bytes]:
    """Delete a customer softly."""
    caller = await Caller.of(server, request)
    wanted = customer_bytes(customer_id)
    reason = await _reason(server, request)
    record = await caller.change(wanted, lambda found: plan_delete(caller.actor, found, reason))
    return _answer(caller, record)


@post(
    "/customers/{customer_id:str}/restore",
    status_code=200,
    operation_id="restoreCustomer",
    tags=["customers"],
)
async def restore_customer(
    server: NamedDependency[Server], request: Reads, customer_id: FromPath[str]
) -> Response[bytes]:
    """Restore a customer that was deleted."""
    caller = await Caller.of(server, request)
    wanted = customer_bytes(customer_id)
    reason = await _reason(server, request)

    def plan(record: CustomerRecord) -> Plan:
        if record.customer["merged_into"] is not None:
            raise Problem("customer.merged")
        return plan_restore(caller.actor, record, reason)

    return _answer(caller, await caller.change(wanted, plan))


def most_bytes_of(picture_bytes: int) -> int:
    """How large a body with a picture may be: base64 takes a third more, and JSON may escape."""
    return MOST_BYTES + 2 * picture_bytes


async def _reason(server: Server, request: Reads) -> str | None:
    """The reason of the body, where it has one, or of the query."""
    asked = edge_request(request)
    sent = _reason_of_the_query(asked, server.limits.text_chars)
    if not _has_body(asked):
        return sent
    body = await read_json(server, request, Reason)
    return sent if body.reason is UNSET else body.reason


def _reason_of_the_query(request: Request, most: int) -> str | None:
    query = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    faults = [
        Fault(None, "", "query.unknown", f"Known: {REASON}.") for name, _ in query if name != REASON
    ]
    texts = [text for name, text in query if name == REASON]
    if len(texts) > 1:
        faults.append(Fault(None, f"/{REASON}", "query.value", f"{REASON} stands twice."))
    if any(not 0 < len(text) <= most or any(text_faults(text)) for text in texts):
        words = f"{REASON} is a text of 1 to {most} characters."
        faults.append(Fault(None, f"/{REASON}", "query.value", words))
    if faults:
        raise Problem("query.invalid", faults=faults)
    return texts[0] if texts else None


def _has_body(request: Request) -> bool:
    """RFC 9112 section 6.3: it has one when one of two headers says so."""
    length = request.header(b"content-length")
    return request.header(b"transfer-encoding") is not None or length not in (None, "0")


def _answer(caller: Caller, record: CustomerRecord) -> Response[bytes]:
    view = customer_view(record, caller.key.project_id)
    return caller.answer(str(view.id), view, record)


HANDLERS: Final = (post_customer, patch_customer, delete_customer, restore_customer, post_claims)
