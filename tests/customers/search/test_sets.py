"""Sets as bits do what sets do."""

from hypothesis import given
from hypothesis import strategies as st

from enrol.customers.search import sets
from enrol.customers.search.sets import CHUNK, CHUNK_BYTES, MOST_LISTED

ORDINALS = st.sets(st.integers(0, 3 * CHUNK), max_size=60)
PLACES = st.sets(st.integers(0, CHUNK - 1), max_size=30)


def listed(chunks: sets.Chunks) -> set[int]:
    return set(sets.walk(chunks, down=False))


@given(PLACES, st.sampled_from([0, MOST_LISTED - 15, MOST_LISTED, CHUNK - 40]))
def test_a_chunk_comes_back_as_it_was_stored(places: set[int], more: int) -> None:
    bits = sets.bits_of(places | set(range(more)))
    stored = sets.pack(bits)
    assert len(stored) <= CHUNK_BYTES
    assert sets.unpack(stored) == bits
    assert set(sets.members(bits)) == places | set(range(more))


@given(ORDINALS, ORDINALS)
def test_sets_are_joined(one: set[int], other: set[int]) -> None:
    a, b = sets.chunks_of(one), sets.chunks_of(other)
    assert listed(a) == one
    assert listed(sets.both(a, b)) == one & other
    assert listed(sets.either(a, b)) == one | other
    assert listed(sets.without(a, b)) == one - other
    assert sets.count(a) == len(one)
    bits = sets.bitmap(a, max(a, default=-1) + 1)
    assert {o for o in range(len(bits) * 8) if bits[o >> 3] >> (o & 7) & 1} == one
    assert sets.bitmap(a, 9)[: len(bits)] == bits


@given(st.integers(0, 3 * CHUNK), st.integers(0, 3 * CHUNK))
def test_a_range_is_a_set(low: int, high: int) -> None:
    assert listed(sets.between(low, high)) == set(range(low, high))


@given(ORDINALS, st.booleans(), st.integers(0, 70))
def test_a_walk_goes_in_order_and_skips(ordinals: set[int], down: bool, skip: int) -> None:
    walked = list(sets.walk(sets.chunks_of(ordinals), down=down, skip=skip))
    assert walked == sorted(ordinals, reverse=down)[skip:]
