"""``enrol audit``: follows the hash chain of each project's events, link by link.

What is read are the tables alone. Memory is that of the longest link, however long the chain.
"""

from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, NamedTuple

from enrol.customers.lifecycle.chain import EventColumns, Head, Link, link_hash
from enrol.maintenance import MaintenanceFailed, NotThere, Progress
from enrol.maintenance.databases import Database, open_database
from enrol.maintenance.places import Place
from enrol.maintenance.tables import require_known, revision_of, table_names
from enrol.store.migrations import plan

VERIFYING: Final = "Verifying"
AT_ONCE: Final = 5_000
ID_BYTES: Final = 16
HASH_BYTES: Final = 32
MOST_KEY_BYTES: Final = 255

LIST_PROJECTS: Final = "SELECT project, id FROM projects ORDER BY project"
FIND_HEAD: Final = "SELECT seq, hash FROM chain_heads WHERE project = $1"
READ_LINKS: Final = f"""
SELECT {", ".join(Link._fields)} FROM links
WHERE project = $1 AND last > $2 AND last <= $3 ORDER BY last LIMIT {AT_ONCE}
"""  # noqa: S608 - names of ours
READ_EVENTS: Final = f"""
SELECT seq, type, customer_id, fields, data, salt, digest FROM events
WHERE project = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT {AT_ONCE}
"""  # noqa: S608 - names of ours
FIND_ERASURE: Final = """
SELECT 1 FROM events
WHERE project = $1 AND customer_id = $2 AND type = 'customer.erased'
AND type <> 'customer.created' LIMIT 1
"""
# From one snapshot: the database may be written meanwhile.
FIND_ENDS: Final = """
SELECT (SELECT seq FROM chain_heads WHERE project = $1),
  (SELECT min(first) FROM links WHERE project = $1),
  (SELECT max(last) FROM links WHERE project = $1),
  (SELECT min(seq) FROM events WHERE project = $1),
  (SELECT max(seq) FROM events WHERE project = $1)
"""


class Break(NamedTuple):
    """The first place where a chain does not hold: what is wrong, at which event, in words."""

    kind: str
    seq: int
    message: str


class Chain(NamedTuple):
    """What was found of a project: its head, how many links and events were followed, how many
    events are from before the chain, and of how many the data were erased."""

    project: str
    head: Head
    links: int
    events: int
    before_chain: int
    erased: int
    broken: Break | None


class Event(NamedTuple):
    """An event as it is stored."""

    seq: int
    type: str
    customer_id: bytes | None
    fields: str | None
    data: str | None
    salt: bytes | None
    digest: bytes | None


class _Broken(Exception):
    def __init__(self, kind: str, seq: int, message: str) -> None:
        super().__init__(message)
        self.found = Break(kind, seq, message)


def verify_chains(
    place: Place, progress: Progress, *, project: str | None = None, published: Head | None = None
) -> list[Chain]:
    """Follow the chains of all projects, or of one, which ``published`` is a head of.

    Raises `NotThere`, and `MaintenanceFailed` for a database that has no chains.
    """
    with open_database(place, read_only=True) as database:
        projects = _projects(database, project)
        heads = {number: read_head(database, number) for number, _ in projects}
        total, done = sum(head.seq for head in heads.values()), 0
        chains = []
        for number, name in projects:
            following = _Following(database, number, heads[number])
            for seq in following.links_followed(published):
                progress(VERIFYING, done + seq, total)
            done += heads[number].seq
            chains.append(following.chain(name))
        return chains


def read_heads(place: Place, project: str | None = None) -> dict[str, Head]:
    """The heads of all chains, or of one, by the project's ID. Raises as `verify_chains` does."""
    with open_database(place, read_only=True) as database:
        return {name: read_head(database, number) for number, name in _projects(database, project)}


def read_head(database: Database, project: int) -> Head:
    """Where a chain says that it ends."""
    rows = database.rows(FIND_HEAD, project)
    return Head(rows[0][0], bytes(rows[0][1])) if rows else Head(0, b"")


def _projects(database: Database, wanted: str | None) -> list[tuple[int, str]]:
    revision = require_known(revision_of(database, table_names(database)))
    if revision != plan.head():
        raise MaintenanceFailed(f"The schema is {revision}, not {plan.head()}: run enrol migrate.")
    projects = [(number, name) for number, name in database.rows(LIST_PROJECTS)]
    if wanted is None:
        return projects
    found = [each for each in projects if each[1] == wanted]
    if not found:
        raise NotThere("There is no project with this ID.")
    return found


class _Following:
    """One chain that is being followed, up to the head that it had when that was begun."""

    def __init__(self, database: Database, project: int, head: Head) -> None:
        self.database = database
        self.project = project
        self.head = head
        self.links = 0
        self.last = Head(0, b"")
        self.before_chain = 0
        self.erased = 0
        self.broken: Break | None = None
        self.is_erased = lru_cache(maxsize=AT_ONCE)(self._find_erasure)

    def chain(self, name: str) -> Chain:
        """What was found."""
        counted = (self.links, self.last.seq, self.before_chain, self.erased, self.broken)
        return Chain(name, self.head, *counted)

    def links_followed(self, published: Head | None) -> Iterator[int]:
        """The last event of each link that holds, until one does not."""
        try:
            seen = published is None
            events = self._events()
            for link in self._links():
                self._follow(link, events)
                if published is not None and link.last == published.seq:
                    _require_published(link, published)
                    seen = True
                yield link.last
            self._require_end()
            if published is not None and not seen:
                raise _Broken(
                    "published", published.seq, "No link of the chain ends at the published head."
                )
        except _Broken as error:
            self.broken = error.found

    def _follow(self, link: Link, events: Iterator[Event]) -> None:
        """Raises `_Broken` unless the link comes next, and covers its events."""
        first = self.last.seq + 1
        if link.first > first:
            words = f"The next link begins with event {link.first}: one before it is missing."
            raise _Broken("link.missing", first, words)
        if link.first < first or link.last < link.first:
            raise _Broken("link.number", link.last, "The link covers events of another.")
        if not _is_link(link):
            raise _Broken("link.damaged", link.first, "The link holds what no link has.")
        columns = self._columns(link, events)
        if not link.hash and not self.last.hash:
            self.before_chain += link.last - link.first + 1
        elif link_hash(self.last.hash, link, columns) != link.hash:
            words = (
                f"The hash of the link of the events {link.first} to {link.last} does not fit: it, "
                "one of them, or the link before was changed."
            )
            raise _Broken("link.hash", link.first, words)
        self.links += 1
        self.last = Head(link.last, link.hash)

    def _columns(self, link: Link, events: Iterator[Event]) -> EventColumns:
        rows = []
        for seq in range(link.first, link.last + 1):
            event = next(events, None)
            if event is None or event.seq != seq:
                raise _Broken("event.missing", seq, "The event is missing.")
            self._require_data(event)
            rows.append((event.type, event.customer_id, event.fields, event.digest))
        return EventColumns(*zip(*rows, strict=True))

    def _require_data(self, event: Event) -> None:
        """Raises `_Broken` unless the data are those that the digest is of, or were erased."""
        if not _is_event(event):
            raise _Broken("event.damaged", event.seq, "The event holds what no event has.")
        if event.data is not None:
            found = sha256((event.salt or b"") + event.data.encode()).digest()
            if event.salt is None or found != event.digest:
                raise _Broken("event.data", event.seq, "The data do not fit their digest.")
        elif event.digest is not None:
            if not self.is_erased(event.customer_id):
                words = "The data are gone, and no erasure of the customer is told of."
                raise _Broken("event.data", event.seq, words)
            self.erased += 1

    def _find_erasure(self, customer_id: bytes | None) -> bool:
        return bool(self.database.rows(FIND_ERASURE, self.project, customer_id))

    def _require_end(self) -> None:
        """Raises `_Broken` unless the chain ends where its head is, and nothing stands outside."""
        head, last = self.head, self.last
        if last.seq < head.seq:
            raise _Broken("link.missing", last.seq + 1, f"No link leads to the head, {head.seq}.")
        if last.hash != head.hash:
            words = "The head of the chain has another hash than the last link."
            raise _Broken("head", head.seq, words)
        ((seq, first_link, last_link, first_event, last_event),) = self.database.rows(
            FIND_ENDS, self.project
        )
        if (last_link or 0) != (seq or 0) or (last_event or 0) != (seq or 0):
            raise _Broken("head", (seq or 0) + 1, "Links or events stand behind the head.")
        if seq and (first_link, first_event) != (1, 1):
            raise _Broken("link.number", 0, "Links or events stand before the first.")

    def _links(self) -> Iterator[Link]:
        last = 0
        while rows := self.database.first_rows(READ_LINKS, self.project, last, self.head.seq):
            yield from (Link(*row) for row in rows)
            last = rows[-1][1]

    def _events(self) -> Iterator[Event]:
        last = 0
        while rows := self.database.first_rows(READ_EVENTS, self.project, last, self.head.seq):
            yield from (Event(*row) for row in rows)
            last = rows[-1][0]


def _require_published(link: Link, published: Head) -> None:
    if link.hash != published.hash:
        words = f"The chain has another hash at event {link.last} than the published head."
        raise _Broken("published", link.last, words)


def _is_link(link: Link) -> bool:
    """Whether the parts have the lengths that the hash takes them to have."""
    return (
        _is_bytes(link.id, ID_BYTES)
        and (link.batch_id is None or _is_bytes(link.batch_id, ID_BYTES))
        and (_is_bytes(link.hash, HASH_BYTES) or link.hash == b"")
        and _is_text(link.key_id)
        and len(link.key_id.encode()) <= MOST_KEY_BYTES
    )


def _is_event(event: Event) -> bool:
    return (
        _is_line(event.type)
        and (event.fields is None or _is_line(event.fields))
        and (event.customer_id is None or _is_bytes(event.customer_id, ID_BYTES))
        and (event.digest is None or _is_bytes(event.digest, HASH_BYTES))
        and (event.salt is None or _is_bytes(event.salt, ID_BYTES))
        and (event.data is None or _is_text(event.data))
    )


def _is_text(value: Any) -> bool:
    # In a SQLite file any column may hold anything.
    return isinstance(value, str)


def _is_line(value: Any) -> bool:
    return isinstance(value, str) and "\n" not in value


def _is_bytes(value: Any, length: int) -> bool:
    return isinstance(value, bytes) and len(value) == length
