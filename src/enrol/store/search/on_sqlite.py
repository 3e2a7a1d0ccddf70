"""The steps on a SQLite file, and the index kept by the writer when it has nothing else to do."""

import time
from array import array
from collections.abc import Iterable, Sequence
from math import inf
from typing import Any, Final, TypeVar

import apsw

from enrol.customers.search.sets import Bitmap
from enrol.store.search.indexing import FIND_BEHIND, index_slice
from enrol.store.search.left_behind import LOOK_SECONDS, PAUSE_SECONDS, LeftBehind
from enrol.store.search.steps import Add, Ask, Steps
from enrol.store.sqlite.file import snapshot, transaction
from enrol.store.sqlite.scrubbing import Overwriting
from enrol.store.statements import insert_into, to_sqlite

# Events that one slice takes in: some 20 ms, for which whoever comes meanwhile has to wait.
SLICE: Final = 400
# The writer is idle when it was so for this long.
IDLE_SECONDS: Final = 0.25
# A writer that is never idle works on the index after this long, for a part of its time.
STALE_SECONDS: Final = 5.0
STALE_SHARE: Final = 0.1

T = TypeVar("T")


def run_steps(connection: apsw.Connection, steps: Steps[T]) -> T:
    """Do the steps in the transaction that is open. Raises whatever apsw raises."""
    rows: Any = None
    while True:
        try:
            step = steps.send(rows)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        if isinstance(step, Ask):
            values = [bound(value) for value in step.values]
            rows = list(connection.execute(to_sqlite(step.statement), values))
            continue
        if isinstance(step, Add):
            statement = insert_into(step.table, step.columns)
        else:
            statement = step.statement
        connection.executemany(to_sqlite(statement), step.rows)
        rows = ()


def read_steps(connection: apsw.Connection, steps: Steps[T]) -> T:
    """Do steps that read, on one snapshot."""
    with snapshot(connection):
        return run_steps(connection, steps)


def bound(value: Any) -> Any:
    """A value as apsw takes it: a list as an array, and bits as the digits "0" and "1"."""
    if isinstance(value, Bitmap):
        return f"{int.from_bytes(value, 'little'):0{8 * len(value)}b}"[::-1].encode()
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        return value
    # SQLite takes no empty array, and nothing is an empty text.
    listed = value or (b"",)
    return apsw.carray(tuple(listed) if isinstance(listed[0], bytes) else array("q", listed))


class Indexer:
    """Takes the events in on the writer's connection, a slice at a time."""

    def __init__(self, connection: apsw.Connection, overwriting: Overwriting) -> None:
        self.connection = connection
        self.overwriting = overwriting
        # Projects with events that the index has not seen, and since when.
        self.behind: dict[int, float] = {}
        self.left = LeftBehind()
        self.next_look = 0.0
        self.earned = 0.0
        self.look()

    def look(self) -> None:
        """See now and then what other writers of the file have left to do."""
        now = time.monotonic()
        if now < self.next_look:
            return
        self.next_look = now + LOOK_SECONDS
        self.overwriting.look()
        rows: Any = self.connection.execute(FIND_BEHIND)
        for project in self.left.look(rows):
            self.behind.setdefault(project, now)

    def note(self, projects: Iterable[int], seconds: float) -> None:
        """Events were added, which took the writer so long."""
        now = time.monotonic()
        for project in projects:
            self.behind.setdefault(project, now)
        self.earned = min(self.earned + seconds * STALE_SHARE, 1.0) if self.behind else 0.0

    def is_left_alone(self, project: int) -> bool:
        """Whether a slice of this project has failed just now."""
        return self.behind.get(project, 0.0) > time.monotonic()

    def has_work(self) -> bool:
        """Whether a project waits that is not left alone."""
        return min(self.behind.values(), default=inf) <= time.monotonic()

    def is_due(self) -> bool:
        """Whether a writer that is not idle owes the index a slice."""
        now = time.monotonic()
        oldest = min(self.behind.values(), default=now)
        return self.earned > 0 and now - oldest > STALE_SECONDS

    def take_slice(self, project: int | None = None) -> None:
        """Take in a slice, of the project that waits longest unless one is named."""
        if project is None:
            project = min(self.behind, key=self.behind.__getitem__)
        start = time.monotonic()
        with transaction(self.connection):
            # The words of somebody whom another writer has erased go with this slice, perhaps.
            self.overwriting.look()
            done = run_steps(self.connection, index_slice("sqlite", project, SLICE))
        if not done:
            self.behind.pop(project, None)
        self.earned -= time.monotonic() - start

    def leave(self, project: int | None = None) -> None:
        """Leave a project alone for a while, after a failure."""
        if project is None:
            project = min(self.behind, key=self.behind.__getitem__)
        self.behind[project] = time.monotonic() + PAUSE_SECONDS
