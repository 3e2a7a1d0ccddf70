"""How many calls may pass in a window of time, and how many still may.

Pure: the caller hands in the time, in seconds of any clock that only goes forward.
"""

import math
from typing import Final, NamedTuple

WINDOW_SECONDS: Final = 60
# A limit beyond it is none.
MOST_LIMIT: Final = 1_000_000_000
MOST_WINDOWS: Final = 50_000


# The values of ``RateLimit-Policy`` and ``RateLimit``: each a structured list of one String, the
# policy's name, with Integers as its parameters (draft-ietf-httpapi-ratelimit-headers-11, sections
# 3 and 4).
Fields = tuple[bytes, bytes]


class Share(NamedTuple):
    """How many calls may pass in so many seconds."""

    calls: int
    seconds: int = WINDOW_SECONDS


class _Window:
    __slots__ = ("end", "limit", "policy", "seconds", "used")

    def __init__(self, start: float, seconds: int) -> None:
        self.end = start + seconds
        self.seconds = seconds
        self.limit = -1
        self.policy = b""
        self.used = 0


class Rates:
    """Counts calls by name. A name's window begins with its first call, and the next one with the
    first call after its end, so that names do not all come back in the same moment.

    No more than ``most`` names are remembered: then those whose windows have ended are forgotten
    and, where there are none, the one whose window began first.
    """

    def __init__(self, seconds: int = WINDOW_SECONDS, most: int = MOST_WINDOWS) -> None:
        self.seconds = seconds
        self.most = most
        # In the order in which they began.
        self.windows: dict[str, _Window] = {}

    def take(self, name: str, limit: int, now: float, seconds: int = 0) -> bool:
        """Whether one more call of ``limit`` may pass; it is counted if so. ``seconds``: how long
        a window that begins now lasts, where it is another time than that of all."""
        window = self.windows.get(name)
        if window is None or now >= window.end:
            window = self._begin(name, now, seconds or self.seconds)
        # A limit that was changed holds at once, for what was used before, too.
        if window.limit != limit:
            window.limit = limit
            window.policy = b'"default";q=%d;w=%d' % (limit, window.seconds)
        if window.used >= limit:
            return False
        window.used += 1
        return True

    def give_back(self, name: str, now: float) -> None:
        """Uncount a call that turned out not to count."""
        window = self.windows.get(name)
        if window is not None and now < window.end and window.used:
            window.used -= 1

    def wait(self, name: str, limit: int, now: float) -> int:
        """After how many whole seconds one more call of ``limit`` may pass: 0, now."""
        window = self.windows.get(name)
        if window is None or now >= window.end or window.used < limit:
            return 0
        return math.ceil(window.end - now)

    def fields(self, name: str, now: float) -> Fields | None:
        """What the name may still do in its window; None when it has none."""
        window = self.windows.get(name)
        if window is None or now >= window.end:
            return None
        left = max(0, window.limit - window.used)
        return window.policy, b'"default";r=%d;t=%d' % (left, math.ceil(window.end - now))

    def _begin(self, name: str, now: float, seconds: int) -> _Window:
        self.windows.pop(name, None)
        if len(self.windows) >= self.most:
            self._forget(now)
        window = self.windows[name] = _Window(now, seconds)
        return window

    def _forget(self, now: float) -> None:
        oldest = next(iter(self.windows))
        # They began in this order and last equally long but for a few, so that nearly all that
        # ended stand in front.
        ended = []
        for name, window in self.windows.items():
            if now < window.end:
                break
            ended.append(name)
        for name in ended or [oldest]:
            del self.windows[name]


def share_of(limit: int, processes: int) -> Share:
    """What each of some processes may let pass so that all of them keep to the limit of a minute.

    Where it is smaller than their number, each lets one call pass in so many minutes that all of
    them together come to the limit.
    """
    if limit >= processes:
        return Share(limit // processes)
    return Share(1, math.ceil(WINDOW_SECONDS * processes / limit))
