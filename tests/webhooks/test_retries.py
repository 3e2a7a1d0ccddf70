"""When a message is tried again, given up, and its endpoint disabled."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrol.webhooks.retries import (
    DELAYS_MS,
    HOUR,
    MINUTE,
    MOST_ASKED_MS,
    SECOND,
    SPAN_MS,
    next_attempt,
    nothing_came_through,
)


def times(chance: float) -> list[int]:
    """The times of all attempts that follow a first one at 0 when each fails at once."""
    found, now = [0], 0
    while (following := next_attempt(len(found), 0, now, chance)) is not None:
        found.append(following)
        now = following
    return found


def test_the_schedule() -> None:
    between = [5, 30, 120, 600, 1_800, 3_600, 7_200, *[14_400] * 5]
    expected = [0]
    for seconds in between:
        expected.append(expected[-1] + seconds * SECOND)
    assert times(0.5) == [*expected, SPAN_MS]


@given(st.floats(0, 1))
def test_the_last_attempt_is_24_hours_after_the_first(chance: float) -> None:
    found = times(chance)
    assert found == sorted(set(found))
    assert found[-1] == SPAN_MS
    assert 10 <= len(found) <= 16


@given(st.floats(0, 1), st.integers(1, 50))
def test_a_delay_is_spread_by_a_fifth(chance: float, attempts: int) -> None:
    usual = DELAYS_MS[min(attempts, len(DELAYS_MS)) - 1]
    following = next_attempt(attempts, 0, 0, chance)
    assert following is not None
    assert 0.8 * usual - 1 <= following <= 1.2 * usual + 1


def test_what_failed_together_comes_back_apart() -> None:
    assert len({next_attempt(2, 0, 0, step / 100) for step in range(101)}) == 101


@given(st.integers(1, 99), st.floats(0, 1))
def test_a_message_is_never_tried_after_its_last_attempt(attempts: int, chance: float) -> None:
    assert next_attempt(attempts, 0, SPAN_MS, chance) is None
    following = next_attempt(attempts, 0, SPAN_MS - 1, chance)
    assert following == SPAN_MS


@pytest.mark.parametrize(
    ("asked", "following"),
    [
        (0, 5 * SECOND),
        (1 * SECOND, 5 * SECOND),
        (10 * MINUTE, 10 * MINUTE),
        (MOST_ASKED_MS, MOST_ASKED_MS),
        (10**15, MOST_ASKED_MS),
    ],
)
def test_a_receiver_may_ask_for_more_time_within_bounds(asked: int, following: int) -> None:
    assert next_attempt(1, 0, 0, 0.5, asked_ms=asked) == following


def test_what_a_receiver_asks_for_does_not_go_beyond_the_last_attempt() -> None:
    assert next_attempt(9, 0, SPAN_MS - 1, 0.5, asked_ms=HOUR) == SPAN_MS
    assert next_attempt(9, 0, SPAN_MS, 0.5, asked_ms=HOUR) is None


def test_one_delivery_since_the_first_attempt_keeps_an_endpoint_alive() -> None:
    assert nothing_came_through(1_000, None)
    assert nothing_came_through(1_000, 999)
    assert not nothing_came_through(1_000, 1_000)
