"""Query strings, read as structs whose fields say what each parameter may be."""

from typing import Any, Final, TypeVar, get_args
from urllib.parse import parse_qsl
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import FieldInfo, fields

from enrol.customers.faults import Fault
from enrol.problems import Problem

S = TypeVar("S", bound=Struct)
_PLAIN: Final = {UUID: "a UUID", bool: "true or false"}


def read_query(query_string: bytes, struct: type[S]) -> S:
    """The query as a struct, whose fields are texts, numbers or UUIDs, bounded by `Meta`;
    its ``title`` says in words what a text of a pattern is.

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
            sent[name] = msgspec.convert(text, field.type, strict=False)
            # Which is what the text "null" converts to, where nothing sent is None.
            if sent[name] is None:
                raise msgspec.ValidationError
        except msgspec.ValidationError:
            sent[name] = None
            faults.append(Fault(None, f"/{name}", "query.value", f"{name} is {_kind(field)}."))
    for name, field in known.items():
        if field.required and name not in sent:
            faults.append(Fault(None, f"/{name}", "query.value", f"{name} is required."))
    if faults:
        raise Problem("query.invalid", faults=faults)
    # What was converted once is of its type.
    return struct(**{field.name: sent[name] for name, field in known.items() if name in sent})


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
