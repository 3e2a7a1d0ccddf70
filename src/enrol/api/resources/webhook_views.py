"""Webhooks as they are sent and shown over the API."""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from enrol.api.views import Timestamp, timestamp
from enrol.store.queries.webhooks import Attempt, Endpoint, is_delivered
from enrol.webhooks.addresses import MOST_URL_CHARS
from enrol.webhooks.messages import EVENT_TYPES, EventType, types_of

MOST_OVERLAP_HOURS = 7 * 24

Url = Annotated[str, Meta(min_length=1, max_length=MOST_URL_CHARS)]
Description = Annotated[str, Meta(max_length=500)]
EventTypes = Annotated[list[EventType], Meta(min_length=1, max_length=len(EVENT_TYPES))]
SecretText = Annotated[str, Meta(min_length=1, max_length=200)]


class NewWebhook(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """The webhook to make."""

    url: Url
    description: Description | None = None
    event_types: EventTypes | None = None
    secret: SecretText | None = None


class WebhookPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What to change of a webhook; what is not there stays."""

    url: Url | UnsetType = UNSET
    description: Description | None | UnsetType = UNSET
    event_types: EventTypes | None | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET


class SecretRotation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """How to change a secret."""

    secret: SecretText | None = None
    overlap_hours: Annotated[int, Meta(ge=0, le=MOST_OVERLAP_HOURS)] = 24


class WebhookView(Struct, frozen=True, kw_only=True, rename="camel"):
    """A webhook, without its secrets."""

    id: UUID
    url: str
    description: str | None
    event_types: list[EventType]
    disabled_at: Timestamp | None
    disabled_reason: Literal["requested", "failing", "gone"] | None
    last_delivered_at: Timestamp | None
    created_at: Timestamp
    created_by: str
    updated_at: Timestamp | None
    updated_by: str | None


class WebhookList(Struct, frozen=True, kw_only=True, rename="camel"):
    """The webhooks of a project."""

    data: list[WebhookView]


class OldSecretView(Struct, frozen=True, kw_only=True, rename="camel"):
    """A secret that was replaced, and until when it signs besides."""

    secret: str
    until: Timestamp


class SecretView(Struct, frozen=True, kw_only=True, rename="camel"):
    """The secrets of a webhook."""

    secret: str
    previous: list[OldSecretView]


class AttemptView(Struct, frozen=True, kw_only=True, rename="camel"):
    """One attempt to deliver a message."""

    id: UUID
    message_id: str
    event_type: str
    attempt: int
    delivered: bool
    status: int | None
    error: str | None
    attempted_at: Timestamp
    duration_ms: int


class AttemptPage(Struct, frozen=True, kw_only=True, rename="camel"):
    """Attempts, the newest first, and where the next page begins."""

    data: list[AttemptView]
    next: UUID | None


def webhook_view(endpoint: Endpoint) -> WebhookView:
    """A stored endpoint in the shape of the API."""

    def at(milliseconds: int | None) -> str | None:
        return None if milliseconds is None else timestamp(milliseconds)

    return WebhookView(
        id=UUID(bytes=endpoint.id),
        url=endpoint.url,
        description=endpoint.description,
        event_types=list(types_of(endpoint.event_types)),  # type: ignore[arg-type]
        disabled_at=at(endpoint.disabled_at),
        disabled_reason=endpoint.disabled_reason,  # type: ignore[arg-type]
        last_delivered_at=at(endpoint.delivered_at),
        created_at=timestamp(endpoint.created_at),
        created_by=endpoint.created_by,
        updated_at=at(endpoint.updated_at),
        updated_by=endpoint.updated_by,
    )


def secret_view(endpoint: Endpoint, now: int) -> SecretView:
    """The secrets that are in force at a time (Unix milliseconds)."""
    newest, *old = endpoint.secrets
    previous = [
        OldSecretView(secret=one.secret, until=timestamp(one.until))
        for one in old
        if one.until is not None and one.until > now
    ]
    return SecretView(secret=newest.secret, previous=previous)


def attempt_view(attempt: Attempt) -> AttemptView:
    """A row of the delivery log in the shape of the API."""
    return AttemptView(
        id=UUID(bytes=attempt.id),
        message_id=attempt.message_id,
        event_type=attempt.type,
        attempt=attempt.number,
        delivered=is_delivered(attempt.status),
        status=attempt.status,
        error=attempt.error,
        attempted_at=timestamp(attempt.at),
        duration_ms=attempt.ms,
    )
