"""To undo a batch: its customers that nobody has changed since are deleted, softly."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from enrol.customers.editing.acting import DELETED, Actor, event_of
from enrol.customers.lifecycle.change import Change, Write
from enrol.customers.lifecycle.keys import Stored

UNDONE: Final = "batch.undone"
UNTOUCHED: Final = 0
KEY: Final = ("project", "id")


class Left(NamedTuple):
    """A customer that stays as it is, and why: ``changed``, ``deleted``, ``merged``, ``erased``."""

    customer_id: bytes
    reason: str


class Sorted(NamedTuple):
    """The customers of a batch that nobody has changed, and the others."""

    untouched: Sequence[Stored]
    left: Sequence[Left]


class Undo(NamedTuple):
    """A batch to be undone, of which `undo_change` makes a change in the transaction itself.

    ``id`` is a new UUIDv7, ``key_id`` the API key that calls, ``at`` Unix milliseconds, ``salt``
    random. ``customers`` are those that may go, each with its unique keys; ``left`` is how many
    of the batch will not.
    """

    project: int
    id: bytes
    key_id: str
    at: int
    salt: bytes
    batch_id: bytes
    reason: str | None
    customers: Sequence[tuple[bytes, Sequence[bytes]]]
    left: int


def sort_out(records: Sequence[Stored]) -> Sorted:
    """Tell the untouched customers of a batch from the others."""
    untouched = [record for record in records if record.customer["version"] == UNTOUCHED]
    left = [
        Left(record.customer["id"], _reason(record))
        for record in records
        if record.customer["version"] != UNTOUCHED
    ]
    return Sorted(untouched, left)


def _reason(record: Stored) -> str:
    row = record.customer
    if row["erased_at"] is not None:
        return "erased"
    if row["merged_into"] is not None:
        return "merged"
    return "changed" if row["deleted_at"] is None else "deleted"


def undo_change(undo: Undo, versions: Mapping[bytes, int]) -> Change:
    """The change that undoes a batch, with the versions that its customers have in the transaction.

    Whoever was changed meanwhile is left out, so that it never has to be tried again. A customer
    keeps what it has but its unique keys, as any that is deleted, and can be restored by itself.
    Where nobody is left to go, there is nothing to write.
    """
    change = Change(undo.project, undo.id, undo.key_id, undo.at, batch_id=undo.batch_id)
    going = [one for one in undo.customers if versions.get(one[0]) == UNTOUCHED]
    if not going:
        return change
    told = {} if undo.reason is None else {"reason": undo.reason}
    left = undo.left + len(undo.customers) - len(going)
    actor = Actor(undo.project, b"", undo.key_id, undo.at, undo.salt)
    summary = event_of(actor, UNDONE, None, data={"removed": len(going), "left": left} | told)
    marks = [(undo.at, undo.key_id, undo.project, customer_id) for customer_id, _ in going]
    batch = (undo.at, undo.key_id, len(going), undo.project, undo.batch_id)
    return change._replace(
        release=[key for _, keys in going for key in keys],
        writes=[
            Write("update", "customers", ("deleted_at", "deleted_by"), marks, KEY, exact=True),
            Write("update", "batches", ("undone_at", "undone_by", "removed"), [batch], KEY),
        ],
        events=[
            *(event_of(actor, DELETED, customer_id, data=told) for customer_id, _ in going),
            summary,
        ],
    )
