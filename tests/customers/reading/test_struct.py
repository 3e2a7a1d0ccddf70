"""A small body is read as msgspec would read it, or refused with all of its faults at once."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from random import Random
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Meta, Struct, UnsetType

from enrol.customers.faults import Fault
from enrol.customers.reading.decode import TooManyValues
from enrol.customers.reading.json_text import JsonInvalid, JsonTooDeep
from enrol.customers.reading.shapes import object_of
from enrol.customers.reading.struct import MOST_VALUES, read_struct
from tests.customers.reading.texts import RANDOMS, TEXT, members_of, written

CHARS = 40
LEVELS = 16


class Part(Struct, kw_only=True, rename="camel"):
    part_name: str
    flag: bool | None = None


class Body(Struct, kw_only=True, rename="camel"):
    """A body with a field of every shape."""

    name: Annotated[str, Meta(min_length=1, max_length=20)]
    kind: Literal["one", "other"] = "one"
    is_on: bool | UnsetType = UNSET
    count: Annotated[int, Meta(ge=1, le=500)] | None | UnsetType = UNSET
    big: int | UnsetType = UNSET
    free_text: str | None | UnsetType = UNSET
    code: (
        Annotated[str, Meta(pattern="^[a-z]+$", description="Lower-case letters.")] | UnsetType
    ) = UNSET
    words: Annotated[list[Annotated[str, Meta(min_length=1)]], Meta(max_length=3)] | UnsetType = (
        UNSET
    )
    parts: list[Part] | UnsetType = UNSET
    part: Part | None | UnsetType = UNSET
    labels: dict[str, str] | UnsetType = UNSET
    free: dict[str, Any] | None | UnsetType = UNSET
    at: Annotated[datetime, Meta(tz=True)] | None | UnsetType = UNSET
    ref_id: UUID | UnsetType = UNSET


def read(body: bytes) -> Body | list[Fault]:
    return read_struct(body, Body, text_chars=CHARS, most_levels=LEVELS)


def told(body: object) -> list[tuple[str, str]]:
    """The pointer and code of each fault of a body."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    found = read(sent)
    assert isinstance(found, list), found
    return [(fault.pointer, fault.code) for fault in found]


GOOD_TEXT = TEXT.map(lambda text: text.replace("\0", "")[:CHARS])
FULL_TEXT = GOOD_TEXT.map(lambda text: text or "x")
FREE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | GOOD_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(GOOD_TEXT, inner, max_size=3),
    max_leaves=6,
)
PARTS = st.fixed_dictionaries({"partName": GOOD_TEXT}, optional={"flag": st.none() | st.booleans()})
BODIES = st.fixed_dictionaries(
    {"name": FULL_TEXT.map(lambda text: text[:20])},
    optional={
        "kind": st.sampled_from(["one", "other"]),
        "isOn": st.booleans(),
        "count": st.none() | st.integers(1, 500),
        "big": st.integers(-(2**63), 2**63 - 1),
        "freeText": st.none() | GOOD_TEXT,
        "code": st.text("abcxyz", min_size=1, max_size=9),
        "words": st.lists(FULL_TEXT, max_size=3),
        "parts": st.lists(PARTS, max_size=3),
        "part": st.none() | PARTS,
        "labels": st.dictionaries(GOOD_TEXT, GOOD_TEXT, max_size=3),
        "free": st.none() | st.dictionaries(GOOD_TEXT, FREE, max_size=3),
        "at": st.none() | st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
        "refId": st.uuids().map(str),
    },
)


@given(BODIES, RANDOMS)
def test_a_right_body_is_read_however_it_is_written(body: dict[str, Any], random: Random) -> None:
    sent = written(members_of(body), random).encode()
    assert read(sent) == msgspec.convert(body, Body)


SPLINTERS = [
    *('"name":', '"count":1,', '"kind":"one",', ",", ":", '"', "\\", "{}", "[]", "null", "true"),
    *("1e9", "NaN", "1.5", "99999999999999999999", "\\u0000", "\\ud800", "\0", "\ufeff", "{", "-"),
]


@given(BODIES, RANDOMS, st.lists(st.sampled_from(SPLINTERS), min_size=1, max_size=3))
def test_what_is_taken_is_what_was_sent(
    body: dict[str, Any], random: Random, splinters: list[str]
) -> None:
    """Whatever hit the body: it is taken only where msgspec, too, takes it, and as the same."""
    text = written(members_of(body), random)
    for splinter in splinters:
        start = random.randrange(len(text))
        text = text[:start] + splinter + text[start + random.choice((0, 0, 1, 8)) :]
    sent = text.encode()
    try:
        found = read(sent)
    except (JsonInvalid, JsonTooDeep):
        return
    if isinstance(found, list):
        assert found
    else:
        assert found == msgspec.json.decode(sent, type=Body)


@given(BODIES, RANDOMS, st.binary(min_size=1, max_size=3))
def test_any_bytes_are_read_or_refused(
    body: dict[str, Any], random: Random, splinter: bytes
) -> None:
    sent = written(members_of(body), random).encode()
    start = random.randrange(len(sent))
    with suppress(JsonInvalid):
        assert read(sent[:start] + splinter + sent[start + len(splinter) :]) is not None


CANARY = "canary-4711"
# A value that is wrong in one field, and what is told of it.
BREAKS: dict[str, tuple[Any, list[tuple[str, str]]]] = {
    "name": ("", [("", "field.empty")]),
    "kind": (CANARY, [("", "field.value")]),
    "isOn": (CANARY, [("", "field.type")]),
    "count": (501, [("", "field.value")]),
    "big": (CANARY, [("", "field.type")]),
    "freeText": (CANARY * 10, [("", "text.too_long")]),
    "code": (CANARY, [("", "field.value")]),
    "words": ([CANARY, "", 1], [("/1", "field.empty"), ("/2", "field.type")]),
    "parts": (
        [{}, {"partName": CANARY, "flag": CANARY}, CANARY],
        [("/0/partName", "field.missing"), ("/1/flag", "field.type"), ("/2", "field.type")],
    ),
    "part": (
        {"partname": CANARY},
        [("/partName", "field.missing"), ("/partname", "field.unknown")],
    ),
    "labels": ({"a/b": None, "c": CANARY + "\0"}, [("/a~1b", "field.type"), ("/c", "text.nul")]),
    "free": (
        {"a": [CANARY, "\ud800"], "b": {"c": 10**30 + 1}},
        [("/a/1", "text.surrogate"), ("/b/c", "field.value")],
    ),
    "at": ("2026-01-01T00:00:00", [("", "field.value")]),
    "refId": (CANARY, [("", "field.value")]),
    "nmae": (CANARY, [("", "field.unknown")]),
}


@given(BODIES, st.sets(st.sampled_from(sorted(BREAKS)), min_size=1))
def test_all_faults_are_told_at_once_and_no_value(body: dict[str, Any], broken: set[str]) -> None:
    body |= {name: BREAKS[name][0] for name in broken}
    expected = [(f"/{name}{rest}", code) for name in broken for rest, code in BREAKS[name][1]]
    assert sorted(told(body)) == sorted(expected)
    found = read(json.dumps(body).encode())
    assert isinstance(found, list)
    assert not any(CANARY in fault.detail or CANARY in fault.pointer for fault in found)


def test_every_field_is_broken_by_a_test() -> None:
    assert set(BREAKS) - {"nmae"} == set(Body.__struct_encode_fields__)


def test_the_hints_say_what_is_right() -> None:
    body = {name: wrong for name, (wrong, _) in BREAKS.items()}
    found = read(json.dumps(body).encode())
    assert isinstance(found, list)
    hints = {fault.pointer: fault.hint for fault in found}
    assert hints["/nmae"] == "Did you mean name?"
    assert hints["/kind"] == "One of: one, other."
    assert hints["/count"] == "A whole number from 1 to 500."
    assert hints["/freeText"] == f"At most {CHARS} characters."
    assert hints["/code"] == "Lower-case letters."
    assert hints["/at"] == "A date-time of RFC 3339, with its offset from UTC."
    assert hints["/isOn"] == "Expected: boolean; sent: string."


def test_absent_and_null_are_told_apart() -> None:
    absent, null = read(b'{"name":"A"}'), read(b'{"name":"A","count":null,"part":null}')
    assert isinstance(absent, Body)
    assert isinstance(null, Body)
    assert (absent.count, absent.part) == (UNSET, UNSET)
    assert (null.count, null.part) == (None, None)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"[]", [("", "field.type")]),
        (b"null", [("", "field.type")]),
        (b"{}", [("/name", "field.missing")]),
        (b'{"name":null}', [("/name", "field.type")]),
        (b'{"name":"A","name":"B"}', [("/name", "field.duplicate")]),
        (b'{"name":"A","free":{"a":{"b":1,"b":2}}}', [("/free/a/b", "field.duplicate")]),
        (b'{"name":"A","labels":{"x":"1","x":"2"}}', [("/labels/x", "field.duplicate")]),
        (b'{"name":"A","words":["1","2","3","4"]}', [("/words", "field.value")]),
        (b'{"name":"A","count":true}', [("/count", "field.type")]),
        (b'{"name":"A","count":"1"}', [("/count", "field.type")]),
        (b'{"name":"A","count":1.5}', [("/count", "field.value")]),
        (b'{"name":"A","count":0}', [("/count", "field.value")]),
        (b'{"name":"A","big":9223372036854775808}', [("/big", "field.value")]),
        (b'{"name":"A","isOn":1}', [("/isOn", "field.type")]),
        (b'{"name":"123456789012345678901"}', [("/name", "text.too_long")]),
        (b'{"name":"A","labels":{"\\u0000":"x"}}', [("/labels", "text.nul")]),
        (b'{"name":"A","at":"9999-12-31T23:59:59-01:00"}', [("/at", "field.value")]),
        (b'{"name":"A","free":{"a":1e999}}', [("/free/a", "field.value")]),
        (b'{"name":"A","free":{"a":1e-9999999999999999999}}', [("/free/a", "field.value")]),
        (b'{"name":"A","free":{"a":0.12345678901234567890123}}', [("/free/a", "field.value")]),
    ],
)
def test_a_fault_has_its_place_and_code(body: bytes, expected: list[tuple[str, str]]) -> None:
    assert told(body) == expected


def test_numbers_of_the_same_value_are_taken() -> None:
    found = read(b'{"name":"A","count":7.0,"free":{"a":1.10,"b":1e3,"c":-0.0,"d":0e5}}')
    assert isinstance(found, Body)
    assert found.count == 7
    assert found.free == {"a": 1.1, "b": 1000.0, "c": 0.0, "d": 0.0}


def test_a_text_without_a_limit_of_its_own_has_that_of_the_settings() -> None:
    assert isinstance(read(json.dumps({"name": "A", "freeText": "x" * CHARS}).encode()), Body)
    assert told({"name": "A", "freeText": "x" * (CHARS + 1)}) == [("/freeText", "text.too_long")]


def test_what_is_no_small_body_is_not_read() -> None:
    with pytest.raises(TooManyValues):
        read(b'{"name":"A","free":{"a":[%s1]}}' % (b"1," * MOST_VALUES))
    with pytest.raises(JsonTooDeep):
        read(b'{"name":"A","free":{"a":%s1%s}}' % (b"[" * LEVELS, b"]" * LEVELS))
    for broken in (b"", b"{", b'{"name":"A"}x', b'{"name":NaN}', b"\xff"):
        with pytest.raises(JsonInvalid):
            read(broken)


class Together(Struct):
    """Fields that are right each by itself, and not together."""

    least: int
    most: int

    def __post_init__(self) -> None:
        if self.least > self.most:
            raise ValueError("canary-4711")


def test_what_a_struct_asks_of_its_fields_together_is_a_fault() -> None:
    def faults(body: bytes) -> Together | list[Fault]:
        return read_struct(body, Together, text_chars=CHARS, most_levels=LEVELS)

    assert faults(b'{"least":1,"most":2}') == Together(1, 2)
    assert faults(b'{"least":2,"most":1}') == [Fault(None, "", "field.value")]


class Named(Struct, forbid_unknown_fields=True):
    """What may stand for a text that says less."""

    name: str


class Mixed(Struct, forbid_unknown_fields=True):
    """Texts beside objects."""

    each: list[str | Named]


def test_a_text_may_stand_for_an_object() -> None:
    def found(each: object) -> Mixed | list[Fault]:
        body = json.dumps({"each": each}).encode()
        return read_struct(body, Mixed, text_chars=CHARS, most_levels=LEVELS)

    assert found(["a", {"name": "b"}]) == Mixed(["a", Named("b")])
    wrong = found([1, None, {"nam": "b"}, "x" * (CHARS + 1), {"name": "\0"}])
    assert isinstance(wrong, list)
    assert [(fault.pointer, fault.code) for fault in wrong] == [
        ("/each/0", "field.type"),
        ("/each/1", "field.type"),
        ("/each/2/nam", "field.unknown"),
        ("/each/2/name", "field.missing"),
        ("/each/3", "text.too_long"),
        ("/each/4/name", "text.nul"),
    ]
    assert "string or object" in wrong[0].hint


def test_a_body_may_hold_more_values_where_the_route_says_so() -> None:
    body = b'{"each":["a"%s]}' % (b',"a"' * MOST_VALUES)
    with pytest.raises(TooManyValues):
        read_struct(body, Mixed, text_chars=CHARS, most_levels=LEVELS)
    more = read_struct(
        body, Mixed, text_chars=CHARS, most_levels=LEVELS, most_values=2 * MOST_VALUES
    )
    assert isinstance(more, Mixed)


@pytest.mark.parametrize(
    "annotation", [set[str], int | str, Literal[1, 2], datetime, float, Annotated[int, Meta(gt=1)]]
)
def test_an_annotation_that_no_shape_knows_is_refused_by_the_programmer(annotation: Any) -> None:
    struct = msgspec.defstruct("Odd", [("field", annotation)])
    with pytest.raises(TypeError, match="no shape"):
        object_of(struct)
