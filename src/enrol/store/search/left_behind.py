"""What other processes have left to the search index of this one: they ended, or lost an answer."""

from collections.abc import Iterable
from typing import Final

# How often a process asks which indexes are behind their events, all small tables.
LOOK_SECONDS: Final = 5.0
# How long a project is left alone whose events could not be taken in: a slice that fails may fail
# every time, and whoever waits for a list would try it over and over.
PAUSE_SECONDS: Final = 5.0


class LeftBehind:
    """Tells the projects whose index nobody brings on: it is behind the events, and where it was
    at the look before. So a process keeps out of the way of another that is at work."""

    def __init__(self) -> None:
        self.seen: dict[int, int] | None = None

    def look(self, behind: Iterable[tuple[int, int]]) -> list[int]:
        """Which are left, of all those that are behind, each with the number of the last event
        that its index has. A process that begins takes them all."""
        before, self.seen = self.seen, dict(behind)
        return [
            project
            for project, seq in self.seen.items()
            if before is None or before.get(project) == seq
        ]
