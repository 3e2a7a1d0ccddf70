"""What one call wants stored, and what became of it: plain values that cross process borders."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from msgspec import Struct

Row = tuple[Any, ...]

WALLET: Final = 0
DID: Final = 1
SUB: Final = 2
EXTERNAL: Final = 3
KINDS: Final = ("wallet", "did", "sub", "external")
KIND_BITS: Final = 2


class Enrolment(NamedTuple):
    """A checked batch, ready to store: columns, and what all its customers share.

    ``at`` is Unix time in milliseconds; IDs are the 16 bytes of a UUIDv7. ``positions`` are the
    indexes in ``customerData`` of the planned customers; ``ids`` and each column of
    ``claims`` (in the order of `CLAIM_FIELDS`) have one entry for each of them, at its place.

    ``wallets`` are columns: places, IDs, namespaces, addresses as sent, canonical addresses (None
    where that is the same), verified, created by. ``dids``: places, IDs, DIDs, created by,
    updated by. ``findings`` are rows: place, pointer, code.

    ``profile`` are the columns of `STORED_FIELDS`, each with one entry a customer, and ``emails``
    are columns: places, IDs, addresses. None: no customer of the batch has any.

    ``keys`` are the hashes, sorted, of all wallets, DIDs, subs and external IDs, which must be
    unique in the project; ``marks`` says of each whose it is (`mark >> KIND_BITS`, a place) and
    its kind.

    ``refused`` are the `Fault` tuples of items that a partial call leaves out. ``idempotency``
    is the hash of the Idempotency-Key and the fingerprint of the request.
    """

    project: int
    batch_id: bytes
    key_id: str
    at: int
    mode: str
    return_existing: bool
    items: int
    idempotency: tuple[bytes, bytes] | None
    customer_type: str
    positions: Sequence[int]
    ids: list[bytes]
    claims: list[Sequence[str | None]]
    wallets: list[Sequence[Any]]
    dids: list[Sequence[Any]]
    findings: list[Row]
    keys: Sequence[bytes]
    marks: Sequence[int]
    refused: list[Row]
    profile: list[Sequence[Any]] | None = None
    emails: list[Sequence[Any]] | None = None


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
