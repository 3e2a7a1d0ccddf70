"""The email addresses of a customer."""

from typing import Final
from uuid import UUID

from litestar import Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from enrol.api.bodies import JSON_OR_PATCH, read_json
from enrol.api.changing import customer_bytes, find_customer
from enrol.api.resources.customers import Reads, reading_key
from enrol.api.resources.editing.changing import REPRESENTATION, Caller, require_there
from enrol.api.server import Server
from enrol.api.views import EmailView, email_view, entity_tag
from enrol.customers.editing.acting import Plan
from enrol.customers.editing.emails import (
    MOST_EMAILS,
    EmailPatch,
    NewEmail,
    plan_added,
    plan_changed,
    plan_removed,
)
from enrol.problems import Problem
from enrol.store.protocol import CustomerRecord

EMAILS: Final = "/customers/{customer_id:str}/emails"
EMAIL: Final = f"{EMAILS}/{{email_id:str}}"


@get(EMAILS, operation_id="listEmails", tags=["customers"])
async def list_emails(
    server: NamedDependency[Server], request: Reads, customer_id: FromPath[str]
) -> Response[list[EmailView]]:
    """The email addresses of a customer, the oldest first."""
    key = await reading_key(server, request)
    record = await find_customer(server, key, customer_bytes(customer_id))
    emails = [email_view(row) for row in record.emails]
    return Response(emails, headers={"ETag": entity_tag(record)})


@get(EMAIL, operation_id="getEmail", tags=["customers"])
async def get_email(
    server: NamedDependency[Server],
    request: Reads,
    customer_id: FromPath[str],
    email_id: FromPath[str],
) -> Response[EmailView]:
    """One email address of a customer."""
    key = await reading_key(server, request)
    record = await find_customer(server, key, customer_bytes(customer_id))
    view = _view(record, _id(email_id))
    return Response(view, headers={"ETag": entity_tag(record)})


@post(EMAILS, status_code=200, operation_id="addEmail", tags=["customers"])
async def add_email(
    server: NamedDependency[Server], request: Reads, customer_id: FromPath[str]
) -> Response[bytes]:
    """Add an email address; one that the customer has already stays as it is."""
    caller = await Caller.of(server, request)
    wanted = customer_bytes(customer_id)
    new = await read_json(server, request, NewEmail)
    minted = server.mint().bytes

    def plan(record: CustomerRecord) -> Plan:
        require_there(record)
        planned = plan_added(caller.actor, record, new, minted, lenient=caller.rules.lenient)
        if planned.events and len(record.emails) >= MOST_EMAILS:
            raise Problem("email.too_many", f"A customer has at most {MOST_EMAILS} addresses.")
        return planned

    record = await caller.change(wanted, plan)
    held = next((row["id"] for row in record.emails if row["email"] == new.email), minted)
    return _answer(caller, record, held, unless_asked=REPRESENTATION)


@patch(EMAIL, operation_id="updateEmail", tags=["customers"])
async def patch_email(
    server: NamedDependency[Server],
    request: Reads,
    customer_id: FromPath[str],
    email_id: FromPath[str],
) -> Response[bytes]:
    """Change an email address as a JSON Merge Patch (RFC 7396) says."""
    caller = await Caller.of(server, request)
    wanted, email = customer_bytes(customer_id), _id(email_id)
    body = await read_json(server, request, EmailPatch, media_types=JSON_OR_PATCH)

    def plan(record: CustomerRecord) -> Plan:
        require_there(record)
        _view(record, email)
        return plan_changed(caller.actor, record, email, body, lenient=caller.rules.lenient)

    return _answer(caller, await caller.change(wanted, plan), email)


@delete(EMAIL, status_code=200, operation_id="removeEmail", tags=["customers"])
async def remove_email(
    server: NamedDependency[Server],
    request: Reads,
    customer_id: FromPath[str],
    email_id: FromPath[str],
) -> Response[bytes]:
    """Take an email address away."""
    caller = await Caller.of(server, request)
    wanted, email = customer_bytes(customer_id), _id(email_id)
    removed: list[EmailView] = []

    def plan(record: CustomerRecord) -> Plan:
        require_there(record)
        removed[:] = [_view(record, email)]
        return plan_removed(caller.actor, record, email, lenient=caller.rules.lenient)

    record = await caller.change(wanted, plan)
    return caller.answer(str(UUID(bytes=email)), removed[0], record)


def _id(text: str) -> bytes:
    try:
        return UUID(text).bytes
    except ValueError:
        raise Problem("email.unknown") from None


def _view(record: CustomerRecord, email: bytes) -> EmailView:
    for row in record.emails:
        if row["id"] == email:
            return email_view(row)
    raise Problem("email.unknown")


def _answer(
    caller: Caller, record: CustomerRecord, email: bytes, *, unless_asked: str = "minimal"
) -> Response[bytes]:
    view = _view(record, email)
    return caller.answer(str(view.id), view, record, unless_asked=unless_asked)


HANDLERS: Final = (list_emails, add_email, get_email, patch_email, remove_email)
