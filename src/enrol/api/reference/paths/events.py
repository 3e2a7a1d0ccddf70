"""The feed of events, its head, and the history of one customer."""

from typing import Any, Final

import msgspec

from enrol.api.reference import examples
from enrol.api.reference.answers import refusals, success
from enrol.api.reference.resource import (
    KEY,
    UNKNOWN_PARAMETERS,
    Resource,
    operation,
    parameter,
)
from enrol.api.reference.schemas import Json, ref
from enrol.api.resources.events import EventPage, FeedQuery, HeadView, HistoryQuery
from enrol.settings import Settings

EVENT_ID: Final = "5f0c2d9e-61b4-8a37-9d10-e4b7c2a85f36"
HEAD_HASH: Final = "8d1c0f6e5b7a493820d1e2f3a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7"
EVENT: Final[Json] = {
    "id": EVENT_ID,
    "seq": 42,
    "type": "customer.updated",
    "customerId": examples.IDS[1],
    "batchId": None,
    "actor": "key_3f2a9c0d1e4b5a67",
    "fields": ["status", "reason"],
    "data": {"status": {"from": "No status", "to": "Active"}, "reason": "Documents checked"},
    "createdAt": examples.AT,
}
PAGE: Final[Json] = {"data": [EVENT], "nextAfter": "42"}
FEED: Final = (*KEY, "query.invalid", "events.ahead")
# A customer that was erased has a history all the same.
HISTORY: Final = (*FEED, "customer.unknown", "route.unknown")

MEANINGS: Final[dict[str, dict[str, tuple[str, object]]]] = {
    "EventView": {
        "id": ("The same whenever and wherever the event is told of (UUIDv8).", EVENT_ID),
        "seq": ("Its number in the project: 1, 2, 3 and so on, without a gap.", 42),
        "type": ("What happened.", "customer.updated"),
        "customerId": ("To whom; null: it is about the project.", examples.IDS[1]),
        "batchId": ("The batch that did it.", None),
        "actor": ("The ID of the API key that did it.", "key_3f2a9c0d1e4b5a67"),
        "fields": ("The names of the fields that changed.", None),
        "data": ("More of it, by its type: see docs/events.md.", None),
    },
    "EventPage": {
        "nextAfter": ("The cursor: the `after` of the next call, now or later.", "42"),
    },
    "HeadView": {
        "seq": ("The number of the last event.", 42),
        "hash": ("SHA-256, in hexadecimal.", HEAD_HASH),
    },
}


def event_paths(settings: Settings) -> Json:
    """The routes of events."""
    return {
        "/events": {"get": _feed()},
        "/events/head": {"get": _head()},
        "/customers/{id}/events": {"get": _history()},
    }


def _feed() -> Json:
    return operation(
        "events",
        "listEvents",
        "Read the feed of events",
        "What happened in the project, in the order in which it happened. Every event comes once, "
        "and none comes up later behind a cursor, however many calls write at once: keep "
        f"`nextAfter`, and go on with it. {UNKNOWN_PARAMETERS}",
        {"200": _page(), **refusals(*FEED)},
        parameters=query_parameters(FeedQuery),
        scope="customers:read",
    )


def _history() -> Json:
    schema = {"type": "string", "format": "uuid"}
    return operation(
        "events",
        "listCustomerEvents",
        "Read the history of a customer",
        "All that happened to one customer, its creation first, also of one that was deleted or "
        f"erased. {UNKNOWN_PARAMETERS}",
        {"200": _page(), **refusals(*HISTORY)},
        parameters=[
            parameter("path", "id", "The customer's ID.", schema, examples.IDS[1]),
            *query_parameters(HistoryQuery),
        ],
        scope="customers:read",
    )


def _head() -> Json:
    head = {"seq": 42, "hash": HEAD_HASH}
    return operation(
        "events",
        "getEventsHead",
        "Read the head of the chain",
        "The hash that covers all events of the project. Whoever keeps it elsewhere can tell "
        "later that nothing before it was changed: `enrol audit verify --head SEQ:HASH`.",
        {
            "200": success("The head.", ref("HeadView"), {"head": ("A head", head)}),
            **refusals(*KEY),
        },
        scope="customers:read",
    )


def _page() -> Json:
    return success(
        'A page; with a `Link` of `rel="next"` where it may not be the last.',
        ref("EventPage"),
        {"page": ("A page of one", PAGE)},
        headers=("Link",),
    )


def query_parameters(struct: type) -> list[Json]:
    """The parameters of a query that a struct describes."""
    _, schemas = msgspec.json.schema_components([struct], ref_template="{name}")
    described: dict[str, Any] = schemas[struct.__name__]["properties"]
    return [
        parameter("query", name, schema.pop("description"), _sent(schema))
        for name, schema in described.items()
    ]


def _sent(schema: Json) -> Json:
    """What can be sent: null, or an empty text, is how the code says that nothing was."""
    schema.pop("title", None)
    kinds = [kind for kind in schema.pop("anyOf", ()) if kind != {"type": "null"}]
    if schema.get("default", 0) in (None, ""):
        del schema["default"]
    if len(kinds) < 2:
        return {**dict(*kinds), **schema}
    # Of one type, and of several formats.
    each = {"type": schema.pop("type")}
    return {"anyOf": [{**each, **kind} for kind in kinds], **schema}


RESOURCE: Final = Resource(
    event_paths,
    tags=(("events", "What happened, to whom, by whom."),),
    types=(EventPage, HeadView),
    meanings=MEANINGS,
)
