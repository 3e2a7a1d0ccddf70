"""What both databases do with a change: the statements, and the order of the steps."""

from collections.abc import Iterable, Mapping
from typing import Final

from enrol.customers.lifecycle.chain import EventRow, Head, Link, link_change
from enrol.customers.lifecycle.change import Change, Conflict, Event
from enrol.customers.plan import CREATED

LINK_COLUMNS: Final = Link._fields
EVENT_COLUMNS: Final = (
    *("project", "seq", "type", "customer_id", "fields", "data", "salt", "digest"),
)
CREATED_COLUMNS: Final = EVENT_COLUMNS[:4]
FIND_VERSIONS: Final = """
SELECT id, version FROM customers WHERE project = $1 AND id = ANY($2) ORDER BY id
"""
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
