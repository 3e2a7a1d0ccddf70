"""``/openapi.json``: every route with its parameters and all of its answers.

The document is written here and not by the framework, for the batch route stands before the
framework, and a framework knows the answer of success alone. Each resource brings its part.
"""

from functools import lru_cache
from typing import Final

import msgspec

from enrol import __version__
from enrol.api.reference.answers import HEADERS, refusal
from enrol.api.reference.paths import (
    batch,
    batches,
    customer,
    customers,
    emails,
    erasure,
    events,
    export,
    findings,
    health,
    keys,
    lookup,
    merging,
    parts,
    reference,
    webhooks,
)
from enrol.api.reference.resource import Resource, parameter
from enrol.api.reference.results import answer_schemas
from enrol.api.reference.schemas import Json, bytes_in_words, component_schemas
from enrol.settings import Settings

# In the order of the page; a new resource is a module of `paths` and a name here.
RESOURCES: Final[tuple[Resource, ...]] = (
    batch.RESOURCE,
    customers.RESOURCE,
    export.RESOURCE,
    lookup.RESOURCE,
    customer.RESOURCE,
    parts.RESOURCE,
    emails.RESOURCE,
    batches.RESOURCE,
    merging.RESOURCE,
    findings.RESOURCE,
    events.RESOURCE,
    erasure.RESOURCE,
    keys.RESOURCE,
    webhooks.RESOURCE,
    health.RESOURCE,
    reference.RESOURCE,
)


@lru_cache(maxsize=1)
def openapi_json(settings: Settings) -> bytes:
    """The document of a server with these settings, made once."""
    return msgspec.json.encode(openapi_document(settings))


def openapi_document(settings: Settings) -> Json:
    """The OpenAPI 3.1 document of a server with these settings."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Enrol",
            "version": __version__,
            "summary": "A self-hosted customer registry.",
            "description": _introduction(settings),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "tags": [
            {"name": name, "description": description}
            for resource in RESOURCES
            for name, description in resource.tags
        ],
        "paths": _paths(settings),
        "components": {
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key: `enrol key create --project ID`. The scope that a "
                    "call needs stands with it; `admin` holds every scope.",
                }
            },
            "schemas": {**component_schemas(settings, RESOURCES), **answer_schemas(settings)},
            "headers": HEADERS,
            "parameters": {"RequestId": _request_id()},
            "responses": {
                "NotFound": refusal(404, ["route.unknown"]),
                "MethodNotAllowed": refusal(405, ["route.method"]),
            },
        },
    }


def _paths(settings: Settings) -> Json:
    """The path items of all resources; of one path, several may bring methods."""
    paths: Json = {}
    for resource in RESOURCES:
        for path, item in resource.paths(settings).items():
            paths.setdefault(path, {}).update(item)
    return paths


def _introduction(settings: Settings) -> str:
    return f"""\
Every answer that is no success is a problem document (RFC 9457) with a stable `code`, but for \
what is no HTTP request at all, which gets 400 as plain text; \
[/docs/problems](/docs/problems) explains each. Any other \
address answers 404 (`route.unknown`), any other method 405 (`route.method`) with `Allow`.

A batch may have {settings.max_items:,} customers and {bytes_in_words(settings.max_body_bytes)}, \
and nest {settings.max_json_depth} levels deep. It is refused when an object \
has the same key twice, a text holds a lone surrogate or the NUL character, or a field is not \
known. `null` is the same as a field that is not there.

A strict project also refuses values of a wrong format: wallet addresses, DIDs, birthdates, \
zones, locales, URLs and pictures. A lenient project stores them as they were sent, and keeps a \
finding on the customer. What is right but odd (a name that holds neither of its parts, a mark \
that nobody sees) is a finding in both."""


def _request_id() -> Json:
    words = "An ID of yours for the call. A UUID, with hyphens or without, is kept."
    return parameter("header", "X-Request-Id", words, {"type": "string"})
