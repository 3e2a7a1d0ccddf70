"""A query string as a struct."""

from typing import Any, TypeVar, get_args
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct
from msgspec.structs import FieldInfo, fields

from enrol.customers.faults import Fault
from enrol.problems import Problem

S = TypeVar("S", bound=Struct)


def read_query(query_string: bytes, struct: type[S]) -> S:
    """Read the query; each field is an int or a text, with `Meta`.

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
        except msgspec.ValidationError:
            sent[name] = None
            faults.append(Fault(None, f"/{name}", "query.value", f"{name} is {_kind(field)}."))
    for name, field in known.items():
        if field.required and name not in sent:
            faults.append(Fault(None, f"/{name}", "query.value", f"{name} is required."))
    if faults:
        raise Problem("query.invalid", faults=faults)
    return msgspec.convert(sent, struct)


def _kind(field: FieldInfo) -> str:
    bounds = get_args(field.type)[1]
    if bounds.le is not None:
        return f"a whole number from {bounds.ge} to {bounds.le}"
    if bounds.pattern is not None:
        return str(bounds.title)
    return f"a text of {bounds.min_length} to {bounds.max_length} characters"
