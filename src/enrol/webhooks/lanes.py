"""Which message of an endpoint may be sent next: in order per customer. Pure.

A lane is a customer, or the batch of a summary. A message goes out when none stands before it in
its lane, nor, for a customer of a batch whose summary is still to be delivered, that summary.
Others overtake it meanwhile.
"""

import heapq
from collections import deque
from collections.abc import Iterator

from msgspec import Struct


class Message(Struct, eq=False):
    """A message that was not delivered yet, of the event ``seq``. Times are Unix milliseconds.

    ``message_key``, ``actor``, ``at`` and ``data`` are what its body tells beside the customer.
    ``lane`` orders it, ``behind`` is the lane of a summary that it has to wait for. ``attempts``
    failed, the first at ``first_at``; the next is at ``next_at``. ``kept`` tells whether the
    database holds it as pending, ``changed`` whether differently. ``sent_at`` is set while it is
    on its way, ``round`` counts the failures of its endpoint before that.
    """

    seq: int
    type: str
    lane: bytes
    behind: bytes | None = None
    message_key: bytes = b""
    actor: str = ""
    at: int = 0
    data: str | None = None
    attempts: int = 0
    first_at: int | None = None
    next_at: int = 0
    # Whether it failed because nobody was there, rather than because of what it says.
    unreached: bool = False
    kept: bool = False
    changed: bool = False
    sent_at: int | None = None
    round: int = 0

    @property
    def key(self) -> tuple[int, str]:
        """What names the message within its endpoint."""
        return self.seq, self.type


class Lanes:
    """The messages of one endpoint that were read and not delivered."""

    def __init__(self) -> None:
        self.lanes: dict[bytes, deque[Message]] = {}
        self.ready: deque[Message] = deque()
        self.later: list[tuple[int, int, str, Message]] = []
        # First in their lanes, but behind the summary of this lane.
        self.held: dict[bytes, list[Message]] = {}
        self.count = 0

    def __iter__(self) -> Iterator[Message]:
        return (message for lane in self.lanes.values() for message in lane)

    def add(self, message: Message) -> None:
        """Take a message in; those of a lane come in the order of their events."""
        self.count += 1
        lane = self.lanes.setdefault(message.lane, deque())
        lane.append(message)
        if len(lane) == 1:
            self._free(message)

    def take(self, now: int) -> Message | None:
        """The message to send now, which is then in the hands of the caller until `done` or
        `again`; None when all wait."""
        while self.later and self.later[0][0] <= now:
            self.ready.append(heapq.heappop(self.later)[3])
        return self.ready.popleft() if self.ready else None

    def next_at(self) -> int | None:
        """When `take` has one that it has not yet."""
        return self.later[0][0] if self.later else None

    def done(self, message: Message) -> None:
        """The message is delivered or given up: those behind it may go."""
        self.count -= 1
        lane = self.lanes[message.lane]
        lane.popleft()
        if lane:
            self._free(lane[0])
            return
        del self.lanes[message.lane]
        for held in self.held.pop(message.lane, ()):
            self._free(held)

    def again(self, message: Message) -> None:
        """The message failed, and is to be sent again at its ``next_at``."""
        self._wait(message)

    def hurry(self, now: int) -> None:
        """The receiver is back: let what failed because it was not there go now."""
        waiting, self.later = self.later, []
        for _, _, _, message in waiting:
            if message.unreached:
                message.next_at = now
                message.changed = True
            self._wait(message)

    def is_fresh(self, message: Message, sent_before: int) -> bool:
        """Whether the message is one that will soon be decided: waiting for its first attempt, or
        on its way since ``sent_before`` or later."""
        if message.attempts or (message.sent_at is not None and message.sent_at < sent_before):
            return False
        first = self.lanes[message.lane][0]
        if first is not message:
            return self.is_fresh(first, sent_before)
        held_by = self.lanes.get(message.behind) if message.behind else None
        return held_by is None or self.is_fresh(held_by[0], sent_before)

    def _free(self, message: Message) -> None:
        """The message is first in its lane."""
        if message.behind is not None and message.behind in self.lanes:
            self.held.setdefault(message.behind, []).append(message)
        elif message.next_at:
            self._wait(message)
        else:
            self.ready.append(message)

    def _wait(self, message: Message) -> None:
        heapq.heappush(self.later, (message.next_at, *message.key, message))
