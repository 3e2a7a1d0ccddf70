"""Where values stand in a JSON text, for those that are kept as they were written."""

import json
import re
from collections.abc import Iterator
from typing import Final

_space: Final = re.compile(r"[ \t\r\n]*")
# Numbers as text: huge ones need not be computed.
_scan: Final = json.JSONDecoder(parse_int=str, parse_float=str).raw_decode


def texts_in_items(text: str, array: str, name: str) -> list[str | None]:
    """The text of one member of every item of an array that the root object has: None where there
    is none. Of names that stand twice the last counts.

    ``text`` is valid JSON of bounded depth, and its root has the array.
    """
    arrays = [at for found, at, _ in _members(text, _behind_space(text, 0)) if found == array]
    return [text_of_member(text, at, name) for at, _ in _items(text, arrays[-1])]


def text_in(text: str, name: str) -> str | None:
    """The text of one member of the root object, as in `texts_in_items`."""
    return text_of_member(text, _behind_space(text, 0), name)


def text_of_member(text: str, at: int, name: str) -> str | None:
    """The text of a member of the value that begins there, None where it is no object or has none
    of that name. As in `texts_in_items`, the last counts."""
    last = None
    if text[at] == "{":
        for found, start, end in _members(text, at):
            if found == name:
                last = text[start:end]
    return last


def _members(text: str, at: int) -> Iterator[tuple[str, int, int]]:
    """The members of the object that begins there: name, and the bounds of the value."""
    at = _behind_space(text, at + 1)
    while text[at] != "}":
        name, at = _scan(text, at)
        start = _behind_space(text, _behind_space(text, at) + 1)
        _, end = _scan(text, start)
        yield name, start, end
        at = _behind_comma(text, end)


def _items(text: str, at: int) -> Iterator[tuple[int, int]]:
    """The bounds of the items of the array that begins there."""
    at = _behind_space(text, at + 1)
    while text[at] != "]":
        _, end = _scan(text, at)
        yield at, end
        at = _behind_comma(text, end)


def _behind_comma(text: str, at: int) -> int:
    at = _behind_space(text, at)
    return _behind_space(text, at + 1) if text[at] == "," else at


def _behind_space(text: str, at: int) -> int:
    match = _space.match(text, at)
    assert match is not None  # it may be empty
    return match.end()
