"""The fast way from bytes to customers takes what is right, and nothing that is not."""

import json
from collections.abc import Sequence
from random import Random
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Raw

from enrol.customers.batch import read_batch
from enrol.customers.columns import columns_of
from enrol.customers.model import Batch, Customer, Limits
from enrol.customers.reading.decode import (
    TooManyItems,
    TooManyValues,
    decode_batch,
    may_hold_long_text,
)
from enrol.customers.reading.inspect import inspect_batch
from enrol.customers.reading.json_text import JsonInvalid, JsonTooDeep
from enrol.customers.reading.walk import pointer_to
from tests.customers.reading.texts import (
    BATCHES,
    RANDOMS,
    TRICKY,
    members_of,
    objects_in,
    written,
)

LIMITS = Limits()
# The members of an item that are no part of who it is.
PROFILE = {
    *("externalCustomerId", "status", "riskScore", "onboardingLevel"),
    *("customerContact", "tags", "metadata"),
}
BODY = b'{"customerType":"Individual","cmsProjectId":"p","customerData":[%s]}'


def texts_of(batch: dict[str, Any]) -> list[str]:
    """Every text of a batch, names too."""
    pairs = [pair for _, members in objects_in(members_of(batch)) for pair in members]
    return [text for pair in pairs for text in pair if isinstance(text, str)]


def begins_with_a_colon(batch: dict[str, Any]) -> bool:
    """A quote before a colon is how the fast way knows a name."""
    return any(text.lstrip().startswith(":") for text in texts_of(batch))


def assert_sent(customers: Sequence[Customer | None], batch: dict[str, Any], body: bytes) -> None:
    """The customers are those of the batch, and their metadata a piece of the body."""
    assert len(customers) == len(batch["customerData"])
    for customer, sent in zip(customers, batch["customerData"], strict=True):
        assert customer is not None
        rest = {name: member for name, member in sent.items() if name != "metadata"}
        assert msgspec.structs.replace(customer, metadata=UNSET) == msgspec.convert(rest, Customer)
        if "metadata" in sent:
            text = bytes(cast(Raw, customer.metadata))
            assert text in body
            assert json.loads(text) == sent["metadata"]
        else:
            assert customer.metadata is UNSET


def bare(batch: dict[str, Any]) -> Batch:
    """The batch without its metadata, whose text is not known."""
    items = [
        {name: member for name, member in item.items() if name != "metadata"}
        for item in batch["customerData"]
    ]
    return msgspec.convert(batch | {"customerData": items}, Batch)


@given(BATCHES, RANDOMS)
def test_a_batch_is_decoded_however_it_is_written(batch: dict[str, Any], random: Random) -> None:
    body = written(members_of(batch), random).encode()
    decoded = decode_batch(body, LIMITS)
    if decoded is None:
        # These are looked at again, and found right: see the next test.
        assert b"\\u0000" in body or begins_with_a_colon(batch) or rb"\\" in body
    else:
        items = decoded.batch.customer_data
        assert_sent(items, batch, body)
        assert decoded.batch.customer_type == batch["customerType"]
        assert decoded.batch.cms_project_id == batch["cmsProjectId"]
        assert decoded.columns == columns_of(items, range(len(items)))


@given(BATCHES, RANDOMS)
def test_the_slow_look_finds_the_same_batch(batch: dict[str, Any], random: Random) -> None:
    body = written(members_of(batch), random).encode()
    found = inspect_batch(body, LIMITS)
    assert found.faults == []
    assert_sent(found.customers, batch, body)
    assert (found.customer_type, found.cms_project_id) == (
        batch["customerType"],
        batch["cmsProjectId"],
    )


@given(BATCHES, RANDOMS)
def test_both_ways_read_the_same(batch: dict[str, Any], random: Random) -> None:
    body = written(members_of(batch), random).encode()
    reading = read_batch(body, LIMITS)
    items = bare(batch).customer_data
    assert reading.items == len(items)
    expected = columns_of(items, range(len(items)))
    assert list(reading.columns.items) == list(expected.items)
    assert reading.columns[1:4] == expected[1:4]
    profile, sent = dict(reading.columns.profile or {}), [*batch["customerData"]]
    texts = profile.pop("metadata", [None] * len(items))
    members = [None if text is None else json.loads(text) for text in texts]
    assert members == [item.get("metadata") for item in sent]
    if expected.profile is not None:
        assert profile == {
            field: column for field, column in expected.profile.items() if field != "metadata"
        }
    assert (reading.columns.profile is None) == all(PROFILE.isdisjoint(item) for item in sent)


@given(BATCHES, RANDOMS, st.data())
def test_a_name_that_stands_twice_is_seen_wherever_it_stands(
    batch: dict[str, Any], random: Random, data: st.DataObject
) -> None:
    tree = members_of(batch)
    choices = [(pointer, members) for pointer, members in objects_in(tree) if members]
    pointer, members = data.draw(st.sampled_from(choices))
    name, member = data.draw(st.sampled_from(members))
    again = data.draw(st.sampled_from([member, None, members_of({}), "", []]))
    members.insert(random.randrange(len(members) + 1), (name, again))
    body = written(tree, random).encode()
    assert decode_batch(body, LIMITS) is None
    told = [
        fault.base + fault.pointer
        for fault in inspect_batch(body, LIMITS).faults
        if fault.code == "field.duplicate"
    ]
    assert pointer_to(pointer, name) in told


SPLINTERS = [
    *('"name":', '"sub":"x",', ",", ":", '"', "\\", "{}", "[]", "null", "true", "1e9", "NaN", " "),
    *('"metadata":{', '"metadata":{"a":1,"a":1},', '\\\\":1,', '"tags":["x"],', "1e400"),
    *('"customerDid":null,', '{"customerClaims":{}},', "\\u0000", "\\ud800", "\0", "\ufeff", "{"),
    *TRICKY,
]


@given(BATCHES, RANDOMS, st.lists(st.sampled_from(SPLINTERS), min_size=1, max_size=3))
def test_what_is_decoded_has_no_fault(
    batch: dict[str, Any], random: Random, splinters: list[str]
) -> None:
    """The fast way never takes what the slow look would refuse, whatever hit the body."""
    body = written(members_of(batch), random)
    for splinter in splinters:
        start = random.randrange(len(body))
        end = start + random.choice((0, 0, 1, 8))
        body = body[:start] + splinter + body[end:]
    sent = body.encode()
    decoded = decode_batch(sent, LIMITS)
    try:
        found = inspect_batch(sent, LIMITS)
    except (JsonInvalid, JsonTooDeep):
        assert decoded is None
        return
    if decoded is not None:
        assert found.faults == []
        assert found.customers == decoded.batch.customer_data


@given(BATCHES, RANDOMS, st.binary(min_size=1, max_size=3))
def test_any_bytes_are_read_or_refused(
    batch: dict[str, Any], random: Random, splinter: bytes
) -> None:
    body = written(members_of(batch), random).encode()
    start = random.randrange(len(body))
    body = body[:start] + splinter + body[start + len(splinter) :]
    try:
        json.loads(body.decode(), parse_constant=_refuse)
    except ValueError:
        with pytest.raises(JsonInvalid):
            read_batch(body, LIMITS)
    else:
        read_batch(body, LIMITS)


def _refuse(name: str) -> None:
    raise ValueError(name)


@given(BATCHES, RANDOMS, st.integers(1, 40))
def test_no_long_text_is_overlooked(batch: dict[str, Any], random: Random, most: int) -> None:
    body = written(members_of(batch), random).encode()
    if not may_hold_long_text(body, most):
        assert all(len(text) <= most for text in texts_of(batch))


def test_a_usual_batch_is_known_to_hold_no_long_text() -> None:
    item = b'{"customerClaims":{"name":"%s"}}'
    body = BODY % b",".join(item % (b"x" * 50) for _ in range(200))
    assert not may_hold_long_text(body, 4_096)
    assert may_hold_long_text(BODY % (item % (b"x" * 5_000)), 4_096)


def test_items_are_counted() -> None:
    limits = Limits(items=2)
    assert decode_batch(BODY % b"{},{}", limits) is not None
    with pytest.raises(TooManyItems):
        decode_batch(BODY % b"{},{},{}", limits)
    with pytest.raises(TooManyItems):
        inspect_batch(BODY % b"{},1,{}", limits)


def test_a_body_of_countless_objects_is_refused_unread() -> None:
    body = BODY % b",".join([b"{}"] * 2_000)
    with pytest.raises(TooManyValues):
        decode_batch(body, Limits(items=100))
    with pytest.raises(TooManyValues):
        inspect_batch(b"[" + b"1," * 20_000 + b"1]", Limits(items=100))
