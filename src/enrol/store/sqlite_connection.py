"""The HTTP process's end of the writer's socket."""

import asyncio
import contextlib
from typing import Any, Final

from enrol.store.frames import LENGTH, pack, unpack
from enrol.store.protocol import StoreUnavailable

CONNECT_SECONDS: Final = 5.0
RETRY_SECONDS: Final = 0.02


class WriterConnection:
    """Sends messages to the writer and gives each its answer, in whatever order they come."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.number = 0
        self.waiting: dict[int, asyncio.Future[tuple[Any, ...]]] = {}
        self.stream: asyncio.StreamWriter | None = None
        self.reader_task: asyncio.Task[None] | None = None
        self.connecting = asyncio.Lock()

    async def connect(self) -> asyncio.StreamWriter:
        """Connect, waiting a little for a writer that is just starting."""
        async with self.connecting:
            if self.stream is not None:
                return self.stream
            deadline = asyncio.get_running_loop().time() + CONNECT_SECONDS
            while True:
                try:
                    reader, self.stream = await asyncio.open_unix_connection(self.path)
                except OSError:
                    if asyncio.get_running_loop().time() > deadline:
                        raise StoreUnavailable("The writer is not there.") from None
                    await asyncio.sleep(RETRY_SECONDS)
                else:
                    self.reader_task = asyncio.create_task(self._read(reader))
                    return self.stream

    async def ask(self, *message: object) -> tuple[Any, ...]:
        """Send one message and wait for its answer.

        Raises `StoreUnavailable` when the writer goes away before it answers.
        """
        stream = self.stream or await self.connect()
        self.number += 1
        number = self.number
        loop = asyncio.get_running_loop()
        future: asyncio.Future[tuple[Any, ...]] = loop.create_future()
        self.waiting[number] = future
        stream.write(pack((number, *message)))
        try:
            return await future
        finally:
            self.waiting.pop(number, None)

    async def close(self) -> None:
        """Disconnect; what still waits is told so."""
        if self.stream is not None:
            self.stream.close()
        if self.reader_task is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self.reader_task

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                head = await reader.readexactly(LENGTH.size)
                payload = await reader.readexactly(LENGTH.unpack(head)[0])
                number, *answer = unpack(payload)
                future = self.waiting.get(number)
                if future is not None and not future.done():
                    future.set_result(tuple(answer))
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self.stream = None
            for future in self.waiting.values():
                if not future.done():
                    future.set_exception(StoreUnavailable("The writer went away."))
