"""The HTTP process's end of the writer's socket."""

import asyncio
from typing import Any, Final, cast

from enrol.store.protocol import StoreUnavailable
from enrol.store.sqlite.frames import Frames, pack, unpack

CONNECT_SECONDS: Final = 5.0
RETRY_SECONDS: Final = 0.02


class WriterConnection(asyncio.Protocol):
    """Sends messages to the writer and gives each its answer, in whatever order they come."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.number = 0
        self.waiting: dict[int, asyncio.Future[tuple[Any, ...]]] = {}
        self.unsent: list[bytes] = []
        self.transport: asyncio.WriteTransport | None = None
        self.frames = Frames()
        self.connecting = asyncio.Lock()

    async def connect(self) -> None:
        """Connect, waiting a little for a writer that is just starting."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + CONNECT_SECONDS
        async with self.connecting:
            while self.transport is None:
                try:
                    await loop.create_unix_connection(lambda: self, self.path)
                except OSError:
                    if loop.time() > deadline:
                        raise StoreUnavailable("The writer is not there.") from None
                    await asyncio.sleep(RETRY_SECONDS)

    async def ask(self, *message: object) -> tuple[Any, ...]:
        """Send one message and wait for its answer.

        Raises `StoreUnavailable` when the writer goes away before it answers.
        """
        if self.transport is None:
            await self.connect()
        self.number += 1
        number = self.number
        loop = asyncio.get_running_loop()
        future: asyncio.Future[tuple[Any, ...]] = loop.create_future()
        self.waiting[number] = future
        if not self.unsent:
            loop.call_soon(self._send)
        self.unsent += pack((number, *message))
        try:
            return await future
        finally:
            self.waiting.pop(number, None)

    def close(self) -> None:
        """Disconnect; what still waits is told so."""
        if self.transport is not None:
            self.transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.BaseProtocol`."""
        # uvloop's transport is one by its methods, not by its class.
        self.transport = cast(asyncio.WriteTransport, transport)
        self.frames = Frames()

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        for payload in self.frames.take(data):
            number, *answer = unpack(payload)
            future = self.waiting.get(number)
            if future is not None and not future.done():
                future.set_result(tuple(answer))

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.BaseProtocol`."""
        self.transport = None
        for future in self.waiting.values():
            if not future.done():
                future.set_exception(StoreUnavailable("The writer went away."))

    def _send(self) -> None:
        """Send what the calls of one turn of the loop have to say, at once."""
        unsent, self.unsent = self.unsent, []
        if self.transport is not None:
            self.transport.writelines(unsent)
