"""``/openapi.json``: every route with its parameters and all of its answers.

The document is written here and not by the framework, for the batch route stands before the
framework, and a framework knows the answer of success alone.
"""

from functools import lru_cache
from typing import Any, Final

import msgspec

from enrol import __version__
from enrol.api import batch
from enrol.api.reference import examples
from enrol.api.reference.answers import HEADERS, refusal, refusals, success
from enrol.api.reference.schemas import (
    Json,
    array_of,
    bytes_in_words,
    component_schemas,
    ref,
)
from enrol.api.resources.customers import PageQuery
from enrol.problems import PROBLEMS
from enrol.settings import Settings

UNKNOWN_PARAMETERS: Final = "A query parameter that is not listed, or stands twice, is refused."

SERVER: Final = ("header.repeated", "server.error")
STORE: Final = (*SERVER, "store.unavailable")
KEY: Final = (
    *(code for code in PROBLEMS if code.startswith("access.") and code != "access.project"),
    *STORE,
)
PATH: Final = (*KEY, "customer.unknown", "route.unknown")
ENROL: Final = (
    *KEY,
    "access.project",
    "query.invalid",
    "server.busy",
    "store.full",
    *(
        code
        for code in PROBLEMS
        if code.startswith(("body.", "content_", "json.", "batch.", "idempotency."))
    ),
)

# What each value of the query of the batch does.
CHOICES: Final = {
    "mode": {
        "atomic": "all customers are stored, or none",
        "partial": "those that are right are stored, and each gets its result",
        "dryRun": "everything is checked, uniqueness too, and nothing is stored",
    },
    "onConflict": {
        "refuse": "a customer whose wallet, DID or `sub` is stored already is refused",
        "return": "the ID of the stored customer, which stays as it is, is given in its place",
    },
    "unknownFields": {
        "refuse": "a field that is not known is refused by its name",
        "ignore": "it is dropped",
    },
}


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
            {"name": "customers", "description": "Enrol customers, and read them back."},
            {"name": "operations", "description": "Is it up? No key is needed."},
            {"name": "reference", "description": "The API's description. No key is needed."},
        ],
        "paths": {
            batch.PATH: {"post": _enrol(settings)},
            "/customers": {"get": _list_customers()},
            "/customers/{id}": {"get": _get_customer()},
            "/projects/{projectId}/customer-wallets/{address}/customer": {"get": _by_wallet()},
            "/projects/{projectId}/findings": {"get": _findings()},
            **_health(),
            **_reference(),
        },
        "components": {
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key: `enrol key create --project ID`. The scope that a "
                    "call needs stands with it; `admin` holds every scope.",
                }
            },
            "schemas": component_schemas(settings),
            "headers": HEADERS,
            "parameters": {"RequestId": _request_id()},
            "responses": {
                "NotFound": refusal(404, ["route.unknown"]),
                "MethodNotAllowed": refusal(405, ["route.method"]),
            },
        },
    }


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


def _operation(
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
    return {
        "tags": [tag],
        "operationId": operation_id,
        "summary": summary,
        "description": description,
        "security": [{"key": [scope]}] if scope else [],
        "parameters": [*(parameters or ()), {"$ref": "#/components/parameters/RequestId"}],
        **more,
        "responses": responses,
    }


def _enrol(settings: Settings) -> Json:
    stored = {
        "anyOf": [
            {
                "type": "array",
                "items": {"type": "string", "format": "uuid"},
                "description": "The IDs of the customers (`mode=atomic`).",
            },
            {**array_of("Taken"), "description": "One result an item (the other modes)."},
        ]
    }
    mixed = {
        **array_of("Result", minItems=1),
        "contains": ref("Refused"),
    }
    headers = ("Enrol-Batch-Id", "Idempotency-Replayed")
    answers = {
        "200": success(
            "All customers were taken: in the order of `customerData`, their IDs, or their "
            "results when the mode is not `atomic`. What is told as stored is on disk.",
            stored,
            {
                "atomic": ("mode=atomic", [*examples.IDS]),
                "partial": ("mode=partial", [{"outcome": "created", "id": examples.IDS[0]}]),
                "dryRun": ("mode=dryRun", [{"outcome": "created"}]),
            },
            headers=headers,
        ),
        "207": success(
            "Some customers were refused (`partial` and `dryRun`): one result an item, in the "
            "order of `customerData`.",
            mixed,
            {"partial": ("mode=partial", examples.RESULTS)},
            headers=headers,
        ),
        **refusals(*ENROL),
    }
    return _operation(
        "customers",
        "enrolCustomers",
        "Enrol customers",
        "Enrols many customers in one call, all or nothing, durable before it answers. Wallet, "
        f"DID and `sub` are unique in a project. {UNKNOWN_PARAMETERS}",
        answers,
        parameters=[*_batch_query(), *_batch_headers(settings)],
        scope="customers:write",
        requestBody={
            "required": True,
            "description": f"At most {settings.max_items:,} customers and "
            f"{bytes_in_words(settings.max_body_bytes)}, counted once inflated.",
            "content": {
                "application/json": {
                    "schema": ref("Batch"),
                    "examples": {
                        "batch": {"summary": "Three customers", "value": examples.BATCH},
                    },
                }
            },
        },
    )


def _batch_query() -> list[Json]:
    parameters = []
    for name, values in batch.QUERY.items():
        meanings = [f"`{value}`: {CHOICES[name][value]}" for value in values]
        schema = {"enum": list(values), "default": values[0]}
        parameters.append(_parameter("query", name, "; ".join(meanings) + ".", schema))
    return parameters


def _batch_headers(settings: Settings) -> list[Json]:
    return [
        _parameter(
            "header",
            "Idempotency-Key",
            "1 to 255 visible ASCII characters, in quotes or not. For "
            f"{settings.idempotency_hours:g} hours the same key with the same call gets the same "
            "answer and stores nothing again; with another call it is refused. A dry run and an "
            "empty batch do not use it up.",
            {"type": "string", "pattern": '^"?[!#-~]{1,255}"?$'},
        ),
        _parameter(
            "header",
            "Content-Encoding",
            "`gzip` when the body is compressed.",
            {"enum": ["identity", "gzip"], "default": "identity"},
        ),
    ]


def _list_customers() -> Json:
    _, schemas = msgspec.json.schema_components([PageQuery], ref_template="{name}")
    query = schemas["PageQuery"]
    parameters = []
    for name, schema in query["properties"].items():
        words = schema.pop("description")
        if schema.get("default") == "":
            del schema["default"]  # which is how the code says that there is none
        required = name in query["required"]
        example = examples.PROJECT if required else None
        parameters.append(_parameter("query", name, words, schema, example, required=required))
    page = {"data": [examples.CUSTOMER], "totalCount": 1}
    return _operation(
        "customers",
        "listCustomers",
        "List customers",
        f"A page of the project's customers, newest first. {UNKNOWN_PARAMETERS}",
        {
            "200": success("A page.", ref("CustomerPage"), {"page": ("A page of one", page)}),
            **refusals(*KEY, "access.project", "query.invalid"),
        },
        parameters=parameters,
        scope="customers:read",
    )


def _get_customer() -> Json:
    schema = {"type": "string", "format": "uuid"}
    return _operation(
        "customers",
        "getCustomer",
        "Read a customer",
        "One customer with its claims, wallets, DIDs and findings.",
        {"200": _customer(), **refusals(*PATH)},
        parameters=[_parameter("path", "id", "The customer's ID.", schema, examples.IDS[1])],
        scope="customers:read",
    )


def _by_wallet() -> Json:
    address = examples.CUSTOMER["customerWallets"][0]["wallet"]
    text = {"type": "string", "minLength": 1}
    words = "The address, whatever its namespace; hexadecimal in any case."
    return _operation(
        "customers",
        "getCustomerByWallet",
        "Find a customer by wallet",
        "The customer to whom a wallet belongs.",
        {"200": _customer(), **refusals(*PATH, "access.project")},
        parameters=[
            _parameter("path", "projectId", "The key's project.", text, examples.PROJECT),
            _parameter("path", "address", words, text, address),
        ],
        scope="customers:read",
    )


def _findings() -> Json:
    text = {"type": "string", "minLength": 1}
    counts = {"data": [{"code": "claims.name_mismatch", "count": 17}], "totalCount": 17}
    return _operation(
        "customers",
        "countFindings",
        "Count findings",
        "What was noted on the project's customers, by code.",
        {
            "200": success("The counts.", ref("FindingCounts"), {"counts": ("Counts", counts)}),
            **refusals(*KEY, "access.project", "route.unknown"),
        },
        parameters=[_parameter("path", "projectId", "The key's project.", text, examples.PROJECT)],
        scope="customers:read",
    )


def _customer() -> Json:
    customer = {"customer": ("A customer", examples.CUSTOMER)}
    return success("The customer.", ref("CustomerView"), customer)


def _health() -> Json:
    healthy = success("The answer is yes.", ref("Health"), {"ok": ("Healthy", {"status": "ok"})})
    words = {
        "healthz": ("Is the process alive?", "The process answers.", SERVER),
        "readyz": ("Can it serve?", "The database answers and its writer is there.", STORE),
    }
    return {
        f"/{name}": {
            "get": _operation(
                "operations", name, summary, description, {"200": healthy, **refusals(*codes)}
            )
        }
        for name, (summary, description, codes) in words.items()
    }


def _reference() -> Json:
    pages = {
        "/openapi.json": ("openapi", "This document", {"type": "object"}, "application/json"),
        "/docs": ("docs", "This document as a page", {"type": "string"}, "text/html"),
        "/docs/problems": ("problems", "Every code", {"type": "string"}, "text/html"),
    }
    return {
        path: {
            "get": _operation(
                "reference",
                operation_id,
                summary,
                "It loads nothing from other hosts.",
                {
                    "200": success(f"{summary}.", schema, media_type=media_type),
                    **refusals(*SERVER),
                },
            )
        }
        for path, (operation_id, summary, schema, media_type) in pages.items()
    }


def _parameter(
    place: str,
    name: str,
    description: str,
    schema: Json,
    example: str | None = None,
    *,
    required: bool = False,
) -> Json:
    parameter: Json = {"name": name, "in": place, "description": description}
    if required or place == "path":
        parameter["required"] = True
    parameter["schema"] = schema
    if example is not None:
        parameter["example"] = example
    return parameter


def _request_id() -> Json:
    words = "An ID of yours for the call. A UUID, with hyphens or without, is kept."
    return _parameter("header", "X-Request-Id", words, {"type": "string"})
