"""The bodies of messages: the hosted API's envelope ``{eventType, payload}``. Pure.

JSON is compact and has the escapes of JavaScript's JSON.stringify, for a receiver is known that
verifies the text that it serialised again from what it parsed. So no payload holds what the two
languages write differently: numbers that are not small integers, keys that are not fixed.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple, get_args
from uuid import UUID

# A created customer each, or one message a batch: an endpoint has the one whose type it names.
CUSTOMER_CREATED: Final = "customer.created"
CUSTOMERS_CREATED: Final = "customers.created"
CUSTOMER_MERGED: Final = "customer.merged"
ENDPOINT_DISABLED: Final = "endpoint.disabled"
PING: Final = "ping"
_MESSAGE: Final = "msg_"
_SUMMARY: Final = "batch_"

# What an endpoint can choose; a ping is sent when it is asked for.
EventType = Literal[
    "customer.created",
    "customer.updated",
    "customer.deleted",
    "customer.restored",
    "customer.merged",
    "customer.unmerged",
    "customer.erased",
    "customers.created",
    "endpoint.disabled",
]
EVENT_TYPES: Final[tuple[str, ...]] = get_args(EventType)
CUSTOMER_TYPES: Final = tuple(one for one in EVENT_TYPES if one.startswith("customer."))
# What an endpoint gets that names none.
USUAL_TYPES: Final = (*CUSTOMER_TYPES, ENDPOINT_DISABLED)


class Occurrence(NamedTuple):
    """An event as a message tells of it: its ID, type, who did it and when (Unix milliseconds)."""

    id: str
    type: str
    actor: str | None
    at: int


def envelope(event_type: str, payload: Mapping[str, Any]) -> bytes:
    """The body of a message, as ``JSON.stringify({eventType, payload})`` writes it."""
    document = {"eventType": event_type, "payload": payload}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def customer_message(event: Occurrence, project_id: str, row: Mapping[str, Any]) -> bytes:
    """A message about one customer: the hosted API's payload, from the customer's row as it is now.

    A message that was held up thus never tells of values that are gone, and one about a customer
    that was erased meanwhile tells nothing of it. ``customer.merged`` has ``mergedInto`` besides.
    """
    payload = {
        "cmsProjectId": project_id,
        "customerId": _uuid(row["id"]),
        "externalCustomerId": row["external_customer_id"],
        "createdBy": row["created_by"],
        "updatedBy": row["updated_by"],
        "id": event.id,
        "riskScore": row["risk_score"] or "No risk",
        "type": row["type"],
        "onboardingLevel": row["onboarding_level"],
        "status": row["status"] or "No status",
        "createdAt": timestamp(row["created_at"]),
        "updatedAt": timestamp(row["updated_at"] or row["created_at"]),
        "reason": row["reason"],
        "deletedBy": row["deleted_by"],
        "deletedAt": _optional_timestamp(row["deleted_at"]),
    }
    if event.type == CUSTOMER_MERGED:
        payload["mergedInto"] = _uuid(row["merged_into"])
    return envelope(event.type, payload)


def batch_message(event: Occurrence, project_id: str, batch_id: bytes, count: int) -> bytes:
    """The summary of a batch: one message for all the customers that it created."""
    payload = {
        "cmsProjectId": project_id,
        "batchId": _uuid(batch_id),
        "id": event.id,
        "count": count,
        "createdAt": timestamp(event.at),
        "createdBy": event.actor,
    }
    return envelope(CUSTOMERS_CREATED, payload)


def disabled_message(event: Occurrence, project_id: str, webhook_id: str, reason: str) -> bytes:
    """The notice that another endpoint of the project was disabled."""
    payload = {
        "cmsProjectId": project_id,
        "webhookId": webhook_id,
        "id": event.id,
        "reason": reason,
        "disabledAt": timestamp(event.at),
    }
    return envelope(ENDPOINT_DISABLED, payload)


def ping_message(event: Occurrence, project_id: str, webhook_id: str) -> bytes:
    """The body of a test."""
    payload = {
        "cmsProjectId": project_id,
        "webhookId": webhook_id,
        "id": event.id,
        "createdAt": timestamp(event.at),
        "createdBy": event.actor,
    }
    return envelope(PING, payload)


def message_key(link_id: bytes, index: int) -> bytes:
    """What tells the messages of all projects apart, and leads back to the event, ``index`` of its
    call from 0: the call's UUIDv7 counted on.

    Two calls never come so near to one another: IDs of one millisecond differ above the last 32
    bits. The event's own ID tells nobody its number, not even who looks for it.
    """
    return (int.from_bytes(link_id, "big") + index).to_bytes(16, "big")


def message_id(event_type: str, key: bytes) -> str:
    """What names a message to its receivers: the same at each attempt, and at each endpoint."""
    prefix = _SUMMARY if event_type == CUSTOMERS_CREATED else _MESSAGE
    return prefix + key.hex()


def read_message_id(text: str) -> tuple[bool, bytes] | None:
    """Whether a message is a summary, and its key; None when the text names none."""
    for prefix in (_MESSAGE, _SUMMARY):
        digits = text.removeprefix(prefix)
        if digits != text and re.fullmatch("[0-9a-f]{32}", digits):
            return prefix == _SUMMARY, bytes.fromhex(digits)
    return None


def types_of(chosen: Sequence[str]) -> Sequence[str]:
    """The types that an endpoint gets which chose these; none: the usual ones."""
    return chosen or USUAL_TYPES


def timestamp(milliseconds: int) -> str:
    """Unix milliseconds as JavaScript's ``toISOString`` writes them."""
    at = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _optional_timestamp(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else timestamp(milliseconds)


def _uuid(value: bytes | None) -> str | None:
    return None if value is None else str(UUID(bytes=value))
