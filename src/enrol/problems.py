"""Every refusal that the API can answer: RFC 9457 problem documents, each code once.

The faults of single items of a batch have their own list in `enrol.customers.faults`.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from enrol.customers.faults import Fault

# No array of a body is longer.
_PLACE: Final = re.compile("0|[1-9][0-9]{0,8}")
MEDIA_TYPE: Final = "application/problem+json"


class ProblemKind(NamedTuple):
    """What all problems of one code share."""

    status: int
    title: str
    detail: str


PROBLEMS: Final[dict[str, ProblemKind]] = {
    # Who is calling.
    "access.missing": ProblemKind(
        401, "Key missing", "Send the API key as `Authorization: Bearer <key>`."
    ),
    "access.malformed": ProblemKind(
        401, "Key malformed", "The Authorization header does not hold an Enrol API key."
    ),
    "access.unknown": ProblemKind(401, "Key unknown", "This API key is not known."),
    "access.revoked": ProblemKind(401, "Key revoked", "This API key was revoked."),
    "access.expired": ProblemKind(401, "Key expired", "This API key has expired."),
    "access.scope": ProblemKind(
        403, "Scope missing", "The API key does not have the scope that this call needs."
    ),
    "access.project": ProblemKind(
        403, "Project refused", "The API key does not give access to this project."
    ),
    "rate.limited": ProblemKind(
        429, "Too many calls", "This API key has made as many calls as it may; see Retry-After."
    ),
    # The request around the body.
    "route.unknown": ProblemKind(404, "Not found", "There is nothing at this address."),
    "route.method": ProblemKind(
        405, "Method not allowed", "This address does not take this method; see Allow."
    ),
    "header.repeated": ProblemKind(
        400, "Header repeated", "A header that may stand once stands twice."
    ),
    "query.invalid": ProblemKind(
        400, "Query invalid", "The query string has parameters that are not right."
    ),
    "content_type.unsupported": ProblemKind(
        415, "Content type unsupported", "Send the body as `Content-Type: application/json`."
    ),
    "content_encoding.unsupported": ProblemKind(
        415, "Content encoding unsupported", "Send the body plain or with gzip."
    ),
    "content_encoding.invalid": ProblemKind(
        400, "Content encoding invalid", "The body is not complete and valid gzip."
    ),
    "body.too_large": ProblemKind(
        413, "Body too large", "The body has more bytes than the limit allows."
    ),
    "body.timeout": ProblemKind(
        408, "Body too slow", "The body did not arrive in the time that the server allows."
    ),
    # The body.
    "json.invalid": ProblemKind(400, "JSON invalid", "The body is not valid JSON."),
    "json.too_deep": ProblemKind(
        400, "JSON too deep", "The body is nested deeper than the limit allows."
    ),
    "json.too_many_values": ProblemKind(
        413, "JSON too large", "The body has more JSON values than the largest batch can have."
    ),
    "batch.too_many_items": ProblemKind(
        413, "Too many items", "customerData has more items than the limit allows."
    ),
    "batch.invalid": ProblemKind(
        422, "Batch invalid", "The body has faults; `errors` lists them. Nothing was stored."
    ),
    "batch.conflict": ProblemKind(
        409,
        "Batch in conflict",
        "Items repeat one another or a stored customer; `errors` lists them. Nothing was stored.",
    ),
    "body.invalid": ProblemKind(
        422, "Body invalid", "The body has faults; `errors` lists them. Nothing was changed."
    ),
    # Idempotency-Key (IETF draft-ietf-httpapi-idempotency-key-header).
    "idempotency.invalid": ProblemKind(
        400,
        "Idempotency-Key invalid",
        "The Idempotency-Key must be 1 to 255 visible ASCII characters.",
    ),
    "idempotency.reused": ProblemKind(
        422,
        "Idempotency-Key reused",
        "This Idempotency-Key was used with another request. Nothing was stored.",
    ),
    # Reading.
    "batch.unknown": ProblemKind(404, "Batch unknown", "There is no such batch in this project."),
    "customer.unknown": ProblemKind(
        404, "Customer unknown", "There is no such customer in this project."
    ),
    "customer.erased": ProblemKind(
        410, "Customer erased", "The personal data of this customer were erased."
    ),
    "events.ahead": ProblemKind(
        409,
        "Cursor ahead of the events",
        "The cursor is ahead of the last event: a backup was restored, or it is of another "
        "project. Begin anew.",
    ),
    # Changing.
    "customer.changed": ProblemKind(
        412, "Customer changed", "The customer is not any more as If-Match says; read it again."
    ),
    "customer.conflict": ProblemKind(
        409,
        "Customer in conflict",
        "Another customer has what this one was to get; `errors` lists it. Nothing was stored.",
    ),
    "customer.deleted": ProblemKind(
        409, "Customer deleted", "The customer is deleted; restore it before it is changed."
    ),
    "customer.merged": ProblemKind(
        409, "Customer merged", "The customer was merged into another, which holds what it had."
    ),
    "status.transition": ProblemKind(
        409,
        "Status may not follow",
        "The customer's status may not become this one; `errors` says which may follow. Nothing "
        "was changed.",
    ),
    "email.unknown": ProblemKind(
        404, "Email unknown", "The customer has no email address of this ID."
    ),
    "email.too_many": ProblemKind(
        409, "Too many emails", "The customer has as many email addresses as it may."
    ),
    "customer.busy": ProblemKind(
        409, "Customer busy", "The customer is being changed by many calls at once; try again."
    ),
    # Wallets and DIDs.
    "wallet.unknown": ProblemKind(404, "Wallet unknown", "The customer has no such wallet."),
    "wallet.too_many": ProblemKind(
        409, "Too many wallets", "This customer has as many wallets as it may."
    ),
    "did.unknown": ProblemKind(404, "DID unknown", "The customer has no such DID."),
    "did.too_many": ProblemKind(409, "Too many DIDs", "This customer has as many DIDs as it may."),
    # Merging.
    "merge.refused": ProblemKind(
        409,
        "Merge refused",
        "Customers cannot be merged so; `errors` says why. Nothing was changed.",
    ),
    "merge.expired": ProblemKind(
        410, "Merge expired", "A merge can be taken back for 30 days; these have passed."
    ),
    # API keys.
    "key.unknown": ProblemKind(404, "Key unknown", "There is no such API key in this project."),
    "key.too_many": ProblemKind(
        409, "Too many keys", "This project has as many API keys as it may."
    ),
    # Webhooks.
    "webhook.unknown": ProblemKind(
        404, "Webhook unknown", "There is no such webhook in this project."
    ),
    "webhook.too_many": ProblemKind(
        409, "Too many webhooks", "This project has as many webhooks as it may."
    ),
    "webhook.busy": ProblemKind(
        409, "Webhook busy", "The webhook is being changed by many calls at once; try again."
    ),
    "message.unknown": ProblemKind(
        404, "Message unknown", "There is no such message in this project."
    ),
    # The server.
    "server.busy": ProblemKind(
        503, "Server busy", "The server holds as much as it can at once; try again soon."
    ),
    "store.unavailable": ProblemKind(
        503,
        "Store unavailable",
        "The database cannot take this now. If it was a write, repeat it with the same "
        "Idempotency-Key: it is stored once.",
    ),
    "store.full": ProblemKind(
        507, "Store full", "The disk of the database is full. Nothing was stored."
    ),
    "server.error": ProblemKind(
        500, "Server error", "The server failed; its log has this request under the request ID."
    ),
}


class Problem(Exception):
    """A refusal on its way to the caller.

    ``detail`` replaces the code's own sentence, ``faults`` become ``errors`` (with
    ``error_count`` in all, for the list is capped), ``headers`` go out with the answer.
    No argument may hold a value that was sent.
    """

    def __init__(
        self,
        code: str,
        detail: str | None = None,
        *,
        faults: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.kind = PROBLEMS[code]
        self.detail = detail or self.kind.detail
        self.faults = faults
        self.headers = dict(headers or {})

    @property
    def status(self) -> int:
        """The HTTP status code."""
        return self.kind.status


def error_object(fault: Fault, base: str = "") -> dict[str, str]:
    """One entry of ``errors``: pointer, code, detail, and the customer a conflict is with."""
    entry = {"pointer": base + fault.pointer, "code": fault.code, "detail": fault.detail}
    if fault.customer_id is not None:
        entry["customerId"] = fault.customer_id
    return entry


def issue_object(fault: Fault, base: str = "") -> dict[str, Any]:
    """The same as clients of the hosted API read it: the pointer as the path of its tokens, the
    places in arrays as numbers."""
    tokens = (base + fault.pointer).split("/")[1:]
    return {"code": fault.code, "path": [*map(_step, tokens)], "message": fault.detail}


def _step(token: str) -> int | str:
    if _PLACE.fullmatch(token):
        return int(token)
    return token.replace("~1", "/").replace("~0", "~")


def problem_document(problem: Problem, request_id: str, max_errors: int) -> bytes:
    """The RFC 9457 document as JSON; ``message`` repeats ``detail`` for hosted-API clients."""
    document: dict[str, Any] = {
        "type": f"/docs/problems#{problem.code}",
        "title": problem.kind.title,
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
        "message": problem.detail,
        "requestId": request_id,
    }
    if problem.faults:
        listed = problem.faults[:max_errors]
        document["errors"] = [error_object(fault, fault.base) for fault in listed]
        document["issues"] = [issue_object(fault, fault.base) for fault in listed]
        document["errorCount"] = len(problem.faults)
    return msgspec.json.encode(document)
