"""The slow, complete look at a batch that the fast decode did not take.

Reads the JSON with every duplicate key, walks it beside the wire types, names every fault of
shape with its pointer, and builds the customers that have none.
"""

from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Raw

from enrol.customers.faults import Fault
from enrol.customers.model import Batch, Customer, Limits, OneCustomer
from enrol.customers.profiles.metadata import MOST_BYTES
from enrol.customers.reading.decode import TooManyItems
from enrol.customers.reading.json_places import text_in, texts_in_items
from enrol.customers.reading.json_text import JsonObject, parse_json
from enrol.customers.reading.metadata import SENT, Metadata
from enrol.customers.reading.shapes import WRONG, Sequence, object_of
from enrol.customers.reading.walk import Walk

# An item with all of its tags and metadata has 124; the rest is for commas in texts.
VALUES_PER_ITEM: Final = 160
_CUSTOMER: Final = object_of(Customer, metadata=Metadata())
_ONE: Final = object_of(OneCustomer, metadata=Metadata())
_AROUND: Final = ("customerType", "cmsProjectId")
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
    metadata: list[str | None] = [None] * len(items)
    if any(type(item) is JsonObject and item.get("metadata") is not None for item in items):
        metadata = texts_in_items(body.decode(), "customerData", "metadata")
    customers = [
        _customer(walk, index, item, text)
        for index, (item, text) in enumerate(zip(items, metadata, strict=True))
    ]
    walk.faults.sort(key=lambda fault: (-1 if fault.item is None else fault.item, fault.pointer))
    return Inspection(clean.get("customerType"), clean.get("cmsProjectId"), customers, walk.faults)


def inspect_customer(body: bytes, limits: Limits, *, ignore_unknown: bool = False) -> Inspection:
    """Look at a body of one customer, of whose faults none has an item.

    Raises `JsonInvalid`, `JsonTooDeep` and `TooManyValues`; all else becomes a fault.
    """
    root = parse_json(body, most_values=VALUES_PER_ITEM * 2, most_levels=limits.json_depth)
    walk = Walk(ignore_unknown=ignore_unknown)
    metadata = None
    if type(root) is JsonObject and root.get("metadata") is not None:
        metadata = text_in(body.decode(), "metadata")
    _check_size(walk, None, metadata)
    clean = _ONE.members(walk, None, "", root)
    if clean is None:
        return Inspection(None, None, [], walk.faults)
    walk.faults.sort(key=lambda fault: fault.pointer)
    customer_type, project_id = (clean.pop(name, None) for name in _AROUND)
    right = all(fault.pointer[1:] in _AROUND for fault in walk.faults)
    customers = [_built(clean, metadata) if right else None]
    return Inspection(customer_type, project_id, customers, walk.faults)


def _customer(walk: Walk, item: int, value: Any, metadata: str | None) -> Customer | None:
    """Build one customer, with its metadata as they were sent; None when its shape has a fault."""
    fits = _check_size(walk, item, metadata)
    clean = _CUSTOMER.read(walk, item, "", value)
    return _built(clean, metadata) if fits and clean is not WRONG else None


def _check_size(walk: Walk, item: int | None, metadata: str | None) -> bool:
    fits = metadata is None or len(metadata.encode()) <= MOST_BYTES
    if not fits:
        walk.fault(item, "/metadata", "metadata.too_large")
    return fits


def _built(clean: dict[str, Any], metadata: str | None) -> Customer:
    customer = msgspec.convert(clean, Customer)
    if customer.metadata == SENT and metadata:
        customer.metadata = Raw(metadata.encode())
    return customer
