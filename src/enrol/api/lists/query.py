"""Query strings, read as structs whose fields say what each parameter may be."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from typing import Annotated, Any, Final, NamedTuple, TypeVar, get_args
from urllib.parse import parse_qsl
from uuid import UUID

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import FieldInfo, fields

from enrol.customers.faults import Fault
from enrol.problems import Problem

S = TypeVar("S", bound=Struct)
_WHOLE: Final = re.compile("-?[0-9]+")
_PLAIN: Final = {UUID: "a UUID", bool: "true or false"}
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def time_of(text: str, *, end: bool = False) -> int:
    """The Unix milliseconds of an RFC 3339 date, or date and time (UTC where no offset is said);
    with ``end`` those just behind it. Raises `ValueError`."""
    # A "+" of an offset that was not escaped arrives as a space.
    text = text.replace(" ", "+") if "T" in text else text
    if "T" in text:
        at, step = datetime.fromisoformat(text), timedelta(milliseconds=1)
        if at.tzinfo is None:
            at = at.replace(tzinfo=UTC)
    else:
        at = datetime.combine(date.fromisoformat(text), time(), UTC)
        step = timedelta(days=1)
    milliseconds = (at - EPOCH + (step if end else timedelta())) // timedelta(milliseconds=1)
    # No customer is older; and the index holds no negative time.
    return max(milliseconds, 0)


FromDate = Annotated[
    str,
    Meta(
        title="a date, or a date and time, of RFC 3339",
        description="Created at this time or later: an RFC 3339 date, or date and time.",
        extra={"read": time_of},
        extra_json_schema={"anyOf": [{"format": "date"}, {"format": "date-time"}]},
    ),
]
ToDate = Annotated[
    str,
    Meta(
        title="a date, or a date and time, of RFC 3339",
        description="Created at this time or before; a date includes its day.",
        extra={"read": time_of},
        extra_json_schema={"anyOf": [{"format": "date"}, {"format": "date-time"}]},
    ),
]


class Rule(NamedTuple):
    """What a parameter must be beyond its type: ``check`` raises `ValueError` or `OverflowError`
    for a text that is not ``kind``, which says it in words."""

    kind: str
    check: Callable[[str], object]


def read_query(
    query_string: bytes, struct: type[S], rules: Mapping[str, Rule] = MappingProxyType({})
) -> S:
    """The query as a struct, whose fields are texts, numbers or UUIDs, bounded by `Meta`, whose
    ``title`` says in words what a text of a pattern is, and by ``rules``, each for a parameter.

    Raises `Problem` ``query.invalid`` naming every fault.
    """
    known = {field.encode_name: field for field in fields(struct)}
    sent: dict[str, Any] = {}
    faults = []
    for name, text in parse_qsl(query_string.decode("latin-1"), keep_blank_values=True):
        field = known.get(name)
        if field is None:
            faults.append(Fault(None, "", "query.unknown", f"Known: {', '.join(known)}."))
            continue
        if name in sent:
            faults.append(Fault(None, f"/{name}", "query.value", f"{name} stands twice."))
        try:
            sent[name] = _convert(text, field)
            if name in rules:
                rules[name].check(text)
        except (msgspec.ValidationError, ValueError, OverflowError):
            sent[name] = None
            kind = rules[name].kind if name in rules else _kind(field)
            faults.append(Fault(None, f"/{name}", "query.value", f"{name} is {kind}."))
    for name, field in known.items():
        if field.required and name not in sent:
            faults.append(Fault(None, f"/{name}", "query.value", f"{name} is required."))
    if faults:
        raise Problem("query.invalid", faults=faults)
    # What was converted once is of its type.
    return struct(**{field.name: sent[name] for name, field in known.items() if name in sent})


def _convert(text: str, field: FieldInfo) -> Any:
    """Raises `ValidationError`, and what a text's own reader raises: `ValueError` and
    `OverflowError`."""
    value = msgspec.convert(text, field.type, strict=False)
    # Which is what the text "null" converts to, where nothing sent is None.
    if value is None:
        raise msgspec.ValidationError
    # msgspec takes "1e2" and "1.0" for whole numbers.
    if type(value) is int and not _WHOLE.fullmatch(text):
        raise msgspec.ValidationError
    for meta in get_args(field.type)[1:]:
        if isinstance(meta, Meta) and meta.extra:
            meta.extra["read"](text)
    return value


def _kind(field: FieldInfo) -> str:
    """What a parameter is, in words."""
    annotated, *metas = get_args(field.type)
    kinds = [annotated, *get_args(annotated)]
    for kind, words in _PLAIN.items():
        if kind in kinds:
            return words
    bounds = metas[0]
    if bounds.title is not None:
        return str(bounds.title)
    if bounds.ge is not None:
        return f"a whole number from {bounds.ge} to {bounds.le}"
    return f"a text of {bounds.min_length} to {bounds.max_length} characters"
