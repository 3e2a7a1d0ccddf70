"""Whether the events of each project still follow from one another, as their hashes say."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any, Final

from enrol.customers.enrolment import Row
from enrol.customers.lifecycle.chain import EventColumns, Link, link_hash
from enrol.maintenance.databases import MOST_ROWS, Database

# Of each project so many events are looked at, and a little more, unless all are asked for.
NEWEST_EVENTS: Final = 100_000
LIST_HEADS: Final = "SELECT project, max(last) FROM links GROUP BY project ORDER BY project"
FIND_BEFORE: Final = """
SELECT last, hash FROM links WHERE project = $1 AND last <= $2 ORDER BY last DESC LIMIT 1
"""
LIST_LINKS: Final = f"""
SELECT {", ".join(Link._fields)} FROM links
WHERE project = $1 AND last > $2 AND last <= $3 ORDER BY last
"""  # noqa: S608 - names of ours
LIST_EVENTS: Final = """
SELECT seq, type, customer_id, fields, digest, data, salt FROM events
WHERE project = $1 AND seq > $2 AND seq <= $3 ORDER BY seq
"""


def count_broken_links(database: Database, *, full: bool) -> int:
    """How many links do not say what their events and the links before them say.

    Those from before the chain are right as long as nothing is chained before them.
    """
    broken = 0
    for project, last in database.rows(LIST_HEADS):
        start, hash_before = 0, b""
        if not full:
            # What is committed after this moment is not looked at.
            found = database.rows(FIND_BEFORE, project, max(0, last - NEWEST_EVENTS))
            start, hash_before = found[0] if found else (0, b"")
        broken += _count_broken(database, project, bytes(hash_before), start, last)
    return broken


def _count_broken(database: Database, project: int, before: bytes, start: int, last: int) -> int:
    events = _Behind(database, LIST_EVENTS, project, start, last, place=0)
    broken = 0
    for row in _Behind(
        database, LIST_LINKS, project, start, last, place=Link._fields.index("last")
    ):
        link = Link(*row)
        found = events.take(link.last)
        if link.hash or before:
            broken += not _is_right(before, link, found)
        before = bytes(link.hash)
    return broken


def _is_right(before: bytes, link: Link, events: list[Row]) -> bool:
    if [row[0] for row in events] != list(range(link.first, link.last + 1)):
        return False
    _, types, customer_ids, fields, digests, data, salts = zip(*events, strict=True)
    for text, salt, digest in zip(data, salts, digests, strict=True):
        if text is not None and sha256((salt or b"") + text.encode()).digest() != digest:
            return False
    return link_hash(before, link, EventColumns(types, customer_ids, fields, digests)) == link.hash


class _Behind:
    """The rows of a query from one number up to another, some at a time; ``place`` is where in a
    row its number stands."""

    def __init__(
        self, database: Database, query: str, project: int, start: int, last: int, *, place: int
    ) -> None:
        self.rows = self._read(database, query, project, start, last, place)
        self.place = place
        self.next: Row | None = None

    def __iter__(self) -> Iterator[Row]:
        return self.rows

    def take(self, number: int) -> list[Row]:
        """The next rows up to this number."""
        taken = []
        row = self.next or next(self.rows, None)
        while row is not None and row[self.place] <= number:
            taken.append(row)
            row = next(self.rows, None)
        self.next = row
        return taken

    @staticmethod
    def _read(
        database: Database, query: str, project: int, start: int, last: int, place: int
    ) -> Iterator[Row]:
        # The limit is for PostgreSQL, which otherwise plans to sort the whole table.
        while rows := database.first_rows(f"{query} LIMIT {MOST_ROWS}", project, start, last):
            yield from rows
            newest: Any = rows[-1][place]
            start = newest
