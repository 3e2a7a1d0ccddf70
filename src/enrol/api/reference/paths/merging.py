"""Merging customers, and taking a merge back."""

from typing import Final

from enrol.api.reference import examples
from enrol.api.reference.answers import refusals, success
from enrol.api.reference.paths.customer import customer_id, if_match
from enrol.api.reference.resource import BODY, KEY, PATH, Resource, operation, small_body
from enrol.api.reference.schemas import Json
from enrol.api.resources.editing.merging import MergeRequest, UnmergeRequest
from enrol.customers.editing.merge import MOST_SOURCES
from enrol.settings import Settings

UUID: Final = {"type": "string", "format": "uuid"}
SOURCES: Final = ("The customers that go, of the target's type.", [examples.IDS[1]])


def _paths(settings: Settings) -> Json:
    return {
        "/customers/merge": {"post": _merge()},
        "/customers/{id}/unmerge": {"post": _unmerge()},
    }


def _merge() -> Json:
    target = {"id": ("The target", examples.IDS[0])}
    body = {"sourceCustomerIds": [examples.IDS[1]], "targetCustomerId": examples.IDS[0]}
    return operation(
        "customers",
        "mergeCustomers",
        "Merge customers",
        f"Gives the wallets, DIDs and email addresses of up to {MOST_SOURCES} customers to another "
        "one, all or nothing, and deletes them softly. Claims and all else of the target stay as "
        "they are. A source that was merged into this target before is no fault, so that the call "
        "can be repeated.",
        {
            "200": success("The target's ID; durable.", UUID, target),
            **refusals(
                *(*KEY, *BODY, "store.full", "merge.refused"),
                *("customer.conflict", "customer.busy", "customer.changed"),
            ),
        },
        parameters=[if_match()],
        scope="customers:write",
        requestBody=small_body("MergeRequest", "One source", body),
    )


def _unmerge() -> Json:
    source = {"id": ("The source", examples.IDS[1])}
    return operation(
        "customers",
        "unmergeCustomer",
        "Take a merge back",
        "Gives a customer that was merged into this one back what is still there of its wallets, "
        "DIDs and email addresses, and restores it, within 30 days.",
        {
            "200": success("The restored customer's ID; durable.", UUID, source),
            **refusals(
                *(*PATH, *BODY, "store.full", "customer.erased", "customer.busy"),
                *("customer.conflict", "customer.deleted", "customer.merged"),
                *("merge.refused", "merge.expired", "customer.changed"),
            ),
        },
        parameters=[customer_id(), if_match()],
        scope="customers:write",
        requestBody=small_body(
            "UnmergeRequest", "The source", {"sourceCustomerId": examples.IDS[1]}
        ),
    )


RESOURCE: Final = Resource(
    _paths,
    types=(MergeRequest, UnmergeRequest),
    meanings={
        "MergeRequest": {
            "sourceCustomerIds": SOURCES,
            "targetCustomerId": ("The customer that stays.", examples.IDS[0]),
        },
        "UnmergeRequest": {"sourceCustomerId": ("The customer to be restored.", examples.IDS[1])},
    },
)
