"""What uvicorn's connection lacks: bounds on what is not a body, without which anyone, without a
key, could hold its memory and its connections; and a head that means the same to every reader.
"""

import asyncio
import re
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from enrol.cork import CorkedTransport

# The first packet of a head is not counted: it may bring a body along.
MOST_HEAD_BYTES: Final = 64 * 1024
HEAD_SECONDS: Final = 30.0
# For the rest of a body that was answered early: of a caller without a key, say.
DRAIN_SECONDS: Final = 10.0

_HEAD_END: Final = b"\r\n\r\n"
_UPGRADE: Final = re.compile(rb"(\r\n)upgrade[ \t]*:", re.IGNORECASE)


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's connection, closed when a head is too long or does not come."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.is_deaf = False
        self.in_message = False
        self.in_head = False
        # Bytes since a head began, or since the body last grew: of chunks' heads and trailers.
        self.idle_bytes = 0
        self.head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `asyncio.BaseProtocol`."""
        corked = CorkedTransport(transport, self.loop)
        super().connection_made(cast(asyncio.Transport, corked))
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.BaseProtocol`."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if self.is_deaf:
            return
        if self.in_message:
            self.idle_bytes += len(data)
            if self.in_head and self.idle_bytes > MOST_HEAD_BYTES:
                self._refuse("The head of the request is too large.")
                return
        else:
            data = _without_upgrade(data)
        super().data_received(data)
        if not self.in_message:
            return
        if not self.in_head:
            if self.idle_bytes > MOST_HEAD_BYTES:
                self._refuse("What stands around the body is too large.")
        elif self.head_timer is None:
            # A head that comes in one packet, as nearly all do, costs no timer.
            self._start_timer()

    def on_message_begin(self) -> None:
        """A head begins."""
        self.in_message = self.in_head = True
        self.idle_bytes = 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """One line of a head. Trailers are dropped: RFC 9110 section 6.5.1 lets none of them say
        who calls or what the body is."""
        if self.in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self.in_head = False
        self._stop_timer()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """The body grows."""
        self.idle_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self.in_message = False
        self._stop_timer()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The answer is out, though the request may not be whole."""
        super().on_response_complete()
        # Not where it answers the request before, and the next one is still on its way.
        if self.in_message and not self.in_head and self.cycle.response_complete:
            self._stop_timer()
            self.head_timer = self.loop.call_later(DRAIN_SECONDS, self.transport.close)

    def _unsupported_upgrade_warning(self) -> None:
        """An upgrade was offered in a head that came in pieces. The parser has passed over the
        body, and would read it as the next request: so this one is the connection's last."""
        self.is_deaf = True
        if getattr(self.cycle, "response_complete", True):
            self.transport.close()
        else:
            self.cycle.keep_alive = False

    def _start_timer(self) -> None:
        self.head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _stop_timer(self) -> None:
        if self.head_timer is not None:
            self.head_timer.cancel()
            self.head_timer = None

    def _refuse(self, reason: str) -> None:
        self.is_deaf = True
        if getattr(self.cycle, "response_complete", True):
            self.send_400_response(reason)
        else:
            # The answer to the request before is on its way; a second one would run into it.
            self.transport.close()


def _without_upgrade(data: bytes) -> bytes:
    """The beginning of a request without an offer to change protocols.

    RFC 9110 section 7.8 lets a server pass over the offer, which some clients make with each call;
    but the parser stops at it, and never sees the body.
    """
    end = data.find(_HEAD_END)
    head = data[:end] if end >= 0 else data
    if b"pgrade" not in head and b"PGRADE" not in head:
        return data
    return _UPGRADE.sub(rb"\1x-upgrade:", head) + data[len(head) :]
