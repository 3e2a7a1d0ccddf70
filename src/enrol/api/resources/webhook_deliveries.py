"""What webhooks delivered: the log, sending a message again, a test."""

from typing import Annotated, Final
from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Meta, Struct

from enrol.api.lists.query import read_query
from enrol.api.resources.customers import Reads
from enrol.api.resources.webhook_views import AttemptPage, AttemptView, attempt_view
from enrol.api.resources.webhooks import admin_key, find_webhook
from enrol.api.server import Server
from enrol.problems import Problem
from enrol.store.protocol import KeyRecord
from enrol.store.queries import webhooks as queries
from enrol.store.queries.webhooks import Endpoint
from enrol.webhooks.deliverer import TooManyByHand
from enrol.webhooks.feed import message_of, summary_of
from enrol.webhooks.lanes import Message
from enrol.webhooks.messages import EVENT_TYPES, PING, read_message_id

MOST_LISTED = 1_000


class AttemptsQuery(Struct, frozen=True, kw_only=True, rename="camel"):
    """The query of the attempts."""

    limit: Annotated[int, Meta(ge=1, le=MOST_LISTED, description="Attempts a page.")] = 100
    before: Annotated[
        str,
        Meta(
            description="Only attempts before this one: the `next` of the page before.",
            pattern="^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
            title="the ID of an attempt",
        ),
    ] = ""
    message_id: Annotated[
        str,
        Meta(
            description="Only those of this message.",
            pattern="^[!-~]{1,100}$",
            title="the ID of a message",
        ),
    ] = ""
    outcome: Annotated[
        str,
        Meta(description="`failed`: only those that failed.", pattern="^failed$", title="`failed`"),
    ] = ""


@post(
    "/webhooks/{webhook_id:str}/ping",
    status_code=200,
    operation_id="pingWebhook",
    tags=["webhooks"],
)
async def ping_webhook(
    server: NamedDependency[Server], request: Reads, webhook_id: FromPath[str]
) -> AttemptView:
    """Send a ping now, be the webhook disabled or not, and tell what became of it."""
    caller = await admin_key(server, request)
    endpoint = await find_webhook(server, caller, webhook_id)
    at = int(server.clock() * 1000)
    message_key = server.mint().bytes
    return await _post(
        server, endpoint, Message(0, PING, endpoint.id, None, message_key, caller.key_id, at)
    )


@get("/webhooks/{webhook_id:str}/attempts", operation_id="listWebhookAttempts", tags=["webhooks"])
async def list_attempts(
    server: NamedDependency[Server], request: Reads, webhook_id: FromPath[str]
) -> AttemptPage:
    """The delivery log of a webhook, the newest attempt first."""
    caller = await admin_key(server, request)
    query = read_query(request.scope["query_string"], AttemptsQuery)
    endpoint = await find_webhook(server, caller, webhook_id)
    found = await queries.list_attempts(
        *(server.store, endpoint.project, endpoint.id),
        before=UUID(query.before).bytes if query.before else None,
        limit=query.limit,
        message_id=query.message_id or None,
        failed=bool(query.outcome),
    )
    more = UUID(bytes=found[-1].id) if len(found) == query.limit else None
    return AttemptPage(data=[attempt_view(one) for one in found], next=more)


@post(
    "/webhooks/{webhook_id:str}/messages/{message_id:str}/redeliver",
    status_code=200,
    operation_id="redeliverWebhookMessage",
    tags=["webhooks"],
)
async def redeliver(
    server: NamedDependency[Server],
    request: Reads,
    webhook_id: FromPath[str],
    message_id: FromPath[str],
) -> AttemptView:
    """Send a message once more, now, and tell what became of it."""
    caller = await admin_key(server, request)
    endpoint = await find_webhook(server, caller, webhook_id)
    return await _post(server, endpoint, await _message(server, caller, message_id))


async def _message(server: Server, caller: KeyRecord, message_id: str) -> Message:
    """The message of an event of the caller's project, as if it were new."""
    named = read_message_id(message_id)
    if named is None:
        raise Problem("message.unknown")
    is_summary, key = named
    link = await queries.find_link_before(server.store, caller.project, key)
    if link is None:
        raise Problem("message.unknown")
    index = int.from_bytes(key, "big") - int.from_bytes(link.id, "big")
    if index > link.last - link.first:
        raise Problem("message.unknown")
    event = await queries.find_event(server.store, caller.project, link.first + index)
    if is_summary:
        message = summary_of(link) if link.batch_id == link.id and index == 0 else None
    else:
        message = message_of(link, event)
    if message is None or message.type not in EVENT_TYPES:
        raise Problem("message.unknown")
    return message


async def _post(server: Server, endpoint: Endpoint, message: Message) -> AttemptView:
    try:
        attempt = await server.webhooks.post_by_hand(endpoint, message)
    except TooManyByHand:
        raise Problem("server.busy", headers={"Retry-After": "1"}) from None
    if attempt is None:
        raise Problem("message.unknown")
    return attempt_view(attempt)


HANDLERS: Final = (ping_webhook, list_attempts, redeliver)
