"""JCS: the samples of RFC 8785, and what Hypothesis makes of the rest."""

import json
import struct

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrol.customers.dids.canonical_json import DEEPEST, canonical_json

# RFC 8785 appendix B.
NUMBERS = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**53), 2**53),
        st.text(),
        st.floats(allow_nan=False),
    ).filter(lambda value: value not in (float("inf"), float("-inf"))),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=20,
)


@pytest.mark.parametrize(("bits", "text"), NUMBERS.items())
def test_numbers_of_the_standard(bits: str, text: str) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical_json(number) == text.encode()
    assert canonical_json(msgspec.json.decode(text)) == text.encode()


def test_names_are_sorted_by_utf_16_code_units() -> None:
    # RFC 8785 section 3.2.3.
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    right = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    assert list(json.loads(canonical_json(dict.fromkeys(names, 0)))) == right


def test_strings_of_the_standard() -> None:
    # RFC 8785 section 3.2.2: the input and what comes of it.
    text = r"""{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
        "literals": [null, true, false]}"""
    right = (
        '{"literals":[null,true,false],'
        '"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    assert canonical_json(msgspec.json.decode(text)) == right.encode()


@pytest.mark.parametrize("code", [*range(0x20), 0x22, 0x5C, 0x7F, 0x80, 0x2028, 0x2029, 0xFEFF])
def test_strings_are_escaped_as_ecmascript_does(code: int) -> None:
    short = {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}
    right = short.get(code, f"\\u{code:04x}" if code < 0x20 else chr(code))
    assert canonical_json(chr(code)) == f'"{right}"'.encode()


@given(VALUES)
def test_the_value_stays_the_same(value: object) -> None:
    text = canonical_json(value)
    assert canonical_json(msgspec.json.decode(text)) == text
    assert json.loads(text, parse_int=float) == value


@pytest.mark.parametrize("text", ["1e999", "-1e999", "1" + "0" * 400])
def test_what_is_no_double_has_no_form(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of msgspec's decoder or ours
        canonical_json(msgspec.json.decode(text))


def test_depth_is_limited() -> None:
    canonical_json(json.loads("[" * DEEPEST + "]" * DEEPEST))
    with pytest.raises(ValueError, match="deep"):
        canonical_json(json.loads("[" * (DEEPEST + 2) + "]" * (DEEPEST + 2)))
