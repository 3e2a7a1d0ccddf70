"""A relay between Enrol and PostgreSQL that cuts connections just when a commit is on its way."""

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from enum import Enum
from types import TracebackType
from typing import Any, Self, TypeVar

from tests.postgres import HOST

# What the transactions of the search index and of reads begin with.
ASIDE = (b"force_custom_plan", b"READ ONLY")
# The message of the simple query that ends a transaction: Q, its length, the statement.
COMMIT = b"Q\x00\x00\x00\x0cCOMMIT;\x00"
# Enrol asks for the record of a batch. What it sends next brings the values, and what it sends then
# comes behind the answer.
ASKED = b"FROM batches"
MESSAGES_TO_ANSWER = 2
LATE_SECONDS = 10
CHUNK = 64 * 1024
T = TypeVar("T")


class Cut(Enum):
    """When a connection is cut. Enrol can tell none from another: it sent a commit, and got no
    answer."""

    BEFORE = "the commit does not reach the server"
    DURING = "the commit reaches the server, which is still at it"
    LATE = "the commit reaches the server when Enrol has just asked whether it did"
    AFTER = "the commit is done, and its answer is lost"


# Those that need no other call to come at a certain moment.
AT_ANY_TIME = (Cut.BEFORE, Cut.DURING, Cut.AFTER)


class Relay:
    """``with Relay(port) as relay:`` what connects to ``relay.port`` reaches ``port``."""

    def __init__(self, port: int) -> None:
        self.to_port = port
        self.port = 0
        self.cut: Cut | None = None
        # How many commits are still to be cut, and how many were.
        self.left = 0
        self.done = 0
        self.reachable = True
        self.closing_at_cut = False
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.pipes: set[asyncio.Task[None]] = set()
        # Set when Enrol has asked for a batch whose commit is held back, and when that is done.
        self.asked, self.committed = asyncio.Event(), asyncio.Event()

    def __enter__(self) -> Self:
        self.thread.start()
        self.server = self._run(asyncio.start_server(self._accept, HOST, 0))
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._run(self._end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def url(self, url: str) -> str:
        """The URL of a database, by way of the relay."""
        return url.replace(f"@{HOST}:{self.to_port}/", f"@{HOST}:{self.port}/")

    def cut_commits(self, cut: Cut, number: int, *, then_unreachable: bool = False) -> None:
        """Cut the next so many commits; ``then_unreachable``: let nobody in from the first on."""
        self.cut, self.closing_at_cut = cut, then_unreachable
        self.loop.call_soon_threadsafe(self.asked.clear)
        self.loop.call_soon_threadsafe(self.committed.clear)
        self.left = number

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    async def _end(self) -> None:
        self.server.close()
        for pipe in self.pipes:
            pipe.cancel()
        await asyncio.gather(*self.pipes, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.pipes.add(task)
        try:
            if self.reachable:
                with suppress(OSError):
                    await self._pipe(reader, writer)
        except asyncio.CancelledError:
            # The relay ends, and with it all connections.
            pass
        finally:
            writer.transport.abort()
            self.pipes.discard(task)

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection(HOST, self.to_port)
        back = asyncio.create_task(_copy(from_server, writer))
        messages = 0
        aside = False
        try:
            while data := await reader.read(CHUNK):
                # The search index and reads commit as well, and no caller waits for that.
                aside = aside or any(mark in data for mark in ASIDE)
                if data == COMMIT and aside:
                    aside = False
                    to_server.write(data)
                    await to_server.drain()
                    continue
                if ASKED in data:
                    messages = MESSAGES_TO_ANSWER
                elif messages:
                    messages -= 1
                    if messages == 0 and self.cut is Cut.LATE:
                        self.asked.set()
                        await self.committed.wait()
                if data == COMMIT and self.left:
                    self.left -= 1
                    await self._cut(back, from_server, to_server, writer)
                    return
                to_server.write(data)
                await to_server.drain()
        finally:
            back.cancel()
            await asyncio.gather(back, return_exceptions=True)
            to_server.transport.abort()

    async def _cut(
        self,
        back: asyncio.Task[None],
        from_server: asyncio.StreamReader,
        to_server: asyncio.StreamWriter,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.done += 1
        if self.closing_at_cut:
            self.reachable = False
        back.cancel()
        await asyncio.gather(back, return_exceptions=True)
        if self.cut is Cut.BEFORE:
            return
        if self.cut is not Cut.AFTER:
            writer.transport.abort()
        if self.cut is Cut.LATE:
            await asyncio.wait_for(self.asked.wait(), LATE_SECONDS)
        to_server.write(COMMIT)
        await from_server.read(CHUNK)
        self.committed.set()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    # When the server has gone its client shall see it.
    writer.transport.abort()
