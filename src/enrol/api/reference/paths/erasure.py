"""What the law asks for: all that is held on a person, and its erasure."""

from typing import Final

from enrol.api.reference import examples
from enrol.api.reference.answers import refusals, success
from enrol.api.reference.paths.customer import if_match
from enrol.api.reference.paths.events import EVENT
from enrol.api.reference.resource import BODY, KEY, Resource, operation, parameter
from enrol.api.reference.schemas import Json, ref
from enrol.api.resources.dossier import DossierView
from enrol.api.resources.erasure import EraseRequest, TombstoneView
from enrol.settings import Settings

PERSON: Final = (*KEY, "customer.unknown", "route.unknown")
KEY_ID: Final = "key_3f2a9c0d1e4b5a67"
TOMBSTONE: Final[Json] = {
    "id": examples.IDS[1],
    "cmsProjectId": examples.PROJECT,
    "type": "Individual",
    "batchId": examples.BATCH_ID,
    "createdAt": examples.AT,
    "erasedAt": examples.AT,
    "erasedBy": KEY_ID,
    "mergedInto": None,
}
DOSSIER: Final[Json] = {
    "version": 1,
    "createdAt": examples.AT,
    "customer": examples.CUSTOMER,
    "tombstone": None,
    "mergedCustomers": [],
    "batches": [
        {
            "id": examples.BATCH_ID,
            "mode": "atomic",
            "createdAt": examples.AT,
            "createdBy": KEY_ID,
        }
    ],
    "statuses": [
        {
            "seq": 42,
            "from": "No status",
            "to": "Active",
            "reason": "Documents checked",
            "actor": KEY_ID,
            "createdAt": examples.AT,
        }
    ],
    "events": [EVENT],
}


def _paths(settings: Settings) -> Json:
    return {
        "/customers/{id}/erase": {"post": _erase()},
        "/customers/{id}/dossier": {"get": _dossier()},
    }


def _erase() -> Json:
    body = {"reason": "Request of 17 November"}
    return operation(
        "customers",
        "eraseCustomer",
        "Erase a customer",
        "Removes the personal data of a customer and of those that were merged into it (GDPR "
        "article 17): claims, wallets, DIDs, emails, contact, tags, metadata, findings, unique "
        "keys, and the data of its events, whose chain stays whole. A tombstone is left. There "
        "is no way back; a second call answers the same and changes nothing. The body may be "
        "left out.",
        {
            "200": success(
                "What is left.", ref("TombstoneView"), {"tombstone": ("A tombstone", TOMBSTONE)}
            ),
            **refusals(
                *PERSON, *BODY, "customer.merged", "customer.busy", "customer.changed", "store.full"
            ),
        },
        parameters=[_id(), if_match()],
        scope="admin",
        requestBody={
            "required": False,
            "description": "Why.",
            "content": {
                "application/json": {
                    "schema": ref("EraseRequest"),
                    "examples": {"body": {"summary": "A reason", "value": body}},
                }
            },
        },
    )


def _dossier() -> Json:
    return operation(
        "customers",
        "getDossier",
        "Read all that is held on a person",
        "One document with the customer, those merged into it, where they came from, every "
        "change of status and every event with its data (GDPR article 15). Also of a customer "
        "that was deleted; of one that was erased, the tombstone and its events.",
        {
            "200": success("The dossier.", ref("DossierView"), {"dossier": ("A dossier", DOSSIER)}),
            **refusals(*PERSON),
        },
        parameters=[_id()],
        scope="customers:read",
    )


def _id() -> Json:
    schema = {"type": "string", "format": "uuid"}
    return parameter("path", "id", "The customer's ID.", schema, examples.IDS[1])


RESOURCE: Final = Resource(
    _paths,
    types=(EraseRequest, TombstoneView, DossierView),
    meanings={
        "EraseRequest": {
            "reason": ("Why, in your words, which are kept: let them name nobody.", None)
        },
    },
)
