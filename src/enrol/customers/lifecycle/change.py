"""A change of what is stored, and what became of it: plain values that cross process borders.

Whoever wants a change reads, decides in memory, and hands in the rows with the versions they were
decided on. The store writes all of it or nothing: where a version is another by now, the answer is
`Stale`, and the caller reads again.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Literal, NamedTuple, Self

Verb = Literal["insert", "put", "update", "delete"]


class Write(NamedTuple):
    """Rows of one table. ``rows`` hold the values of ``columns`` and then those of ``where``.

    An update and a delete find their row by ``where``; a put is an insert that replaces the row
    whose columns ``where`` (named again in ``columns``, and without values of their own) are the
    same. ``exact``: where a row is not found, or for a put where there is one already, nothing of
    the change is stored (`Stale`).
    """

    verb: Verb
    table: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]
    where: tuple[str, ...] = ()
    exact: bool = False


class Event(NamedTuple):
    """What happened, to whom, and to which fields. ``data`` is a JSON object: it may hold what is
    personal, and is erased with the customer."""

    type: str
    customer_id: bytes | None = None
    fields: tuple[str, ...] = ()
    data: str | None = None
    salt: bytes | None = None

    @property
    def digest(self) -> bytes | None:
        """What stays of the data. Without the salt it tells nothing of them."""
        if self.data is None or self.salt is None:
            return None
        return sha256(self.salt + self.data.encode()).digest()


class Change(NamedTuple):
    """One transaction of a project.

    ``id`` is a new UUIDv7, ``key_id`` the API key that calls, ``at`` Unix milliseconds.
    ``expected`` are customers with the version they were read at; ``release`` are unique keys that
    are given up, ``take`` those that are claimed: hash, customer and kind (`enrolment.KINDS`).
    Every customer with an event gets its seq as its version, and ``at`` as its ``updated_at``.
    ``erases``: of what is removed nothing must be left in the database's files.
    """

    project: int
    id: bytes
    key_id: str
    at: int
    expected: Sequence[tuple[bytes, int]] = ()
    release: Sequence[bytes] = ()
    take: Sequence[tuple[bytes, bytes, int]] = ()
    writes: Sequence[Write] = ()
    events: Sequence[Event] = ()
    batch_id: bytes | None = None
    erases: bool = False

    def plain(self) -> tuple[Any, ...]:
        """The same in tuples and lists alone."""
        writes = [tuple(write._replace(rows=list(write.rows))) for write in self.writes]
        events = [tuple(event) for event in self.events]
        return tuple(
            self._replace(
                expected=list(self.expected),
                release=list(self.release),
                take=list(self.take),
                writes=writes,  # type: ignore[arg-type]
                events=events,  # type: ignore[arg-type]
            )
        )

    @classmethod
    def from_plain(cls, fields: tuple[Any, ...]) -> Self:
        """The change of these tuples."""
        change = cls(*fields)
        return change._replace(
            writes=[Write(*write) for write in change.writes],
            events=[Event(*event) for event in change.events],
        )


class Applied(NamedTuple):
    """The change is durable. ``seq`` is that of the project's last event then."""

    seq: int


class Stale(NamedTuple):
    """Nothing was stored: something that the change was decided on is different by now."""


class Conflict(NamedTuple):
    """Nothing was stored: keys belong to others. Hash, kind and owner of each."""

    taken: list[tuple[bytes, int, bytes]]


ChangeOutcome = Applied | Stale | Conflict
