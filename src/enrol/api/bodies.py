"""The small JSON bodies, of all routes but that of the batch."""

from collections.abc import Sequence
from typing import Any, Final, TypeVar

from litestar import Request as LitestarRequest
from msgspec import Struct

from enrol.api.http import JSON, MERGE_PATCH, REQUEST_ID, Request
from enrol.api.server import Server
from enrol.customers.reading.decode import TooManyValues
from enrol.customers.reading.json_text import JsonInvalid, JsonTooDeep
from enrol.customers.reading.struct import MOST_VALUES, read_struct
from enrol.problems import Problem
from enrol.settings import MIB

S = TypeVar("S", bound=Struct)

JSON_OR_PATCH: Final = (JSON, MERGE_PATCH)
MOST_BYTES: Final = 1 * MIB
# However deep a batch may nest: each level of a free object is one of the interpreter's stack.
MOST_LEVELS: Final = 64


async def read_json(
    server: Server,
    request: LitestarRequest[Any, Any, Any] | Request,
    struct: type[S],
    *,
    media_types: Sequence[str] = (JSON,),
    most_bytes: int = MOST_BYTES,
    most_values: int = MOST_VALUES,
) -> S:
    """The body of a call as a struct.

    Fields may be text, bool, int, `Literal` of texts, `UUID`, `datetime` (with ``tz=True``), other
    structs, a text or a struct, lists, dictionaries and `Any`, each nullable; absent is `UNSET`
    where that is the default. `Meta` bounds lengths, numbers and patterns; its ``description``
    tells the caller what a text of the wrong pattern should have been. A text whose `Meta` has no
    ``max_length`` may have as many characters as the settings say. No other field is taken.

    Raises `Problem`: ``body.invalid`` (422) with every fault and its JSON Pointer, and all that
    `BodyReader.read` raises; ``json.invalid``, ``json.too_deep``, ``json.too_many_values``.
    """
    if not isinstance(request, Request):
        request = edge_request(request)
    body = await server.bodies.read(request, media_types, most_bytes)
    levels = min(server.limits.json_depth, MOST_LEVELS)
    try:
        read = read_struct(
            body,
            struct,
            text_chars=server.limits.text_chars,
            most_levels=levels,
            most_values=most_values,
        )
    except TooManyValues:
        detail = f"The body has more than {most_values} JSON values."
        raise Problem("json.too_many_values", detail) from None
    except JsonTooDeep:
        detail = f"The body is nested deeper than {levels} levels."
        raise Problem("json.too_deep", detail) from None
    except JsonInvalid as error:
        raise Problem("json.invalid", str(error)) from None
    finally:
        server.bodies.release(body)
    if isinstance(read, list):
        raise Problem("body.invalid", faults=read)
    return read


def edge_request(request: LitestarRequest[Any, Any, Any]) -> Request:
    """The request as the edge took it, of whose body the framework has read nothing."""
    edge_request = request.scope[REQUEST_ID]  # type: ignore[typeddict-item]
    assert isinstance(edge_request, Request)
    return edge_request
