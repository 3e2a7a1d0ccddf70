"""Small bodies that wait at the same moment, read as if they were one.

A column costs the same few calls for one customer as for many (ADR 1), so bodies are decoded one
by one, checked as one set of columns, and cut apart again.
"""

from collections.abc import Sequence
from datetime import date
from itertools import accumulate, pairwise

from enrol.customers.batch import Reading
from enrol.customers.check import Checked, check_columns
from enrol.customers.columns import Columns, columns_of, cut, part_bounds
from enrol.customers.model import CUSTOMER_TYPES, Batch, Limits
from enrol.customers.reading.decode import (
    TooManyItems,
    TooManyValues,
    decode_only,
    has_no_twice,
    may_hold_long_text,
)


def read_together(bodies: Sequence[bytes], limits: Limits, today: date) -> list[Reading | None]:
    """Decode and check the bodies. None: one is not plainly right, and is to be read by itself.

    Nobody's fault is seen in another's answer: a body with a fault is looked at again, alone.
    """
    batches = [_decoded(body, limits) for body in bodies]
    right = [batch for batch in batches if batch is not None]
    customers = [customer for batch in right for customer in batch.customer_data]
    columns = columns_of(customers, range(len(customers)))
    decoded = [body for body, batch in zip(bodies, batches, strict=True) if batch is not None]
    if not has_no_twice(decoded, columns):
        return [None] * len(bodies)
    long = any(may_hold_long_text(body, limits.text_chars) for body in decoded)
    checked = check_columns(columns, limits, today, may_hold_long_text=long)
    bounds = pairwise(accumulate((len(batch.customer_data) for batch in right), initial=0))
    readings = (
        _reading(batch, columns, checked, start, stop)
        for batch, (start, stop) in zip(right, bounds, strict=True)
    )
    return [None if batch is None else next(readings) for batch in batches]


def _decoded(body: bytes, limits: Limits) -> Batch | None:
    try:
        batch = decode_only(body, limits)
    except (TooManyItems, TooManyValues):
        return None
    return batch if batch is not None and batch.customer_type in CUSTOMER_TYPES else None


def _reading(
    batch: Batch, columns: Columns, checked: Checked, start: int, stop: int
) -> Reading | None:
    if any(fault.item is None or start <= fault.item < stop for fault in checked.faults):
        return None
    own = cut(columns, start, stop)
    addresses = checked.addresses[part_bounds(columns.wallets, start, stop)]
    return Reading(
        batch.customer_type,
        batch.cms_project_id,
        stop - start,
        own,
        may_hold_long_text=False,
        faults=[],
        checked=Checked(addresses, []),
    )
