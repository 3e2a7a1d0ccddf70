"""An answer that is sent while it is made, to whoever reads it, at the reader's pace."""

import asyncio
import zlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Final

from litestar import Response

from enrol.api.bodies import edge_request
from enrol.api.http import GZIP_WINDOW, RETRY_SECONDS, Receive, Scope, Send
from enrol.api.resources.customers import Reads
from enrol.logs import log_error
from enrol.problems import Problem
from enrol.store.protocol import StoreUnavailable

# Each holds a page in memory, and takes its share of the process.
MOST_EXPORTS: Final = 4
# Whoever takes nothing for so long makes room for others.
STALL_SECONDS: Final = 60.0
GZIP_LEVEL: Final = 1
JSONL: Final = "application/jsonl"
CSV: Final = "text/csv; charset=utf-8"


class Running:
    """How many exports this process has under way."""

    def __init__(self) -> None:
        self.number = 0

    def begin(self) -> None:
        """Raises `Problem` ``server.busy``."""
        if self.number >= MOST_EXPORTS:
            raise Problem("server.busy", headers={"Retry-After": RETRY_SECONDS})
        self.number += 1

    def end(self) -> None:
        self.number -= 1


running: Final = Running()


def _gzip(request: Reads) -> bool:
    """Whether the caller takes gzip (RFC 9110 section 12.5.3)."""
    for coding in ",".join(request.headers.getall("accept-encoding", [])).split(","):
        name, _, weight = coding.partition(";")
        if name.strip().lower() in ("gzip", "x-gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


class Streamed(Response[None]):
    """An answer that is made while it is sent: the next page is read once the one before is on its
    way. Whoever reads slowly holds no connection to the database, and a page of memory."""

    def __init__(
        self, request: Reads, ending: str, first: bytes, chunks: AsyncGenerator[bytes]
    ) -> None:
        super().__init__(None)
        self.request = edge_request(request)
        self.ending = ending
        self.first = first
        self.chunks = chunks
        self.packer = zlib.compressobj(GZIP_LEVEL, wbits=GZIP_WINDOW) if _gzip(request) else None

    def to_asgi_response(self, *_: Any, **__: Any) -> Any:
        """What the framework calls with the connection."""
        return self.send_all

    async def send_all(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file. One that breaks off is not ended, which no client takes for the whole."""
        gone = asyncio.create_task(_gone(receive))
        try:
            async with aclosing(self.chunks):
                await self._send_all(send, gone)
        except (StoreUnavailable, TimeoutError) as error:
            # It has begun, so that there is no other way to tell it: the connection is closed.
            log_error("export broken off", error, request=self.request.request_id)
            self.request.notes["code"] = "export.broken"
        finally:
            running.end()
            gone.cancel()

    async def _send_all(self, send: Send, gone: asyncio.Task[None]) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self._headers()})
        await self._send(send, self.first)
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

    def _headers(self) -> list[tuple[bytes, bytes]]:
        headers = {
            "content-type": CSV if self.ending == "csv" else JSONL,
            "content-disposition": f'attachment; filename="customers.{self.ending}"',
            "vary": "Accept-Encoding",
        }
        if self.packer:
            headers["content-encoding"] = "gzip"
        return [(name.encode(), value.encode()) for name, value in headers.items()]


async def _gone(receive: Receive) -> None:
    """Return once the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
