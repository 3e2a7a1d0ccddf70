"""Changes of the same customer take turns, so that none has to be decided again and again.

This is within one process; between processes the store tells who was second, and that one reads
again: see `enrol.api.changing`.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

Name = tuple[int, bytes]


class _Turn:
    """The lock of one customer, and how many hold it or wait for it."""

    __slots__ = ("count", "lock")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.count = 0


class Turns:
    """The customers that are being changed. Whoever waits comes in the order of asking."""

    def __init__(self) -> None:
        self.turns: dict[Name, _Turn] = {}

    @asynccontextmanager
    async def of(self, project: int, ids: Iterable[bytes]) -> AsyncIterator[None]:
        """Have these customers to oneself."""
        async with AsyncExitStack() as stack:
            # In one order for all, so that no two wait for one another.
            for customer_id in sorted(set(ids)):
                await stack.enter_async_context(self._of_one((project, customer_id)))
            yield

    @asynccontextmanager
    async def _of_one(self, name: Name) -> AsyncIterator[None]:
        turn = self.turns.setdefault(name, _Turn())
        turn.count += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.count -= 1
            if not turn.count:
                del self.turns[name]
