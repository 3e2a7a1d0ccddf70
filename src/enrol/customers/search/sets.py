"""Sets of customers by their numbers, as bits: what filters are made of.

A project's customers are numbered 0, 1, 2 ... in the index. A set is cut into chunks, each an int
whose bit n stands for the chunk's customer n; a chunk without members is left out. Sets of a
million are joined and counted in well under a millisecond, whatever they have in common.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping
from sys import byteorder
from typing import Final

# A chunk of bits and its key lie within one page of a SQLite B-tree (1,002 bytes), and below the
# size at which PostgreSQL moves a value out of its row (2,032).
CHUNK: Final = 7_168
CHUNK_BYTES: Final = CHUNK // 8
# As numbers of two bytes, as long as that is shorter.
MOST_LISTED: Final = CHUNK_BYTES // 2 - 1

Chunks = dict[int, int]


class Bitmap(bytes):
    """A set to be looked into by the database: its `get_bit` of n is 1 for the customer n."""


def pack(bits: int) -> bytes:
    """A chunk as it is stored: the numbers of its members where they are few, else the bits."""
    if bits.bit_count() <= MOST_LISTED:
        numbers = array("H", members(bits))
        if byteorder == "big":
            numbers.byteswap()
        return numbers.tobytes()
    return bits.to_bytes(CHUNK_BYTES, "little")


def unpack(stored: bytes) -> int:
    """The chunk that `pack` has stored."""
    if len(stored) == CHUNK_BYTES:
        return int.from_bytes(stored, "little")
    numbers = array("H", stored)
    if byteorder == "big":
        numbers.byteswap()
    return bits_of(numbers)


def bits_of(places: Iterable[int]) -> int:
    """The chunk with these members, each below `CHUNK`."""
    packed = bytearray(CHUNK_BYTES)
    for place in places:
        packed[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(packed, "little")


def members(bits: int) -> list[int]:
    """The places of a chunk's members, rising."""
    digits = bin(bits)[:1:-1]
    found = []
    place = digits.find("1")
    while place >= 0:
        found.append(place)
        place = digits.find("1", place + 1)
    return found


def chunks_of(ordinals: Iterable[int]) -> Chunks:
    """The set with these members."""
    packed: dict[int, bytearray] = {}
    for ordinal in ordinals:
        chunk, place = divmod(ordinal, CHUNK)
        into = packed.get(chunk)
        if into is None:
            into = packed[chunk] = bytearray(CHUNK_BYTES)
        into[place >> 3] |= 1 << (place & 7)
    return {chunk: int.from_bytes(bits, "little") for chunk, bits in packed.items()}


def both(one: Chunks, other: Chunks) -> Chunks:
    """The members of both."""
    return {
        chunk: shared
        for chunk, bits in one.items()
        if chunk in other and (shared := bits & other[chunk])
    }


def either(one: Chunks, other: Chunks) -> Chunks:
    """The members of any of the two."""
    joined = dict(one)
    for chunk, bits in other.items():
        joined[chunk] = joined.get(chunk, 0) | bits
    return joined


def without(one: Chunks, other: Chunks) -> Chunks:
    """The members of the first that are not in the other."""
    return {
        chunk: rest
        for chunk, bits in one.items()
        if (rest := bits & ~other[chunk] if chunk in other else bits)
    }


def between(low: int, high: int) -> Chunks:
    """All ordinals from ``low`` to before ``high``."""
    found: Chunks = {}
    for chunk in range(low // CHUNK, -(-high // CHUNK)):
        start = max(low - chunk * CHUNK, 0)
        end = min(high - chunk * CHUNK, CHUNK)
        if end > start:
            found[chunk] = (1 << end) - (1 << start)
    return found


def count(chunks: Mapping[int, int]) -> int:
    """How many members a set has."""
    return sum(bits.bit_count() for bits in chunks.values())


def bitmap(chunks: Mapping[int, int], size: int) -> Bitmap:
    """The set as one bit for each customer of the first ``size`` chunks: all that there are."""
    empty = bytes(CHUNK_BYTES)
    return Bitmap(
        b"".join(
            chunks[chunk].to_bytes(CHUNK_BYTES, "little") if chunk in chunks else empty
            for chunk in range(size)
        )
    )


def walk(chunks: Mapping[int, int], *, down: bool, skip: int = 0) -> Iterator[int]:
    """The members in order, or from the last ``down``, without the first ``skip`` of them."""
    for chunk in sorted(chunks, reverse=down):
        size = chunks[chunk].bit_count()
        if size <= skip:
            skip -= size
            continue
        found = members(chunks[chunk])
        if down:
            found.reverse()
        yield from (chunk * CHUNK + place for place in found[skip:])
        skip = 0
