"""What all that send webhooks in a process share: how a message becomes a signed request."""

import json
import time
from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

from enrol.customers.lifecycle.event_ids import event_id
from enrol.store.protocol import Store
from enrol.store.queries import webhooks as queries
from enrol.store.queries.webhooks import Endpoint, Lease
from enrol.webhooks import messages
from enrol.webhooks.addresses import Target, read_url
from enrol.webhooks.lanes import Message
from enrol.webhooks.sending import REFUSED_ADDRESS, Answered, Sender
from enrol.webhooks.signing import signed_headers

USER_AGENT: Final = "Enrol-Webhooks/1"


class Office:
    """What all couriers of a process share. ``clock`` gives Unix milliseconds, ``chance`` numbers
    from 0 to 1; ``lease`` is the one they deliver under."""

    def __init__(
        self,
        store: Store,
        sender: Sender,
        *,
        private: bool,
        clock: Callable[[], int],
        chance: Callable[[], float],
        most_sent: int,
    ) -> None:
        self.store = store
        self.sender = sender
        self.private = private
        self.clock = clock
        self.chance = chance
        self.most_sent = most_sent
        self.sent = 0
        self.lease = Lease("", 0)

    def may_send(self, own: int) -> bool:
        """Whether a courier with so many messages on their way may send one more. When half of
        the places are taken each gets one, so that the slow ones leave some to the others."""
        return self.sent < self.most_sent and (own == 0 or self.sent < self.most_sent // 2)

    async def body_of(self, endpoint: Endpoint, message: Message) -> bytes | None:
        """The body as it is now; None when there is nothing to tell any more."""
        event = messages.Occurrence(
            str(self._event_id(endpoint, message)), message.type, message.actor or None, message.at
        )
        data: dict[str, Any] = json.loads(message.data or "{}")
        if message.type == messages.CUSTOMERS_CREATED:
            return messages.batch_message(event, endpoint.project_id, message.lane, data["count"])
        if message.type == messages.ENDPOINT_DISABLED:
            return messages.disabled_message(
                event, endpoint.project_id, data["webhookId"], data["reason"]
            )
        if message.type == messages.PING:
            webhook_id = str(UUID(bytes=endpoint.id))
            return messages.ping_message(event, endpoint.project_id, webhook_id)
        row = await queries.find_customer(self.store, endpoint.project, message.lane)
        if row is None:
            return None
        return messages.customer_message(event, endpoint.project_id, row)

    def _event_id(self, endpoint: Endpoint, message: Message) -> UUID:
        """The event's ID, as the feed has it; a ping is of no event."""
        if message.type == messages.PING:
            return UUID(bytes=message.message_key)
        return event_id(self.store.secret, endpoint.project, message.seq)

    async def post(self, endpoint: Endpoint, message_id: str, body: bytes) -> tuple[Answered, int]:
        """Sign and send; what became of it, and how many milliseconds it took."""
        target = read_url(endpoint.url, private=self.private)
        if target is None:
            return Answered(None, REFUSED_ADDRESS), 0
        return await self._timed(target, endpoint, message_id, body)

    async def _timed(
        self, target: Target, endpoint: Endpoint, message_id: str, body: bytes
    ) -> tuple[Answered, int]:
        now = self.clock()
        in_force = [one.secret for one in endpoint.secrets if one.until is None or one.until > now]
        headers = signed_headers(in_force, message_id, now // 1_000, body)
        start = time.monotonic()
        answered = await self.sender.send(target, {"User-Agent": USER_AGENT, **headers}, body)
        return answered, round((time.monotonic() - start) * 1_000)
