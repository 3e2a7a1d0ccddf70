"""Which messages an endpoint gets of the events of its project. Pure."""

import json
from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

from enrol.store.queries.webhooks import FeedEvent, FeedLink
from enrol.webhooks.lanes import Message
from enrol.webhooks.messages import (
    CUSTOMER_CREATED,
    CUSTOMER_TYPES,
    CUSTOMERS_CREATED,
    ENDPOINT_DISABLED,
    message_key,
)

WEBHOOK_DISABLED: Final = "webhook.disabled"


def read_on(
    links: Sequence[FeedLink], events: Sequence[FeedEvent], types: Collection[str], after: int
) -> tuple[list[Message], int]:
    """The messages of the events behind ``after``, and the last event that was looked at.

    ``events`` begin with the next one and have no gap; ``links`` are their calls, in order. Either
    may end before the other does.
    """
    messages: list[Message] = []
    position = after
    for link in links:
        start = max(link.first, after + 1)
        found = events[start - after - 1 : link.last - after]
        if not found:
            break
        if is_batch(link, found[0]) and start == link.first and CUSTOMERS_CREATED in types:
            messages.append(summary_of(link))
        if is_batch(link, found[0]) and CUSTOMER_CREATED not in types:
            # All its events are alike, so that none has to be read: the 10,000 of a batch are not.
            position = link.last
            continue
        messages += (one for event in found if (one := message_of(link, event)).type in types)
        position = found[-1].seq
        if position < link.last:
            break
    return messages, position


def is_batch(link: FeedLink, event: FeedEvent) -> bool:
    """Whether the call of this event created customers, and did nothing else."""
    return link.batch_id == link.id and event.type == CUSTOMER_CREATED


def summary_of(link: FeedLink) -> Message:
    """The one message of a batch."""
    data = json.dumps({"count": link.last - link.first + 1})
    return Message(
        *(link.first, CUSTOMERS_CREATED, link.id, None, link.id, link.actor, link.at, data)
    )


def message_of(link: FeedLink, event: FeedEvent) -> Message:
    """The message of one event; its type is the event's where endpoints cannot choose it."""
    id = message_key(link.id, event.seq - link.first)
    kind, lane, data = event.type, event.customer_id or id, None
    if kind == WEBHOOK_DISABLED and event.data is not None:
        kind, data = ENDPOINT_DISABLED, event.data
        lane = UUID(json.loads(data)["webhookId"]).bytes
    elif kind in CUSTOMER_TYPES and event.customer_id is None:
        kind = ""
    return Message(event.seq, kind, lane, None, id, link.actor, link.at, data)
