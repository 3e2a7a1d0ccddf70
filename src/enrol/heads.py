"""Bounds on the head of a request, which the HTTP server has not: without them anyone, without a
key, could hold its memory with endless headers and its connections with requests that never come.
"""

import asyncio
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from enrol.cork import CorkedTransport

# The first packet of a head is not counted: it may bring a body along.
MOST_HEAD_BYTES: Final = 64 * 1024
HEAD_SECONDS: Final = 30.0


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's connection, closed when a head is too long or does not come."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.in_head = False
        self.head_bytes = 0
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
        if self.in_head:
            self.head_bytes += len(data)
            if self.head_bytes > MOST_HEAD_BYTES:
                self._refuse()
                return
        super().data_received(data)
        # A head that comes in one packet, as nearly all do, costs no timer.
        if self.in_head and self.head_timer is None:
            self._start_timer()

    def on_message_begin(self) -> None:
        """A head begins."""
        self.in_head = True
        self.head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self.in_head = False
        self._stop_timer()
        super().on_headers_complete()

    def _start_timer(self) -> None:
        self.head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _stop_timer(self) -> None:
        if self.head_timer is not None:
            self.head_timer.cancel()
            self.head_timer = None

    def _refuse(self) -> None:
        if getattr(self.cycle, "response_complete", True):
            self.send_400_response("The head of the request is too large.")
        else:
            # The answer to the request before is on its way; a second one would run into it.
            self.transport.close()
