"""The schemas of results and problems, which no struct is."""

from collections.abc import Iterable

from enrol.api.reference.schemas import (
    BODY_FAULTS,
    ITEM_FAULTS,
    QUERY_FAULTS,
    Json,
    array_of,
    ref,
)
from enrol.settings import Settings


def answer_schemas(settings: Settings) -> Json:
    """The components of what is answered beside a resource's own, by name."""
    return {**_results(), **_problems(settings)}


def _object(description: str, properties: Json, optional: Iterable[str] = ()) -> Json:
    return {
        "description": description,
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
    }


def _results() -> Json:
    """One result an item, of a partial call or a dry run."""
    customer = {"type": "string", "format": "uuid", "description": "The customer's ID (UUIDv7)."}
    errors = {"type": "array", "minItems": 1, "items": ref("ItemError")}
    return {
        "Created": _object(
            "The customer is stored; a dry run, which stores none, gives no ID.",
            {"outcome": {"const": "created"}, "id": customer},
            optional=["id"],
        ),
        "Exists": _object(
            "The customer was stored before (`onConflict=return`) and was left as it is.",
            {"outcome": {"const": "exists"}, "id": customer},
        ),
        "Refused": _object(
            "The customer is not stored.", {"outcome": {"const": "refused"}, "errors": errors}
        ),
        "Result": {
            "description": "What became of one item of `customerData`.",
            "oneOf": [ref(name) for name in ("Created", "Exists", "Refused")],
        },
        "Taken": {
            "description": "What became of an item that was not refused.",
            "oneOf": [ref(name) for name in ("Created", "Exists")],
        },
        "ItemError": {
            "description": "Why an item is refused.",
            "allOf": [ref("Error"), {"properties": {"code": {"enum": list(ITEM_FAULTS)}}}],
        },
    }


def _faults() -> Json:
    """One fault of a problem, in both of its shapes."""
    text = {"type": "string"}
    return {
        "Error": _object(
            "One fault, without the value that was sent.",
            {
                "pointer": {
                    **text,
                    "description": "JSON Pointer (RFC 6901) into the body; `/name` for a query "
                    "parameter; empty for the whole.",
                    "examples": ["/customerData/3/customerWallet/wallet"],
                },
                "code": {
                    "enum": [*QUERY_FAULTS, *BODY_FAULTS],
                    "description": "Stable: [what each means](/docs/problems#faults).",
                    "examples": ["wallet.checksum"],
                },
                "detail": {**text, "description": "A sentence for people."},
                "customerId": {
                    **text,
                    "format": "uuid",
                    "description": "The stored customer that a conflict is with.",
                },
            },
            optional=["customerId"],
        ),
        "Issue": _object(
            "One fault, as clients of the hosted API read it.",
            {
                "code": {"enum": [*QUERY_FAULTS, *BODY_FAULTS]},
                "path": {
                    "type": "array",
                    "items": {"type": ["string", "integer"]},
                    "description": "The tokens of the pointer; places in arrays are numbers.",
                },
                "message": {**text, "description": "A sentence for people."},
            },
        ),
    }


def _problems(settings: Settings) -> Json:
    text = {"type": "string"}
    return {
        **_faults(),
        "Problem": _object(
            "A refusal: an RFC 9457 problem document.",
            {
                "type": {
                    **text,
                    "format": "uri-reference",
                    "description": "Where it is explained.",
                },
                "title": text,
                "status": {"type": "integer", "description": "The HTTP status code."},
                "code": {
                    **text,
                    "description": "Stable: [what each means](/docs/problems).",
                },
                "detail": {**text, "description": "A sentence for people."},
                "message": {**text, "description": "The same as `detail`."},
                "requestId": {**text, "description": "The same as the X-Request-Id header."},
                "errors": {
                    **array_of("Error", minItems=1, maxItems=settings.max_listed_errors),
                    "description": "Every fault at once: of `query.invalid`, `body.invalid`, "
                    "`batch.invalid` and `batch.conflict`.",
                },
                "issues": {
                    "type": "array",
                    "items": ref("Issue"),
                    "description": "The same as `errors`, as clients of the hosted API read it.",
                },
                "errorCount": {
                    "type": "integer",
                    "minimum": 1,
                    "description": "How many faults there are, the list being capped.",
                },
            },
            optional=["errors", "issues", "errorCount"],
        ),
    }
