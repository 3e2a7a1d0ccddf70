"""The slow, complete look at a body that the fast decode did not take.

Reads the JSON with every duplicate key, walks it beside the wire types, names every fault of
shape with its pointer, and builds the customers that have none.
"""

import json
import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, Final, NamedTuple, get_args

import msgspec
from msgspec import Struct
from msgspec.structs import fields

from enrol.customers.faults import Fault
from enrol.customers.model import (
    Batch,
    Customer,
    CustomerClaims,
    CustomerDid,
    CustomerWallet,
    Limits,
)
from enrol.customers.reading.decode import TooManyItems, TooManyValues

LONGEST_KEY_NAMED: Final = 128
# To look for the nearest known name takes as long as to check fifty customers.
MOST_NAMES_EXPLAINED: Final = 1_000
VALUES_PER_ITEM: Final = 64


class JsonInvalid(Exception):
    """The body is not JSON; the text says where and why without quoting it."""


class JsonTooDeep(Exception):
    """The body is nested deeper than the limit."""


class Inspection(NamedTuple):
    """What the look found: the customers without a fault of shape (None for the others)."""

    customer_type: str | None
    cms_project_id: str | None
    customers: list[Customer | None]
    faults: list[Fault]


class _Number:
    """Stands for any number: no field takes one, and huge ones need not be computed."""


class _Members(dict[str, Any]):
    """A JSON object that remembers which of its keys stood twice."""

    duplicates: list[str]


def _members(pairs: list[tuple[str, Any]]) -> _Members:
    members = _Members(pairs)
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


def _number(_: str) -> _Number:
    return _Number()


def inspect_batch(body: bytes, limits: Limits, *, ignore_unknown: bool = False) -> Inspection:
    """Look at everything in the body.

    Raises `JsonInvalid`, `JsonTooDeep`, `TooManyItems` and `TooManyValues`; all else becomes a
    fault.
    """
    root = _parse(body, limits)
    faults: list[Fault] = []
    walk = _Walk(faults, ignore_unknown)
    if not isinstance(root, _Members):
        walk.wrong_type(None, "", "object", root)
        return Inspection(None, None, [], faults)
    clean = walk.members(None, "", Batch, root)
    items = clean.get("customerData", [])
    if len(items) > limits.items:
        raise TooManyItems
    customers = [walk.customer(index, item) for index, item in enumerate(items)]
    faults.sort(key=lambda fault: (-1 if fault.item is None else fault.item, fault.pointer))
    return Inspection(clean.get("customerType"), clean.get("cmsProjectId"), customers, faults)


def _parse(body: bytes, limits: Limits) -> Any:
    # Each value follows one of these; a body of millions of tiny ones is not worth a list of
    # its faults, and parsed it would take a hundred times its size.
    values = body.count(b",") + body.count(b"[") + body.count(b"{")
    if values > VALUES_PER_ITEM * (limits.items + 1):
        raise TooManyValues
    _check_depth(body, limits.json_depth)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise JsonInvalid(f"Byte {error.start} is not valid UTF-8.") from None
    try:
        return json.loads(
            text,
            object_pairs_hook=_members,
            parse_constant=_no_constant,
            parse_int=_number,
            parse_float=_number,
        )
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise JsonInvalid(f"The JSON is malformed at {place}: {error.msg}.") from None


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


class _Field(NamedTuple):
    kind: str
    nullable: bool
    required: bool


def _shape(struct: type[Struct]) -> dict[str, _Field]:
    shape = {}
    for field in fields(struct):
        types = set(get_args(field.type)) or {field.type}
        if bool in types:
            kind = "boolean"
        elif str in types:
            kind = "string"
        elif field.encode_name == "customerData":
            kind = "array"
        else:
            kind = "object"
        shape[field.encode_name] = _Field(kind, type(None) in types, field.required)
    return shape


_SHAPES: Final[dict[type[Struct], dict[str, _Field]]] = {
    struct: _shape(struct)
    for struct in (Batch, Customer, CustomerWallet, CustomerClaims, CustomerDid)
}
_PARTS: Final[dict[str, type[Struct]]] = {
    "customerWallet": CustomerWallet,
    "customerClaims": CustomerClaims,
    "customerDid": CustomerDid,
}
_KINDS: Final[dict[type, str]] = {
    str: "string",
    bool: "boolean",
    _Number: "number",
    list: "array",
    _Members: "object",
    type(None): "null",
}


class _Walk:
    """Walks parsed JSON beside the wire types and collects faults."""

    def __init__(self, faults: list[Fault], ignore_unknown: bool) -> None:
        self.faults = faults
        self.ignore_unknown = ignore_unknown
        self.hints: dict[tuple[type[Struct], str], str] = {}

    def customer(self, item: int, value: Any) -> Customer | None:
        """Build one customer, or None when its shape has a fault."""
        before = len(self.faults)
        if not isinstance(value, _Members):
            self.wrong_type(item, "", "object", value)
            return None
        clean = self.members(item, "", Customer, value)
        for name, struct in _PARTS.items():
            if clean.get(name) is not None:
                clean[name] = self.members(item, f"/{name}", struct, clean[name])
        if len(self.faults) != before:
            return None
        return msgspec.convert(clean, Customer)

    def members(
        self, item: int | None, base: str, struct: type[Struct], value: _Members
    ) -> dict[str, Any]:
        """The members of one object that are known and right; faults for all others."""
        shape = _SHAPES[struct]
        for key in value.duplicates:
            self.faults.append(Fault(item, _pointer(base, key), "field.duplicate"))
        clean = {}
        for key, member in value.items():
            field = shape.get(key)
            if field is None:
                self._unknown(item, base, key, struct)
            elif self._is_right(item, f"{base}/{key}", field, member):
                clean[key] = member
        for key, field in shape.items():
            if field.required and key not in value:
                self.faults.append(Fault(item, f"{base}/{key}", "field.missing"))
        return clean

    def wrong_type(self, item: int | None, pointer: str, expected: str, value: Any) -> None:
        """Record that a value is of another JSON type than the field's."""
        hint = f"Expected: {expected}; sent: {_KINDS[type(value)]}."
        self.faults.append(Fault(item, pointer, "field.type", hint))

    def _is_right(self, item: int | None, pointer: str, field: _Field, value: Any) -> bool:
        if value is None and field.nullable:
            return True
        if _KINDS[type(value)] != field.kind:
            self.wrong_type(item, pointer, field.kind, value)
            return False
        if field.kind == "string":
            codes = list(_text_faults(value))
            self.faults += [Fault(item, pointer, code) for code in codes]
            return not codes
        return True

    def _unknown(self, item: int | None, base: str, key: str, struct: type[Struct]) -> None:
        if self.ignore_unknown:
            return
        name = (struct, key[:LONGEST_KEY_NAMED])
        if name not in self.hints and len(self.hints) < MOST_NAMES_EXPLAINED:
            self.hints[name] = _nearest(*name)
        hint = self.hints.get(name, "")
        self.faults.append(Fault(item, _pointer(base, key), "field.unknown", hint))


def _nearest(struct: type[Struct], key: str) -> str:
    """A hint at the known name that the key may stand for."""
    lowered = {name.lower(): name for name in _SHAPES[struct]}
    wanted = key.lower().replace("_", "").replace("-", "")
    near = get_close_matches(wanted, lowered, n=1)
    return f"Did you mean {lowered[near[0]]}?" if near else ""


def _text_faults(text: str) -> Iterator[str]:
    if "\0" in text:
        yield "text.nul"
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            yield "text.surrogate"


def _pointer(base: str, key: str) -> str:
    """The pointer of a key that the caller chose: cut at its object when it cannot be told."""
    if len(key) > LONGEST_KEY_NAMED or any(_text_faults(key)):
        return base
    return f"{base}/{key.replace('~', '~0').replace('/', '~1')}"
