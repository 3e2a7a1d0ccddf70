"""Bytes to columns: the fast way, for bodies without a fault of shape.

One typed msgspec decode. What msgspec lets pass and JSON's careful readers do not (duplicate
keys, of which it keeps the last; the NUL character) is found by counting and searching bytes.
Whatever is not right, or only might not be, goes to `inspect`, which looks again and says all.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
from msgspec import Raw

from enrol.customers.columns import (
    PARTS,
    PROFILE_MEMBERS,
    Columns,
    part_columns,
    with_profile,
)
from enrol.customers.model import (
    CLAIM_FIELDS,
    Batch,
    Customer,
    CustomerDid,
    CustomerWallet,
    Limits,
)
from enrol.customers.profiles.metadata import are_plain, members_in

OBJECTS_PER_ITEM: Final = 6
_NULL: Final = Raw(b"null")
_decoder: Final = msgspec.json.Decoder(Batch)


class TooManyItems(Exception):
    """``customerData`` has more items than the limit."""


class TooManyValues(Exception):
    """The body has more JSON values than the largest batch."""


class Decoded(NamedTuple):
    """A body without a fault of shape."""

    batch: Batch
    columns: Columns


def decode_batch(body: bytes, limits: Limits) -> Decoded | None:
    """Decode a body that has no fault of shape; None: it may have one, so inspect it.

    Raises `TooManyItems` and `TooManyValues`.
    """
    batch = decode_only(body, limits)
    if batch is None:
        return None
    customers = batch.customer_data
    columns = whole_columns([body], customers, part_columns(customers, range(len(customers))))
    return None if columns is None else Decoded(batch, columns)


def decode_only(body: bytes, limits: Limits) -> Batch | None:
    """The first half of `decode_batch`, which does not look for duplicate keys."""
    # Empty objects are the cheapest way to make the decoder build millions of customers, so
    # they are counted before: twice what a full batch has leaves room for braces in texts.
    if body.count(b"{") > 2 * (1 + OBJECTS_PER_ITEM * limits.items):
        raise TooManyValues
    try:
        batch = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if len(batch.customer_data) > limits.items:
        raise TooManyItems
    if b"\\" in body and b"\\u0000" in body:
        return None
    return batch


def whole_columns(
    bodies: Sequence[bytes], customers: Sequence[Customer], columns: Columns
) -> Columns | None:
    """The columns of all customers of the bodies, with their profiles; ``columns`` are those of
    their parts. None: an object may have a key twice, or the metadata a fault.

    No body has fewer members than were kept of it, so where the sums agree, each does. And where
    they agree without any profile, none was sent.
    """
    sent = sum(map(members_in, bodies))
    possible = _members_possible(len(bodies), columns)
    if sent == possible - columns.absent:
        return columns
    texts = [one.metadata for one in customers if isinstance(one.metadata, Raw)]
    texts = [text for text in texts if text != _NULL]
    if texts and not are_plain(texts):
        return None
    whole = with_profile(columns, customers)
    if whole.profile is None:
        return None
    # What is between the names of metadata is counted alike on both sides.
    sent -= members_in(b" ".join(texts))
    possible += PROFILE_MEMBERS * len(columns.items)
    return whole if sent == possible - whole.absent else None


def may_hold_long_text(body: bytes, most: int) -> bool:
    """False when no text of a body can have more than ``most`` characters.

    A text ends in a quote. Where every stretch of half the limit has one that ends a text (none
    is escaped in the whole body), no two can stand further apart than the limit.
    """
    if len(body) <= most:
        return False
    stretch = most // 2
    if stretch == 0 or (b"\\" in body and b'\\"' in body):
        return True
    return any(
        body.find(b'"', start, start + stretch) < 0
        for start in range(0, len(body) - stretch + 1, stretch)
    )


def _members_possible(bodies: int, columns: Columns) -> int:
    """How many members the bodies have without profiles, when none of the optional is absent."""
    with_claims = len(columns.items) - columns.without_claims
    return (
        len(Batch.__struct_fields__) * bodies
        + PARTS * len(columns.items)
        + len(CustomerWallet.__struct_fields__) * len(columns.wallets.places)
        + len(CustomerDid.__struct_fields__) * len(columns.dids.places)
        + len(CLAIM_FIELDS) * with_claims
    )
