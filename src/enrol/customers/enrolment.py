"""What one call wants stored, and what became of it: plain values that cross process borders."""

from typing import Any, Final, NamedTuple

from msgspec import Struct

Row = tuple[Any, ...]

WALLET: Final = 0
DID: Final = 1
SUB: Final = 2
KINDS: Final = ("wallet", "did", "sub")
KIND_BITS: Final = 2


class Enrolment(NamedTuple):
    """A checked batch as rows.

    ``at`` is Unix time in milliseconds; IDs are the 16 bytes of a UUIDv7. ``positions`` are the
    indexes in ``customerData`` of the planned customers, ``ids`` theirs, in the same order.
    ``keys`` are (hash, mark) sorted by hash, one for each wallet, DID and sub that must be
    unique in the project; ``mark >> KIND_BITS`` is the customer's place in ``ids``, the low
    bits are the kind. ``refused`` are the `Fault` tuples of items that a partial call leaves
    out. ``idempotency`` is the hash of the key and the fingerprint of the request.
    """

    project: int
    batch_id: bytes
    key_id: str
    at: int
    mode: str
    return_existing: bool
    items: int
    idempotency: tuple[bytes, bytes] | None
    positions: list[int]
    ids: list[bytes]
    keys: list[tuple[bytes, int]]
    customers: list[Row]
    wallets: list[Row]
    dids: list[Row]
    events: list[Row]
    findings: list[Row]
    refused: list[Row]


class Receipt(Struct, frozen=True, array_like=True, kw_only=True):
    """What a stored call answered, kept so that a repeat can be answered the same.

    ``ids`` has 16 bytes for each item (zeros where it was refused), ``existing`` the items that
    were stored before, ``refused`` the `Fault` tuples. ``listing`` says that the answer is one
    result an item (a partial call) and not the array of IDs.
    """

    batch_id: bytes
    listing: bool
    ids: bytes
    existing: list[int]
    refused: list[tuple[int, str, str, str, str | None]]


# The index in customerData, the kind of the key, and who has it: the ID of a stored customer or
# the index of an earlier item of the same batch.
Conflict = tuple[int, int, bytes | int]


class Refused(NamedTuple):
    """The store took nothing, for these conflicts."""

    conflicts: list[Conflict]


class Stored(NamedTuple):
    """The call is durable. ``replayed``: it was so before, under the same Idempotency-Key."""

    receipt: Receipt
    replayed: bool


class KeyReused(NamedTuple):
    """The Idempotency-Key belongs to another request."""


Outcome = Stored | Refused | KeyReused
