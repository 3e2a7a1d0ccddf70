"""The one index of a SQLite file that does not grow in order: what is unique in a project.

A key lands on a random page of the large table, and each page touched is written to the log and
again to the file: with a million customers that would be most of the work of a batch. So new keys
are kept in runs first, as in a log-structured merge tree. A run takes the keys of some calls, next
to one another. Once there are many, they are filed into the large table together, one range of
hashes after another, so that neighbours share pages; then their runs are deleted.

The writer knows the keys of the runs, and of most others that they are not filed, so that a new
key costs it no look into either table. How far the filing has come stands in the file: whoever
writes next goes on from there, be it after a restart or beside another.
"""

from array import array
from bisect import bisect_left
from collections.abc import Collection, Sequence
from struct import Struct
from typing import Any, Final, NamedTuple

import apsw

from enrol.store.sqlite.keys.hash_filter import HASH_SPACE, HashFilter

# A run is closed when it has this many keys.
RUN_KEYS: Final = 4_000
# A slice is due when this many keys have come: fewer would touch a page a key again.
KEYS_PER_SLICE: Final = 3_000
# How many keys are filed together: a share of what is filed already, but so many that a small
# table costs nothing, and so few that the writer can hold them and read them when it starts.
FEWEST_TOGETHER: Final = 30_000
MOST_TOGETHER: Final = 400_000
SHARE_TOGETHER: Final = 8
# To look for a few keys in every run is quick; for many, to read the runs once is quicker.
MOST_PROBED: Final = 500
# A smaller table is asked as quickly as a filter.
FEWEST_FILTERED: Final = 100_000
SAMPLE_BITS: Final = 8

FIND_FILED: Final = """
SELECT stored.hash, stored.customer_id
FROM carray(?1) AS asked CROSS JOIN identifiers AS stored
ON stored.project = ?2 AND stored.hash = asked.value
"""
PROBE_RUNS: Final = """
WITH RECURSIVE runs (run) AS (
  SELECT min(run) FROM identifiers_new WHERE project = ?2
  UNION ALL
  SELECT (SELECT min(run) FROM identifiers_new WHERE project = ?2 AND run > runs.run)
  FROM runs WHERE runs.run IS NOT NULL
)
SELECT stored.hash, stored.customer_id
FROM runs CROSS JOIN carray(?1) AS asked CROSS JOIN identifiers_new AS stored
ON stored.project = ?2 AND stored.run = runs.run AND stored.hash = asked.value
"""
SCAN_RUNS: Final = """
SELECT hash, customer_id FROM identifiers_new
WHERE project = ?2 AND hash IN (SELECT value FROM carray(?1))
"""
READ_RUNS: Final = """
SELECT run, hash FROM identifiers_new WHERE project = ? AND run >= ? ORDER BY run, hash
"""
DELETE_FILED: Final = """
DELETE FROM identifiers WHERE project = ?2 AND hash IN (SELECT value FROM carray(?1))
"""
DELETE_IN_RUN: Final = """
DELETE FROM identifiers_new
WHERE project = ?2 AND run = ?3 AND hash IN (SELECT value FROM carray(?1)) RETURNING run
"""
DELETE_IN_RUNS: Final = """
DELETE FROM identifiers_new
WHERE project = ?2 AND hash IN (SELECT value FROM carray(?1)) RETURNING run
"""
ADD: Final = "INSERT INTO identifiers_new (project, run, hash, customer_id) VALUES (?, ?, ?, ?)"
# What was filed before the file said how far the filing had come is filed again.
FILE_SLICE: Final = """
INSERT OR IGNORE INTO identifiers (project, hash, customer_id)
SELECT stored.project, stored.hash, stored.customer_id
FROM carray(?4) AS runs CROSS JOIN identifiers_new AS stored
ON stored.project = ?1 AND stored.run = runs.value AND stored.hash >= ?2 AND stored.hash < ?3
ORDER BY stored.hash
"""
READ_FILING: Final = "SELECT value FROM meta WHERE name = ?"
SET_FILING: Final = "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)"
NUMBERS: Final = Struct(">4q")
OLDEST_RUN: Final = "SELECT min(run) FROM identifiers_new WHERE project = ?"
READ_FILED: Final = """
SELECT hash FROM identifiers WHERE project = ? AND hash >= ? AND hash < ?
"""
DELETE_RUN: Final = "DELETE FROM identifiers_new WHERE project = ? AND run = ?"
SAMPLE: Final = "SELECT count(*) FROM identifiers WHERE project = ?1 AND hash < ?2"


def find(
    connection: apsw.Connection, project: int, hashes: Collection[bytes]
) -> dict[bytes, bytes]:
    """Which hashes are stored, and whose they are; in a transaction, which has one snapshot."""
    if not hashes:
        return {}
    in_runs = PROBE_RUNS if len(hashes) <= MOST_PROBED else SCAN_RUNS
    asked = (apsw.carray(tuple(hashes)), project)
    # A key goes from the runs to the filed ones, and comes into a run again when it is given up and
    # taken anew: between two snapshots it could be in neither.
    found = dict(connection.execute(in_runs, asked))
    return found | dict(connection.execute(FIND_FILED, asked))


class Filing(NamedTuple):
    """How far the keys of a project are filed: a row of ``meta``, for every writer of the file."""

    # The run that takes new keys; its number never goes back, though it be emptied.
    newest: int
    # Up to this run, keys are filed together; those whose place is before ``start`` are.
    last: int = 0
    start: int = 0
    # The keys of the runs up to this one are filed, and these runs are to be deleted.
    done: int = 0


class Shelf:
    """The keys of one project, as one writer sees them: what is new, and what is filed.

    It knows at least the keys that stand in runs. Those that another writer has given up or filed
    it may think new for a while, which costs a look and no more.
    Used within write transactions alone; after one that was rolled back, begin anew.
    """

    def __init__(self, connection: apsw.Connection, project: int) -> None:
        self.project = project
        self.filing: Filing | None = None
        # Each key with the last run that it came in: one that was given up may have come again,
        # and outlives the run that it had been in.
        self.new: dict[bytes, int] = {}
        self.runs: dict[int, list[bytes]] = {}
        self.version = -1
        self.pending = 0
        sample = (HASH_SPACE >> SAMPLE_BITS).to_bytes(4, "big")
        row: Any = connection.execute(SAMPLE, (project, sample)).fetchone()
        self.filed: int = row[0] << SAMPLE_BITS
        self.filter = HashFilter(2 * self.filed)

    def find(self, connection: apsw.Connection, hashes: Sequence[bytes]) -> dict[bytes, bytes]:
        """As the function, without a look for what is surely not there."""
        self._catch_up(connection)
        if not self.new.keys().isdisjoint(hashes):
            return find(connection, self.project, hashes)
        if self.filed >= FEWEST_FILTERED:
            hashes = self.filter.suspects(hashes)
        if not hashes:
            return {}
        return dict(connection.execute(FIND_FILED, (apsw.carray(tuple(hashes)), self.project)))

    def add(self, connection: apsw.Connection, keys: Sequence[tuple[bytes, bytes]]) -> None:
        """Store new keys and their customers, sorted; `find` has told that they are new."""
        if not keys:
            return
        filing = self._catch_up(connection)
        held = self.runs[filing.newest]
        if len(held) >= RUN_KEYS:
            held.sort()
            filing = self._set(connection, filing._replace(newest=filing.newest + 1))
            held = self.runs[filing.newest] = []
        project, run, before = self.project, filing.newest, len(held)
        connection.executemany(ADD, ((project, run, key, owner) for key, owner in keys))
        held += [key for key, _ in keys]
        self.new.update(dict.fromkeys(held[before:], run))
        self.pending += len(held) - before

    def release(self, connection: apsw.Connection, keys: Sequence[bytes]) -> None:
        """Give up keys."""
        if not keys:
            return
        self._catch_up(connection)
        asked = (apsw.carray(tuple(keys)), self.project)
        connection.execute(DELETE_FILED, asked)
        if len(keys) <= MOST_PROBED:
            rows: Any = [
                row for run in self.runs for row in connection.execute(DELETE_IN_RUN, (*asked, run))
            ]
        else:
            rows = list(connection.execute(DELETE_IN_RUNS, asked))
        gone = set(keys)
        for run in {run for (run,) in rows}:
            self.runs[run] = [key for key in self.runs[run] if key not in gone]
        for key in gone:
            self.new.pop(key, None)

    @property
    def is_due(self) -> bool:
        """Whether enough keys have come since the last slice."""
        return self.pending >= KEYS_PER_SLICE

    def file_slice(self, connection: apsw.Connection, room: int) -> None:
        """Do the share of filing and deleting that the keys make due which have come since the last
        slice, in the transaction that is open.

        ``room`` is how many new keys of this project may be known at the same time."""
        filing = self._catch_up(connection)
        pending, self.pending = self.pending, 0
        together = max(FEWEST_TOGETHER, min(self.filed // SHARE_TOGETHER, MOST_TOGETHER))
        # As many again come while these are filed.
        together = max(KEYS_PER_SLICE, min(together, room // 2))
        self._learn(connection, HASH_SPACE * pending // MOST_TOGETHER)
        self._delete_runs(connection, filing, 2 * pending)
        if filing.last == filing.done:
            # The newest run is open.
            closed = [len(held) for run, held in self.runs.items() if run > filing.done]
            if sum(closed[:-1]) >= together:
                filing = filing._replace(last=filing.newest - 1)
        if filing.last > filing.done:
            self._file(connection, filing, HASH_SPACE * pending // together)

    def _catch_up(self, connection: apsw.Connection) -> Filing:
        """Learn what another writer of the file has added and filed."""
        version: Any = connection.pragma("data_version")
        filing = self.filing
        if filing is not None and version == self.version:
            return filing
        self.version = version
        known = 0 if filing is None else filing.newest
        rows: Any = connection.execute(READ_RUNS, (self.project, known)).fetchall()
        self._drop(known)
        for run, key in rows:
            self.runs.setdefault(run, []).append(key)
            self.new[key] = run
        stored: Any = connection.execute(READ_FILING, (self.name,)).get
        if stored is None:
            # From before the first key, or from before this row was kept.
            return self._set(connection, Filing(max(self.runs, default=1)))
        return self._take(connection, Filing(*NUMBERS.unpack(stored)))

    def _take(self, connection: apsw.Connection, filing: Filing) -> Filing:
        """Go on from where another writer has come to, if it was another."""
        if filing != self.filing:
            # It may have filed keys that the filter does not know.
            self.filter.known = 0
            oldest: Any = connection.execute(OLDEST_RUN, (self.project,)).get
            for run in [run for run in self.runs if oldest is None or run < oldest]:
                self._drop(run)
        self.runs.setdefault(filing.newest, [])
        self.filing = filing
        return filing

    def _set(self, connection: apsw.Connection, filing: Filing) -> Filing:
        connection.execute(SET_FILING, (self.name, NUMBERS.pack(*filing)))
        self.runs.setdefault(filing.newest, [])
        self.filing = filing
        return filing

    @property
    def name(self) -> str:
        """Of the row that says how far the keys are filed."""
        return f"filing.{self.project}"

    def _learn(self, connection: apsw.Connection, width: int) -> None:
        """Bring the next part of the filed keys into the filter."""
        if self.filed < FEWEST_FILTERED:
            return
        if self.filed > self.filter.room:
            self.filter = HashFilter(2 * self.filed)
        if self.filter.known < HASH_SPACE:
            end = min(HASH_SPACE, self.filter.known + width)
            bounds = (self.project, *_bounds(self.filter.known, end))
            self.filter.learn([key for (key,) in connection.execute(READ_FILED, bounds)])
            self.filter.known = end

    def _file(self, connection: apsw.Connection, filing: Filing, width: int) -> None:
        end = min(HASH_SPACE, filing.start + width)
        low, high = _bounds(filing.start, end)
        runs = [run for run in self.runs if filing.done < run <= filing.last]
        if runs:
            before = connection.total_changes()
            asked = apsw.carray(array("q", runs))
            connection.execute(FILE_SLICE, (self.project, low, high, asked))
            self.filed += connection.total_changes() - before
        for run in runs:
            keys = self.runs[run]
            self.filter.learn(keys[bisect_left(keys, low) : bisect_left(keys, high)])
        if end < HASH_SPACE:
            self._set(connection, filing._replace(start=end))
        else:
            self._set(connection, filing._replace(start=0, done=filing.last))

    def _delete_runs(self, connection: apsw.Connection, filing: Filing, keys: int) -> None:
        while keys > 0:
            run: Any = connection.execute(OLDEST_RUN, (self.project,)).get
            if run is None or run > filing.done:
                break
            connection.execute(DELETE_RUN, (self.project, run))
            keys -= connection.changes()
            self._drop(run)

    def _drop(self, run: int) -> None:
        """Know no more of a run."""
        for key in self.runs.pop(run, ()):
            if self.new.get(key) == run:
                del self.new[key]


def _bounds(start: int, end: int) -> tuple[bytes, bytes]:
    """The hashes from one place up to another, which may be the end of all."""
    return start.to_bytes(4, "big"), end.to_bytes(4, "big") if end < HASH_SPACE else b"\xff" * 17
