"""A small JSON body, from bytes to a struct or to all of its faults."""

from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from enrol.customers.faults import Fault
from enrol.customers.reading.json_text import parse_json
from enrol.customers.reading.shapes import WRONG, object_of
from enrol.customers.reading.walk import Walk

S = TypeVar("S", bound=Struct)

MOST_VALUES: Final = 20_000


def read_struct(
    body: bytes,
    struct: type[S],
    *,
    text_chars: int,
    most_levels: int,
    most_values: int = MOST_VALUES,
) -> S | list[Fault]:
    """The struct that a body holds, or all faults of the body, in the order of their pointers.

    A text whose annotation has no ``max_length`` may have ``text_chars`` characters. Raises
    `JsonInvalid`, `JsonTooDeep` and `TooManyValues`.
    """
    root = parse_json(body, most_values=most_values, most_levels=most_levels)
    walk = Walk(text_chars=text_chars)
    clean = object_of(struct).read(walk, None, "", root)
    if clean is WRONG:
        return sorted(walk.faults, key=lambda fault: fault.pointer)
    try:
        return msgspec.convert(clean, struct)
    except msgspec.ValidationError:
        # What a struct asks of its fields together (``__post_init__``), no shape knows.
        return [Fault(None, "", "field.value")]
