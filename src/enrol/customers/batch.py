"""One batch from bytes to rows: decode, check, plan. Pure: the caller brings clock and IDs."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from enrol.customers.check import check_columns, check_customer_type, refusals_and_findings
from enrol.customers.columns import columns_of
from enrol.customers.enrolment import Enrolment
from enrol.customers.faults import Fault
from enrol.customers.model import Customer, Limits
from enrol.customers.plan import Call, plan_enrolment
from enrol.customers.reading.decode import decode_batch
from enrol.customers.reading.inspect import inspect_batch


class Reading(NamedTuple):
    """A body that was read. ``customers`` holds those without a fault of shape, ``places``
    their indexes in ``customerData``, ``items`` how many the call sent."""

    customer_type: str | None
    cms_project_id: str | None
    items: int
    customers: Sequence[Customer]
    places: Sequence[int]
    faults: list[Fault]


class Planned(NamedTuple):
    """The rows of the batch and every fault that refuses an item (or, with item None, all)."""

    enrolment: Enrolment
    faults: list[Fault]


def read_batch(body: bytes, limits: Limits, *, ignore_unknown: bool = False) -> Reading:
    """Decode a body; only one that is not plainly right takes the slow, complete look.

    Raises `JsonInvalid`, `JsonTooDeep` and `TooManyItems`.
    """
    batch = decode_batch(body, limits)
    if batch is not None:
        customers = batch.customer_data
        count = len(customers)
        return Reading(
            batch.customer_type, batch.cms_project_id, count, customers, range(count), []
        )
    found = inspect_batch(body, limits, ignore_unknown=ignore_unknown)
    right = [place for place, customer in enumerate(found.customers) if customer is not None]
    return Reading(
        found.customer_type,
        found.cms_project_id,
        len(found.customers),
        [customer for customer in found.customers if customer is not None],
        right,
        found.faults,
    )


def plan_batch(
    reading: Reading, call: Call, limits: Limits, today: date, *, lenient: bool
) -> Planned:
    """Check every customer and make the rows.

    A partial call's rows leave out the items that have a fault; those of an atomic call, which
    a fault refuses as a whole, have all items that could be read, so that their conflicts can be
    told in the same answer. ``today`` is the latest date anywhere on earth.
    """
    columns = columns_of(reading.customers, reading.places)
    checked = check_columns(columns, limits, today)
    refusals, findings = refusals_and_findings(checked.faults, lenient=lenient)
    addresses = checked.addresses
    faults = sorted([*reading.faults, *refusals], key=_order)
    customer_type = reading.customer_type or ""
    if reading.customer_type is not None:
        faults = check_customer_type(customer_type) + faults
    if refusals and call.mode == "partial":
        bad = {fault.item for fault in refusals}
        kept = [place for place, item in enumerate(columns.items) if item not in bad]
        places = [columns.items[place] for place in kept]
        columns = columns_of([reading.customers[place] for place in kept], places)
        addresses = [addresses[place] for place in kept]
        findings = [fault for fault in findings if fault.item not in bad]
    enrolment = plan_enrolment(
        call,
        customer_type,
        columns,
        addresses,
        items=reading.items,
        findings=findings,
        refused=faults,
    )
    return Planned(enrolment, faults)


def _order(fault: Fault) -> tuple[int, str, str]:
    return (-1 if fault.item is None else fault.item, fault.pointer, fault.code)
