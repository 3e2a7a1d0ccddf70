"""Webhooks of a project: its endpoints, and their secrets."""

import json
from collections.abc import Callable, Sequence
from secrets import token_bytes
from typing import Any, Final, NamedTuple
from uuid import UUID

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import UNSET

from enrol.api.bodies import JSON_OR_PATCH, edge_request, read_json
from enrol.api.resources.customers import Reads
from enrol.api.resources.webhook_views import (
    NewWebhook,
    SecretRotation,
    SecretView,
    WebhookList,
    WebhookPatch,
    WebhookView,
    secret_view,
    webhook_view,
)
from enrol.api.server import Server
from enrol.customers.faults import Fault
from enrol.customers.lifecycle.change import Applied, Change, Event, Write
from enrol.problems import Problem
from enrol.store.protocol import KeyRecord
from enrol.store.queries import webhooks as queries
from enrol.store.queries.webhooks import Endpoint, Secret
from enrol.webhooks.addresses import callable_addresses, read_url
from enrol.webhooks.courier import disabled_event
from enrol.webhooks.signing import make_secret, secret_bytes

ADMIN = "admin"
MOST_WEBHOOKS = 20
MOST_SECRETS = 5
ATTEMPTS = 8
HOUR_MS = 3_600_000
MISSED = {"missed": ("send", "skip")}
REQUESTED = "requested"
# How the event of a change names what was changed.
FIELDS = {"event_types": "eventTypes", "disabled_at": "disabledAt"}


class Decided(NamedTuple):
    """What a call changes of an endpoint: columns, other rows, and the events of it."""

    values: dict[str, Any]
    events: Sequence[Event]
    writes: Sequence[Write] = ()


@post("/webhooks", status_code=200, operation_id="createWebhook", tags=["webhooks"])
async def create_webhook(server: NamedDependency[Server], request: Reads) -> WebhookView:
    """Make a webhook; it gets the events from now on."""
    caller = await admin_key(server, request)
    asked = await read_json(server, request, NewWebhook)
    await _check(server, asked.url, asked.event_types, asked.secret)
    # One after another, or many at once would each find room for one more.
    async with server.turns.of(caller.project, [b"webhooks"]):
        if len(await queries.list_endpoints(server.store, caller.project)) >= MOST_WEBHOOKS:
            raise Problem("webhook.too_many", f"A project has at most {MOST_WEBHOOKS} webhooks.")
        change = _change(server, caller)
        endpoint = Endpoint(
            project=caller.project,
            id=server.mint().bytes,
            project_id=caller.project_id,
            url=asked.url,
            description=asked.description,
            event_types=tuple(asked.event_types or ()),
            secrets=(Secret(asked.secret or make_secret()),),
            created_at=change.at,
            created_by=caller.key_id,
            updated_at=None,
            updated_by=None,
            disabled_at=None,
            disabled_reason=None,
            generation=0,
            epoch=0,
            cursor=await queries.last_seq(server.store, caller.project),
            delivered_at=None,
        )
        writes, events = [queries.insert_endpoint(endpoint)], [_event("webhook.created", endpoint)]
        await server.store.apply(change._replace(writes=writes, events=events))
    server.webhooks.wake()
    return webhook_view(endpoint)


@get("/webhooks", operation_id="listWebhooks", tags=["webhooks"])
async def list_webhooks(server: NamedDependency[Server], request: Reads) -> WebhookList:
    """The webhooks of the caller's project, the oldest first."""
    caller = await admin_key(server, request)
    found = await queries.list_endpoints(server.store, caller.project)
    return WebhookList(data=[webhook_view(endpoint) for endpoint in found])


@get("/webhooks/{webhook_id:str}", operation_id="getWebhook", tags=["webhooks"])
async def get_webhook(
    server: NamedDependency[Server], request: Reads, webhook_id: FromPath[str]
) -> WebhookView:
    """One webhook."""
    caller = await admin_key(server, request)
    return webhook_view(await find_webhook(server, caller, webhook_id))


@patch("/webhooks/{webhook_id:str}", operation_id="changeWebhook", tags=["webhooks"])
async def change_webhook(
    server: NamedDependency[Server], request: Reads, webhook_id: FromPath[str]
) -> WebhookView:
    """Change a webhook."""
    caller = await admin_key(server, request)
    await find_webhook(server, caller, webhook_id)
    asked = await read_json(server, request, WebhookPatch, media_types=JSON_OR_PATCH)
    url = None if asked.url is UNSET else asked.url
    await _check(server, url, asked.event_types or None, None)

    def decide(endpoint: Endpoint, now: int) -> Decided:
        sent: dict[str, Any] = {
            "url": asked.url,
            "description": asked.description,
            "event_types": () if asked.event_types is None else asked.event_types,
        }
        values = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in sent.items()
            if value is not UNSET
        }
        values = {name: v for name, v in values.items() if getattr(endpoint, name) != v}
        events = [_event("webhook.updated", endpoint, *values)] if values else []
        if asked.disabled is True and endpoint.disabled_at is None:
            values |= _switched(endpoint, now, REQUESTED)
            events.append(disabled_event(endpoint.id, REQUESTED))
        if asked.disabled is False and endpoint.disabled_at is not None:
            values |= _switched(endpoint, None, None)
            events.append(_event("webhook.updated", endpoint, "disabled_at"))
            return Decided(values, events, [queries.renew_pending(endpoint, now)])
        return Decided(values, events)

    return webhook_view(await _changed(server, caller, webhook_id, decide))


@delete(
    "/webhooks/{webhook_id:str}", status_code=200, operation_id="deleteWebhook", tags=["webhooks"]
)
async def delete_webhook(
    server: NamedDependency[Server], request: Reads, webhook_id: FromPath[str]
) -> WebhookView:
    """Remove a webhook with its secrets and its delivery log."""
    caller = await admin_key(server, request)
    for _ in range(ATTEMPTS):
        endpoint = await find_webhook(server, caller, webhook_id)
        writes = queries.delete_endpoint(endpoint)
        events = [_event("webhook.deleted", endpoint)]
        change = _change(server, caller)._replace(writes=writes, events=events)
        if isinstance(await server.store.apply(change), Applied):
            server.webhooks.wake()
            return webhook_view(endpoint)
    raise Problem("webhook.busy")


@post(
    "/webhooks/{webhook_id:str}/enable",
    status_code=200,
    operation_id="enableWebhook",
    tags=["webhooks"],
)
async def enable_webhook(
    server: NamedDependency[Server], request: Reads, webhook_id: FromPath[str]
) -> WebhookView:
    """Deliver again: what was missed as well, unless it is to be skipped."""
    caller = await admin_key(server, request)
    skip = edge_request(request).query(MISSED).get("missed") == "skip"
    head = await queries.last_seq(server.store, caller.project)

    def decide(endpoint: Endpoint, now: int) -> Decided:
        if endpoint.disabled_at is None and not skip:
            return Decided({}, [])
        values = _switched(endpoint, None, None) | ({"cursor": head} if skip else {})
        if skip:
            writes = [queries.forget_pending(endpoint)]
        else:
            writes = [queries.renew_pending(endpoint, now)]
        return Decided(values, [_event("webhook.updated", endpoint, "disabled_at")], writes)

    return webhook_view(await _changed(server, caller, webhook_id, decide))


@get("/webhooks/{webhook_id:str}/secret", operation_id="getWebhookSecret", tags=["webhooks"])
async def get_secret(
    server: NamedDependency[Server], request: Reads, webhook_id: FromPath[str]
) -> SecretView:
    """The secrets that sign."""
    caller = await admin_key(server, request)
    return secret_view(await find_webhook(server, caller, webhook_id), _now(server))


@post(
    "/webhooks/{webhook_id:str}/secret/rotate",
    status_code=200,
    operation_id="rotateWebhookSecret",
    tags=["webhooks"],
)
async def rotate_secret(
    server: NamedDependency[Server], request: Reads, webhook_id: FromPath[str]
) -> SecretView:
    """Sign with a new secret, and for a while with the old one besides."""
    caller = await admin_key(server, request)
    await find_webhook(server, caller, webhook_id)
    asked = await read_json(server, request, SecretRotation)
    await _check(server, None, None, asked.secret)
    new = Secret(asked.secret or make_secret())

    def decide(endpoint: Endpoint, now: int) -> Decided:
        until = now + asked.overlap_hours * HOUR_MS
        old = [Secret(one.secret, one.until or until) for one in endpoint.secrets]
        kept = [one for one in old if (one.until or 0) > now and one.secret != new.secret]
        secrets = (new, *kept[: MOST_SECRETS - 1])
        return Decided({"secrets": secrets}, [_event("webhook.updated", endpoint, "secret")])

    return secret_view(await _changed(server, caller, webhook_id, decide), _now(server))


async def admin_key(server: Server, request: Reads) -> KeyRecord:
    """The key of a call that needs the scope ``admin``. Raises `Problem`."""
    return await server.access.key_of(request.headers.get("authorization"), ADMIN)


async def find_webhook(server: Server, caller: KeyRecord, webhook_id: str) -> Endpoint:
    """The endpoint of a path. Raises `Problem` ``webhook.unknown``."""
    try:
        wanted = UUID(webhook_id).bytes
    except ValueError:
        raise Problem("webhook.unknown") from None
    endpoint = await queries.find_endpoint(server.store, caller.project, wanted)
    if endpoint is None:
        raise Problem("webhook.unknown")
    return endpoint


def _now(server: Server) -> int:
    return int(server.clock() * 1000)


def _change(server: Server, caller: KeyRecord) -> Change:
    """A change of the caller's, without its rows and events."""
    return Change(caller.project, server.mint().bytes, caller.key_id, _now(server))


def _event(kind: str, endpoint: Endpoint, *columns: str) -> Event:
    names = tuple(FIELDS.get(column, column) for column in columns)
    data = json.dumps({"webhookId": str(UUID(bytes=endpoint.id))})
    return Event(kind, fields=names, data=data, salt=token_bytes(16))


def _switched(endpoint: Endpoint, at: int | None, reason: str | None) -> dict[str, Any]:
    """The columns of an endpoint that is disabled at a time, or enabled."""
    return {"disabled_at": at, "disabled_reason": reason, "epoch": endpoint.epoch + 1}


async def _changed(
    server: Server,
    caller: KeyRecord,
    webhook_id: str,
    decide: Callable[[Endpoint, int], Decided],
) -> Endpoint:
    """Read, decide, write, and again where another call was quicker; the endpoint as it is then."""
    for _ in range(ATTEMPTS):
        endpoint = await find_webhook(server, caller, webhook_id)
        change = _change(server, caller)
        decided = decide(endpoint, change.at)
        if not decided.values:
            return endpoint
        values = {**decided.values, "updated_at": change.at, "updated_by": caller.key_id}
        writes = [queries.update_endpoint(endpoint, **values), *decided.writes]
        outcome = await server.store.apply(
            change._replace(writes=writes, events=list(decided.events))
        )
        if isinstance(outcome, Applied):
            server.webhooks.wake()
            return endpoint._replace(**values)
    raise Problem("webhook.busy")


async def _check(server: Server, url: str | None, event_types: Any, secret: str | None) -> None:
    """Raises `Problem` ``body.invalid`` for what the shape does not say."""
    codes = {}
    if url is not None and (code := await _url_fault(server, url)):
        codes["/url"] = code
    if event_types and len(set(event_types)) != len(event_types):
        codes["/eventTypes"] = "field.value"
    if secret is not None and secret_bytes(secret) is None:
        codes["/secret"] = "webhook.secret"
    if codes:
        hints = {"field.value": "Each type once."}
        faults = [Fault(None, place, code, hints.get(code, "")) for place, code in codes.items()]
        raise Problem("body.invalid", faults=faults)


async def _url_fault(server: Server, url: str) -> str | None:
    private = server.settings.webhook_private_addresses
    target = read_url(url, private=private)
    if target is None:
        return "webhook.url"
    if private:
        return None
    found = await server.webhooks.addresses(target.host, target.port)
    if not found:
        return "webhook.host"
    return None if callable_addresses(found, private=False) else "webhook.address"


HANDLERS: Final = (
    *(create_webhook, list_webhooks, get_webhook, change_webhook, delete_webhook, enable_webhook),
    *(get_secret, rotate_secret),
)
