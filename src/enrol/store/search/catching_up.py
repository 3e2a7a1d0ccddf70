"""A reader that wants to see what it wrote: the index catches up before the query."""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from enrol.store.search.indexing import FIND_LAG

Fetch = Callable[..., Awaitable[Sequence[Sequence[Any]]]]


async def catch_up(
    fetch: Fetch, take_slice: Callable[[int], Awaitable[object]], project: int, seconds: float
) -> int:
    """Take in slices until the index has what was committed when this began, or time is up.

    How many events it has not seen.
    """
    deadline = time.monotonic() + seconds
    ((head, seq),) = await fetch(FIND_LAG, project)
    goal = head
    while seq < goal and time.monotonic() < deadline:
        await take_slice(project)
        ((head, seq),) = await fetch(FIND_LAG, project)
    return int(max(head - seq, 0) if seq < goal else 0)
