"""The end of tasks that run as long as their process."""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

AGAIN_SECONDS: Final = 0.2


async def end_tasks(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks until they are over; what they raise is passed over.

    Once is not enough. `asyncio.wait_for` gives a result that comes with the cancellation instead
    of it (python/cpython issue 86296, up to Python 3.11), and asyncpg raises an error of its own
    where a transaction cannot be rolled back: after both, a task goes on as if nothing was said.
    """
    waiting = set(tasks)
    while waiting:
        for task in waiting:
            task.cancel()
        done, waiting = await asyncio.wait(waiting, timeout=AGAIN_SECONDS)
        for task in done:
            # Looked at, or the loop would report that nobody has.
            _ = task.cancelled() or task.exception()
