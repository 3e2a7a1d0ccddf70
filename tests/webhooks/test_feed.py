"""Which messages come of which events, chunk by chunk."""

import json

from hypothesis import given
from hypothesis import strategies as st
from uuid_utils import uuid7

from enrol.store.queries.webhooks import FeedEvent, FeedLink
from enrol.webhooks.feed import read_on
from enrol.webhooks.lanes import Message
from enrol.webhooks.messages import CUSTOMER_TYPES, EVENT_TYPES, message_key

CREATED = "customer.created"


def history(*calls: list[str]) -> tuple[list[FeedLink], list[FeedEvent]]:
    """Calls by the types of their events; one that begins with a creation is a batch."""
    links: list[FeedLink] = []
    events: list[FeedEvent] = []
    for types in calls:
        first, id = len(events) + 1, uuid7().bytes
        batch = id if types[0] == CREATED else None
        links.append(FeedLink(first + len(types) - 1, first, id, "key_1", batch, 7))
        for seq, kind in enumerate(types, first):
            subject = uuid7().bytes if kind.startswith("customer.") else None
            events.append(FeedEvent(seq, kind, subject, None))
    return links, events


def whole(
    links: list[FeedLink], events: list[FeedEvent], types: list[str], chunk: int
) -> list[Message]:
    """All messages, read a few events at a time."""
    messages: list[Message] = []
    position, before = 0, -1
    while position != before:
        before = position
        found, position = read_on(
            [link for link in links if link.last > position][:2],
            [event for event in events if event.seq > position][:chunk],
            types,
            position,
        )
        messages += found
    assert position == (events[-1].seq if events else 0)
    return messages


CALLS = st.lists(
    st.one_of(
        st.integers(1, 9).map(lambda count: [CREATED] * count),
        st.lists(st.sampled_from([*CUSTOMER_TYPES[1:], "key.created"]), min_size=1, max_size=5),
    ),
    max_size=8,
)


@given(CALLS, st.sets(st.sampled_from(EVENT_TYPES)), st.integers(1, 7))
def test_however_it_is_cut_each_message_comes_once_and_in_order(
    calls: list[list[str]], types: set[str], chunk: int
) -> None:
    links, events = history(*calls)
    messages = whole(links, events, sorted(types), chunk)
    single = [one for one in messages if one.type != "customers.created"]
    assert [one.seq for one in single] == [each.seq for each in events if each.type in types]
    assert [one.lane for one in single] == [
        each.customer_id for each in events if each.type in types
    ]
    summaries = [one for one in messages if one.type == "customers.created"]
    batches = [link for link in links if link.batch_id] if "customers.created" in types else []
    assert [(one.seq, one.lane) for one in summaries] == [(one.first, one.id) for one in batches]
    assert [json.loads(one.data or "")["count"] for one in summaries] == [
        link.last - link.first + 1 for link in batches
    ]


def test_a_batch_that_nobody_reads_in_single_messages_is_one_step() -> None:
    links, events = history([CREATED] * 10_000, ["customer.updated"])
    messages, position = read_on(links, events[:500], ["customer.updated"], 0)
    assert (messages, position) == ([], 10_000)


def test_a_message_has_the_id_of_its_event() -> None:
    links, events = history(["customer.updated", "customer.deleted"])
    messages, _ = read_on(links, events, ["customer.deleted"], 0)
    assert [one.message_key for one in messages] == [message_key(links[0].id, 1)]
    assert [one.message_key for one in messages] != [links[0].id]
