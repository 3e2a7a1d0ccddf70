"""Bytes to customers: the fast way, for bodies without a fault of shape.

One typed msgspec decode. What msgspec lets pass and JSON's careful readers do not (duplicate
keys, of which it keeps the last; the NUL character) is found by counting and searching bytes.
Whatever is not right, or only might not be, goes to `inspect`, which looks again and says all.
"""

from itertools import chain
from operator import attrgetter
from typing import Final

import msgspec
from msgspec import UNSET

from enrol.customers.model import CLAIM_FIELDS, Batch, Customer, Limits

OBJECTS_PER_ITEM: Final = 4
_WHITESPACE: Final = b" \t\r\n"
_decoder: Final = msgspec.json.Decoder(Batch)
_claims_of: Final = attrgetter(*CLAIM_FIELDS)
_wallet_extras: Final = attrgetter("verified", "created_by")
_did_extras: Final = attrgetter("created_by", "updated_by")
_parts_of: Final = attrgetter("customer_wallet", "customer_claims", "customer_did")


class TooManyItems(Exception):
    """``customerData`` has more items than the limit."""


def decode_batch(body: bytes, limits: Limits) -> Batch | None:
    """Decode a body that has no fault of shape; None: it may have one, so inspect it.

    Raises `TooManyItems`.
    """
    # Empty objects are the cheapest way to make the decoder build millions of customers, so
    # they are counted before: twice what a full batch has leaves room for braces in texts.
    if body.count(b"{") > 2 * (1 + OBJECTS_PER_ITEM * limits.items):
        raise TooManyItems
    try:
        batch = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if len(batch.customer_data) > limits.items:
        raise TooManyItems
    if b"\\u0000" in body or _members_sent(body) != _members_decoded(batch):
        return None
    return batch


def _members_sent(body: bytes) -> int:
    """How many members the objects of a valid JSON text have.

    Once white space is gone, a name's closing quote and its colon are neighbours; inside of a
    text a quote is escaped, so that the same two bytes follow a backslash there. A name cannot
    end in a backslash, for all names that the decoder takes are known.
    """
    compact = body.translate(None, _WHITESPACE)
    return compact.count(b'":') - compact.count(b'\\":')


def _members_decoded(batch: Batch) -> int:
    """How many members the decoder kept: all that are not UNSET."""
    parts = [_parts_of(customer) for customer in batch.customer_data]
    columns = zip(*parts, strict=True) if parts else ((), (), ())
    wallets, claims, dids = (list(filter(None, column)) for column in columns)
    optional = (
        chain.from_iterable(parts),
        chain.from_iterable(map(_claims_of, claims)),
        chain.from_iterable(map(_wallet_extras, wallets)),
        chain.from_iterable(map(_did_extras, dids)),
    )
    members = len(Batch.__struct_fields__) + 2 * len(wallets) + len(dids)
    possible = (
        len(Customer.__struct_fields__) * len(parts)
        + len(CLAIM_FIELDS) * len(claims)
        + 2 * len(wallets)
        + 2 * len(dids)
    )
    return members + possible - sum(list(values).count(UNSET) for values in optional)
