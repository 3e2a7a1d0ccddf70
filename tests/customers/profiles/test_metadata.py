"""Metadata: what is plainly right is known fast, and all else is told."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from enrol.customers.faults import Fault
from enrol.customers.model import Customer, Limits
from enrol.customers.profiles.metadata import are_plain
from enrol.customers.reading.decode import decode_batch
from enrol.customers.reading.inspect import inspect_batch, inspect_customer
from tests.customers.reading.texts import METADATA, RANDOMS, TRICKY, members_of, written

BODY = b'{"customerType":"Individual","cmsProjectId":"p","customerData":[%s]}'
WIDE = "\U0001f600"


def body(metadata: bytes) -> bytes:
    return BODY % (b'{"externalCustomerId":"a","metadata":%s}' % metadata)


def faults_of(metadata: bytes) -> list[tuple[str, str]]:
    """The faults that the slow look tells, after the fast way refused or took it in agreement."""
    faults: list[Fault] = inspect_batch(body(metadata), Limits()).faults
    if faults:
        assert decode_batch(body(metadata), Limits()) is None
    return [(fault.pointer, fault.code) for fault in faults]


def many(count: int, value: object = 1) -> bytes:
    return json.dumps({f"n{place}": value for place in range(count)}).encode()


def of_size(size: int) -> bytes:
    """Members that take so many bytes, none of them too long."""
    members = {f"n{place}": "x" * 900 for place in range(18)}
    members["n0"] = "x" * (900 + size - len(json.dumps(members)))
    return json.dumps(members).encode()


RIGHT = [
    b"null",
    b"{}",
    b' { "a" :\t1 , "b":\n"c" } ',
    b'{"a":1.0,"b":1,"c":-0,"d":1E5,"e":0.1e-999,"f":123456789012345678901234567890}',
    b'{"a":0.1000000000000000055511151231257827,"b":1e308,"c":-1.7976931348623157e308}',
    b'{"a":true,"b":false,"c":null,"d":"","":1}'.replace(b',"":1', b""),
    rb'{"a\u00e9\\":"\ud83d\ude00\"","\"":":"}',
    many(50),
    json.dumps({"x" * 64: "y" * 1_024}).encode(),
    json.dumps({WIDE * 64: WIDE * 1_024}, ensure_ascii=False).encode(),
    of_size(16_384),
    b'{"a":1%s}' % (b"0" * 308),
]
WRONG: list[tuple[bytes, list[tuple[str, str]]]] = [
    (b"[]", [("/metadata", "field.type")]),
    (b'"{}"', [("/metadata", "field.type")]),
    (b"1", [("/metadata", "field.type")]),
    (b'{"a":[],"b":{"c":1}}', [("/metadata/a", "field.type"), ("/metadata/b", "field.type")]),
    (b'{"a":1,"a":2}', [("/metadata/a", "field.duplicate")]),
    (rb'{"a":1,"\u0061":1}', [("/metadata/a", "field.duplicate")]),
    (rb'{"a\\":1,"b":1,"b":1}', [("/metadata/b", "field.duplicate")]),
    (b'{"":1}', [("/metadata/", "metadata.name")]),
    (json.dumps({"x" * 65: 1}).encode(), [("/metadata/" + "x" * 65, "metadata.name")]),
    (json.dumps({"x" * 129: 1}).encode(), [("/metadata", "metadata.name")]),
    (json.dumps({"a": "x" * 1_025}).encode(), [("/metadata/a", "text.too_long")]),
    (many(51), [("/metadata", "metadata.too_many")]),
    (of_size(16_385), [("/metadata", "metadata.too_large")]),
    (b'{"a":1' + b" " * 16_400 + b"}", [("/metadata", "metadata.too_large")]),
    (b'{"a":1e309,"b":-1e400}', [("/metadata/a", "field.value"), ("/metadata/b", "field.value")]),
    (b'{"a":1%s}' % (b"0" * 309), [("/metadata/a", "field.value")]),
    (b'{"a":%s}' % (b"9" * 5_000), [("/metadata/a", "field.value")]),
    (rb'{"a":"\u0000"}', [("/metadata/a", "text.nul")]),
    (rb'{"\u0000":1}', [("/metadata", "text.nul")]),
    (rb'{"a":"\ud800"}', [("/metadata/a", "text.surrogate")]),
    (rb'{"~/":"\udc00"}', [("/metadata/~0~1", "text.surrogate")]),
]


@pytest.mark.parametrize("text", RIGHT, ids=lambda text: ascii(text)[:40])
def test_what_is_right_is_kept_byte_for_byte(text: bytes) -> None:
    assert faults_of(text) == []
    (customer,) = inspect_batch(body(text), Limits()).customers
    assert customer is not None
    assert customer.metadata == Raw(text.strip())
    decoded = decode_batch(body(text), Limits())
    if decoded is not None:
        assert decoded.batch.customer_data == [customer]
    else:
        # Looked at slowly, for a name may end in a backslash.
        assert rb"\\" in text


@pytest.mark.parametrize(("text", "expected"), WRONG, ids=lambda value: ascii(value)[:40])
def test_what_is_wrong_is_told(text: bytes, expected: list[tuple[str, str]]) -> None:
    assert faults_of(text) == expected


def test_each_item_keeps_its_own_beside_one_that_is_wrong() -> None:
    items = [
        b'{"metadata":{ "a":1.00 },"externalCustomerId":"a"}',
        b'{"metadata":{"a":1},"metadata":{},"externalCustomerId":"b"}',
        b"7",
        b'{"externalCustomerId":"c"}',
        rb'{"metadata":{"metadata":"\u00e9"},"externalCustomerId":"\ud800"}',
        b'{"metadata":null,"externalCustomerId":"e"}',
        rb'{"externalCustomerId":"f","metadata" : {"x":"\u00e9 ]},{" }}',
    ]
    found = inspect_batch(BODY % b" , ".join(items), Limits())
    kept = [customer and customer.metadata for customer in found.customers]
    assert kept[0] == Raw(b'{ "a":1.00 }')
    assert kept[6] == Raw(rb'{"x":"\u00e9 ]},{" }')
    assert kept[1] is kept[2] is kept[4] is None
    assert kept[5] == Raw(b"null")
    assert [(fault.item, fault.code) for fault in found.faults] == [
        (1, "field.duplicate"),
        (2, "field.type"),
        (4, "text.surrogate"),
    ]


@given(METADATA, RANDOMS)
def test_any_flat_object_is_kept_as_it_is_written(members: dict[str, Any], random: Any) -> None:
    text = written(members_of(members), random).strip(" \t\r\n").encode()
    (customer,) = inspect_batch(body(text), Limits()).customers
    assert customer is not None
    assert customer.metadata == Raw(text)
    around = b'{"customerType":"Company","metadata":%s,"cmsProjectId":"p"}' % text
    assert inspect_customer(around, Limits()).customers == [Customer(metadata=Raw(text))]


PIECES = [
    b'"a":1',
    b'"a":1',
    b'"b":"\\""',
    b'"c":{}',
    b'"":1',
    b'"d":1e999',
    b'"e":[1,2]',
    b'":":0',
]
PIECES += [rb'"\\":1', rb'"\":":1', b'"f":"' + b"x" * 1_025 + b'"']
PIECES += [json.dumps({text: text}).encode()[1:-1] for text in TRICKY]


@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=5), min_size=1, max_size=4))
def test_what_is_plain_has_no_fault(objects: list[list[bytes]]) -> None:
    texts = [b"{" + b",".join(pieces) + b"}" for pieces in objects]
    if are_plain([Raw(text) for text in texts]):
        assert [
            fault for text in texts for fault in faults_of(text) if fault[1] != "text.nul"
        ] == []
