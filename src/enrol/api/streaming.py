"""An answer that is sent while it is made, to whoever reads it, at the reader's pace."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any, Final, Protocol

from litestar import Response

from enrol.api.http import Receive, Request, Scope, Send
from enrol.logs import log_error
from enrol.store.protocol import StoreUnavailable

# Whoever takes nothing for so long makes room for others.
STALL_SECONDS: Final = 60.0


class Packer(Protocol):
    """What makes the answer shorter, as `zlib` does."""

    def compress(self, data: bytes, /) -> bytes:
        """What can be said of the data by now."""
        ...

    def flush(self) -> bytes:
        """The rest."""
        ...


class Streamed(Response[None]):
    """An answer that is made while it is sent: the next piece is made once the one before is on
    its way. Whoever reads slowly holds no connection to the database, and one piece of memory.

    ``what`` is its name in the log, where it is broken off, and ``ended`` is called at the end.
    """

    def __init__(
        self,
        request: Request,
        headers: Mapping[str, str],
        chunks: AsyncGenerator[bytes],
        *,
        first: bytes,
        what: str,
        packer: Packer | None = None,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(None)
        self.request = request
        self.sent_headers = headers
        self.chunks = chunks
        self.first = first
        self.what = what
        self.packer = packer
        self.ended = ended

    def to_asgi_response(self, *_: Any, **__: Any) -> Any:
        """What the framework calls with the connection."""
        return self.send_all

    async def send_all(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it. What breaks off is not ended, which no client takes for the whole."""
        gone = asyncio.create_task(_gone(receive))
        try:
            async with aclosing(self.chunks):
                await self._send_all(send, gone)
        except (StoreUnavailable, TimeoutError) as error:
            # It has begun, so that there is no other way to tell it: the connection is closed.
            log_error(f"{self.what} broken off", error, request=self.request.request_id)
            self.request.notes["code"] = f"{self.what}.broken"
        finally:
            self.ended()
            gone.cancel()

    async def _send_all(self, send: Send, gone: asyncio.Task[None]) -> None:
        headers = [(name.encode(), value.encode()) for name, value in self.sent_headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._send(send, self.first)
        self.first = b""
        async for chunk in self.chunks:
            if gone.done():
                self.request.notes["code"] = "client.gone"
                return
            await self._send(send, chunk)
        rest = self.packer.flush() if self.packer else b""
        await send({"type": "http.response.body", "body": rest})

    async def _send(self, send: Send, chunk: bytes) -> None:
        if self.packer:
            chunk = self.packer.compress(chunk)
        if chunk:
            # Returns once the connection takes more.
            async with asyncio.timeout(STALL_SECONDS):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})


async def _gone(receive: Receive) -> None:
    """Return once the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
