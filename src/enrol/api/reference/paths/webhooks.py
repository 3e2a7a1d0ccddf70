"""Webhooks, their secrets, and what they delivered."""

from typing import Final

import msgspec

from enrol.api.bodies import JSON_OR_PATCH
from enrol.api.reference import examples
from enrol.api.reference.answers import refusals, success
from enrol.api.reference.resource import (
    BODY,
    KEY,
    UNKNOWN_PARAMETERS,
    Resource,
    operation,
    parameter,
    small_body,
)
from enrol.api.reference.schemas import Json, ref
from enrol.api.resources.webhook_deliveries import AttemptsQuery
from enrol.api.resources.webhook_views import (
    MOST_OVERLAP_HOURS,
    AttemptPage,
    AttemptView,
    NewWebhook,
    SecretRotation,
    SecretView,
    WebhookList,
    WebhookPatch,
    WebhookView,
)
from enrol.api.resources.webhooks import MISSED, MOST_SECRETS, MOST_WEBHOOKS
from enrol.settings import Settings
from enrol.webhooks.messages import USUAL_TYPES

WEBHOOK_ID: Final = "019a91f2-7d00-7b41-9c2e-3d5f8a1b6c70"
ATTEMPT_ID: Final = "019a91f2-7e00-7c51-8d3f-4e6a9b2c7d80"
MESSAGE_ID: Final = "msg_019a91f26c007a319f4e2b6d5c8e1f70"
URL: Final = "https://hooks.example.com/enrol"
# Bytes of zeros, so that no scanner of secrets takes it for one.
SECRET: Final = "whsec_" + 43 * "A" + "="

VIEW: Final = {
    "id": WEBHOOK_ID,
    "url": URL,
    "description": "CRM",
    "eventTypes": ["customers.created", "customer.updated"],
    "disabledAt": None,
    "disabledReason": None,
    "lastDeliveredAt": examples.AT,
    "createdAt": examples.AT,
    "createdBy": "key_3f9a0c5be81d4276",
    "updatedAt": None,
    "updatedBy": None,
}
DISABLED: Final = {**VIEW, "disabledAt": examples.AT, "disabledReason": "failing"}
ATTEMPT: Final = {
    "id": ATTEMPT_ID,
    "messageId": MESSAGE_ID,
    "eventType": "customer.created",
    "attempt": 1,
    "delivered": True,
    "status": 204,
    "error": None,
    "attemptedAt": examples.AT,
    "durationMs": 38,
}
BY_HAND: Final = {**ATTEMPT, "attempt": 0}
SECRETS: Final = {"secret": SECRET, "previous": []}
ONE: Final = ("webhook.unknown", "route.unknown")
CHANGED: Final = ("webhook.busy", "store.full")
URL_FAULTS: Final = ("webhook.url", "webhook.host", "webhook.address")


def _paths(settings: Settings) -> Json:
    return {
        "/webhooks": {"post": _create(), "get": _list()},
        "/webhooks/{id}": {"get": _get(), "patch": _change(), "delete": _delete()},
        "/webhooks/{id}/enable": {"post": _enable()},
        "/webhooks/{id}/secret": {"get": _secret()},
        "/webhooks/{id}/secret/rotate": {"post": _rotate()},
        "/webhooks/{id}/ping": {"post": _ping()},
        "/webhooks/{id}/attempts": {"get": _attempts()},
        "/webhooks/{id}/messages/{messageId}/redeliver": {"post": _redeliver()},
    }


def _create() -> Json:
    request = {"url": URL, "description": "CRM", "eventTypes": VIEW["eventTypes"]}
    return operation(
        "webhooks",
        "createWebhook",
        "Create a webhook",
        "An address that gets the project's events from now on. Unless one is sent, a secret is "
        f"made, which `GET /webhooks/{{id}}/secret` shows. A project has at most {MOST_WEBHOOKS}.",
        {
            "200": _webhook("The webhook.", VIEW),
            **refusals(
                *(*KEY, *BODY, "webhook.too_many", "store.full"),
                faults=(*URL_FAULTS, "webhook.secret"),
            ),
        },
        scope="admin",
        requestBody=small_body("NewWebhook", "A summary of each batch, and changes", request),
    )


def _list() -> Json:
    webhooks = {"webhooks": ("One webhook", {"data": [VIEW]})}
    return operation(
        "webhooks",
        "listWebhooks",
        "List webhooks",
        "The webhooks of the caller's project, the oldest first.",
        {"200": success("The webhooks.", ref("WebhookList"), webhooks), **refusals(*KEY)},
        scope="admin",
    )


def _get() -> Json:
    return operation(
        "webhooks",
        "getWebhook",
        "Read a webhook",
        "One webhook, without its secrets.",
        {"200": _webhook("The webhook.", VIEW), **refusals(*KEY, *ONE)},
        parameters=[_id()],
        scope="admin",
    )


def _change() -> Json:
    return operation(
        "webhooks",
        "changeWebhook",
        "Change a webhook",
        "Changes what is there, by JSON Merge Patch (RFC 7396). With a new address, what waits is "
        "sent there at once.",
        {
            "200": _webhook("The webhook as it is now.", VIEW),
            **refusals(*KEY, *BODY, *ONE, *CHANGED, faults=URL_FAULTS),
        },
        parameters=[_id()],
        scope="admin",
        requestBody=small_body(
            "WebhookPatch", "Another address", {"url": URL}, media_types=JSON_OR_PATCH
        ),
    )


def _delete() -> Json:
    return operation(
        "webhooks",
        "deleteWebhook",
        "Delete a webhook",
        "Removes a webhook with its secrets, the messages that wait, and the delivery log.",
        {
            "200": _webhook("The webhook as it was.", VIEW),
            **refusals(*KEY, *ONE, *CHANGED),
        },
        parameters=[_id()],
        scope="admin",
    )


def _enable() -> Json:
    words = (
        "`send`: what happened since the webhook was disabled is delivered as well; `skip`: it "
        "gets what happens from now on, and what waits is dropped."
    )
    schema = {"enum": list(MISSED["missed"]), "default": "send"}
    return operation(
        "webhooks",
        "enableWebhook",
        "Enable a webhook",
        f"Delivers again to a webhook that was disabled. {UNKNOWN_PARAMETERS}",
        {
            "200": _webhook("The webhook, enabled.", VIEW),
            **refusals(*KEY, *ONE, *CHANGED, "query.invalid"),
        },
        parameters=[_id(), parameter("query", "missed", words, schema)],
        scope="admin",
    )


def _secret() -> Json:
    return operation(
        "webhooks",
        "getWebhookSecret",
        "Read the secrets of a webhook",
        "The secret that signs, and those that still sign besides after a rotation.",
        {"200": _secrets(), **refusals(*KEY, *ONE)},
        parameters=[_id()],
        scope="admin",
    )


def _rotate() -> Json:
    return operation(
        "webhooks",
        "rotateWebhookSecret",
        "Rotate the secret of a webhook",
        "Signs with a new secret from now on, and for some hours with the old one besides, whose "
        f"signature then stands second. At most {MOST_SECRETS} secrets sign: one more ends the "
        "oldest.",
        {
            "200": _secrets(),
            **refusals(*KEY, *BODY, *ONE, *CHANGED, faults=("webhook.secret",)),
        },
        parameters=[_id()],
        scope="admin",
        requestBody=small_body("SecretRotation", "Two days of both", {"overlapHours": 48}),
    )


def _ping() -> Json:
    return operation(
        "webhooks",
        "pingWebhook",
        "Test a webhook",
        "Sends `ping` now, once, be the webhook disabled or not, and answers what came of it.",
        {"200": _attempt("The attempt.", {**BY_HAND, "eventType": "ping"}), **refusals(*KEY, *ONE)},
        parameters=[_id()],
        scope="admin",
    )


def _attempts() -> Json:
    _, schemas = msgspec.json.schema_components([AttemptsQuery], ref_template="{name}")
    parameters = [_id()]
    for name, schema in schemas["AttemptsQuery"]["properties"].items():
        words = schema.pop("description")
        schema.pop("title", None)
        if schema.get("default") == "":
            del schema["default"]  # which is how the code says that there is none
        parameters.append(parameter("query", name, words, schema))
    page = {"page": ("A page of one", {"data": [ATTEMPT], "next": None})}
    return operation(
        "webhooks",
        "listWebhookAttempts",
        "List attempts",
        "The delivery log, the newest attempt first; it goes seven days back. "
        f"{UNKNOWN_PARAMETERS}",
        {
            "200": success("A page.", ref("AttemptPage"), page),
            **refusals(*KEY, *ONE, "query.invalid"),
        },
        parameters=parameters,
        scope="admin",
    )


def _redeliver() -> Json:
    words = "The `webhook-id` of the message."
    text = {"type": "string", "minLength": 1}
    return operation(
        "webhooks",
        "redeliverWebhookMessage",
        "Deliver a message again",
        "Sends the message of any event of the project now, once, with the customer as it is, and "
        "answers what came of it.",
        {
            "200": _attempt("The attempt.", BY_HAND),
            **refusals(*KEY, *ONE, "message.unknown"),
        },
        parameters=[_id(), parameter("path", "messageId", words, text, MESSAGE_ID)],
        scope="admin",
    )


def _webhook(words: str, example: Json) -> Json:
    return success(words, ref("WebhookView"), {"webhook": ("A webhook", example)})


def _attempt(words: str, example: Json) -> Json:
    return success(words, ref("AttemptView"), {"attempt": ("It was taken", example)})


def _secrets() -> Json:
    return success("The secrets.", ref("SecretView"), {"secrets": ("One secret", SECRETS)})


def _id() -> Json:
    schema = {"type": "string", "format": "uuid"}
    return parameter("path", "id", "The webhook's ID.", schema, WEBHOOK_ID)


_URL: Final = (
    "Where messages go: https, without a user name, a password and a fragment; its host must lead "
    "to public addresses.",
    URL,
)
_DESCRIPTION: Final = ("A note of what it is for.", "CRM")
_TYPES: Final = (
    f"Which messages it gets; null: {', '.join(f'`{one}`' for one in USUAL_TYPES)}. With "
    "`customers.created` in place of `customer.created`, a batch is one message.",
    ["customers.created", "customer.updated"],
)
_SECRET: Final = ("`whsec_` and 24 to 64 bytes in base64.", None)

RESOURCE: Final = Resource(
    _paths,
    tags=(("webhooks", "Events of the caller's project, sent to addresses of yours."),),
    types=(
        *(NewWebhook, WebhookPatch, SecretRotation, WebhookView, WebhookList, SecretView),
        *(AttemptView, AttemptPage),
    ),
    meanings={
        "NewWebhook": {
            "url": _URL,
            "description": _DESCRIPTION,
            "eventTypes": _TYPES,
            "secret": (f"{_SECRET[0]} Null: one is made.", None),
        },
        "WebhookPatch": {
            "url": _URL,
            "description": _DESCRIPTION,
            "eventTypes": _TYPES,
            "disabled": ("Whether nothing is sent any more.", True),
        },
        "SecretRotation": {
            "secret": (f"{_SECRET[0]} Null: one is made.", None),
            "overlapHours": (
                f"Hours that the old secret signs besides, up to {MOST_OVERLAP_HOURS}.",
                24,
            ),
        },
        "WebhookView": {
            "url": _URL,
            "description": _DESCRIPTION,
            "eventTypes": ("Which messages it gets.", ["customers.created", "customer.updated"]),
            "disabledAt": ("Since when nothing is sent; null: it is enabled.", None),
            "disabledReason": (
                "`requested` over the API; `failing`: nothing was delivered for 24 hours; `gone`: "
                "the receiver answered 410.",
                None,
            ),
            "lastDeliveredAt": ("When the last message was taken.", examples.AT),
        },
        "SecretView": {
            "secret": ("The secret that signs.", None),
            "previous": ("Those that sign besides, the newest first.", None),
        },
        "OldSecretView": {
            "secret": ("A secret that was replaced.", None),
            "until": ("Until when it signs besides.", examples.AT),
        },
        "AttemptView": {
            "messageId": ("The `webhook-id` of the message.", MESSAGE_ID),
            "eventType": ("The message's type.", "customer.created"),
            "attempt": ("Which of the message, from 1; 0: it was asked for.", 1),
            "delivered": ("Whether the answer was 200 to 299.", True),
            "status": ("The status of the answer; null: there was none.", 204),
            "error": (
                "Why there was none: `address.refused`, `host.unknown`, `connect.failed`, "
                "`tls.failed`, `timeout` or `answer.broken`.",
                None,
            ),
            "durationMs": ("Milliseconds until the answer.", 38),
        },
        "AttemptPage": {"next": ("What `before` of the next page is; null: the end.", None)},
    },
)
