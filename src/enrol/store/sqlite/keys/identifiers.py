"""The one index of a SQLite file that does not grow in order: what is unique in a project.

A key lands on a random page of the large table, and each page touched is written to the log and
again to the file: with a million customers that would be most of the work of a batch. So new keys
are kept in runs first, as in a log-structured merge tree. A run takes the keys of some calls, next
to one another. Once there are many, they are filed into the large table together, one range of
hashes after another, so that neighbours share pages; then their runs are deleted.

The writer knows the keys of the runs, and of most others that they are not filed, so that a new
key costs it no look into either table. A key that is given up leaves both tables; then what other
writers know of the runs is no longer true, and a mark in the file tells them so.
"""

import os
from array import array
from bisect import bisect_left
from collections.abc import Collection, Sequence
from typing import Any, Final

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
# What a writer before this one had filed when it ended is filed again.
FILE_SLICE: Final = """
INSERT OR IGNORE INTO identifiers (project, hash, customer_id)
SELECT stored.project, stored.hash, stored.customer_id
FROM carray(?4) AS runs CROSS JOIN identifiers_new AS stored
ON stored.project = ?1 AND stored.run = runs.value AND stored.hash >= ?2 AND stored.hash < ?3
ORDER BY stored.hash
"""
READ_MARK: Final = "SELECT value FROM meta WHERE name = ?"
SET_MARK: Final = "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)"
MARK_BYTES: Final = 8
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


class Shelf:
    """The keys of one project, as their writer sees them: what is new, and how far it is filed.

    Used within write transactions alone; after one that was rolled back, begin anew.
    """

    def __init__(self, connection: apsw.Connection, project: int) -> None:
        self.project = project
        self.mark_name = f"released.{project}"
        self.mark: bytes | None = None
        self._forget()
        self.pending = 0
        sample = (HASH_SPACE >> SAMPLE_BITS).to_bytes(4, "big")
        row: Any = connection.execute(SAMPLE, (project, sample)).fetchone()
        self.filed: int = row[0] << SAMPLE_BITS
        self.filter = HashFilter(2 * self.filed)

    def _forget(self) -> None:
        """Begin anew with the runs, but for what is known of the filed keys."""
        # Each key with the last run that it came in: one that was given up may have come again,
        # and outlives the run that it had been in.
        self.new: dict[bytes, int] = {}
        self.runs: dict[int, list[bytes]] = {1: []}
        self.version = -1
        # Of the keys that are filed together: their runs, and the place that is next.
        self.filing: list[int] = []
        self.start = 0
        self.done: list[int] = []

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
        run, held = next(reversed(self.runs.items()))
        if len(held) >= RUN_KEYS:
            held.sort()
            run += 1
            held = self.runs[run] = []
        project, before = self.project, len(held)
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
        if not rows:
            return
        # A key may come again, in another run, and must not go with this one.
        gone = set(keys)
        for run in {run for (run,) in rows}:
            self.runs[run] = [key for key in self.runs[run] if key not in gone]
        for key in gone:
            self.new.pop(key, None)
        self.mark = os.urandom(MARK_BYTES)
        connection.execute(SET_MARK, (self.mark_name, self.mark))
        if not next(reversed(self.runs.values())):
            # Of the newest run no row tells its number any more: whoever comes now would take an
            # earlier run for the newest, and so does this writer from here on.
            self._forget()
            self._catch_up(connection)

    def file_slice(self, connection: apsw.Connection) -> None:
        """Do the share of filing and deleting that is due, in the transaction that is open."""
        if self.pending < KEYS_PER_SLICE:
            return
        pending, self.pending = self.pending, 0
        together = max(FEWEST_TOGETHER, min(self.filed // SHARE_TOGETHER, MOST_TOGETHER))
        self._learn(connection, HASH_SPACE * pending // MOST_TOGETHER)
        self._delete_runs(connection, 2 * pending)
        if not self.filing:
            # The newest run is open, and stays so that the numbers go on.
            closed = [run for run in list(self.runs)[:-1] if run not in self.done]
            if sum(len(self.runs[run]) for run in closed) >= together:
                self.filing = closed
        if self.filing:
            self._file(connection, HASH_SPACE * pending // together)

    def _catch_up(self, connection: apsw.Connection) -> None:
        """Learn what another server on the same file has added; closed runs do not change, unless
        it gave up a key of them."""
        version: Any = connection.pragma("data_version")
        if version == self.version:
            return
        mark: Any = connection.execute(READ_MARK, (self.mark_name,)).get
        if mark != self.mark:
            self._forget()
            self.mark = mark
        self.version = version
        newest, known = next(reversed(self.runs.items()))
        rows = connection.execute(READ_RUNS, (self.project, newest))
        found = [(run, key) for run, key in rows]
        if {key for _, key in found} == set(known):
            # Somebody wrote, but no keys: whoever files keys adds some as well.
            return
        self._drop(newest)
        self.runs[newest] = []
        for run, key in found:
            self.runs.setdefault(run, []).append(key)
            self.new[key] = run
        self.filter.known = 0

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

    def _file(self, connection: apsw.Connection, width: int) -> None:
        end = min(HASH_SPACE, self.start + width)
        low, high = _bounds(self.start, end)
        before = connection.total_changes()
        runs = apsw.carray(array("q", self.filing))
        connection.execute(FILE_SLICE, (self.project, low, high, runs))
        self.filed += connection.total_changes() - before
        for run in self.filing:
            keys = self.runs[run]
            self.filter.learn(keys[bisect_left(keys, low) : bisect_left(keys, high)])
        self.start = end % HASH_SPACE
        if self.start == 0:
            self.done += self.filing
            self.filing = []

    def _delete_runs(self, connection: apsw.Connection, keys: int) -> None:
        while self.done and keys > 0:
            run = self.done.pop(0)
            keys -= self._drop(run)
            connection.execute(DELETE_RUN, (self.project, run))

    def _drop(self, run: int) -> int:
        """Know no more of a run; how many keys it had."""
        gone = self.runs.pop(run)
        for key in gone:
            if self.new.get(key) == run:
                del self.new[key]
        return len(gone)


def _bounds(start: int, end: int) -> tuple[bytes, bytes]:
    """The hashes from one place up to another, which may be the end of all."""
    return start.to_bytes(4, "big"), end.to_bytes(4, "big") if end < HASH_SPACE else b"\xff" * 17
