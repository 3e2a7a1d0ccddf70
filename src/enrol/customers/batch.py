"""One batch from bytes to rows: decode, check, plan. Pure: the caller brings clock and IDs."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from itertools import compress
from typing import Final, NamedTuple

from enrol.customers.check import (
    Checked,
    check_columns,
    check_customer_type,
    refusals_and_findings,
)
from enrol.customers.columns import Columns, columns_of, take
from enrol.customers.enrolment import Enrolment
from enrol.customers.faults import Fault
from enrol.customers.model import CUSTOMER_TYPES, Limits
from enrol.customers.plan import Call, plan_enrolment
from enrol.customers.reading.decode import decode_batch, may_hold_long_text
from enrol.customers.reading.inspect import Inspection, inspect_batch, inspect_customer

# More than an item has fields, tags and metadata: only endless unknown ones reach it.
MOST_FAULTS_LISTED: Final = 128


class Reading(NamedTuple):
    """A body that was read. ``columns`` hold the customers without a fault of shape; ``items``
    is how many the call sent; ``checked`` says that the values were checked already."""

    customer_type: str | None
    cms_project_id: str | None
    items: int
    columns: Columns
    may_hold_long_text: bool
    faults: list[Fault]
    checked: Checked | None = None


class Planned(NamedTuple):
    """What is to be stored and every fault that refuses an item (or, with item None, all)."""

    enrolment: Enrolment
    faults: list[Fault]


def read_batch(body: bytes, limits: Limits, *, ignore_unknown: bool = False) -> Reading:
    """Decode a body; only one that is not plainly right takes the slow, complete look.

    Raises `JsonInvalid`, `JsonTooDeep`, `TooManyItems` and `TooManyValues`.
    """
    decoded = decode_batch(body, limits)
    if decoded is not None:
        batch, columns = decoded
        long = may_hold_long_text(body, limits.text_chars)
        count = len(columns.items)
        return Reading(batch.customer_type, batch.cms_project_id, count, columns, long, [])
    return _reading(inspect_batch(body, limits, ignore_unknown=ignore_unknown))


def read_customer(body: bytes, limits: Limits, *, ignore_unknown: bool = False) -> Reading:
    """Read a body of one customer as a batch of one, whose faults of shape have no item.

    Raises `JsonInvalid`, `JsonTooDeep` and `TooManyValues`.
    """
    return _reading(inspect_customer(body, limits, ignore_unknown=ignore_unknown))._replace(items=1)


def _reading(found: Inspection) -> Reading:
    right = [customer for customer in found.customers if customer is not None]
    places = [place for place, customer in enumerate(found.customers) if customer is not None]
    columns = columns_of(right, places)
    count = len(found.customers)
    return Reading(found.customer_type, found.cms_project_id, count, columns, True, found.faults)


def plan_batch(
    reading: Reading, call: Call, limits: Limits, today: date, *, lenient: bool
) -> Planned:
    """Check every customer and plan what is stored.

    The plan of a partial call leaves out the items that have a fault; that of an atomic call,
    which a fault refuses as a whole, has all items that could be read, so that their conflicts
    can be told in the same answer. ``today`` is the latest date anywhere on earth.
    """
    columns = reading.columns
    customer_type = reading.customer_type or ""
    addresses, faults = reading.checked or check_columns(
        columns, customer_type, limits, today, may_hold_long_text=reading.may_hold_long_text
    )
    findings: list[Fault] = []
    if faults or reading.faults or customer_type not in CUSTOMER_TYPES:
        refusals, findings = refusals_and_findings(faults, lenient=lenient)
        faults = sorted([*reading.faults, *refusals], key=_order)
        if reading.customer_type is not None:
            faults = check_customer_type(customer_type) + faults
        if refusals and call.mode == "partial":
            bad = {fault.item for fault in refusals}
            kept = [item not in bad for item in columns.items]
            addresses = list(compress(addresses, [kept[p] for p in columns.wallets.places]))
            columns = take(columns, kept)
            findings = [fault for fault in findings if fault.item not in bad]
    enrolment = plan_enrolment(
        call,
        customer_type,
        columns,
        addresses,
        items=reading.items,
        findings=findings,
        refused=_listed(faults),
    )
    return Planned(enrolment, faults)


def _listed(faults: Sequence[Fault]) -> list[Fault]:
    """The faults that a partial call's answer lists, and that its receipt keeps."""
    told: Counter[int | None] = Counter()
    listed = []
    for fault in faults:
        told[fault.item] += 1
        if told[fault.item] <= MOST_FAULTS_LISTED:
            listed.append(fault)
    return listed


def _order(fault: Fault) -> tuple[int, str, str]:
    return (-1 if fault.item is None else fault.item, fault.pointer, fault.code)
