"""Which customers a filtered list is about: every filter is a set, and sets are joined."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from enrol.customers.search import sets
from enrol.customers.search.entry import (
    BY_CREATED,
    BY_DELETED,
    LATE,
    LIVE,
    PREFIX,
    WORD,
    time_key,
)
from enrol.customers.search.sets import CHUNK, Chunks
from enrol.customers.search.words import Term
from enrol.store.search import fulltext
from enrol.store.search.indexing import FIND_NUMBERS
from enrol.store.search.steps import Ask, Steps

FIND_SET: Final = """
SELECT chunk, bits FROM search_sets WHERE project = $1 AND facet = $2
"""
FIND_CHUNKS: Final = """
SELECT chunk, first_at, first_id, filed FROM search_chunks WHERE project = $1 ORDER BY chunk
"""
FIND_FROM: Final = """
SELECT ordinal FROM search_entries WHERE project = $1 AND ordinal >= $2 AND ordinal < $3
AND (created_at > $4 OR created_at = $4 AND id >= $5) ORDER BY ordinal LIMIT 1
"""
FIND_BETWEEN: Final = """
SELECT ordinal FROM search_orders WHERE project = $1 AND sort = $2 AND key >= $3 AND key < $4
"""
FIND_IN_TAIL: Final = """
SELECT ordinal FROM search_entries WHERE project = $1 AND ordinal >= $2
"""


class Filters(NamedTuple):
    """What a customer must have. Times are Unix milliseconds.

    ``ids`` are the only customers that it may be, where there are any said;
    ``created`` is a time from which and one before which it was created; with
    ``deleted_before`` it was deleted before that time, otherwise it must not be deleted.
    """

    facets: Sequence[bytes] = ()
    terms: Sequence[Term] = ()
    created: tuple[int, int | None] | None = None
    deleted_before: int | None = None
    ids: Sequence[bytes] | None = None


ALL: Final = Filters()
MOST_TIME: Final = 2**63 - 1


class Chunk(NamedTuple):
    """A chunk of numbers: the customer it begins with, and how many have their words filed."""

    chunk: int
    first_at: int
    first_id: bytes
    filed: int


def find_matching(
    dialect: str, project: int, filters: Filters, chunks: Sequence[Chunk]
) -> Steps[Chunks]:
    """The customers that all filters let through."""
    if filters.deleted_before is None:
        found = yield from find_set(project, LIVE)
    else:
        found = yield from _find_between(project, BY_DELETED, 0, filters.deleted_before)
    if filters.ids is not None:
        rows = (yield Ask(FIND_NUMBERS, (project, [*filters.ids]))) if filters.ids else ()
        found = sets.both(found, sets.chunks_of(row[0] for row in rows))
    for facet in filters.facets:
        found = sets.both(found, (yield from find_set(project, facet)))
    if filters.created is not None:
        found = sets.both(found, (yield from _find_created(project, chunks, *filters.created)))
    if filters.terms:
        found = sets.both(found, (yield from _find_named(dialect, project, chunks, filters.terms)))
    return found


def find_chunks(project: int) -> Steps[list[Chunk]]:
    """The chunks of a project, in order."""
    rows = yield Ask(FIND_CHUNKS, (project,))
    return [Chunk(*row) for row in rows]


def find_set(project: int, facet: bytes) -> Steps[Chunks]:
    """The customers with a facet."""
    rows = yield Ask(FIND_SET, (project, facet))
    return {chunk: sets.unpack(bits) for chunk, bits in rows}


def find_place(project: int, chunks: Sequence[Chunk], at: int, after: bytes) -> Steps[int]:
    """The number from which on customers were created at a time, with an ID from ``after`` on, or
    later. It says nothing of those that are `LATE`."""
    before = [chunk for chunk in chunks if (chunk.first_at, bytes(chunk.first_id)) < (at, after)]
    if not before:
        return 0
    start = before[-1].chunk * CHUNK
    rows = yield Ask(FIND_FROM, (project, start, start + CHUNK, at, after))
    return int(rows[0][0]) if rows else start + CHUNK


def _find_created(
    project: int, chunks: Sequence[Chunk], start: int, end: int | None
) -> Steps[Chunks]:
    end = MOST_TIME if end is None else end
    low = yield from find_place(project, chunks, start, b"")
    high = yield from find_place(project, chunks, end, b"")
    found = sets.between(low, high)
    late = yield from find_set(project, LATE)
    if not late:
        return found
    between = yield from _find_between(project, BY_CREATED, start, end)
    return sets.either(sets.without(found, late), between)


def _find_between(project: int, sort: int, start: int, end: int) -> Steps[Chunks]:
    values = project, sort, time_key(start, b""), time_key(end, b"")
    rows = yield Ask(FIND_BETWEEN, values)
    return sets.chunks_of(row[0] for row in rows)


def _find_named(
    dialect: str, project: int, chunks: Sequence[Chunk], terms: Sequence[Term]
) -> Steps[Chunks]:
    sealed = {chunk.chunk for chunk in chunks if chunk.filed == CHUNK}
    tail = len(sealed) * CHUNK
    named = yield from _find_in_tail(project, tail, terms)
    found = sets.between(0, tail)
    for term in terms:
        if not found:
            break
        found = sets.both(found, (yield from _find_word(dialect, project, term, sealed)))
    return sets.either(found, named)


def _find_word(dialect: str, project: int, term: Term, sealed: set[int]) -> Steps[Chunks]:
    common = yield from find_set(project, (PREFIX if term.prefix else WORD) + term.word.encode())
    if common.keys() >= sealed:
        return common
    rows = yield fulltext.find(dialect, project, term.word, prefix=term.prefix)
    return sets.either(common, sets.chunks_of(fulltext.ordinal_of(row[0]) for row in rows))


def _find_in_tail(project: int, tail: int, terms: Sequence[Term]) -> Steps[Chunks]:
    """The words of customers that are in no sealed chunk are looked through."""
    likes = "".join(f"AND words LIKE ${place} " for place in range(3, 3 + len(terms)))
    patterns = [f"% {term.word}{'' if term.prefix else ' '}%" for term in terms]
    rows = yield Ask(FIND_IN_TAIL + likes, (project, tail, *patterns))
    return sets.chunks_of(row[0] for row in rows)
