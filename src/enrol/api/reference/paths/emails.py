"""The email addresses of a customer."""

from typing import Final

from enrol.api.bodies import JSON_OR_PATCH
from enrol.api.reference import examples
from enrol.api.reference.answers import refusals, success
from enrol.api.reference.paths.customer import CHANGE, customer_id, if_match, prefer
from enrol.api.reference.resource import BODY, PATH, Resource, operation, parameter, small_body
from enrol.api.reference.schemas import Json, array_of, ref
from enrol.api.views import EmailView
from enrol.customers.editing.emails import MOST_EMAILS, EmailPatch, NewEmail
from enrol.settings import Settings

EMAIL_ID: Final = "019a91f2-7d10-7b52-9c41-3e6f8a0d2b75"
ADDRESS: Final = "joao@example.com"
VIEW: Final = {
    "id": EMAIL_ID,
    "customerId": examples.IDS[1],
    "email": ADDRESS,
    "verified": True,
    "createdAt": examples.AT,
    "updatedAt": examples.AT,
    "createdBy": "crm-sync",
    "updatedBy": None,
}
FAULTS: Final = ("email.syntax",)
GONE: Final = ("email.unknown", "customer.deleted", "customer.merged")


def _paths(settings: Settings) -> Json:
    return {
        "/customers/{id}/emails": {"get": _list(), "post": _add()},
        "/customers/{id}/emails/{emailId}": {
            "get": _get(),
            "patch": _update(),
            "delete": _remove(),
        },
    }


def _list() -> Json:
    emails = {"emails": ("One address", [VIEW])}
    return operation(
        "customers",
        "listEmails",
        "List email addresses",
        "The email addresses of a customer, the oldest first.",
        {
            "200": success("The addresses.", array_of("EmailView"), emails, headers=("ETag",)),
            **refusals(*PATH),
        },
        parameters=[customer_id()],
        scope="customers:read",
    )


def _get() -> Json:
    email = {"email": ("An address", VIEW)}
    return operation(
        "customers",
        "getEmail",
        "Read an email address",
        "One email address of a customer.",
        {
            "200": success("The address.", ref("EmailView"), email, headers=("ETag",)),
            **refusals(*PATH, "email.unknown"),
        },
        parameters=[customer_id(), _email_id()],
        scope="customers:read",
    )


def _add() -> Json:
    return operation(
        "customers",
        "addEmail",
        "Add an email address",
        "Adds an address to a customer; one that it has already stays as it is. A customer has at "
        f"most {MOST_EMAILS}.",
        {
            "200": _answer("The address, or its ID, as of `POST /customers`."),
            **refusals(*CHANGE, *BODY, *GONE[1:], "email.too_many", faults=FAULTS),
        },
        parameters=[customer_id(), if_match(), prefer("return=minimal")],
        scope="customers:write",
        requestBody=small_body(
            "NewEmail", "An address", {"email": ADDRESS, "verified": True, "createdBy": "crm-sync"}
        ),
    )


def _update() -> Json:
    return operation(
        "customers",
        "updateEmail",
        "Change an email address",
        "Changes an address as a JSON Merge Patch (RFC 7396) says. One that becomes another is "
        "not verified, unless the same call says so.",
        {
            "200": _answer("The ID of the address, or the address, as the call prefers."),
            **refusals(*CHANGE, *BODY, *GONE, faults=(*FAULTS, "email.twice")),
        },
        parameters=[customer_id(), _email_id(), if_match(), prefer("return=representation")],
        scope="customers:write",
        requestBody=small_body(
            "EmailPatch", "Verified", {"verified": True}, media_types=JSON_OR_PATCH
        ),
    )


def _remove() -> Json:
    return operation(
        "customers",
        "removeEmail",
        "Remove an email address",
        "Takes an address away from a customer.",
        {
            "200": _answer("The ID of the address, or the address, as the call prefers."),
            **refusals(*CHANGE, *GONE),
        },
        parameters=[customer_id(), _email_id(), if_match(), prefer("return=representation")],
        scope="customers:write",
    )


def _email_id() -> Json:
    schema = {"type": "string", "format": "uuid"}
    return parameter("path", "emailId", "The ID of the address.", schema, EMAIL_ID)


def _answer(description: str) -> Json:
    return success(
        description,
        {"anyOf": [ref("EmailView"), {"type": "string", "format": "uuid"}]},
        {"email": ("The address", VIEW), "id": ("Its ID", EMAIL_ID)},
        headers=("ETag", "Preference-Applied"),
    )


RESOURCE: Final = Resource(
    _paths,
    types=(NewEmail, EmailPatch, EmailView),
    meanings={
        "NewEmail": {
            "email": ("The address, as the HTML Standard has it.", ADDRESS),
            "verified": ("Whether the customer proved to you that it is theirs.", True),
            "createdBy": ("Who or what wrote this, in your words.", "crm-sync"),
        },
        "EmailPatch": {
            "email": ("The address, as the HTML Standard has it.", ADDRESS),
            "verified": ("Whether the customer proved to you that it is theirs.", True),
        },
    },
)
