"""Webhooks of the project. All of these need a key with the scope ``admin``."""

from collections.abc import Iterable
from typing import Final

from msgspec import UNSET, UnsetType

from enrol.api.resources.webhook_views import (
    AttemptPage,
    AttemptView,
    NewWebhook,
    SecretRotation,
    SecretView,
    WebhookList,
    WebhookPatch,
    WebhookView,
)
from enrol.client.calls import (
    Answer,
    Call,
    Id,
    Page,
    Query,
    asking,
    listing,
    nothing,
    reader,
    telling,
    uuid_of,
)
from enrol.webhooks.messages import EventType

MOST_LISTED: Final = 1_000
DAY_HOURS: Final = 24
_ATTEMPTS: Final = reader(AttemptPage)


def create_webhook(
    url: str,
    *,
    description: str | None = None,
    event_types: Iterable[EventType] | None = None,
    secret: str | None = None,
) -> Call[WebhookView]:
    """Make a webhook, which gets the events from now on: those of these types, or the usual ones.
    Raises `EnrolProblem` ``body.invalid``, ``webhook.too_many``."""
    return telling(
        "POST /webhooks",
        body=NewWebhook(
            url=url, description=description, event_types=_list(event_types), secret=secret
        ),
        parse=reader(WebhookView),
        # Another webhook would be made.
        repeat="unsent",
    )


def list_webhooks() -> Call[list[WebhookView]]:
    """The webhooks of the project, the oldest first."""
    read = reader(WebhookList)
    return asking("GET /webhooks", parse=lambda answer: read(answer).data)


def get_webhook(webhook_id: Id) -> Call[WebhookView]:
    """One webhook. Raises `EnrolProblem` ``webhook.unknown``."""
    return asking("GET /webhooks/{id}", uuid_of(webhook_id), parse=reader(WebhookView))


def change_webhook(
    webhook_id: Id,
    *,
    url: str | UnsetType = UNSET,
    description: str | None | UnsetType = UNSET,
    event_types: Iterable[EventType] | None | UnsetType = UNSET,
    disabled: bool | UnsetType = UNSET,
) -> Call[WebhookView]:
    """Change a webhook; what is not given stays. Raises `EnrolProblem` ``webhook.unknown``,
    ``body.invalid``."""
    return telling(
        "PATCH /webhooks/{id}",
        uuid_of(webhook_id),
        body=WebhookPatch(
            url=url,
            description=description,
            event_types=event_types if isinstance(event_types, UnsetType) else _list(event_types),
            disabled=disabled,
        ),
        parse=reader(WebhookView),
    )


def delete_webhook(webhook_id: Id) -> Call[None]:
    """Remove a webhook with its secrets and its delivery log. Raises `EnrolProblem`
    ``webhook.unknown``."""
    return asking(
        "DELETE /webhooks/{id}", uuid_of(webhook_id), parse=nothing, settled="webhook.unknown"
    )


def enable_webhook(webhook_id: Id, *, skip_missed: bool = False) -> Call[WebhookView]:
    """Deliver again, what was missed as well unless it is to be skipped. Raises `EnrolProblem`
    ``webhook.unknown``."""
    return asking(
        "POST /webhooks/{id}/enable",
        uuid_of(webhook_id),
        query={"missed": "skip" if skip_missed else "send"},
        parse=reader(WebhookView),
        # A second time it would skip what has happened since the first.
        repeat="unsent" if skip_missed else "always",
    )


def get_webhook_secret(webhook_id: Id) -> Call[SecretView]:
    """The secrets that sign. Raises `EnrolProblem` ``webhook.unknown``."""
    return asking("GET /webhooks/{id}/secret", uuid_of(webhook_id), parse=reader(SecretView))


def rotate_webhook_secret(
    webhook_id: Id, *, secret: str | None = None, overlap_hours: int = DAY_HOURS
) -> Call[SecretView]:
    """Sign with a new secret, the server's unless given, and so many hours with the old one
    besides. Raises `EnrolProblem` ``webhook.unknown``, ``body.invalid``."""
    return telling(
        "POST /webhooks/{id}/secret/rotate",
        uuid_of(webhook_id),
        body=SecretRotation(secret=secret, overlap_hours=overlap_hours),
        parse=reader(SecretView),
        # The server would make another.
        repeat="unsent" if secret is None else "always",
    )


def ping_webhook(webhook_id: Id) -> Call[AttemptView]:
    """Send a ping now, and tell what became of it. Raises `EnrolProblem` ``webhook.unknown``."""
    return asking(
        "POST /webhooks/{id}/ping", uuid_of(webhook_id), parse=reader(AttemptView), repeat="unsent"
    )


def iter_webhook_attempts(
    webhook_id: Id,
    *,
    message_id: str | None = None,
    failed: bool = False,
    limit: int = MOST_LISTED,
) -> Call[Page[AttemptView]]:
    """The delivery log of a webhook, the newest attempt first, in pages of ``limit``: of one
    message, or those that ``failed`` alone. Raises `EnrolProblem` ``webhook.unknown``."""
    query = {
        "messageId": message_id,
        "outcome": "failed" if failed else None,
        "limit": limit,
    }
    name = "GET /webhooks/{id}/attempts"
    return listing(name, uuid_of(webhook_id), query=query, read=_attempts)


def redeliver_webhook_message(webhook_id: Id, message_id: str) -> Call[AttemptView]:
    """Send a message once more, now, and tell what became of it. Raises `EnrolProblem`
    ``webhook.unknown``, ``message.unknown``."""
    return asking(
        "POST /webhooks/{id}/messages/{messageId}/redeliver",
        uuid_of(webhook_id),
        message_id,
        parse=reader(AttemptView),
        repeat="unsent",
    )


def _attempts(answer: Answer) -> tuple[list[AttemptView], Query | None]:
    page = _ATTEMPTS(answer)
    return page.data, None if page.next is None else {"before": page.next}


def _list(types: Iterable[EventType] | None) -> list[EventType] | None:
    return None if types is None else [*types]
