"""The JSON Canonicalization Scheme, JCS (RFC 8785)."""

import math
from decimal import Decimal
from typing import Final

import msgspec

# No published DID nests deeper than 8; the limit keeps the recursion short.
DEEPEST: Final = 32

# Up to here ECMAScript writes a number without an exponent, and from 1e-6.
_PLAIN_DIGITS: Final = 21
_PLAIN_ZEROS: Final = -6


def canonical_json(value: object, depth: int = 0) -> bytes:
    """The one spelling of a decoded JSON value. Raises `ValueError` where there is none.

    Not msgspec's sorted order alone: it sorts names by code point, where section 3.2.3 wants
    UTF-16 code units, and writes 1.0, 1e20 and 1e-6 where section 3.2.2.3 wants 1,
    100000000000000000000 and 0.000001. Its strings are those of section 3.2.2.2.
    """
    if depth > DEEPEST:
        raise ValueError("too deep")
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        members = (
            msgspec.json.encode(name) + b":" + canonical_json(value[name], depth + 1)
            for name in names
        )
        return b"{" + b",".join(members) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(canonical_json(item, depth + 1) for item in value) + b"]"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _number(value).encode()
    return msgspec.json.encode(value)


def _number(value: float) -> str:
    """As ECMAScript writes it (ECMA-262, Number::toString): all numbers are doubles."""
    try:
        double = float(value)
    except OverflowError:
        double = math.inf
    if not math.isfinite(double):
        raise ValueError("no double")
    # Python's digits are the shortest that give the double back, as ECMAScript's are.
    sign, digits, exponent = Decimal(repr(double)).normalize().as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digits))
    point = len(text) + exponent
    if text == "0":
        return "0"
    if len(text) <= point <= _PLAIN_DIGITS:
        text += "0" * (point - len(text))
    elif 0 < point <= _PLAIN_DIGITS:
        text = f"{text[:point]}.{text[point:]}"
    elif _PLAIN_ZEROS < point <= 0:
        text = f"0.{'0' * -point}{text}"
    else:
        fraction = f".{text[1:]}" if len(text) > 1 else ""
        text = f"{text[0]}{fraction}e{point - 1:+d}"
    return f"-{text}" if sign else text
