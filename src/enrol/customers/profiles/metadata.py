"""Metadata: a flat JSON object of a host's own, which is stored as it was written.

Its text is never written anew, so that numbers keep their digits; but it must mean the same to
every reader: no name twice (RFC 8259 section 4), no number that is infinite to one who reads
doubles (RFC 7493 section 2.2).
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from math import isinf
from typing import Any, Final

import msgspec
from msgspec import Raw

MOST_MEMBERS: Final = 50
LONGEST_NAME: Final = 64
LONGEST_VALUE: Final = 1_024
MOST_BYTES: Final = 16 * 1024
# No number of fewer digits is infinite without an exponent, and no text is too long.
_SHORT: Final = 300

_objects: Final = msgspec.json.Decoder(list[dict[str, str | int | float | bool | None]])
_WHITESPACE: Final = b" \t\r\n"


def are_plain(texts: Sequence[Raw]) -> bool:
    """Whether each is the text of an object without a fault; False where one only might not be."""
    joined = b"[" + b",".join(texts) + b"]"
    try:
        objects = _objects.decode(joined)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    longest = max(map(len, texts))
    if longest > MOST_BYTES or max(map(len, objects)) > MOST_MEMBERS:
        return False
    names = set(chain.from_iterable(objects))
    if names and ("" in names or max(map(len, names)) > LONGEST_NAME):
        return False
    if longest > _SHORT and not all(map(_are_right, objects)):
        return False
    # A name that ends in a backslash would not be counted.
    return rb"\\" not in joined and members_in(joined) == sum(map(len, objects))


def members_in(text: bytes) -> int:
    """How many members the objects of a valid JSON text have, none of whose names ends in a
    backslash.

    Once white space is gone, a name's closing quote and its colon are neighbours; inside of a
    text a quote is escaped, so that the same two bytes follow a backslash there.
    """
    compact = text.translate(None, _WHITESPACE)
    in_texts = compact.count(b'\\":') if b"\\" in text else 0
    return compact.count(b'":') - in_texts


def metadata_faults(
    members: Mapping[str, Any], size: int | None = None
) -> Iterator[tuple[str | None, str, str]]:
    """Every fault of parsed metadata: the name of the member (None: of the whole), code and hint.

    ``size`` is that of the JSON text in bytes; None leaves it to the caller. A number may be the
    text that it was written as, in an object of its own type: whatever `float` takes.
    """
    if size is not None and size > MOST_BYTES:
        yield None, "metadata.too_large", ""
        return
    if len(members) > MOST_MEMBERS:
        yield None, "metadata.too_many", ""
        return
    for name, value in members.items():
        if not 1 <= len(name) <= LONGEST_NAME:
            yield name, "metadata.name", ""
        if type(value) is str:
            if len(value) > LONGEST_VALUE:
                yield name, "text.too_long", f"The limit is {LONGEST_VALUE:,} characters."
        elif isinstance(value, list | dict):
            sent = "array" if isinstance(value, list) else "object"
            yield name, "field.type", f"Expected: string, number, boolean or null; sent: {sent}."
        elif value is not None and not is_finite(value):
            yield name, "field.value", "A number that a double can hold."


def is_finite(number: Any) -> bool:
    """Whether a number is one to a reader of doubles."""
    try:
        return not isinf(float(number))
    except OverflowError:
        return False


def _are_right(members: Mapping[str, Any]) -> bool:
    return all(
        len(value) <= LONGEST_VALUE if type(value) is str else value is None or is_finite(value)
        for value in members.values()
    )
