"""The one index of a SQLite file that does not grow in order: what is unique in a project.

A new key lands on a random page, and each page touched is written to the log and again to the
file: with a million customers that would be most of the work of a batch. So new keys go into a
small table, and now and then one slice of it, a range of hashes, is filed into the large one,
where the keys of a slice are neighbours and share pages. A key is in exactly one of the two.
"""

import math
from collections.abc import Iterable
from typing import Any, Final

import apsw

# A slice is due when this many keys have come: fewer would touch a page a key again.
KEYS_PER_SLICE: Final = 3_000
FEWEST_SLICES: Final = 8
HASH_SPACE: Final = 1 << 32
SAMPLE_BITS: Final = 8

FIND: Final = """
SELECT stored.hash, stored.customer_id
FROM carray(?1) AS asked CROSS JOIN identifiers AS stored
ON stored.project = ?2 AND stored.hash = asked.value
UNION ALL
SELECT stored.hash, stored.customer_id
FROM carray(?1) AS asked CROSS JOIN identifiers_new AS stored
ON stored.project = ?2 AND stored.hash = asked.value
"""
ADD: Final = "INSERT INTO identifiers_new (project, hash, customer_id) VALUES (?, ?, ?)"
FILE_SLICE: Final = """
INSERT INTO identifiers (project, hash, customer_id)
SELECT project, hash, customer_id FROM identifiers_new
WHERE project = ?1 AND hash >= ?2 AND hash < ?3 ORDER BY hash
"""
CLEAR_SLICE: Final = """
DELETE FROM identifiers_new WHERE project = ?1 AND hash >= ?2 AND hash < ?3
"""
SAMPLE: Final = "SELECT count(*) FROM identifiers WHERE project = ?1 AND hash < ?2"


def find(connection: apsw.Connection, project: int, hashes: Iterable[bytes]) -> dict[bytes, bytes]:
    """Which hashes are stored, and whose they are."""
    wanted = tuple(hashes)
    if not wanted:
        return {}
    asked = apsw.carray(wanted)
    return dict(connection.execute(FIND, (asked, project)))


class Shelf:
    """Where the filing of one project stands."""

    def __init__(self, connection: apsw.Connection, project: int) -> None:
        sample = (HASH_SPACE >> SAMPLE_BITS).to_bytes(4, "big")
        row = connection.execute(SAMPLE, (project, sample)).fetchone()
        self.filed = row[0] << SAMPLE_BITS if row else 0
        self.project = project
        self.pending = 0
        self.start = 0

    def add(self, connection: apsw.Connection, keys: Iterable[tuple[Any, ...]]) -> None:
        """Store new keys, sorted by hash; raises `apsw.ConstraintError` for one that is there."""
        before = connection.total_changes()
        connection.executemany(ADD, keys)
        self.pending += connection.total_changes() - before

    def file_slice(self, connection: apsw.Connection) -> None:
        """File the next slice, when one is due, in the transaction that is open."""
        if self.pending < KEYS_PER_SLICE:
            return
        # The cost of a slice falls with its share of the large table and rises with the small
        # one's size; the two are in balance at the root of the ratio.
        slices = max(FEWEST_SLICES, int(math.sqrt(2 * self.filed / self.pending)))
        end = min(HASH_SPACE, self.start + HASH_SPACE // slices)
        low = self.start.to_bytes(4, "big")
        high = end.to_bytes(4, "big") if end < HASH_SPACE else b"\xff" * 17
        bounds = (self.project, low, high)
        before = connection.total_changes()
        connection.execute(FILE_SLICE, bounds)
        self.filed += connection.total_changes() - before
        connection.execute(CLEAR_SLICE, bounds)
        self.start = end % HASH_SPACE
        self.pending = 0
