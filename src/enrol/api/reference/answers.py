"""The answers of the OpenAPI document: what each status means, holds and carries."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from enrol.api.reference.examples import PROBLEM_FAULTS, REQUEST_ID
from enrol.api.reference.schemas import (
    BATCH_FAULTS,
    MERGE_FAULTS,
    QUERY_FAULTS,
    SHAPE_FAULTS,
    TAKEN_FAULTS,
    UNIQUE_FAULTS,
    Json,
    ref,
)
from enrol.problems import MEDIA_TYPE, PROBLEMS, Problem, problem_document

# Which faults the problems that list faults can list.
FAULTS_OF: Final = {
    "query.invalid": QUERY_FAULTS,
    "body.invalid": SHAPE_FAULTS,
    "batch.invalid": BATCH_FAULTS,
    "batch.conflict": UNIQUE_FAULTS,
    "customer.conflict": TAKEN_FAULTS,
    "merge.refused": MERGE_FAULTS,
    "status.transition": ("status.cannot_follow", *TAKEN_FAULTS),
}

# What a key may still do, on every answer to a key that is limited.
RATES: Final = ("RateLimit", "RateLimit-Policy")

# The headers that an answer with one of these codes carries.
HEADERS_OF: Final[dict[str, tuple[str, ...]]] = {
    **{code: ("WWW-Authenticate",) for code in PROBLEMS if PROBLEMS[code].status == 401},
    "access.scope": ("WWW-Authenticate",),
    "route.method": ("Allow",),
    "content_type.unsupported": ("Accept",),
    "content_encoding.unsupported": ("Accept-Encoding",),
    "body.too_large": ("Connection",),
    "body.timeout": ("Connection",),
    "rate.limited": ("Retry-After", *RATES),
    "server.busy": ("Retry-After",),
    "store.unavailable": ("Retry-After",),
}

UUID: Final = {"type": "string", "format": "uuid"}
HEADERS: Final[Json] = {
    "X-Request-Id": {
        "description": "The call's ID, as the server's log has it: yours where it is a UUID, "
        "else a new one.",
        "required": True,
        "schema": {
            "type": "string",
            "pattern": "^[0-9A-Fa-f]{8}(-?[0-9A-Fa-f]{4}){3}-?[0-9A-Fa-f]{12}$",
        },
    },
    "Enrol-Batch-Id": {
        "description": "The ID of the stored batch. A dry run and an empty batch, which store "
        "nothing, have none.",
        "schema": UUID,
    },
    "Link": {
        "description": "Where the list begins (`first`) and goes on (`next`; absent on its last "
        "page), as of RFC 8288.",
        "schema": {"type": "string"},
    },
    "Enrol-Index-Behind": {
        "description": "How many of the changes before this call the answer may not show yet; "
        "absent where it shows them all.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "Idempotency-Replayed": {
        "description": "This is the answer of an earlier call with the same Idempotency-Key; "
        "nothing was stored now.",
        "schema": {"const": "true"},
    },
    "WWW-Authenticate": {
        "description": "The challenge of RFC 6750; it has an `error` when a key was sent.",
        "schema": {"type": "string", "pattern": '^Bearer realm="enrol"'},
    },
    "Retry-After": {
        "description": "After how many seconds to try again.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "RateLimit": {
        "description": "How many calls the key may still make (`r`) within so many seconds (`t`), "
        "as of draft-ietf-httpapi-ratelimit-headers-11; absent where the key is not limited.",
        "schema": {"type": "string", "pattern": '^"default";r=[0-9]+;t=[0-9]+$'},
    },
    "RateLimit-Policy": {
        "description": "How many calls (`q`) the key may make in a window of seconds (`w`).",
        "schema": {"type": "string", "pattern": '^"default";q=[0-9]+;w=[0-9]+$'},
    },
    "ETag": {
        "description": "The strong entity tag of the customer, for `If-Match` and `If-None-Match`.",
        "schema": {"type": "string", "pattern": '^"[0-9]+"$'},
    },
    "Location": {
        "description": "The address of the customer.",
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "Preference-Applied": {
        "description": "The preference that the answer follows.",
        "schema": {"enum": ["return=minimal", "return=representation"]},
    },
    "Allow": {"description": "The methods that the address takes.", "schema": {"type": "string"}},
    "Content-Disposition": {
        "description": "A name for the file (RFC 6266).",
        "schema": {"type": "string"},
    },
    "Accept": {"description": "The content type to send.", "schema": {"type": "string"}},
    "Accept-Encoding": {
        "description": "The content encoding to send, beside none.",
        "schema": {"type": "string"},
    },
    "Connection": {
        "description": "`close`: the server does not read the rest of the body.",
        "schema": {"type": "string"},
    },
}


def success(
    description: str,
    schema: Json,
    examples: dict[str, tuple[str, Any]] | None = None,
    *,
    headers: Iterable[str] = (),
    media_type: str = "application/json",
) -> Json:
    """An answer that is no refusal; ``examples`` are (summary, value) by name."""
    content: Json = {"schema": schema}
    if examples:
        content["examples"] = {
            name: {"summary": summary, "value": value}
            for name, (summary, value) in examples.items()
        }
    return {
        "description": description,
        "headers": _headers(headers),
        "content": {media_type: content},
    }


def nothing(description: str, *, headers: Iterable[str] = ()) -> Json:
    """An answer without a body."""
    return {"description": description, "headers": _headers(headers)}


def refusals(*codes: str, faults: Iterable[str] = ()) -> Json:
    """The answers of a route that can refuse a call with these codes, by status; ``faults`` are
    those that its ``body.invalid`` can list beside the faults of shape."""
    by_status: dict[int, list[str]] = defaultdict(list)
    for code in codes:
        by_status[PROBLEMS[code].status].append(code)
    return {
        str(status): refusal(status, by_status[status], tuple(faults))
        for status in sorted(by_status)
    }


def refusal(status: int, codes: list[str], faults: tuple[str, ...] = ()) -> Json:
    """The answer with one status; ``faults`` as in `refusals`."""
    carried = [HEADERS_OF.get(code, ()) for code in codes]
    sometimes = {header for headers in carried for header in headers}
    always = {header for header in sometimes if all(header in headers for headers in carried)}
    # It ends at the next hop, so behind a proxy nobody sees it.
    always.discard("Connection")
    description = "\n".join(f"- `{code}`: {PROBLEMS[code].detail}" for code in codes)
    return {
        "description": description,
        "headers": _headers(sorted(sometimes), always),
        "content": {
            MEDIA_TYPE: {
                "schema": _problem_schema(status, codes, faults),
                "examples": {code: _problem_example(code) for code in codes},
            }
        },
    }


def with_rates(answers: Json) -> Json:
    """The answers of a route that takes a key, each with the headers of rate limits."""
    references = _headers(RATES)
    return {
        status: {**answer, "headers": {**references, **answer["headers"]}}
        for status, answer in answers.items()
    }


def _headers(names: Iterable[str], always: Iterable[str] = ()) -> Json:
    headers: Json = {}
    for name in ("X-Request-Id", *names):
        reference = {"$ref": f"#/components/headers/{name}"}
        # What is said beside a reference to a header does not count, so one that must be there
        # is written out.
        headers[name] = {**HEADERS[name], "required": True} if name in always else reference
    return headers


def _problem_schema(status: int, codes: list[str], more: tuple[str, ...]) -> Json:
    rules: Json = {"status": {"const": status}, "code": {"enum": codes}}
    faults = [fault for code in codes for fault in FAULTS_OF.get(code, ())]
    if "body.invalid" in codes:
        faults += more
    if faults:
        rules["errors"] = {"items": {"properties": {"code": {"enum": faults}}}}
    schema: Json = {"properties": rules}
    if all(code in FAULTS_OF for code in codes):
        schema["required"] = ["errors", "errorCount"]
    return {"allOf": [ref("Problem"), schema]}


def _problem_example(code: str) -> Json:
    problem = Problem(code, faults=PROBLEM_FAULTS.get(code, ()))
    document = problem_document(problem, REQUEST_ID, max_errors=2)
    return {"summary": PROBLEMS[code].title, "value": msgspec.json.decode(document)}
