"""The job that Enrol is for: ``POST /customers/batch``."""

from typing import Final

from enrol.api import batch
from enrol.api.reference import examples
from enrol.api.reference.answers import refusals, success
from enrol.api.reference.resource import KEY, UNKNOWN_PARAMETERS, Resource, operation, parameter
from enrol.api.reference.schemas import Json, array_of, bytes_in_words, ref
from enrol.customers.model import Batch
from enrol.problems import PROBLEMS
from enrol.settings import Settings

ENROL: Final = (
    *KEY,
    "access.project",
    "query.invalid",
    "store.full",
    *(
        code
        for code in PROBLEMS
        if code.startswith(("body.", "content_", "json.", "batch.", "idempotency."))
        and code != "body.invalid"
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


def _paths(settings: Settings) -> Json:
    return {batch.PATH: {"post": _enrol(settings)}}


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
    return operation(
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
        parameters.append(parameter("query", name, "; ".join(meanings) + ".", schema))
    return parameters


def _batch_headers(settings: Settings) -> list[Json]:
    return [
        idempotency_key(settings),
        parameter(
            "header",
            "Content-Encoding",
            "`gzip` when the body is compressed.",
            {"enum": ["identity", "gzip"], "default": "identity"},
        ),
    ]


def idempotency_key(settings: Settings) -> Json:
    """The header that lets a call be repeated."""
    return parameter(
        "header",
        "Idempotency-Key",
        "1 to 255 visible ASCII characters, in quotes or not. For "
        f"{settings.idempotency_hours:g} hours the same key with the same call gets the same "
        "answer and stores nothing again; with another call it is refused. A dry run and an "
        "empty batch do not use it up.",
        {"type": "string", "pattern": '^"?[!#-~]{1,255}"?$'},
    )


RESOURCE: Final = Resource(_paths, types=(Batch,))
