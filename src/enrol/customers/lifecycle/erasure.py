"""What an erasure removes (GDPR article 17), and the tombstone that it leaves."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from enrol.customers.lifecycle.change import Event, Write
from enrol.customers.lifecycle.keys import Stored

ERASED: Final = "customer.erased"
# All else goes, so that a column of a release to come goes too unless it is named here.
KEPT: Final = frozenset(
    {"project", "id", "batch_id", "type", "created_at", "version", "updated_at", "merged_into"}
)
# Set by the erasure: a list that leaves deleted customers out leaves this one out as well.
MARKS: Final = ("erased_at", "deleted_at")
# What a customer has beside its own row.
PARTS: Final = ("wallets", "dids", "emails", "findings")


class Erasure(NamedTuple):
    """Who is erased, when (Unix milliseconds), and why in the operator's words.

    ``records`` are the customer, last, and before it those that were merged into it, or some of
    these alone; ``told`` are the numbers of events of theirs that have data. ``salt`` are 16 random
    bytes.
    """

    project: int
    at: int
    records: Sequence[Stored]
    told: Sequence[int]
    reason: str | None
    salt: bytes


def plan_erasure(erasure: Erasure) -> tuple[list[Write], list[Event]]:
    """The writes, and one event a customer. Of the erased events' data the digests stay."""
    project = erasure.project
    ids = [record.customer["id"] for record in erasure.records]
    writes = []
    if ids:
        writes.append(_empty(erasure))
        owned = [(project, customer) for customer in ids]
        writes += [Write("delete", part, (), owned, ("project", "customer_id")) for part in PARTS]
    if erasure.told:
        told = [(None, None, project, seq) for seq in erasure.told]
        writes.append(Write("update", "events", ("data", "salt"), told, ("project", "seq")))
    return writes, list(_events(erasure, ids))


def _empty(erasure: Erasure) -> Write:
    """The update that leaves tombstones."""
    names = [name for name in erasure.records[0].customer if name not in {*KEPT, *MARKS}]
    rows = []
    for record in erasure.records:
        deleted_at = record.customer["deleted_at"]
        marks = (erasure.at, erasure.at if deleted_at is None else deleted_at)
        values = (*marks, *(None for _ in names))
        rows.append((*values, erasure.project, record.customer["id"]))
    return Write("update", "customers", (*MARKS, *names), rows, ("project", "id"))


def _events(erasure: Erasure, ids: Sequence[bytes]) -> Iterable[Event]:
    for customer in ids:
        if erasure.reason is None or customer != ids[-1]:
            yield Event(ERASED, customer)
        else:
            data = msgspec.json.encode({"reason": erasure.reason}).decode()
            yield Event(ERASED, customer, (), data, erasure.salt)
