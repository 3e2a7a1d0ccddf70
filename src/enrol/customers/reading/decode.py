"""Bytes to columns: the fast way, for bodies without a fault of shape.

One typed msgspec decode. What msgspec lets pass and JSON's careful readers do not (duplicate
keys, of which it keeps the last; the NUL character) is found by counting and searching bytes.
Whatever is not right, or only might not be, goes to `inspect`, which looks again and says all.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from enrol.customers.columns import Columns, columns_of
from enrol.customers.model import (
    CLAIM_FIELDS,
    Batch,
    Customer,
    CustomerDid,
    CustomerWallet,
    Limits,
)

OBJECTS_PER_ITEM: Final = 4
_WHITESPACE: Final = b" \t\r\n"
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
    columns = columns_of(batch.customer_data, range(len(batch.customer_data)))
    return Decoded(batch, columns) if has_no_twice([body], columns) else None


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


def has_no_twice(bodies: Sequence[bytes], columns: Columns) -> bool:
    """Whether no object of the bodies has a key twice; ``columns`` are of all their customers.

    No body has fewer members than were kept of it, so where the sums agree, each does.
    """
    sent = sum(map(_members_sent, bodies))
    return sent == _members_possible(len(bodies), columns) - columns.absent


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


def _members_sent(body: bytes) -> int:
    """How many members the objects of a valid JSON text have.

    Once white space is gone, a name's closing quote and its colon are neighbours; inside of a
    text a quote is escaped, so that the same two bytes follow a backslash there. A name cannot
    end in a backslash, for all names that the decoder takes are known.
    """
    compact = body.translate(None, _WHITESPACE)
    in_texts = compact.count(b'\\":') if b"\\" in body else 0
    return compact.count(b'":') - in_texts


def _members_possible(bodies: int, columns: Columns) -> int:
    """How many members the bodies have when none of the optional ones is absent."""
    with_claims = len(columns.items) - columns.without_claims
    return (
        len(Batch.__struct_fields__) * bodies
        + len(Customer.__struct_fields__) * len(columns.items)
        + len(CustomerWallet.__struct_fields__) * len(columns.wallets.places)
        + len(CustomerDid.__struct_fields__) * len(columns.dids.places)
        + len(CLAIM_FIELDS) * with_claims
    )
