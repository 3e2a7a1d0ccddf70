"""JSON as it was written: with every duplicate key, and with numbers that are still text."""

import json
import re
from typing import Any, Final

from enrol.customers.reading.decode import TooManyValues


class JsonInvalid(Exception):
    """The body is not JSON; the text says where and why without quoting it."""


class JsonTooDeep(Exception):
    """The body is nested deeper than the limit."""


class JsonNumber:
    """A number as it was written: huge ones need not be computed to be refused."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class JsonObject(dict[str, Any]):
    """A JSON object that remembers which of its keys stood twice."""

    duplicates: list[str]


KINDS: Final[dict[type, str]] = {
    str: "string",
    bool: "boolean",
    JsonNumber: "number",
    list: "array",
    JsonObject: "object",
    type(None): "null",
}


def parse_json(body: bytes, *, most_values: int, most_levels: int) -> Any:
    """The value of a JSON text, of the types in `KINDS`.

    Raises `JsonInvalid`, `JsonTooDeep` and `TooManyValues`.
    """
    # Each value follows one of these; a body of millions of tiny ones is not worth a list of
    # its faults, and parsed it would take a hundred times its size.
    if body.count(b",") + body.count(b"[") + body.count(b"{") > most_values:
        raise TooManyValues
    _check_depth(body, most_levels)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise JsonInvalid(f"Byte {error.start} is not valid UTF-8.") from None
    try:
        return json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_no_constant,
            parse_int=JsonNumber,
            parse_float=JsonNumber,
        )
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise JsonInvalid(f"The JSON is malformed at {place}: {error.msg}.") from None


def _object(pairs: list[tuple[str, Any]]) -> JsonObject:
    members = JsonObject(pairs)
    twice: dict[str, None] = {}
    if len(members) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                twice[key] = None
            seen.add(key)
    members.duplicates = list(twice)
    return members


def _no_constant(name: str) -> Any:
    raise JsonInvalid(f"{name} is not a JSON value.")


# A string need not end here, so that nothing is ever read twice.
_DEPTH_TOKEN: Final = re.compile(rb'"[^"]*"?|[\[{]+|[\]}]+')


def _check_depth(body: bytes, most: int) -> None:
    # Without its escapes a string is plain to see. A pattern that knew them would keep a place
    # to return to for each: sixty times the size of a body that is full of them.
    body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    depth = 0
    for token in _DEPTH_TOKEN.finditer(body):
        first = body[token.start()]
        if first in b"[{":
            depth += token.end() - token.start()
            if depth > most:
                raise JsonTooDeep
        elif first in b"]}":
            depth -= token.end() - token.start()
