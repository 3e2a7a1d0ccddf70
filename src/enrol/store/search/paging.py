"""A page of a set of customers, in one of the orders.

Most customers stand in the order of creation by their numbers, and need no other place. Those
that do not, because they came late or have changed since, stand in an order of their own
(`search_orders`), and so do all in the order by name. A page is merged from both.
"""

from collections.abc import Sequence
from itertools import islice
from typing import Final, NamedTuple

import msgspec

from enrol.customers.search import sets
from enrol.customers.search.entry import (
    BY_CREATED,
    BY_NAME,
    BY_UPDATED,
    CHANGED,
    ID_BYTES,
    LATE,
    LETTER,
    LETTERS,
    TIME_BYTES,
    time_key,
)
from enrol.customers.search.sets import Bitmap, Chunks
from enrol.store.search.matching import Chunk, find_place, find_set
from enrol.store.search.steps import Ask, Steps

# So few are read and sorted where they are not met soon in their order: of one letter of the names,
# or of those that stand apart; and so few at once whatever their letters.
SORTED: Final = 4_000
SORTED_AT_ONCE: Final = 1_000
# To read one and sort it takes as long as to walk past so many.
WALKED_FOR_ONE: Final = 32
# How deep a page may begin where what is before it has to be read, and in the order by name, of
# which only the customers of one letter are.
MOST_SKIPPED: Final = 20_000
MOST_SKIPPED_BY_NAME: Final = 100_000

ABOVE_ALL: Final = b"\xff" * 80
WITHOUT_END: Final = 2**62

FIND_TIMES: Final = """
SELECT created_at, id FROM search_entries WHERE project = $1 AND ordinal = ANY($2)
"""
FIND_ORDERS: Final = """
SELECT orders FROM search_entries WHERE project = $1 AND ordinal = ANY($2)
"""
# The members of a set are picked out by the database: to fetch all the others too, to pass over
# them, takes twice as long on SQLite and longer on PostgreSQL.
_WALK: Final = """
SELECT key FROM (
    SELECT key, ordinal FROM search_orders
    WHERE project = $1 AND sort = $2 AND key > $3 AND key < $4 ORDER BY key {way} LIMIT $5
) AS walked WHERE get_bit($6, ordinal) = 1 ORDER BY key {way} LIMIT $7 OFFSET $8
"""
WALK_UP: Final = _WALK.format(way="ASC")
WALK_DOWN: Final = _WALK.format(way="DESC")

_orders: Final = msgspec.msgpack.Decoder(frozenset[tuple[int, bytes]])


class TooDeep(Exception):
    """The page begins behind more customers than are skipped: a cursor leads there."""


class Order(NamedTuple):
    """An order, from its end if ``down``, behind the customer with the key ``after`` if any,
    without the first ``skip``."""

    sort: int = BY_CREATED
    down: bool = True
    after: bytes | None = None
    skip: int = 0


# A key in an order, and the ID.
Placed = tuple[bytes, bytes]


def find_page(
    project: int, matching: Chunks, chunks: Sequence[Chunk], order: Order, limit: int
) -> Steps[list[Placed]]:
    """Up to ``limit`` of the customers. Raises `TooDeep`."""
    if order.sort == BY_NAME:
        return (yield from _find_by_name(project, matching, len(chunks), order, limit))
    apart = yield from find_set(project, LATE)
    if order.sort == BY_UPDATED:
        apart = sets.either(apart, (yield from find_set(project, CHANGED)))
    plain, others = sets.without(matching, apart), sets.both(matching, apart)
    plain = yield from _behind(project, plain, chunks, order)
    if sets.count(others) <= SORTED:
        listed = yield from _listed(project, others, order)
        return (yield from _merge_few(project, plain, listed, order, limit))
    if order.skip > MOST_SKIPPED:
        raise TooDeep
    most = order.skip + limit
    bitmap = sets.bitmap(others, len(chunks))
    walked = yield from _walk(project, bitmap, order._replace(skip=0), most)
    merged = walked + (yield from _times(project, plain, order, most))
    return sorted(merged, reverse=order.down)[order.skip : most]


def _find_by_name(
    project: int, matching: Chunks, chunks: int, order: Order, limit: int
) -> Steps[list[Placed]]:
    """The page, letter by letter: those of the letters before it are only counted."""
    if sets.count(matching) <= SORTED_AT_ONCE:
        listed = yield from _listed(project, matching, order)
        return listed[order.skip :][:limit]
    if order.skip > MOST_SKIPPED_BY_NAME:
        raise TooDeep
    bitmap = sets.bitmap(matching, chunks)
    found: list[Placed] = []
    for letter in reversed(LETTERS) if order.down else LETTERS:
        if order.after is not None and _is_past(letter.encode(), order):
            continue
        everybody = yield from find_set(project, LETTER + letter.encode())
        members = sets.both(matching, everybody)
        size, all_of_them = sets.count(members), sets.count(everybody)
        if order.after is None and size <= order.skip:
            order = order._replace(skip=order.skip - size)
            continue
        wanted = limit - len(found)
        ends = letter.encode(), (letter or "\x01").encode() + ABOVE_ALL
        if size <= SORTED:
            # By walking if they are met soon, as they are where names tell nothing of the filter.
            most = size * WALKED_FOR_ONE
            met: list[Placed] = []
            walks = (order.skip + wanted) * all_of_them < size * most
            if walks:
                met = yield from _walk(project, bitmap, order, wanted, ends, most)
            # One that came to the letter's end has met them all.
            if len(met) < wanted and not (walks and all_of_them <= most):
                met = (yield from _listed(project, members, order))[order.skip :][:wanted]
            found += met
        elif order.after is None and size < 2 * order.skip + wanted:
            # It is nearer from the other end of the letter.
            shown = min(wanted, size - order.skip)
            back = order._replace(down=not order.down, skip=size - order.skip - shown)
            found += (yield from _walk(project, bitmap, back, shown, ends))[::-1]
        else:
            found += yield from _walk(project, bitmap, order, wanted, ends)
        order = order._replace(skip=0)
        if len(found) == limit:
            break
    return found


def _is_past(letter: bytes, order: Order) -> bool:
    """Whether all of a letter stand before where the page begins."""
    assert order.after is not None
    first = order.after[:1].strip(b"\0")
    return letter > first if order.down else letter < first


def _behind(project: int, plain: Chunks, chunks: Sequence[Chunk], order: Order) -> Steps[Chunks]:
    if order.after is None:
        return plain
    at, customer = int.from_bytes(order.after[:TIME_BYTES], "big"), order.after[TIME_BYTES:]
    if order.down:
        place = yield from find_place(project, chunks, at, customer)
        return sets.both(plain, sets.between(0, place))
    place = yield from find_place(project, chunks, at, customer + b"\0")
    return sets.without(plain, sets.between(0, place))


def _is_behind(key: bytes, order: Order) -> bool:
    if order.after is None:
        return True
    return key < order.after if order.down else key > order.after


def _merge_few(
    project: int, plain: Chunks, listed: list[Placed], order: Order, limit: int
) -> Steps[list[Placed]]:
    """The page where few stand apart: wherever it begins, at most so many more are read."""
    # Whatever the listed do, the page begins at or behind this place of the plain ones.
    start = max(order.skip - len(listed), 0)
    size = order.skip - start + limit
    read = yield from _times(project, plain, order, size, skip=start)
    ahead = 0
    if start:
        if not read:
            return []
        ahead = sum(one > read[0] if order.down else one < read[0] for one in listed)
    merged = sorted([*read, *listed[ahead:]], reverse=order.down)
    return merged[order.skip - start - ahead :][:limit]


def _times(
    project: int, plain: Chunks, order: Order, most: int, *, skip: int = 0
) -> Steps[list[Placed]]:
    """The first of those that stand in the order of creation."""
    numbers = list(islice(sets.walk(plain, down=order.down, skip=skip), most))
    if not numbers:
        return []
    rows = yield Ask(FIND_TIMES, (project, numbers))
    return sorted(((time_key(*row), row[1]) for row in rows), reverse=order.down)


def _listed(project: int, members: Chunks, order: Order) -> Steps[list[Placed]]:
    """All members that are behind where the page begins, by the keys of an order of its own."""
    if not members:
        return []
    rows = yield Ask(FIND_ORDERS, (project, list(sets.walk(members, down=False))))
    keys = [key for row in rows for sort, key in _orders.decode(row[0]) if sort == order.sort]
    return sorted(
        ((key, key[-ID_BYTES:]) for key in keys if _is_behind(key, order)), reverse=order.down
    )


def _walk(
    project: int,
    members: Bitmap,
    order: Order,
    limit: int,
    ends: tuple[bytes, bytes] = (b"", ABOVE_ALL),
    most: int = WITHOUT_END,
) -> Steps[list[Placed]]:
    """Up to ``limit`` members that an order has between two keys, without those to be skipped;
    fewer also where they are not among the first ``most`` customers."""
    low, high = ends
    if order.after is not None:
        low, high = (low, min(high, order.after)) if order.down else (max(low, order.after), high)
    statement = WALK_DOWN if order.down else WALK_UP
    values = project, order.sort, low, high, most, members, limit, order.skip
    return [(key, key[-ID_BYTES:]) for (key,) in (yield Ask(statement, values))]
