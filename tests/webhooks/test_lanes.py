"""In order per customer, whatever fails and in whichever order answers come."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from enrol.webhooks.lanes import Lanes, Message

BATCH = b"batch"


def message(seq: int, lane: bytes, behind: bytes | None = None) -> Message:
    return Message(seq, "customer.updated", lane, behind)


def filled(*messages: Message) -> Lanes:
    lanes = Lanes()
    for each in messages:
        lanes.add(each)
    return lanes


def taken(lanes: Lanes, now: int = 0) -> list[int]:
    """The numbers of all that may be sent now."""
    found = []
    while (one := lanes.take(now)) is not None:
        found.append(one.seq)
    return found


def failed(lanes: Lanes, one: Message, next_at: int, *, unreached: bool = False) -> None:
    one.attempts += 1
    one.next_at = next_at
    one.unreached = unreached
    lanes.again(one)


def test_customers_do_not_wait_for_one_another() -> None:
    assert taken(filled(message(1, b"a"), message(2, b"b"), message(3, b"c"))) == [1, 2, 3]


def test_a_customers_second_message_waits_for_the_first() -> None:
    first = message(1, b"a")
    lanes = filled(first, message(2, b"a"), message(3, b"b"))
    assert taken(lanes) == [1, 3]
    failed(lanes, first, 100)
    assert taken(lanes, 99) == []
    assert taken(lanes, 100) == [1]
    lanes.done(first)
    assert taken(lanes) == [2]


def test_a_customer_waits_for_the_summary_of_its_batch() -> None:
    summary = message(1, BATCH)
    lanes = filled(summary, message(2, b"a", BATCH), message(3, b"b"), message(4, b"a", BATCH))
    assert taken(lanes) == [1, 3]
    failed(lanes, summary, 50)
    assert taken(lanes, 50) == [1]
    lanes.done(summary)
    assert taken(lanes) == [2]


def test_what_nobody_was_there_for_goes_at_once_when_the_receiver_is_back() -> None:
    unreached, refused = message(1, b"a"), message(2, b"b")
    lanes = filled(unreached, refused)
    assert taken(lanes) == [1, 2]
    failed(lanes, unreached, 9_000, unreached=True)
    failed(lanes, refused, 8_000)
    lanes.hurry(5)
    assert unreached.changed
    assert taken(lanes, 5) == [1]
    assert lanes.next_at() == 8_000


def test_what_will_be_decided_soon_is_fresh() -> None:
    first, second, other = message(1, b"a"), message(2, b"a"), message(3, b"b")
    lanes = filled(first, second, other)
    assert all(lanes.is_fresh(each, 0) for each in lanes)
    assert taken(lanes) == [1, 3]
    first.sent_at, other.sent_at = 5, 50
    assert [lanes.is_fresh(each, 10) for each in (first, second, other)] == [False, False, True]
    first.sent_at = None
    failed(lanes, first, 100)
    assert not lanes.is_fresh(second, 0)


def test_behind_a_summary_that_failed_nothing_is_fresh() -> None:
    summary, later = message(1, BATCH), message(2, b"a", BATCH)
    lanes = filled(summary, later)
    assert lanes.is_fresh(later, 0)
    taken(lanes)
    failed(lanes, summary, 100)
    assert not lanes.is_fresh(later, 0)


@settings(max_examples=200)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=40),
    st.integers(0, 2**32),
)
def test_each_message_goes_once_and_in_order(plan: list[tuple[int, bool]], seed: int) -> None:
    """Customers of one batch, whose summary comes first; the answers come in any order, and some
    are failures."""
    chance = Random(seed)
    lanes = filled(message(0, BATCH))
    for seq, (customer, in_batch) in enumerate(plan, 1):
        lanes.add(message(seq, bytes([customer]), BATCH if in_batch else None))
    on_their_way: list[Message] = []
    delivered: list[Message] = []
    now = 0
    while lanes.count:
        now += 1
        while (one := lanes.take(now)) is not None:
            on_their_way.append(one)
        if not on_their_way:
            following = lanes.next_at()
            assert following is not None
            now = following
            continue
        one = on_their_way.pop(chance.randrange(len(on_their_way)))
        if chance.random() < 0.3:
            failed(lanes, one, now + chance.randrange(1, 5))
        else:
            delivered.append(one)
            lanes.done(one)
    assert sorted(one.seq for one in delivered) == [*range(len(plan) + 1)]
    for customer in range(5):
        of_one = [one.seq for one in delivered if one.lane == bytes([customer])]
        assert of_one == sorted(of_one)
    summary_at = next(at for at, one in enumerate(delivered) if one.seq == 0)
    assert all(at > summary_at for at, one in enumerate(delivered) if one.behind)
    assert (lanes.lanes, lanes.held, lanes.later, [*lanes.ready]) == ({}, {}, [], [])
