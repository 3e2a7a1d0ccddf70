"""A reader that wants to see what it wrote: the index catches up before the query."""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from enrol.store.protocol import StoreFull, StoreUnavailable
from enrol.store.search.indexing import FIND_LAG

Fetch = Callable[..., Awaitable[Sequence[Sequence[Any]]]]


async def catch_up(
    fetch: Fetch, take_slice: Callable[[int], Awaitable[object]], project: int, seconds: float
) -> int:
    """Take in slices until the index has what was committed when this began, time is up, or a slice
    has failed, which was logged.

    How many events it has not seen.
    """
    deadline = time.monotonic() + seconds
    ((head, seq),) = await fetch(FIND_LAG, project)
    goal = head
    while seq < goal and time.monotonic() < deadline:
        try:
            await take_slice(project)
        except (StoreUnavailable, StoreFull):
            # The next would fail as well; reading may go on.
            break
        ((head, seq),) = await fetch(FIND_LAG, project)
    return int(max(head - seq, 0) if seq < goal else 0)
