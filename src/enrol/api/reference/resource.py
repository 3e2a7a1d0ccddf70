"""What a resource brings to the OpenAPI document, and the words that all of them use."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from enrol.api.bodies import MOST_BYTES
from enrol.api.http import JSON
from enrol.api.reference.answers import with_rates
from enrol.api.reference.schemas import Json, bytes_in_words, ref
from enrol.problems import PROBLEMS
from enrol.settings import Settings

UNKNOWN_PARAMETERS: Final = "A query parameter that is not listed, or stands twice, is refused."

# The refusals that routes share, by what a route has: a server, the store, a key, an ID in its
# path, a small JSON body.
SERVER: Final = ("header.repeated", "server.error")
STORE: Final = (*SERVER, "store.unavailable")
KEY: Final = (
    *(code for code in PROBLEMS if code.startswith("access.") and code != "access.project"),
    "rate.limited",
    "server.busy",
    *STORE,
)
PATH: Final = (*KEY, "customer.unknown", "customer.erased", "route.unknown")
BODY: Final = tuple(code for code in PROBLEMS if code.startswith(("body.", "content_", "json.")))

Meanings = Mapping[str, Mapping[str, tuple[str, object]]]


def _nothing(settings: Settings) -> Json:
    return {}


class Resource(NamedTuple):
    """The part of the document that one resource brings.

    ``paths`` are the path items of a server with these settings, ``tags`` (name, description) the
    headings of their operations. ``types`` are the structs whose schemas become components, with
    those within them; ``meanings`` say of their fields, by the schema's and the field's name, what
    they mean, with an example or None. ``schemas`` are components that no struct is, or that take
    the place of a struct's.
    """

    paths: Callable[[Settings], Json]
    tags: tuple[tuple[str, str], ...] = ()
    types: tuple[type, ...] = ()
    meanings: Meanings = MappingProxyType({})
    schemas: Callable[[Settings], Json] = _nothing


def operation(
    tag: str,
    operation_id: str,
    summary: str,
    description: str,
    responses: Json,
    *,
    parameters: list[Json] | None = None,
    scope: str | None = None,
    **more: Any,
) -> Json:
    """An operation; without a ``scope`` it needs no key."""
    return {
        "tags": [tag],
        "operationId": operation_id,
        "summary": summary,
        "description": description,
        "security": [{"key": [scope]}] if scope else [],
        "parameters": [*(parameters or ()), {"$ref": "#/components/parameters/RequestId"}],
        **more,
        "responses": with_rates(responses) if scope else responses,
    }


def parameter(
    place: str,
    name: str,
    description: str,
    schema: Json,
    example: str | None = None,
    *,
    required: bool = False,
) -> Json:
    """A parameter; those of a path are required."""
    written: Json = {"name": name, "in": place, "description": description}
    if required or place == "path":
        written["required"] = True
    written["schema"] = schema
    if example is not None:
        written["example"] = example
    return written


def small_body(
    name: str,
    summary: str,
    example: Json,
    *,
    media_types: tuple[str, ...] = (JSON,),
    most_bytes: int = MOST_BYTES,
) -> Json:
    """The ``requestBody`` of a route that reads a component with `enrol.api.bodies.read_json`."""
    content = {"schema": ref(name), "examples": {"body": {"summary": summary, "value": example}}}
    return {
        "required": True,
        "description": f"At most {bytes_in_words(most_bytes)}.",
        "content": dict.fromkeys(media_types, content),
    }
