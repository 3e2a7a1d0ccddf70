"""How the index follows the events: a slice of them in one transaction, with the progress.

What happened is not read from the events but from the customers they touch, as they are now: a
slice that is done again, or over events whose customers have changed since, comes to the same.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from enrol.customers.search.entry import NAMES, SINGLE, Entry, entry_of, no_entry
from enrol.customers.search.sets import CHUNK, pack, unpack
from enrol.store.search import fulltext
from enrol.store.search.sealing import common_sets, word_facets
from enrol.store.search.steps import Add, Ask, Many, Steps

# Documents of the full-text index that one slice adds.
FILED: Final = 1_024

FIND_PROGRESS: Final = """
SELECT seq, size, last_at, last_id FROM search_progress WHERE project = $1
"""
FIND_EVENTS: Final = """
SELECT seq, customer_id FROM events WHERE project = $1 AND seq > $2 ORDER BY seq LIMIT $3
"""
CUSTOMER_COLUMNS: Final = (
    "id", "created_at", "updated_at", "deleted_at", "merged_into", "erased_at", "tags",
    *SINGLE, *NAMES,
)  # fmt: skip
FIND_CUSTOMERS: Final = (
    f"SELECT {', '.join(CUSTOMER_COLUMNS)} FROM customers WHERE project = $1 AND id = ANY($2)"  # noqa: S608
)
FIND_NAMESPACES: Final = """
SELECT customer_id, namespace FROM wallets WHERE project = $1 AND customer_id = ANY($2)
"""
FIND_CODES: Final = """
SELECT customer_id, code FROM findings WHERE project = $1 AND customer_id = ANY($2)
"""
FIND_NUMBERS: Final = """
SELECT ordinal FROM search_numbers WHERE project = $1 AND id = ANY($2)
"""
FIND_ENTRIES: Final = """
SELECT ordinal, id, created_at, facets, words, orders FROM search_entries
WHERE project = $1 AND ordinal = ANY($2)
"""
FIND_SETS: Final = """
SELECT facet, bits FROM search_sets WHERE project = $1 AND facet = ANY($2) AND chunk = $3
"""
FIND_UNFILED: Final = """
SELECT chunk, filed FROM search_chunks WHERE project = $1 AND filed < $2 ORDER BY chunk
"""
FIND_WORDS: Final = """
SELECT ordinal, words FROM search_entries WHERE project = $1 AND ordinal >= $2 AND ordinal < $3
ORDER BY ordinal
"""
PUT_ENTRY: Final = """
INSERT INTO search_entries (project, ordinal, id, created_at, facets, words, orders)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (project, ordinal) DO UPDATE
SET facets = excluded.facets, words = excluded.words, orders = excluded.orders
"""
PUT_SET: Final = """
INSERT INTO search_sets (project, facet, chunk, bits) VALUES ($1, $2, $3, $4)
ON CONFLICT (project, facet, chunk) DO UPDATE SET bits = excluded.bits
"""
DROP_SET: Final = """
DELETE FROM search_sets WHERE project = $1 AND facet = $2 AND chunk = $3
"""
DROP_ORDER: Final = """
DELETE FROM search_orders WHERE project = $1 AND sort = $2 AND key = $3
"""
ADD_CHUNK: Final = """
INSERT INTO search_chunks (project, chunk, first_at, first_id, filed)
VALUES ($1, $2, $3, $4, -1)
"""
SET_FILED: Final = """
UPDATE search_chunks SET filed = $3 WHERE project = $1 AND chunk = $2
"""
PUT_PROGRESS: Final = """
INSERT INTO search_progress (project, seq, size, last_at, last_id) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (project) DO UPDATE SET seq = excluded.seq, size = excluded.size,
last_at = excluded.last_at, last_id = excluded.last_id
"""

FIND_LAG: Final = """
SELECT coalesce((SELECT seq FROM chain_heads WHERE project = $1), 0),
coalesce((SELECT seq FROM search_progress WHERE project = $1), 0)
"""
# The projects with events that the index has not seen, and the last that it has.
FIND_BEHIND: Final = """
SELECT head.project, coalesce(at.seq, 0) FROM chain_heads AS head LEFT JOIN search_progress AS at
ON at.project = head.project WHERE head.seq > coalesce(at.seq, 0)
"""

encode: Final = msgspec.msgpack.encode
_facets: Final = msgspec.msgpack.Decoder(frozenset[bytes])
_orders: Final = msgspec.msgpack.Decoder(frozenset[tuple[int, bytes]])


class Progress(NamedTuple):
    """How far the index of a project is: the last event, the number of the next customer, and
    the last customer that is numbered in the order of creation."""

    seq: int
    size: int
    last_at: int
    last_id: bytes


NOTHING: Final = Progress(0, 0, 0, b"")


class Placed(NamedTuple):
    """An entry at its number, as it was (None: new) and as it is."""

    ordinal: int
    before: Entry | None
    after: Entry


def index_slice(dialect: str, project: int, most: int) -> Steps[int]:
    """Take in up to ``most`` events, or seal a part of a full chunk; how many steps were done.

    0 where there is nothing to do. To be run in a transaction of its own.
    """
    rows = yield Ask(FIND_PROGRESS, (project,))
    progress = Progress(*rows[0]) if rows else NOTHING
    sealed = yield from _seal_part(dialect, project, progress)
    if sealed:
        return sealed
    events = yield Ask(FIND_EVENTS, (project, progress.seq, most))
    if not events:
        return 0
    ids = sorted({customer for _, customer in events if customer is not None})
    placed, moved = yield from _place(project, progress._replace(seq=events[-1][0]), ids)
    yield from _write_sets(project, placed)
    yield from _write_entries(project, placed)
    yield from _refile(dialect, project, placed)
    yield from _add_chunks(project, progress, moved, placed)
    yield Many(PUT_PROGRESS, [(project, *moved)])
    return len(events)


def _place(
    project: int, progress: Progress, ids: Sequence[bytes]
) -> Steps[tuple[list[Placed], Progress]]:
    """The entries of the customers that were touched, and the progress after them."""
    numbers = [row[0] for row in (yield Ask(FIND_NUMBERS, (project, ids)))] if ids else []
    entries = (yield Ask(FIND_ENTRIES, (project, numbers))) if numbers else ()
    before = {
        row[1]: (
            row[0],
            Entry(row[1], row[2], _facets.decode(row[3]), row[4], _orders.decode(row[5])),
        )
        for row in entries
    }
    rows = yield Ask(FIND_CUSTOMERS, (project, ids))
    customers = [dict(zip(CUSTOMER_COLUMNS, row, strict=True)) for row in rows]
    customers.sort(key=lambda customer: (customer["created_at"], customer["id"]))
    namespaces = _by_customer((yield Ask(FIND_NAMESPACES, (project, ids))))
    codes = _by_customer((yield Ask(FIND_CODES, (project, ids))))
    placed = []
    for customer in customers:
        if customer["erased_at"] is not None:
            continue
        key = customer["id"]
        known = before.pop(key, None)
        place = customer["created_at"], key
        if known is None:
            late = place < (progress.last_at, progress.last_id)
        else:
            late = b"<" in known[1].facets
        tags = msgspec.json.decode(customer["tags"]) if customer["tags"] else ()
        entry = entry_of(customer, namespaces[key], tags, codes[key], late=late)
        if known is None:
            placed.append(Placed(progress.size, None, entry))
            progress = progress._replace(size=progress.size + 1)
            if not late:
                progress = progress._replace(last_at=place[0], last_id=place[1])
        elif known[1] != entry:
            placed.append(Placed(known[0], known[1], entry))
    # What is left was found in the index alone: its customer is gone.
    placed += [
        Placed(ordinal, entry, no_entry(entry.id, entry.created_at))
        for ordinal, entry in before.values()
    ]
    return placed, progress


def _by_customer(rows: Iterable[Sequence[Any]]) -> Mapping[bytes, list[str]]:
    found: dict[bytes, list[str]] = defaultdict(list)
    for customer, value in rows:
        found[customer].append(value)
    return found


def _write_sets(project: int, placed: Sequence[Placed]) -> Steps[None]:
    """Move the customers from the sets they were in to those they are in."""
    changes: dict[int, dict[bytes, list[int]]] = defaultdict(dict)
    for ordinal, before, after in placed:
        chunk, place = divmod(ordinal, CHUNK)
        had = before.facets if before else frozenset()
        mask = 1 << place
        sets = changes[chunk]
        for facet in after.facets - had:
            sets.setdefault(facet, [0, 0])[0] |= mask
        for facet in had - after.facets:
            sets.setdefault(facet, [0, 0])[1] |= mask
    for chunk, sets in changes.items():
        found = yield Ask(FIND_SETS, (project, sorted(sets), chunk))
        stored: dict[bytes, bytes] = dict(found)
        puts, drops = [], []
        for facet, (added, dropped) in sorted(sets.items()):
            bits = unpack(stored[facet]) if facet in stored else 0
            bits = bits & ~dropped | added
            if bits:
                puts.append((project, facet, chunk, pack(bits)))
            elif facet in stored:
                drops.append((project, facet, chunk))
        yield Many(PUT_SET, puts)
        yield Many(DROP_SET, drops)


def _write_entries(project: int, placed: Sequence[Placed]) -> Steps[None]:
    yield Many(
        PUT_ENTRY,
        [
            (
                project,
                ordinal,
                after.id,
                after.created_at,
                encode(after.facets),
                after.words,
                encode(after.orders),
            )
            for ordinal, _, after in placed
        ],
    )
    numbers = [(project, one.after.id, one.ordinal) for one in placed if one.before is None]
    yield Add("search_numbers", ("project", "id", "ordinal"), sorted(numbers))
    drops, adds = [], []
    for ordinal, before, after in placed:
        had = before.orders if before else frozenset()
        drops += [(project, *order) for order in had - after.orders]
        adds += [(project, *order, ordinal) for order in after.orders - had]
    yield Many(DROP_ORDER, drops)
    yield Add("search_orders", ("project", "sort", "key", "ordinal"), sorted(adds))


def _add_chunks(
    project: int, before: Progress, after: Progress, placed: Sequence[Placed]
) -> Steps[None]:
    """Tell with which customer each new chunk begins."""
    entries = {ordinal: entry for ordinal, was, entry in placed if was is None}
    at = before.last_at, before.last_id
    rows = []
    for ordinal in range(before.size, after.size):
        entry = entries[ordinal]
        at = max(at, (entry.created_at, entry.id))
        if ordinal % CHUNK == 0:
            rows.append((project, ordinal // CHUNK, *at))
    yield Many(ADD_CHUNK, rows)


def _seal_part(dialect: str, project: int, progress: Progress) -> Steps[int]:
    """Seal a part of the first full chunk that is not yet sealed."""
    rows = yield Ask(FIND_UNFILED, (project, CHUNK))
    full = [(chunk, filed) for chunk, filed in rows if (chunk + 1) * CHUNK <= progress.size]
    if not full:
        return 0
    chunk, filed = full[0]
    start = chunk * CHUNK
    if filed < 0:
        found = yield Ask(FIND_WORDS, (project, start, start + CHUNK))
        sets = common_sets({ordinal - start: words.split() for ordinal, words in found})
        yield Many(PUT_SET, [(project, facet, chunk, bits) for facet, bits in sorted(sets.items())])
        yield Many(SET_FILED, [(project, chunk, 0)])
        return 1
    end = min(filed + FILED, CHUNK)
    found = yield Ask(FIND_WORDS, (project, start + filed, start + end))
    documents = {ordinal: words.split() for ordinal, words in found}
    common = yield from _common(project, chunk, documents.values())
    yield fulltext.add(
        dialect, project, {ordinal: _rare(words, common) for ordinal, words in documents.items()}
    )
    yield Many(SET_FILED, [(project, chunk, end)])
    return int(end - filed)


def _common(project: int, chunk: int, documents: Iterable[Sequence[str]]) -> Steps[set[bytes]]:
    """Which of the sets that the documents' words may be in the chunk has."""
    words = {word for words in documents for word in words}
    facets = sorted({facet for word in words for facet in word_facets(word)[:1]})
    found = yield Ask(FIND_SETS, (project, facets, chunk))
    return {row[0] for row in found}


def _rare(words: Iterable[str], common: set[bytes]) -> list[str]:
    return [word for word in words if b"W" + word.encode() not in common]


def _refile(dialect: str, project: int, placed: Sequence[Placed]) -> Steps[None]:
    """Move the words of customers of sealed chunks that have others now."""
    changed: dict[int, list[Placed]] = defaultdict(list)
    for one in placed:
        if one.before is not None and one.before.words != one.after.words:
            changed[one.ordinal // CHUNK].append(one)
    if not changed:
        return
    rows = yield Ask(FIND_UNFILED, (project, CHUNK + 1))
    filed: dict[int, int] = dict(rows)
    for chunk, ones in changed.items():
        if filed.get(chunk, -1) >= 0:
            yield from _refile_chunk(dialect, project, chunk, ones, filed[chunk])


def _refile_chunk(
    dialect: str, project: int, chunk: int, ones: Sequence[Placed], filed: int
) -> Steps[None]:
    words = {
        one.ordinal: (one.before.words.split() if one.before else [], one.after.words.split())
        for one in ones
    }
    asked = {
        facet
        for pair in words.values()
        for found in pair
        for word in found
        for facet in word_facets(word)
    }
    found = yield Ask(FIND_SETS, (project, sorted(asked), chunk))
    sets = {facet: unpack(bits) for facet, bits in found}
    for ordinal, (before, after) in words.items():
        mask = 1 << ordinal % CHUNK
        for facet in {facet for word in before for facet in word_facets(word)} & sets.keys():
            sets[facet] &= ~mask
        for facet in {facet for word in after for facet in word_facets(word)} & sets.keys():
            sets[facet] |= mask
    yield Many(PUT_SET, [(project, facet, chunk, pack(bits)) for facet, bits in sets.items()])
    # A set stays when its last member goes: what is common in a chunk is settled once.
    filed_words = {ordinal: pair for ordinal, pair in words.items() if ordinal % CHUNK < filed}
    common = set(sets)
    yield fulltext.drop(
        dialect, project, {o: _rare(b, common) for o, (b, _) in filed_words.items()}
    )
    yield fulltext.add(dialect, project, {o: _rare(a, common) for o, (_, a) in filed_words.items()})
