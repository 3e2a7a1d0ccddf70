"""The shapes that JSON values may have, taken from the annotations of a `msgspec.Struct`.

Each shape reads a parsed value beside a `Walk`, to which it tells every fault, and gives the value
for `msgspec.convert`, or `WRONG`. A hint names what would be right, never what was sent.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, Final, NamedTuple, Protocol
from uuid import UUID

import msgspec
from msgspec import Meta, Struct
from msgspec import inspect as types

from enrol.customers.reading.json_text import JsonNumber, JsonObject
from enrol.customers.reading.walk import Walk, pointer_to, text_faults

WRONG: Final = object()
# As many as PostgreSQL, SQLite and a double's callers agree on.
LEAST_INTEGER: Final = -(2**63)
MOST_INTEGER: Final = 2**63 - 1
UUID_CHARS: Final = 36
_INTEGER: Final = re.compile(r"(-?[0-9]{1,19})(?:\.0+)?")


class Shape(Protocol):
    """What a value may be."""

    def read(self, walk: Walk, item: int | None, pointer: str, value: Any) -> Any:
        """The value, or `WRONG` once its faults are told."""


class Nullable(NamedTuple):
    """A shape, or null."""

    shape: Shape

    def read(self, walk: Walk, item: int | None, pointer: str, value: Any) -> Any:
        return None if value is None else self.shape.read(walk, item, pointer, value)


class Text(NamedTuple):
    """A text; lengths in characters. ``form`` is a type that must take it, ``words`` say what a
    text of the wrong pattern or form should have been."""

    least: int = 0
    most: int | None = None
    pattern: str | None = None
    form: Any = str
    words: str = ""

    def read(self, walk: Walk, item: int | None, pointer: str, value: Any) -> Any:
        if type(value) is not str:
            walk.wrong_type(item, pointer, "string", value)
            return WRONG
        codes = list(text_faults(value))
        for code in codes:
            walk.fault(item, pointer, code)
        most = walk.text_chars if self.most is None else self.most
        if most is not None and len(value) > most:
            walk.fault(item, pointer, "text.too_long", f"At most {most} characters.")
        elif not value and self.least:
            walk.fault(item, pointer, "field.empty")
        elif len(value) < self.least:
            walk.fault(item, pointer, "field.value", f"At least {self.least} characters.")
        elif codes:
            return WRONG
        elif not self._has_form(value):
            walk.fault(item, pointer, "field.value", self.words)
        else:
            return value
        return WRONG

    def _has_form(self, value: str) -> bool:
        if self.pattern is not None and not re.search(self.pattern, value):
            return False
        if self.form is str:
            return True
        try:
            made = msgspec.convert(value, self.form)
            if isinstance(made, datetime):
                made.astimezone(UTC)
        # A moment of the year 9999 may lie in the year 10000 of another zone.
        except (msgspec.ValidationError, OverflowError):
            return False
        return True


class TextOr(NamedTuple):
    """A text, or an object that says more."""

    text: Text
    object: Shape

    def read(self, walk: Walk, item: int | None, pointer: str, value: Any) -> Any:
        if type(value) is JsonObject:
            return self.object.read(walk, item, pointer, value)
        if type(value) is not str:
            walk.wrong_type(item, pointer, "string or object", value)
            return WRONG
        return self.text.read(walk, item, pointer, value)


class Choice(NamedTuple):
    """One of a few texts."""

    values: tuple[str, ...]

    def read(self, walk: Walk, item: int | None, pointer: str, value: Any) -> Any:
        if type(value) is not str:
            walk.wrong_type(item, pointer, "string", value)
        elif value not in self.values:
            walk.fault(item, pointer, "field.value", f"One of: {', '.join(self.values)}.")
        else:
            return value
        return WRONG


class Boolean(NamedTuple):
    """True or false."""

    def read(self, walk: Walk, item: int | None, pointer: str, value: Any) -> Any:
        if type(value) is bool:
            return value
        walk.wrong_type(item, pointer, "boolean", value)
        return WRONG


class Integer(NamedTuple):
    """A whole number, 1.0 too, which JSON does not tell from 1."""

    least: int = LEAST_INTEGER
    most: int = MOST_INTEGER

    def read(self, walk: Walk, item: int | None, pointer: str, value: Any) -> Any:
        if type(value) is not JsonNumber:
            walk.wrong_type(item, pointer, "integer", value)
            return WRONG
        match = _INTEGER.fullmatch(value.text)
        number = int(match[1]) if match else None
        if number is None or not self.least <= number <= self.most:
            words = f"A whole number from {self.least} to {self.most}."
            walk.fault(item, pointer, "field.value", words)
            return WRONG
        return number


class Anything(NamedTuple):
    """Any JSON value that comes back as it was sent: texts that can be stored, and numbers that a
    64-bit integer or a double holds exactly."""

    def read(self, walk: Walk, item: int | None, pointer: str, value: Any) -> Any:
        if type(value) is JsonObject:
            return Mapped(self).read(walk, item, pointer, value)
        if type(value) is list:
            return Sequence(self).read(walk, item, pointer, value)
        if type(value) is str:
            return Text().read(walk, item, pointer, value)
        if type(value) is not JsonNumber:
            return value
        number = _exactly(value.text)
        if number is None:
            words = "A number with more digits than a double keeps: send it as a text."
            walk.fault(item, pointer, "field.value", words)
            return WRONG
        return number


def _exactly(text: str) -> int | float | None:
    """The number that a text writes, or None when it would come back as another."""
    if re.fullmatch("-?[0-9]{1,19}", text):
        number = int(text)
        return number if LEAST_INTEGER <= number <= MOST_INTEGER else None
    double = float(text)
    if double == 0:
        # What is too small for a double is too small for a Decimal, at some exponent.
        return None if re.search("[1-9]", re.split("[eE]", text)[0]) else double
    if double in (float("inf"), float("-inf")) or Decimal(text) != Decimal(repr(double)):
        return None
    return double


class Sequence(NamedTuple):
    """An array; without a shape its items are left to the caller."""

    shape: Shape | None
    least: int = 0
    most: int | None = None

    def read(self, walk: Walk, item: int | None, pointer: str, value: Any) -> Any:
        if type(value) is not list:
            walk.wrong_type(item, pointer, "array", value)
            return WRONG
        if self.most is not None and len(value) > self.most:
            walk.fault(item, pointer, "field.value", f"At most {self.most} items.")
            return WRONG
        if not value and self.least:
            walk.fault(item, pointer, "field.empty")
            return WRONG
        if len(value) < self.least:
            walk.fault(item, pointer, "field.value", f"At least {self.least} items.")
            return WRONG
        if self.shape is None:
            return value
        clean = [
            self.shape.read(walk, item, f"{pointer}/{place}", one)
            for place, one in enumerate(value)
        ]
        return WRONG if any(one is WRONG for one in clean) else clean


class Mapped(NamedTuple):
    """An object whose names the caller chooses."""

    shape: Shape
    least: int = 0
    most: int | None = None
    names: Text = Text()

    def read(self, walk: Walk, item: int | None, pointer: str, value: Any) -> Any:
        if type(value) is not JsonObject:
            walk.wrong_type(item, pointer, "object", value)
            return WRONG
        before = len(walk.faults)
        if self.most is not None and len(value) > self.most:
            walk.fault(item, pointer, "field.value", f"At most {self.most} members.")
            return WRONG
        if len(value) < self.least:
            walk.fault(item, pointer, "field.value", f"At least {self.least} members.")
            return WRONG
        for key in value.duplicates:
            walk.fault(item, pointer_to(pointer, key), "field.duplicate")
        clean = {}
        for key, member in value.items():
            place = pointer_to(pointer, key)
            self.names.read(walk, item, place, key)
            clean[key] = self.shape.read(walk, item, place, member)
        return WRONG if len(walk.faults) != before else clean


class Field(NamedTuple):
    """A member of an object."""

    shape: Shape
    required: bool


class Object:
    """An object with the fields of a struct, no others, and none twice."""

    def __init__(self, struct: type[Struct], fields: Mapping[str, Field]) -> None:
        self.struct = struct
        self.fields = fields

    def read(self, walk: Walk, item: int | None, pointer: str, value: Any) -> Any:
        before = len(walk.faults)
        clean = self.members(walk, item, pointer, value)
        return WRONG if clean is None or len(walk.faults) != before else clean

    def members(
        self, walk: Walk, item: int | None, pointer: str, value: Any
    ) -> dict[str, Any] | None:
        """The members that are known and right; faults for all others. None: no object."""
        if type(value) is not JsonObject:
            walk.wrong_type(item, pointer, "object", value)
            return None
        for key in value.duplicates:
            walk.fault(item, pointer_to(pointer, key), "field.duplicate")
        clean = {}
        for key, member in value.items():
            field = self.fields.get(key)
            if field is None:
                walk.unknown(item, pointer, key, self.struct, self.fields)
                continue
            read = field.shape.read(walk, item, f"{pointer}/{key}", member)
            if read is not WRONG:
                clean[key] = read
        for key, field in self.fields.items():
            if field.required and key not in value:
                walk.fault(item, f"{pointer}/{key}", "field.missing")
        return clean


@lru_cache(maxsize=256)
def object_of(struct: type[Struct], **instead: Shape) -> Object:
    """The shape of a struct, with the shapes of some fields (by their JSON names) replaced.

    Raises `TypeError` for an annotation that no shape knows.
    """
    kind = types.type_info(struct)
    assert isinstance(kind, types.StructType)
    return _object_of(kind, instead)


def _object_of(kind: types.StructType, instead: Mapping[str, Shape]) -> Object:
    if kind.array_like or kind.tag_field is not None:
        raise TypeError(f"{kind.cls.__name__} is no plain object")
    fields = {
        field.encode_name: Field(
            instead.get(field.encode_name) or shape_of(field.type), field.required
        )
        for field in kind.fields
    }
    return Object(kind.cls, fields)


def shape_of(kind: types.Type) -> Shape:
    """The shape of an annotation. Raises `TypeError` for one that no shape knows."""
    words = ""
    if isinstance(kind, types.Metadata):
        words = str((kind.extra_json_schema or {}).get("description", ""))
        kind = kind.type
    match kind:
        case types.StrType():
            return Text(kind.min_length or 0, kind.max_length, kind.pattern, words=words)
        case types.BoolType():
            return Boolean()
        case types.IntType(gt=None, lt=None, multiple_of=None):
            least = LEAST_INTEGER if kind.ge is None else kind.ge
            return Integer(least, MOST_INTEGER if kind.le is None else kind.le)
        case types.LiteralType(values=values) if all(isinstance(one, str) for one in values):
            return Choice(tuple(str(one) for one in values))
        case types.UUIDType():
            return Text(most=UUID_CHARS, form=UUID, words="A UUID.")
        case types.DateTimeType(tz=True):
            form = Annotated[datetime, Meta(tz=True)]
            return Text(form=form, words="A date-time of RFC 3339, with its offset from UTC.")
        case types.UnionType():
            return _union(kind)
        case types.ListType() | types.VarTupleType():
            return Sequence(shape_of(kind.item_type), kind.min_length or 0, kind.max_length)
        case types.DictType(key_type=types.StrType() as names):
            named = Text(names.min_length or 0, names.max_length, names.pattern)
            least = kind.min_length or 0
            return Mapped(shape_of(kind.value_type), least, kind.max_length, named)
        case types.StructType():
            return _object_of(kind, {})
        case types.AnyType():
            return Anything()
    raise TypeError(f"no shape for {kind}")


def _union(kind: types.UnionType) -> Shape:
    others = [one for one in kind.types if not isinstance(one, types.NoneType)]
    if len(others) == len(kind.types) == 2:
        text, other = (shape_of(one) for one in others)
        if isinstance(text, Text) and isinstance(other, Object):
            return TextOr(text, other)
    if len(others) != 1 or len(others) == len(kind.types):
        raise TypeError(f"no shape for {kind}")
    return Nullable(shape_of(others[0]))
