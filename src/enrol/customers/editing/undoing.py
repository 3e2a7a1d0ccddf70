"""To undo a batch: its customers that nobody has changed since are deleted, softly."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from enrol.customers.editing.acting import DELETED, Actor, event_of
from enrol.customers.lifecycle.change import Change, Write
from enrol.customers.lifecycle.keys import Stored, unique_keys

UNDONE: Final = "batch.undone"


class Left(NamedTuple):
    """A customer that stays as it is, and why: ``changed``, ``deleted``, ``merged``, ``erased``."""

    customer_id: bytes
    reason: str


class Undoing(NamedTuple):
    """Which customers of a batch go, and which are left."""

    removed: Sequence[Stored]
    left: Sequence[Left]


def sort_out(records: Sequence[Stored]) -> Undoing:
    """Tell the untouched customers of a batch from the others."""
    removed, left = [], []
    for record in records:
        row = record.customer
        if row["version"] == 0:
            removed.append(record)
        elif row["erased_at"] is not None:
            left.append(Left(row["id"], "erased"))
        elif row["merged_into"] is not None:
            left.append(Left(row["id"], "merged"))
        else:
            reason = "changed" if row["deleted_at"] is None else "deleted"
            left.append(Left(row["id"], reason))
    return Undoing(removed, left)


def plan_undo(
    actor: Actor, change_id: bytes, batch_id: bytes, undoing: Undoing, reason: str | None
) -> Change:
    """The one change that undoes a batch. Each customer keeps what it has but its unique keys, as
    any that is deleted, and can be restored by itself."""
    ids = [record.customer["id"] for record in undoing.removed]
    told = {} if reason is None else {"reason": reason}
    counts = {"removed": len(ids), "left": len(undoing.left)}
    events = [event_of(actor, DELETED, customer_id, data=told) for customer_id in ids]
    summary = event_of(actor, UNDONE, None, data=counts | told)
    marks = [(actor.at, actor.key_id, actor.project, customer_id) for customer_id in ids]
    batch = (actor.at, actor.key_id, len(ids), actor.project, batch_id)
    return Change(
        project=actor.project,
        id=change_id,
        key_id=actor.key_id,
        at=actor.at,
        expected=[(customer_id, 0) for customer_id in ids],
        release=[
            key.hash
            for record in undoing.removed
            for key in unique_keys(actor.secret, actor.project, record)
        ],
        writes=[
            Write(
                "update",
                "customers",
                ("deleted_at", "deleted_by"),
                marks,
                ("project", "id"),
            ),
            Write(
                "update",
                "batches",
                ("undone_at", "undone_by", "removed"),
                [batch],
                ("project", "id"),
                exact=True,
            ),
        ],
        events=[*events, summary],
        batch_id=batch_id,
    )


