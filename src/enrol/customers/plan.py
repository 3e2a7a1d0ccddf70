"""From checked columns to rows: the last pure step before the store."""

from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from typing import Final, NamedTuple, Protocol

from msgspec import UNSET

from enrol.customers.columns import Columns
from enrol.customers.enrolment import DID, KIND_BITS, SUB, WALLET, Enrolment, Row
from enrol.customers.faults import Fault

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
    addresses: Sequence[str | None],
    *,
    items: int,
    findings: Iterable[Fault] = (),
    refused: Iterable[Fault] = (),
) -> Enrolment:
    """Make the rows of a batch, in the column order of the store's schema."""
    project, at, mint = call.project, call.at, call.mint
    batch_id = mint().bytes
    ids = [mint().bytes for _ in columns.items]
    claims = zip(*columns.claims.values(), strict=True)
    place_of = {item: place for place, item in enumerate(columns.items)} if findings else {}
    return Enrolment(
        project=project,
        batch_id=batch_id,
        key_id=call.key_id,
        at=at,
        mode=call.mode,
        return_existing=call.return_existing,
        items=items,
        idempotency=call.idempotency,
        positions=list(columns.items),
        ids=ids,
        keys=unique_keys(call, columns, addresses),
        customers=[
            (project, customer_id, batch_id, customer_type, at, *row)
            for customer_id, row in zip(ids, claims, strict=True)
        ],
        wallets=_wallet_rows(call, ids, columns, addresses),
        dids=_did_rows(call, ids, columns),
        events=[(project, mint().bytes, CREATED, customer_id, batch_id, at) for customer_id in ids],
        findings=[
            (project, ids[place_of[fault.item]], fault.pointer, fault.code)
            for fault in findings
            if fault.item is not None
        ],
        refused=[tuple(fault) for fault in refused],
    )


def key_hash(secret: bytes, project: int, kind: int, value: str) -> bytes:
    """The key of one wallet (``namespace:address``), DID or sub: a keyed hash of 16 bytes.

    Short random keys keep the one index small, and without the secret they tell nothing.
    """
    return _hashes(secret, project, kind, [value])[0]


def unique_keys(
    call: Call, columns: Columns, addresses: Sequence[str | None]
) -> list[tuple[bytes, int]]:
    """The (hash, mark) pairs of `Enrolment.keys`."""
    wallets = [
        (place, f"{wallet.blockchain_namespace}:{address}")
        for place, (wallet, address) in enumerate(zip(columns.wallets, addresses, strict=True))
        if wallet is not None and address is not None
    ]
    dids = [(place, did.did) for place, did in enumerate(columns.dids) if did is not None]
    subs = [(place, sub) for place, sub in enumerate(columns.claims["sub"]) if sub is not None]
    keys: list[tuple[bytes, int]] = []
    for kind, values in ((WALLET, wallets), (DID, dids), (SUB, subs)):
        hashes = _hashes(call.secret, call.project, kind, [value for _, value in values])
        marks = [place << KIND_BITS | kind for place, _ in values]
        keys += zip(hashes, marks, strict=True)
    keys.sort()
    return keys


def _hashes(secret: bytes, project: int, kind: int, values: Iterable[str]) -> list[bytes]:
    start = blake2b(b"%d\0%d\0" % (project, kind), key=secret, digest_size=16)
    hashes = []
    for value in values:
        digest = start.copy()
        digest.update(value.encode())
        hashes.append(digest.digest())
    return hashes


def _wallet_rows(
    call: Call, ids: list[bytes], columns: Columns, addresses: Sequence[str | None]
) -> list[Row]:
    project, at, mint = call.project, call.at, call.mint
    return [
        (
            project,
            customer_id,
            mint().bytes,
            wallet.blockchain_namespace,
            wallet.wallet,
            None if address == wallet.wallet else address,
            None if wallet.verified is UNSET else wallet.verified,
            None if wallet.created_by is UNSET else wallet.created_by,
            at,
        )
        for customer_id, wallet, address in zip(ids, columns.wallets, addresses, strict=True)
        if wallet is not None
    ]


def _did_rows(call: Call, ids: list[bytes], columns: Columns) -> list[Row]:
    project, at, mint = call.project, call.at, call.mint
    return [
        (
            project,
            customer_id,
            mint().bytes,
            did.did,
            None if did.created_by is UNSET else did.created_by,
            None if did.updated_by is UNSET else did.updated_by,
            at,
        )
        for customer_id, did in zip(ids, columns.dids, strict=True)
        if did is not None
    ]
