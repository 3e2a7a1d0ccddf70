"""The findings of a customer after a change: those of what changed are told anew."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final

from enrol.customers.faults import Fault
from enrol.customers.lifecycle.change import Write

KEY: Final = ("project", "customer_id", "pointer", "code")


def findings_writes(
    project: int,
    customer_id: bytes,
    stored: Iterable[Mapping[str, Any]],
    found: Collection[Fault],
    is_told_anew: Callable[[str], bool],
) -> list[Write]:
    """The writes that make ``found`` the findings of the pointers that are told anew."""
    before = {(row["pointer"], row["code"]) for row in stored if is_told_anew(row["pointer"])}
    after = {(fault.pointer, fault.code) for fault in found}
    gone = [(project, customer_id, *each) for each in sorted(before - after)]
    new = [(project, customer_id, *each) for each in sorted(after - before)]
    writes = []
    if gone:
        writes.append(Write("delete", "findings", (), gone, KEY))
    if new:
        writes.append(Write("put", "findings", KEY, new, KEY))
    return writes
