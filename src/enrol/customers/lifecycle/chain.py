"""The hash chain of a project's events: what a link says, in bytes, and its hash.

Each call that makes events adds one link. Its hash covers the hash before it, the link's own
fields, and its events: nobody can change, remove or add one without changing every hash after
it. Of an event's data the link covers the digest alone, so that erasing them breaks nothing.
docs/events.md says the same to whoever checks a chain with a program of their own.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import sha256
from itertools import repeat
from struct import Struct
from typing import Final, NamedTuple

from enrol.customers.lifecycle.change import Change
from enrol.customers.plan import CREATED

VERSION: Final = b"enrol link 1\n"
NOBODY: Final = bytes(16)
_NUMBERS: Final = Struct(">qqq")
_LENGTHS: Final = [bytes([length]) for length in range(256)]
_CREATED_LINE: Final = f"{CREATED}\n".encode()

EventRow = tuple[int, int, str, bytes | None, str | None, str | None, bytes | None, bytes | None]


class Head(NamedTuple):
    """The last event of a project, and the hash of its link (empty: nothing is chained yet)."""

    seq: int
    hash: bytes


class Link(NamedTuple):
    """The events of one call, from ``first`` to ``last``; ``hash`` chains it to the one before."""

    project: int
    last: int
    first: int
    id: bytes
    key_id: str
    batch_id: bytes | None
    created_at: int
    hash: bytes


class EventColumns(NamedTuple):
    """The events of a link, a column a part."""

    types: Sequence[str]
    customer_ids: Sequence[bytes | None]
    fields: Sequence[str | None]
    digests: Sequence[bytes | None]


def link_created(
    head: Head,
    project: int,
    batch_id: bytes,
    key_id: str,
    at: int,
    customer_ids: Sequence[bytes],
) -> Link:
    """The link of a batch that created these customers, in their order."""
    # In few steps: where each call brings one customer this is a share of the whole write.
    count, first = len(customer_ids), head.seq + 1
    last = head.seq + count
    events = sha256(
        _CREATED_LINE * count + b"".join(customer_ids) + b"\n" * count + bytes(count)
    ).digest()
    digest = _hash(head.hash, first, last, at, batch_id, batch_id, key_id, events)
    return Link(project, last, first, batch_id, key_id, batch_id, at, digest)


def link_change(head: Head, change: Change) -> tuple[Link, list[EventRow]]:
    """The link of a change that has events, and their rows: project, seq, type, customer, fields,
    data, salt and digest."""
    rows: list[EventRow] = [
        (
            change.project,
            seq,
            event.type,
            event.customer_id,
            " ".join(event.fields) or None,
            event.data,
            event.salt,
            event.digest,
        )
        for seq, event in enumerate(change.events, head.seq + 1)
    ]
    events = EventColumns(
        [row[2] for row in rows],
        [row[3] for row in rows],
        [row[4] for row in rows],
        [row[7] for row in rows],
    )
    last = head.seq + len(rows)
    link = Link(
        *(change.project, last, head.seq + 1, change.id, change.key_id, change.batch_id),
        *(change.at, b""),
    )
    return link._replace(hash=link_hash(head.hash, link, events)), rows


def link_hash(before: bytes, link: Link, events: EventColumns) -> bytes:
    """The hash of a link after the one whose hash is ``before``.

    The events come column by column: types, each with a line feed; customers, 16 bytes each
    (zeros: none); the names of fields, each list with a line feed; digests, each behind a byte
    that says its length (0: none).
    """
    digest = sha256("".join(f"{name}\n" for name in events.types).encode())
    digest.update(b"".join(customer or NOBODY for customer in events.customer_ids))
    digest.update("".join(f"{names or ''}\n" for names in events.fields).encode())
    digest.update(b"".join(_with_length(each or b"") for each in events.digests))
    return _hash(
        *(before, link.first, link.last, link.created_at, link.id, link.batch_id, link.key_id),
        digest.digest(),
    )


def created_rows(link: Link, customer_ids: Sequence[bytes]) -> Iterable[tuple[object, ...]]:
    """The events of a batch: project, seq, type, customer."""
    if len(customer_ids) == 1:
        return ((link.project, link.last, CREATED, customer_ids[0]),)
    seqs = range(link.first, link.last + 1)
    return zip(repeat(link.project), seqs, repeat(CREATED), customer_ids, strict=False)


def _hash(
    before: bytes,
    first: int,
    last: int,
    at: int,
    call_id: bytes,
    batch_id: bytes | None,
    key_id: str,
    events: bytes,
) -> bytes:
    numbers = _NUMBERS.pack(first, last, at)
    begun = VERSION + _with_length(before) + numbers
    return sha256(begun + call_id + (batch_id or NOBODY) + _actor(key_id) + events).digest()


@lru_cache
def _actor(key_id: str) -> bytes:
    return _with_length(key_id.encode())


def _with_length(value: bytes) -> bytes:
    return _LENGTHS[len(value)] + value
