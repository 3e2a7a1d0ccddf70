"""What an operator does to a database: back it up, restore, examine, move and migrate it."""

from collections.abc import Callable

# Told at each step of long work: which, how much is done, of how much (None: nobody knows).
Progress = Callable[[str, int, int | None], None]


class MaintenanceFailed(Exception):
    """The work was not done; the text says why, and holds no personal value."""


class NotThere(MaintenanceFailed):
    """What was named is not there."""


class AlreadyThere(MaintenanceFailed):
    """What was to be made is there already."""


def be_silent(step: str, done: int, total: int | None) -> None:
    """A `Progress` that nobody watches."""
