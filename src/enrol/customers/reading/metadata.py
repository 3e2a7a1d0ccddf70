"""The shape of metadata: a flat object, all of whose faults are told."""

from typing import Any, Final

from msgspec import Raw

from enrol.customers.profiles.metadata import metadata_faults
from enrol.customers.reading.json_text import JsonNumber, JsonObject
from enrol.customers.reading.shapes import WRONG, Text
from enrol.customers.reading.walk import Walk, pointer_to

NULL: Final = Raw(b"null")
# The caller has the text as it was sent.
SENT: Final = Raw(b"{}")
_TEXT: Final = Text()


class Metadata:
    """Null, or a flat object; what is right is read as `NULL` or `SENT`."""

    def read(self, walk: Walk, item: int | None, pointer: str, value: Any) -> Any:
        """The value, or `WRONG` once its faults are told."""
        if value is None:
            return NULL
        if type(value) is not JsonObject:
            walk.wrong_type(item, pointer, "object", value)
            return WRONG
        before = len(walk.faults)
        for name, code, hint in metadata_faults(_with_doubles(value)):
            walk.fault(item, pointer if name is None else pointer_to(pointer, name), code, hint)
        for name in value.duplicates:
            walk.fault(item, pointer_to(pointer, name), "field.duplicate")
        if not any(fault.code == "metadata.too_many" for fault in walk.faults[before:]):
            for name, member in value.items():
                _TEXT.read(walk, item, pointer_to(pointer, name), name)
                if type(member) is str:
                    _TEXT.read(walk, item, pointer_to(pointer, name), member)
        return WRONG if len(walk.faults) != before else SENT


def _with_doubles(members: JsonObject) -> dict[str, Any]:
    return {
        name: float(member.text) if type(member) is JsonNumber else member
        for name, member in members.items()
    }
