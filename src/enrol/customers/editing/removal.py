"""To delete a customer, softly, and to restore it.

A deleted customer keeps all that it has but its unique keys, which others may take from then on;
it gets them back when it is restored, or it is not restored.
"""

from collections.abc import Mapping
from typing import Any

from enrol.customers.editing.acting import DELETED, RESTORED, Actor, Plan, event_of
from enrol.customers.lifecycle.change import Write
from enrol.customers.lifecycle.keys import Stored, unique_keys


def plan_delete(actor: Actor, record: Stored, reason: str | None) -> Plan:
    """What deletes a customer; nothing where it is deleted already."""
    row = record.customer
    if row["deleted_at"] is not None:
        return Plan()
    return Plan(
        writes=[_marks(actor, row["id"], actor.at, actor.key_id)],
        events=[event_of(actor, DELETED, row["id"], data=_data(reason))],
        release=[key.hash for key in unique_keys(actor.secret, actor.project, record)],
        at=actor.at,
    )


def plan_restore(actor: Actor, record: Stored, reason: str | None) -> Plan:
    """What restores a customer; nothing where it is there."""
    row = record.customer
    if row["deleted_at"] is None:
        return Plan()
    keys = unique_keys(actor.secret, actor.project, record)
    return Plan(
        writes=[_marks(actor, row["id"], None, None)],
        events=[event_of(actor, RESTORED, row["id"], data=_data(reason))],
        take=[(key.hash, row["id"], key.kind) for key in keys],
        places={key.hash: key.pointer for key in keys},
    )


def _marks(actor: Actor, customer_id: bytes, at: int | None, by: str | None) -> Write:
    return Write(
        "update",
        "customers",
        ("deleted_at", "deleted_by"),
        [(at, by, actor.project, customer_id)],
        ("project", "id"),
        exact=True,
    )


def _data(reason: str | None) -> Mapping[str, Any] | None:
    return None if reason is None else {"reason": reason}
