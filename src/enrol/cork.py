"""What a connection writes in one turn of the loop, sent at once.

The HTTP server writes the head of an answer and its body apart: two calls to the kernel, each of
which wakes the client. For a small call that was a tenth of all the processor time it took.
"""

import asyncio
from typing import Any


class CorkedTransport:
    """A transport that gathers what is written until the turn ends; all else passes through."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self.transport = transport
        self.loop = loop
        self.unsent: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transport, name)

    def write(self, data: bytes) -> None:
        """See `asyncio.WriteTransport`."""
        if not self.unsent:
            self.loop.call_soon(self.flush)
        self.unsent.append(data)

    def flush(self) -> None:
        """Hand over what was gathered."""
        unsent, self.unsent = self.unsent, []
        if unsent and not self.transport.is_closing():
            self.transport.write(b"".join(unsent))

    def close(self) -> None:
        """See `asyncio.BaseTransport`."""
        self.flush()
        self.transport.close()
