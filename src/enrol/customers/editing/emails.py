"""The email addresses of a customer: to add one, change one, and take one away."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Protocol

from msgspec import UNSET, Meta, Struct, UnsetType

from enrol.customers.check import refusals_and_findings
from enrol.customers.editing.acting import UPDATED, Actor, Plan, event_of
from enrol.customers.editing.findings import findings_writes
from enrol.customers.faults import Fault
from enrol.customers.formats.emails import email_fault
from enrol.customers.lifecycle.change import Write
from enrol.customers.lifecycle.keys import Row
from enrol.customers.model import OptionalText
from enrol.customers.profiles.fields import EMAIL_POINTER

FIELD: Final = "customerEmails"
POINTER: Final = "/email"
PREFIX: Final = f"/{FIELD}/"
KEY: Final = ("project", "customer_id", "id")
MOST_EMAILS: Final = 100


Email = Annotated[str, Meta(min_length=1)]


class NewEmail(Struct, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """An email address to add."""

    email: Email
    verified: bool | None | UnsetType = UNSET
    created_by: OptionalText = UNSET


class EmailPatch(Struct, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """What becomes of an email address (RFC 7396). One that becomes another is not verified, unless
    the same call says so."""

    email: Email | UnsetType = UNSET
    verified: bool | None | UnsetType = UNSET


class Found(Protocol):
    """A stored customer with its email addresses and findings."""

    @property
    def customer(self) -> Row:
        """The row of the customer itself."""
        ...

    @property
    def emails(self) -> Sequence[Row]:
        """Its email addresses, by their IDs."""
        ...

    @property
    def findings(self) -> Sequence[Row]:
        """What was noted on it."""
        ...


def plan_added(
    actor: Actor, record: Found, new: NewEmail, email_id: bytes, *, lenient: bool
) -> Plan:
    """What adds an address; nothing where the customer has it already."""
    if any(row["email"] == new.email for row in record.emails):
        return Plan()
    row = {
        "project": actor.project,
        "customer_id": record.customer["id"],
        "id": email_id,
        "email": new.email,
        "verified": bool(new.verified) if new.verified is not UNSET else None,
        "created_by": None if new.created_by is UNSET else new.created_by,
        "created_at": actor.at,
    }
    write = Write("insert", "emails", tuple(row), [tuple(row.values())])
    return _plan(actor, record, [write], [*record.emails, row], new.email, lenient=lenient)


def plan_changed(
    actor: Actor, record: Found, email_id: bytes, patch: EmailPatch, *, lenient: bool
) -> Plan:
    """What changes an address of the customer; nothing where nothing becomes another."""
    before = next(row for row in record.emails if row["id"] == email_id)
    email = before["email"] if patch.email is UNSET else patch.email
    verified = bool(before["verified"]) and email == before["email"]
    if patch.verified is not UNSET:
        verified = bool(patch.verified)
    if (email, verified) == (before["email"], bool(before["verified"])):
        return Plan()
    changes = {
        "email": email,
        "verified": verified,
        "updated_at": actor.at,
        "updated_by": actor.key_id,
    }
    write = Write(
        "update",
        "emails",
        tuple(changes),
        [(*changes.values(), actor.project, record.customer["id"], email_id)],
        KEY,
        exact=True,
    )
    after = [{**row, **changes} if row["id"] == email_id else row for row in record.emails]
    sent = email if email != before["email"] else None
    return _plan(actor, record, [write], after, sent, lenient=lenient)


def plan_removed(actor: Actor, record: Found, email_id: bytes, *, lenient: bool) -> Plan:
    """What takes an address away; nothing where the customer does not have it."""
    after = [row for row in record.emails if row["id"] != email_id]
    if len(after) == len(record.emails):
        return Plan()
    row = (actor.project, record.customer["id"], email_id)
    write = Write("delete", "emails", (), [row], KEY, exact=True)
    return _plan(actor, record, [write], after, None, lenient=lenient)


def _plan(
    actor: Actor,
    record: Found,
    writes: Sequence[Write],
    after: Sequence[Mapping[str, Any]],
    sent: str | None,
    *,
    lenient: bool,
) -> Plan:
    """The plan of these writes, with the findings of the addresses that there are then."""
    faults: list[Fault] = []
    if sent is not None:
        code = email_fault(sent)
        told = [] if code is None else [Fault(None, POINTER, code)]
        faults, _ = refusals_and_findings(told, lenient=lenient)
        twins = [row for row in after if row["email"] == sent]
        if len(twins) > 1:
            faults.append(Fault(None, POINTER, "email.twice"))
    found = [
        Fault(None, f"{PREFIX}{place}{POINTER}", code)
        for place, row in enumerate(after)
        if (code := email_fault(row["email"]))
    ]
    customer_id = record.customer["id"]
    noted = findings_writes(actor.project, customer_id, record.findings, found, _is_of_an_email)
    event = event_of(actor, UPDATED, customer_id, [FIELD])
    return Plan([*writes, *noted], [event], faults=faults, at=actor.at)


def _is_of_an_email(pointer: str) -> bool:
    return pointer == EMAIL_POINTER or pointer.startswith(PREFIX)
