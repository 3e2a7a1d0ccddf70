"""What both databases do with a change: the statements, and the order of the steps."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from enrol.customers.lifecycle.chain import EventRow, Head, Link, link_change
from enrol.customers.lifecycle.change import Change, Conflict, Event, Write
from enrol.customers.plan import CREATED
from enrol.store.columns import PART_COLUMNS
from enrol.store.protocol import CustomerRecord

LINK_COLUMNS: Final = Link._fields
EVENT_COLUMNS: Final = (
    *("project", "seq", "type", "customer_id", "fields", "data", "salt", "digest"),
)
CREATED_COLUMNS: Final = EVENT_COLUMNS[:4]
FIND_VERSIONS: Final = """
SELECT id, version FROM customers WHERE project = $1 AND id = ANY($2) ORDER BY id
"""
# As a customer is read: its parts by their keys.
ORDER: Final = {
    "wallets": ("id",),
    "dids": ("id",),
    "emails": ("id",),
    "findings": ("pointer", "code"),
}
SET_VERSION: Final = """
UPDATE customers SET version = $1, updated_at = $2 WHERE project = $3 AND id = $4
"""


def is_stale(change: Change, versions: Mapping[bytes, int]) -> bool:
    """Whether a customer has another version than the change was decided on."""
    return any(versions.get(customer) != version for customer, version in change.expected)


def conflict_of(change: Change, taken: Mapping[bytes, bytes]) -> Conflict | None:
    """The conflict with the stored keys ``taken``, but for those that the change gives up."""
    released = set(change.release)
    found = [
        (key, kind, taken[key])
        for key, _, kind in change.take
        if key in taken and key not in released
    ]
    return Conflict(found) if found else None


class Appended:
    """The link and the events that a change adds behind a head, and the versions that follow."""

    def __init__(self, head: Head, change: Change) -> None:
        self.link, self.rows = link_change(head, change)
        self.head = Head(self.link.last, self.link.hash)
        self.versions = [
            (seq, change.at, change.project, customer)
            for customer, seq in _last_events(self.rows, change.events)
        ]


def _last_events(rows: Iterable[EventRow], events: Iterable[Event]) -> Iterable[tuple[bytes, int]]:
    last: dict[bytes, int] = {}
    for row, event in zip(rows, events, strict=True):
        if event.customer_id is not None and event.type != CREATED:
            last[event.customer_id] = row[1]
    return sorted(last.items())


def record_after(record: CustomerRecord, change: Change, seq: int) -> CustomerRecord:
    """A customer as a change of it, which was stored, left it; ``seq`` is that of `Applied`.

    To read it again would not do: the next change may be there already, and whoever is told its
    version takes it for seen.
    """
    customer_id = record.customer["id"]
    tables: dict[str, Sequence[Mapping[str, Any]]] = {
        **dict(zip(("wallets", "dids", "emails", "findings"), record[1:], strict=True)),
        "customers": [record.customer],
    }
    for write in change.writes:
        if write.table in tables:
            tables[write.table] = _rows_after(tables[write.table], write)
    (customer,) = tables["customers"]
    first = seq - len(change.events) + 1
    for place, event in enumerate(change.events):
        if event.customer_id == customer_id:
            customer = {**customer, "version": first + place, "updated_at": change.at}
    parts = [
        sorted(
            (row for row in tables[name] if row["customer_id"] == customer_id),
            key=lambda row, key=key: [row[column] for column in key],  # type: ignore[misc]
        )
        for name, key in ORDER.items()
    ]
    return CustomerRecord(customer, *parts)


def _rows_after(rows: Iterable[Mapping[str, Any]], write: Write) -> Sequence[Mapping[str, Any]]:
    after = list(rows)
    for values in write.rows:
        new = dict(zip(write.columns, values, strict=False))
        key = (
            {name: new[name] for name in write.where}
            if write.verb == "put"
            else dict(zip(write.where, values[len(write.columns) :], strict=True))
        )
        if write.verb == "update":
            after = [{**row, **new} if key.items() <= row.items() else row for row in after]
            continue
        if write.verb != "insert":
            after = [row for row in after if not key.items() <= row.items()]
        if write.verb != "delete":
            after.append({**dict.fromkeys(PART_COLUMNS[write.table]), **new})
    return after
