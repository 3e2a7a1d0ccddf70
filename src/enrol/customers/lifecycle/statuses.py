"""Which status may follow which. ``None`` stands for `NO_STATUS`, as it does where one is stored.

The words are the vendor's; docs/customers.md draws the table.
"""

from typing import Final

NO_STATUS: Final = "No status"
FOLLOWERS: Final[dict[str, tuple[str, ...]]] = {
    NO_STATUS: (
        *("Active", "Rejected", "Dormant", "To be reviewed"),
        *("Failed", "Escalated", "Terminated"),
    ),
    "To be reviewed": ("Active", "Rejected", "Escalated", "Failed", "Terminated"),
    "Active": ("Dormant", "To be reviewed", "Escalated", "Rejected", "Terminated"),
    "Dormant": ("Active", "To be reviewed", "Terminated"),
    "Escalated": ("Active", "Rejected", "To be reviewed", "Terminated"),
    "Failed": ("To be reviewed", "Rejected", "Terminated"),
    "Rejected": ("To be reviewed", "Terminated"),
    # Whoever comes back after this is another customer.
    "Terminated": (),
}
STATUSES: Final = tuple(FOLLOWERS)


def followers(status: str | None) -> tuple[str, ...]:
    """The statuses that a customer may get next. ``status`` is one of `STATUSES`, or None."""
    return FOLLOWERS[status or NO_STATUS]


def may_follow(before: str | None, after: str | None) -> bool:
    """Whether a customer may go from one status to another; to stay is no change, and may be."""
    before, after = before or NO_STATUS, after or NO_STATUS
    return before == after or after in FOLLOWERS[before]


def stored_status(status: str | None) -> str | None:
    """The status as it is stored: None for `NO_STATUS`."""
    return None if status == NO_STATUS else status
