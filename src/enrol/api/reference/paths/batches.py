"""Batches: who enrolled whom, and how a wrong one is undone."""

from typing import Final

from enrol.api.reference import examples
from enrol.api.reference.answers import refusals, success
from enrol.api.reference.paths.events import query_parameters
from enrol.api.reference.resource import (
    BODY,
    KEY,
    UNKNOWN_PARAMETERS,
    Resource,
    operation,
    parameter,
    small_body,
)
from enrol.api.reference.schemas import Json, ref
from enrol.api.resources.batches import (
    BatchCustomers,
    BatchCustomersQuery,
    BatchesQuery,
    BatchPage,
    BatchView,
    UndoQuery,
    UndoRequest,
    UndoView,
)
from enrol.settings import Settings

BATCH_ID: Final = examples.CUSTOMER["batchId"]
KEY_ID: Final = "key_3f2a9c0d1e4b5a67"
REASON: Final = "The file of another client"
UNDONE_AT: Final = "2025-11-18T08:00:00.000Z"
BATCH: Final[Json] = {
    "id": BATCH_ID,
    "createdAt": examples.AT,
    "createdBy": KEY_ID,
    "mode": "atomic",
    "counts": {"items": 3, "created": 3, "existing": 0, "refused": 0},
    "undone": None,
}
UNDONE: Final[Json] = {
    **BATCH,
    "undone": {"at": UNDONE_AT, "by": KEY_ID, "removed": 2, "left": 1},
}
UNDO: Final[Json] = {
    "batchId": BATCH_ID,
    "removed": 2,
    "left": [{"id": examples.IDS[1], "reason": "changed"}],
}
ONE: Final = (*KEY, "batch.unknown", "route.unknown")


def _paths(settings: Settings) -> Json:
    return {
        "/batches": {"get": _list()},
        "/batches/{id}": {"get": _get()},
        "/batches/{id}/customers": {"get": _customers()},
        "/batches/{id}/undo": {"post": _undo()},
    }


def _list() -> Json:
    page = {"data": [UNDONE]}
    return operation(
        "batches",
        "listBatches",
        "List batches",
        f"The batches of the project, newest first. {UNKNOWN_PARAMETERS}",
        {
            "200": success(
                'A page; with a `Link` of `rel="next"` where it is not the last.',
                ref("BatchPage"),
                {"page": ("A page of one", page)},
                headers=("Link",),
            ),
            **refusals(*KEY, "query.invalid"),
        },
        parameters=query_parameters(BatchesQuery),
        scope="customers:read",
    )


def _get() -> Json:
    return operation(
        "batches",
        "getBatch",
        "Read a batch",
        "Who called, when, and what became of the items. `Enrol-Batch-Id` names it in the answer "
        "of the call, and so does every customer.",
        {
            "200": success("The batch.", ref("BatchView"), {"batch": ("A batch", BATCH)}),
            **refusals(*ONE),
        },
        parameters=[_batch_id()],
        scope="customers:read",
    )


def _customers() -> Json:
    page = {"data": [examples.CUSTOMER], "nextAfter": None}
    return operation(
        "batches",
        "listBatchCustomers",
        "List the customers of a batch",
        "The customers that the batch created, as they are now, in the order of the call; those "
        f"that were deleted since too, those that were erased not. {UNKNOWN_PARAMETERS}",
        {
            "200": success(
                'A page; with a `Link` of `rel="next"` where it is not the last.',
                ref("BatchCustomers"),
                {"page": ("A page of one", page)},
                headers=("Link",),
            ),
            **refusals(*ONE, "query.invalid"),
        },
        parameters=[_batch_id(), *query_parameters(BatchCustomersQuery)],
        scope="customers:read",
    )


def _undo() -> Json:
    body = small_body("UndoRequest", "With a reason", {"reason": REASON})
    return operation(
        "batches",
        "undoBatch",
        "Undo a batch",
        "Deletes, softly and in one transaction, the customers that the batch created and that "
        "nobody has changed since, and tells which it left and why. A change that arrives "
        "meanwhile wins. Their wallets, DIDs and other unique values are free again, so that the "
        "right batch can be sent, with another Idempotency-Key; the old key still answers the old "
        "IDs. Each can be restored by itself. Once more, it removes nobody.",
        {
            "200": success(
                "What it did, durable; or would do.", ref("UndoView"), {"undo": ("Undone", UNDO)}
            ),
            **refusals(*ONE, *BODY, "query.invalid", "store.full"),
        },
        parameters=[_batch_id(), *query_parameters(UndoQuery)],
        scope="customers:write",
        requestBody={**body, "required": False},
    )


def _batch_id() -> Json:
    return parameter(
        "path", "id", "The batch's ID.", {"type": "string", "format": "uuid"}, BATCH_ID
    )


RESOURCE: Final = Resource(
    _paths,
    tags=(("batches", "Who enrolled whom; and how a wrong batch is undone."),),
    types=(BatchPage, BatchView, BatchCustomers, UndoRequest, UndoView),
    meanings={
        "BatchView": {
            "id": ("`Enrol-Batch-Id` of the call, and `batchId` of its customers.", BATCH_ID),
            "createdBy": ("The ID of the API key that called.", KEY_ID),
            "mode": ("`atomic` or `partial`.", "atomic"),
            "undone": ("Null: it was not undone.", None),
        },
        "CountsView": {
            "items": ("How many customers were sent.", 3),
            "created": ("How many were stored.", 3),
            "existing": ("How many were stored already, with `onConflict=return`.", 0),
            "refused": ("How many were refused, with `mode=partial`.", 0),
        },
        "UndoneView": {
            "by": ("The ID of the API key that called.", KEY_ID),
            "removed": ("How many customers it deleted.", 2),
            "left": ("How many it left, for they had been changed.", 1),
        },
        "BatchCustomers": {
            "nextAfter": ("The `after` of the next page; null: this is the last.", "42"),
        },
        "UndoRequest": {"reason": ("Why; it is kept with the events.", REASON)},
        "UndoView": {
            "removed": ("How many customers it deleted, or would delete.", 2),
            "left": ("Whom it left as they are.", None),
        },
        "LeftView": {
            "reason": ("What happened since: `changed`, `deleted`, `merged` or `erased`.", None),
        },
    },
)
