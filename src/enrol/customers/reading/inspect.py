"""The slow, complete look at a batch that the fast decode did not take.

Reads the JSON with every duplicate key, walks it beside the wire types, names every fault of
shape with its pointer, and builds the customers that have none.
"""

from typing import Any, Final, NamedTuple

import msgspec

from enrol.customers.faults import Fault
from enrol.customers.model import Batch, Customer, Limits
from enrol.customers.reading.decode import TooManyItems
from enrol.customers.reading.json_text import parse_json
from enrol.customers.reading.shapes import WRONG, Sequence, object_of
from enrol.customers.reading.walk import Walk

VALUES_PER_ITEM: Final = 64
_CUSTOMER: Final = object_of(Customer)
# The customers are counted before one of them is looked at.
_BATCH: Final = object_of(Batch, customerData=Sequence(None))


class Inspection(NamedTuple):
    """What the look found: the customers without a fault of shape (None for the others)."""

    customer_type: str | None
    cms_project_id: str | None
    customers: list[Customer | None]
    faults: list[Fault]


def inspect_batch(body: bytes, limits: Limits, *, ignore_unknown: bool = False) -> Inspection:
    """Look at everything in the body.

    Raises `JsonInvalid`, `JsonTooDeep`, `TooManyItems` and `TooManyValues`; all else becomes a
    fault.
    """
    most_values = VALUES_PER_ITEM * (limits.items + 1)
    root = parse_json(body, most_values=most_values, most_levels=limits.json_depth)
    walk = Walk(ignore_unknown=ignore_unknown)
    clean = _BATCH.members(walk, None, "", root)
    if clean is None:
        return Inspection(None, None, [], walk.faults)
    items = clean.get("customerData", [])
    if len(items) > limits.items:
        raise TooManyItems
    customers = [_customer(walk, index, item) for index, item in enumerate(items)]
    walk.faults.sort(key=lambda fault: (-1 if fault.item is None else fault.item, fault.pointer))
    return Inspection(clean.get("customerType"), clean.get("cmsProjectId"), customers, walk.faults)


def _customer(walk: Walk, item: int, value: Any) -> Customer | None:
    """Build one customer, or None when its shape has a fault."""
    clean = _CUSTOMER.read(walk, item, "", value)
    return None if clean is WRONG else msgspec.convert(clean, Customer)
