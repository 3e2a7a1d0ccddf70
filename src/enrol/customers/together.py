"""Small bodies that wait at the same moment, read as if they were one.

A column costs the same few calls for one customer as for many (ADR 1), so bodies are decoded one
by one, checked as one set of columns, and cut apart again.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import accumulate, pairwise

from enrol.customers.batch import Reading
from enrol.customers.check import Checked, check_columns
from enrol.customers.columns import Columns, cut, part_bounds, part_columns
from enrol.customers.model import CUSTOMER_TYPES, Batch, Limits
from enrol.customers.reading.decode import (
    TooManyItems,
    TooManyValues,
    decode_only,
    may_hold_long_text,
    whole_columns,
)


def read_together(bodies: Sequence[bytes], limits: Limits, today: date) -> list[Reading | None]:
    """Decode and check the bodies. None: one is not plainly right in its shape, and is to be read
    by itself, so that nobody's fault is seen in another's answer."""
    batches = [_decoded(body, limits) for body in bodies]
    readings: list[Reading | None] = [None] * len(bodies)
    for customer_type in CUSTOMER_TYPES:
        right = [
            (place, batch)
            for place, batch in enumerate(batches)
            if batch is not None and batch.customer_type == customer_type
        ]
        read = _read(
            [batch for _, batch in right], [bodies[place] for place, _ in right], limits, today
        )
        for (place, _), reading in zip(right, read, strict=False):
            readings[place] = reading
    return readings


def _decoded(body: bytes, limits: Limits) -> Batch | None:
    try:
        return decode_only(body, limits)
    except (TooManyItems, TooManyValues):
        return None


def _read(
    batches: Sequence[Batch], bodies: Sequence[bytes], limits: Limits, today: date
) -> Iterator[Reading]:
    """Read batches of one type; nothing where one of them may have a key twice."""
    customers = [customer for batch in batches for customer in batch.customer_data]
    parts = part_columns(customers, range(len(customers)))
    columns = whole_columns(bodies, customers, parts) if batches else None
    if columns is None:
        return
    long = any(may_hold_long_text(body, limits.text_chars) for body in bodies)
    checked = check_columns(
        columns, batches[0].customer_type, limits, today, may_hold_long_text=long
    )
    bounds = pairwise(accumulate((len(batch.customer_data) for batch in batches), initial=0))
    for batch, (start, stop) in zip(batches, bounds, strict=True):
        yield _reading(batch, columns, checked, start, stop)


def _reading(batch: Batch, columns: Columns, checked: Checked, start: int, stop: int) -> Reading:
    faults = [
        fault._replace(item=fault.item - start)
        for fault in checked.faults
        if fault.item is not None and start <= fault.item < stop
    ]
    addresses = checked.addresses[part_bounds(columns.wallets, start, stop)]
    return Reading(
        batch.customer_type,
        batch.cms_project_id,
        stop - start,
        cut(columns, start, stop),
        may_hold_long_text=False,
        faults=[],
        checked=Checked(addresses, faults),
    )
