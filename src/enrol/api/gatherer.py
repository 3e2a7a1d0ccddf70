"""Brings the small bodies together that came in one turn of the loop, to be read as one."""

import asyncio
from collections.abc import Callable
from datetime import date
from typing import Final

from enrol.customers.batch import Reading
from enrol.customers.model import Limits
from enrol.customers.together import read_together

# From about ten customers on, a body fills its columns by itself.
MOST_BYTES: Final = 8 * 1024


class Gatherer:
    """Reads what waits, once a turn of the loop."""

    def __init__(self, limits: Limits, today: Callable[[], date]) -> None:
        self.limits = limits
        self.today = today
        self.waiting: list[tuple[bytes, asyncio.Future[Reading | None]]] = []

    async def read(self, body: bytes) -> Reading | None:
        """The body, decoded and checked; None for one that is to be read by itself."""
        if len(body) > MOST_BYTES:
            return None
        loop = asyncio.get_running_loop()
        if not self.waiting:
            loop.call_soon(self._read_all)
        future: asyncio.Future[Reading | None] = loop.create_future()
        self.waiting.append((body, future))
        return await future

    def _read_all(self) -> None:
        waiting, self.waiting = self.waiting, []
        readings: list[Reading | None] = [None]
        if len(waiting) > 1:
            try:
                readings = read_together([body for body, _ in waiting], self.limits, self.today())
            except BaseException as error:
                for _, future in waiting:
                    if not future.done():
                        future.set_exception(error)
                raise
        for (_, future), reading in zip(waiting, readings, strict=True):
            if not future.done():
                future.set_result(reading)
