"""One customer: created, changed, deleted and restored."""

from typing import Final

from enrol.api.bodies import JSON_OR_PATCH
from enrol.api.reference import examples
from enrol.api.reference.answers import refusals, success
from enrol.api.reference.paths.batch import CHOICES, idempotency_key
from enrol.api.reference.resource import (
    BODY,
    KEY,
    PATH,
    UNKNOWN_PARAMETERS,
    Resource,
    operation,
    parameter,
    small_body,
)
from enrol.api.reference.schemas import VALUE_FAULTS, Json, ref
from enrol.api.resources.editing.customer import QUERY, REASON, Reason, most_bytes_of
from enrol.api.views import ClaimsView
from enrol.customers.editing.patch import ClaimsPatch, CustomerPatch
from enrol.customers.model import OneCustomer
from enrol.settings import Settings

ID: Final = examples.IDS[1]
WHY: Final = "The customer asked to leave."
ONE: Final = {
    "customerType": "Individual",
    "cmsProjectId": examples.PROJECT,
    **examples.BATCH["customerData"][1],
}
CLAIMS: Final = {"nickname": "Jo", "website": None}
PATCH: Final = {
    "status": "Active",
    "reason": "Documents checked on the phone.",
    "riskScore": "Low",
    "customerClaims": CLAIMS,
}
CHANGE: Final = (*PATH, "store.full", "customer.busy", "customer.changed")
STATE: Final = ("customer.conflict", "customer.deleted", "customer.merged")


def _paths(settings: Settings) -> Json:
    return {
        "/customers": {"post": _create(settings)},
        "/customers/{id}": {"patch": _update(settings), "delete": _delete()},
        "/customers/{id}/restore": {"post": _restore()},
        "/customers/{id}/claims": {"post": _claims(settings)},
    }


def _create(settings: Settings) -> Json:
    query = [
        parameter(
            "query",
            name,
            "; ".join(f"`{value}`: {CHOICES[name][value]}" for value in values) + ".",
            {"enum": list(values), "default": values[0]},
        )
        for name, values in QUERY.items()
    ]
    shown = success(
        "The customer, durable; its ID alone for a key without `customers:read`, or with "
        "`Prefer: return=minimal`.",
        _customer_or_id(),
        {"customer": ("The customer", examples.CUSTOMER), "id": ("Its ID", ID)},
        headers=(*_CHANGED, "Location", "Enrol-Batch-Id", "Idempotency-Replayed"),
    )
    codes = ("access.project", "query.invalid", "store.full", "customer.conflict")
    return operation(
        "customers",
        "createCustomer",
        "Create a customer",
        "Enrols one customer as a batch of one, which the header `Enrol-Batch-Id` names. "
        f"{UNKNOWN_PARAMETERS}",
        {
            "200": shown,
            **refusals(
                *(*KEY, *BODY, *codes, "idempotency.invalid", "idempotency.reused"),
                "customer.erased",
                faults=VALUE_FAULTS,
            ),
        },
        parameters=[*query, idempotency_key(settings), prefer("return=minimal")],
        scope="customers:write",
        requestBody=small_body(
            "OneCustomer", "A customer", ONE, most_bytes=settings.max_body_bytes
        ),
    )


def _update(settings: Settings) -> Json:
    return operation(
        "customers",
        "updateCustomer",
        "Change a customer",
        "Changes a customer as a JSON Merge Patch (RFC 7396) says: null takes a value away, what "
        "is not sent stays. All faults are told at once, and nothing is changed. `type: null` "
        "changes nothing.",
        {
            "200": _changed("The customer's ID; durable."),
            **refusals(
                *(*CHANGE, *BODY, *STATE),
                "status.transition",
                faults=("status.cannot_follow", *VALUE_FAULTS),
            ),
        },
        parameters=[customer_id(), if_match(), prefer("return=representation")],
        scope="customers:write",
        requestBody=small_body(
            "CustomerPatch",
            "A new status, and claims",
            PATCH,
            media_types=JSON_OR_PATCH,
            most_bytes=most_bytes_of(settings.max_picture_bytes),
        ),
    )


def _claims(settings: Settings) -> Json:
    claims = examples.CUSTOMER["customerClaims"][0]
    return operation(
        "customers",
        "updateClaims",
        "Change claims",
        "Merges claims into those of the customer: null takes one away, what is not sent stays.",
        {
            "200": success(
                "All claims of the customer, as they are now; an empty object for a key without "
                "`customers:read`.",
                {"anyOf": [ref("ClaimsView"), {"type": "object", "maxProperties": 0}]},
                {"claims": ("The claims", claims), "none": ("A key that may not read", {})},
                headers=("ETag",),
            ),
            **refusals(
                *(*CHANGE, *BODY, *STATE),
                faults=VALUE_FAULTS,
            ),
        },
        parameters=[customer_id(), if_match()],
        scope="customers:write",
        requestBody=small_body(
            "ClaimsPatch",
            "Two claims, of which one goes",
            CLAIMS,
            media_types=JSON_OR_PATCH,
            most_bytes=most_bytes_of(settings.max_picture_bytes),
        ),
    )


def _delete() -> Json:
    return operation(
        "customers",
        "deleteCustomer",
        "Delete a customer",
        "Deletes a customer softly: lists and lookups leave it out, others may have its wallets, "
        "DIDs, `sub` and `externalCustomerId`, and it can be restored. One that is deleted stays "
        f"as it is. {UNKNOWN_PARAMETERS}",
        {
            "200": _changed("The customer's ID; durable."),
            **refusals(*CHANGE, *BODY, "query.invalid"),
        },
        parameters=[customer_id(), _reason(), if_match(), prefer("return=representation")],
        scope="customers:write",
    )


def _restore() -> Json:
    return operation(
        "customers",
        "restoreCustomer",
        "Restore a customer",
        "Restores a customer that was deleted, with all that it had; refused when others have some "
        f"of it now: the pointers lead into the customer. {UNKNOWN_PARAMETERS}",
        {
            "200": _changed("The customer's ID; durable."),
            **refusals(*(*CHANGE, *BODY, "query.invalid", "customer.conflict", "customer.merged")),
        },
        parameters=[customer_id(), _reason(), if_match(), prefer("return=representation")],
        scope="customers:write",
        requestBody={
            **small_body("Reason", "Why", {REASON: WHY}),
            "required": False,
        },
    )


def customer_id() -> Json:
    """The parameter of a path that names a customer."""
    schema = {"type": "string", "format": "uuid"}
    return parameter("path", "id", "The customer's ID.", schema, ID)


def if_match() -> Json:
    """The header of a change to what the caller has seen."""
    words = (
        "The `ETag` of the customer as it was read: the call is refused when it changed since. "
        "Without it the change is made to the customer as it is."
    )
    return parameter("header", "If-Match", words, {"type": "string"})


def prefer(example: str) -> Json:
    """The header that says what the answer holds."""
    words = (
        "What the answer holds (RFC 7240): `return=representation` or `return=minimal`; any other "
        "preference is passed over."
    )
    return parameter("header", "Prefer", words, {"type": "string"}, example)


def _reason() -> Json:
    schema = {**ref("Text"), "minLength": 1}
    return parameter("query", REASON, "Why; the history keeps it.", schema)


def _changed(description: str) -> Json:
    return success(
        f"{description} The customer, with `Prefer: return=representation`.",
        _customer_or_id(),
        {"id": ("The ID", ID), "customer": ("The customer", examples.CUSTOMER)},
        headers=_CHANGED,
    )


def _customer_or_id() -> Json:
    return {"anyOf": [ref("CustomerView"), {"type": "string", "format": "uuid"}]}


def _schemas(settings: Settings) -> Json:
    words = "Claims, each optional; null takes one away."
    return {"ClaimsPatch": {**ref("CustomerClaims"), "description": words}}


_CHANGED: Final = ("ETag", "Preference-Applied")

RESOURCE: Final = Resource(
    _paths,
    types=(OneCustomer, CustomerPatch, ClaimsPatch, ClaimsView, Reason),
    meanings={
        "CustomerPatch": {
            "type": ("The onboarding level must be one of the type's.", "Individual"),
            "status": ("[Which may follow](/docs/problems#status.transition).", "Active"),
            "reason": ("Why the status is what it is; a new status without one has none.", WHY),
            "riskScore": ("", "Low"),
            "onboardingLevel": ("", "KYC"),
            "externalCustomerId": ("Your own key for the customer, unique in the project.", "7"),
            "tags": ("All tags that the customer has then.", ["vip"]),
            "metadata": ("The members that become others; null takes one away.", {"desk": "EU"}),
        },
        "Reason": {"reason": ("Why; the history keeps it.", WHY)},
    },
    schemas=_schemas,
)
