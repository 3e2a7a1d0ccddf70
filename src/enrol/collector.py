"""Python's cycle collector, set for a process that makes millions of rows and hardly a cycle."""

import gc
from typing import Final

ALLOCATIONS: Final = 200_000


def collect_seldom() -> None:
    """Leave out what the program loaded, and look at the rest after many allocations only.

    A batch is a few ten thousand tuples and lists that reference counting frees; by default the
    collector would walk through all of them again and again while they are made.
    """
    gc.freeze()
    gc.set_threshold(ALLOCATIONS, 20, 50)
