"""From checked columns to what is stored: the last pure step before the store."""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final, NamedTuple, Protocol

from enrol.customers.columns import Columns
from enrol.customers.enrolment import DID, EXTERNAL, KIND_BITS, SUB, WALLET, Enrolment, Row
from enrol.customers.faults import Fault
from enrol.customers.profiles.fields import stored_columns

CREATED: Final = "customer.created"


class Uuid(Protocol):
    """A UUID of any library."""

    @property
    def bytes(self) -> bytes:
        """The 16 bytes, big-endian."""
        ...


class Call(NamedTuple):
    """What a plan needs to know of the call around the customers.

    ``project`` is the store's number of the project, ``secret`` the store's key for hashes,
    ``at`` the time in Unix milliseconds, ``mint`` gives UUIDv7s in rising order.
    """

    project: int
    secret: bytes
    key_id: str
    at: int
    mint: Callable[[], Uuid]
    mode: str = "atomic"
    return_existing: bool = False
    idempotency: tuple[bytes, bytes] | None = None


def plan_enrolment(
    call: Call,
    customer_type: str,
    columns: Columns,
    addresses: Sequence[str],
    *,
    items: int,
    findings: Sequence[Fault] = (),
    refused: Sequence[Fault] = (),
) -> Enrolment:
    """Give IDs to a batch, and to its wallets and DIDs; and find its unique keys."""
    mint, wallets, dids = call.mint, columns.wallets, columns.dids
    batch_id = mint().bytes
    count = len(columns.items)
    keys, marks = _unique_keys(call, columns, addresses)
    canonical: Sequence[str | None] = addresses
    if addresses != wallets.addresses:
        pairs = zip(wallets.addresses, addresses, strict=True)
        canonical = [None if sent == address else address for sent, address in pairs]
    return Enrolment(
        project=call.project,
        batch_id=batch_id,
        key_id=call.key_id,
        at=call.at,
        mode=call.mode,
        return_existing=call.return_existing,
        items=items,
        idempotency=call.idempotency,
        customer_type=customer_type,
        positions=list(columns.items),
        ids=_mint(mint, count),
        claims=list(columns.claims.values()),
        wallets=[
            list(wallets.places),
            _mint(mint, len(wallets.places)),
            wallets.namespaces,
            wallets.addresses,
            canonical,
            wallets.verified,
            wallets.created_by,
        ],
        dids=[list(dids.places), _mint(mint, len(dids.places)), *dids[1:]],
        findings=_finding_rows(columns.items, findings),
        keys=keys,
        marks=marks,
        refused=[tuple(fault) for fault in refused],
        profile=None if columns.profile is None else stored_columns(columns.profile),
        emails=None if columns.profile is None else _emails(mint, columns.profile["email"]),
    )


def key_hash(secret: bytes, project: int, kind: int, value: str) -> bytes:
    """The key of one wallet (``namespace:address``), DID, sub or external ID: a keyed hash of 16
    bytes.

    Short random keys keep the one index small, and without the secret they tell nothing.
    """
    return key_hashes(secret, project, kind, [value])[0]


def _unique_keys(
    call: Call, columns: Columns, addresses: Sequence[str]
) -> tuple[Sequence[bytes], Sequence[int]]:
    """`Enrolment.keys` and `Enrolment.marks`."""
    wallets, dids, subs = columns.wallets, columns.dids, columns.claims["sub"]
    accounts = [
        f"{namespace}:{address}"
        for namespace, address in zip(wallets.namespaces, addresses, strict=True)
    ]
    external_ids = columns.profile["external_customer_id"] if columns.profile else ()
    by_kind: tuple[tuple[int, Sequence[int], Sequence[Any]], ...] = (
        (WALLET, wallets.places, accounts),
        (DID, dids.places, dids.dids),
        (SUB, *_there(subs)),
        (EXTERNAL, *_there(external_ids)),
    )
    pairs: list[tuple[bytes, int]] = []
    for kind, places, values in by_kind:
        hashes = key_hashes(call.secret, call.project, kind, values)
        pairs += zip(hashes, [place << KIND_BITS | kind for place in places], strict=True)
    pairs.sort()
    keys, marks = zip(*pairs, strict=True) if pairs else ((), ())
    return keys, marks


def _there(column: Sequence[str | None]) -> tuple[Sequence[int], Sequence[Any]]:
    """The places of the texts that are there, empty ones too, and these."""
    if None not in column:
        return range(len(column)), column
    places = [place for place, text in enumerate(column) if text is not None]
    return places, [column[place] for place in places]


def _emails(mint: Callable[[], Uuid], column: Sequence[str | None]) -> list[Sequence[Any]] | None:
    places, emails = _there(column)
    return [list(places), _mint(mint, len(places)), emails] if places else None


def _mint(mint: Callable[[], Uuid], count: int) -> list[bytes]:
    return [mint().bytes for _ in range(count)]


def _finding_rows(items: Sequence[int], findings: Sequence[Fault]) -> list[Row]:
    places = {item: place for place, item in enumerate(items)} if findings else {}
    return [
        (places[fault.item], fault.pointer, fault.code)
        for fault in findings
        if fault.item is not None
    ]


@lru_cache(maxsize=1_000)
def _start(secret: bytes, project: int, kind: int) -> blake2b:
    # A key takes a block of its own: as long as to hash the value.
    return blake2b(b"%d\0%d\0" % (project, kind), key=secret, digest_size=16)


def key_hashes(secret: bytes, project: int, kind: int, values: Iterable[str]) -> list[bytes]:
    """The keys of many values of one kind."""
    start = _start(secret, project, kind)
    hashes = []
    for value in values:
        digest = start.copy()
        digest.update(value.encode())
        hashes.append(digest.digest())
    return hashes
