"""Wallets and DIDs of a stored customer: which are added, changed and removed, and what that
writes. Pure: the caller brings clock, IDs and salts.

A finding on a part names it by its ID; on the one that came with the customer's item of a batch,
by its place in that item.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol
from uuid import UUID

import msgspec
from msgspec import UNSET

from enrol.customers.check import (
    DID_POINTER,
    WALLET_POINTER,
    check_columns,
    refusals_and_findings,
)
from enrol.customers.columns import columns_of
from enrol.customers.dids import check_dids
from enrol.customers.dids.methods.pkh import account_of as account_of_did
from enrol.customers.dids.methods.pkh import beside_wallets
from enrol.customers.enrolment import DID, WALLET
from enrol.customers.faults import Fault
from enrol.customers.lifecycle.change import Event, Write
from enrol.customers.lifecycle.keys import Row, Stored, account_of
from enrol.customers.model import CUSTOMER_TYPES, Customer, CustomerDid, CustomerWallet, Limits
from enrol.customers.plan import Uuid, key_hash
from enrol.customers.wallets.accounts import canonical_address
from enrol.customers.wallets.forms import AddressError, AddressFinding

MOST_PARTS: Final = 1_000
UPDATED: Final = "customer.updated"
OTHER_ACCOUNT: Final = "did.other_account"
FINDING_COLUMNS: Final = ("project", "customer_id", "pointer", "code")


class TooManyParts(Exception):
    """A customer has as many parts of a kind as it may."""


class Occasion(NamedTuple):
    """The call around a change: the store's number of the project and its key for hashes, the time
    in Unix milliseconds, and where IDs (rising UUIDv7s) and salts (16 bytes) come from."""

    project: int
    secret: bytes
    at: int
    mint: Callable[[], Uuid]
    salt: Callable[[], bytes]

    def key(self, kind: int, value: str) -> bytes:
        """The unique key of a value."""
        return key_hash(self.secret, self.project, kind, value)

    def event(
        self, name: str, customer_id: bytes, fields: Sequence[str], data: Mapping[str, Any]
    ) -> Event:
        """An event that tells these data."""
        return Event(name, customer_id, tuple(fields), as_json(data), self.salt())


class Whole(Stored, Protocol):
    """A stored customer with all that is moved or noted with its parts."""

    @property
    def emails(self) -> Sequence[Row]:
        """Its email addresses."""
        ...

    @property
    def findings(self) -> Sequence[Row]:
        """What was noted."""
        ...


class Edit(NamedTuple):
    """What a change of customers writes: see `change.Change`. ``places`` are the pointers in the
    body of the keys that are taken."""

    writes: Sequence[Write] = ()
    events: Sequence[Event] = ()
    take: Sequence[tuple[bytes, bytes, int]] = ()
    release: Sequence[bytes] = ()
    places: Mapping[bytes, str] = MappingProxyType({})


class Part(NamedTuple):
    """A kind of part: its table, the kind of its unique key, its field in the API's customer, and
    the pointer of a finding on the one that a batch brought."""

    table: str
    kind: int
    field: str
    pointer: str

    @property
    def member(self) -> str:
        """What the part is called in its own object."""
        return self.pointer.rpartition("/")[2]

    def rows(self, record: Whole) -> Sequence[Row]:
        """The parts of this kind that a customer has."""
        return record.wallets if self.kind == WALLET else record.dids

    def found(self, record: Whole, part_id: bytes) -> Row | None:
        """The part with this ID."""
        return next((row for row in self.rows(record) if row["id"] == part_id), None)

    def value(self, row: Row) -> str:
        """What is unique of a part."""
        return account_of(row) if self.kind == WALLET else row["did"]

    def pointer_of(self, part_id: bytes) -> str:
        """The pointer of a finding on the part with this ID."""
        return f"/{self.field}/{UUID(bytes=part_id)}/{self.member}"


WALLETS: Final = Part("wallets", WALLET, "customerWallets", WALLET_POINTER)
DIDS: Final = Part("dids", DID, "customerDids", DID_POINTER)


class CheckedPart(NamedTuple):
    """A part that was checked: its canonical form, what refuses it, by its place in the body, and
    the codes of what is noted."""

    canonical: str
    refusals: Sequence[Fault]
    findings: Sequence[str]


def check_wallet(
    sent: CustomerWallet, limits: Limits, today: date, *, lenient: bool
) -> CheckedPart:
    """Check a wallet as the batch does."""
    return _checked(Customer(customer_wallet=sent), limits, today, lenient)


def check_did(sent: CustomerDid, limits: Limits, today: date, *, lenient: bool) -> CheckedPart:
    """Check a DID as the batch does; what depends on the customer's wallets, `add_did` notes."""
    return _checked(Customer(customer_did=sent), limits, today, lenient)


def _checked(customer: Customer, limits: Limits, today: date, lenient: bool) -> CheckedPart:
    columns = columns_of([customer], [0])
    addresses, faults = check_columns(columns, CUSTOMER_TYPES[0], limits, today)
    refusals, findings = refusals_and_findings(faults, lenient=lenient)
    in_body = [
        fault._replace(item=None, pointer=fault.pointer[fault.pointer.find("/", 1) :])
        for fault in refusals
    ]
    canonical = addresses[0] if addresses else columns.dids.dids[0]
    return CheckedPart(canonical, in_body, [fault.code for fault in findings])


def add_wallet(
    occasion: Occasion, record: Whole, sent: CustomerWallet, checked: CheckedPart
) -> tuple[bytes, Edit]:
    """Add a wallet, and give its ID; one that the customer has stays as it is. Raises
    `TooManyParts`."""
    account = f"{sent.blockchain_namespace}:{checked.canonical}"
    values = {
        "namespace": sent.blockchain_namespace,
        "address": sent.wallet,
        "canonical": None if checked.canonical == sent.wallet else checked.canonical,
        "verified": _or_none(sent.verified),
        "created_by": _or_none(sent.created_by),
    }
    part_id, edit = _add(occasion, WALLETS, record, account, values, checked.findings)
    if edit.writes and not checked.findings:
        settled = list(_settled(record, sent, checked.canonical))
        edit = edit._replace(writes=[*edit.writes, *_unnote(occasion, record, settled)])
    return part_id, edit


def add_did(
    occasion: Occasion, record: Whole, sent: CustomerDid, checked: CheckedPart
) -> tuple[bytes, Edit]:
    """Add a DID, and give its ID; one that the customer has stays as it is. Raises
    `TooManyParts`."""
    values = {
        "did": sent.did,
        "created_by": _or_none(sent.created_by),
        "updated_by": _or_none(sent.updated_by),
    }
    findings = list(checked.findings)
    if not findings and _is_of_another(sent.did, record):
        findings.append(OTHER_ACCOUNT)
    return _add(occasion, DIDS, record, sent.did, values, findings)


def _add(
    occasion: Occasion,
    part: Part,
    record: Whole,
    value: str,
    values: Mapping[str, Any],
    findings: Sequence[str],
) -> tuple[bytes, Edit]:
    held = part.rows(record)
    for row in held:
        if part.value(row) == value:
            return row["id"], Edit()
    if len(held) >= MOST_PARTS:
        raise TooManyParts(part.table)
    owner, part_id = record.customer["id"], occasion.mint().bytes
    row = {
        "project": occasion.project,
        "customer_id": owner,
        "id": part_id,
        **values,
        "created_at": occasion.at,
    }
    writes = [Write("insert", part.table, tuple(row), [tuple(row.values())])]
    if findings:
        pointer = part.pointer_of(part_id)
        noted = [(occasion.project, owner, pointer, code) for code in findings]
        writes.append(Write("insert", "findings", FINDING_COLUMNS, noted))
    key = occasion.key(part.kind, value)
    data = {part.field: {"added": [described(part, row)]}}
    return part_id, Edit(
        writes,
        [occasion.event(UPDATED, owner, [part.field], data)],
        [(key, owner, part.kind)],
        places={key: f"/{part.member}"},
    )


def change_part(
    occasion: Occasion, record: Whole, part: Part, row: Row, values: Mapping[str, Any]
) -> Edit:
    """Give columns of a part other values."""
    changed = {name: value for name, value in values.items() if row[name] != value}
    if not changed:
        return Edit()
    owner = record.customer["id"]
    where = ("project", "customer_id", "id")
    columns = {**changed, "updated_at": occasion.at}
    rows = [(*columns.values(), occasion.project, owner, row["id"])]
    told = {
        _NAMES[name]: {"from": _shown(name, row), "to": value} for name, value in changed.items()
    }
    data = {part.field: {"changed": [{"id": str(UUID(bytes=row["id"])), **told}]}}
    return Edit(
        [Write("update", part.table, tuple(columns), rows, where)],
        [occasion.event(UPDATED, owner, [part.field], data)],
    )


def remove_part(occasion: Occasion, record: Whole, part: Part, row: Row) -> Edit:
    """Remove a part, what was noted on it, and its unique key."""
    owner = record.customer["id"]
    key = (occasion.project, owner, row["id"])
    where = ("project", "customer_id", "id")
    gone = [(pointer, code) for pointer, code, noted in notes(record, part) if noted == row["id"]]
    data = {part.field: {"removed": [described(part, row)]}}
    return Edit(
        [Write("delete", part.table, (), [key], where), *_unnote(occasion, record, gone)],
        [occasion.event(UPDATED, owner, [part.field], data)],
        release=[occasion.key(part.kind, part.value(row))],
    )


def notes(record: Whole, part: Part) -> Iterator[tuple[str, str, bytes]]:
    """The findings on parts of a kind: pointer, code, and the ID of the part.

    Of several wallets, the one that came with the customer is that which such a code fits and
    that no finding names by its ID.
    """
    rows = part.rows(record)
    by_pointer = {part.pointer_of(row["id"]): row["id"] for row in rows}
    found = [(each["pointer"], each["code"]) for each in record.findings]
    named = {(by_pointer[pointer], code) for pointer, code in found if pointer in by_pointer}
    for pointer, code in found:
        if pointer in by_pointer:
            yield pointer, code, by_pointer[pointer]
        elif pointer == part.pointer and rows:
            fitting = (
                row["id"]
                for row in rows
                if (row["id"], code) not in named and code in _codes(part, row)
            )
            yield pointer, code, next(fitting, rows[0]["id"])


def described(part: Part, row: Row) -> dict[str, Any]:
    """A part as an event tells it."""
    told: dict[str, Any] = {"id": str(UUID(bytes=row["id"]))}
    if part.kind == WALLET:
        told |= {"wallet": row["address"], "blockchainNamespace": row["namespace"]}
        return told | {"verified": bool(row["verified"])}
    return told | {"did": row["did"]}


def as_json(data: Mapping[str, Any]) -> str:
    """The data of an event."""
    return msgspec.json.encode(data).decode()


_NAMES: Final = {"verified": "verified", "updated_by": "updatedBy"}


def _shown(name: str, row: Row) -> Any:
    return bool(row[name]) if name == "verified" else row[name]


def _or_none(value: Any) -> Any:
    return None if value is UNSET else value


def _unnote(
    occasion: Occasion, record: Whole, findings: Sequence[tuple[str, str]]
) -> Iterator[Write]:
    if findings:
        owner = record.customer["id"]
        rows = [(occasion.project, owner, pointer, code) for pointer, code in findings]
        yield Write("delete", "findings", (), rows, FINDING_COLUMNS)


def _settled(record: Whole, sent: CustomerWallet, canonical: str) -> Iterator[tuple[str, str]]:
    """The findings that a DID names another account, when its account is this wallet."""
    for pointer, code, did_id in notes(record, DIDS):
        row = DIDS.found(record, did_id)
        if code == OTHER_ACCOUNT and row is not None:
            beside = ([row["did"]], [sent.blockchain_namespace], [sent.wallet], [canonical])
            if not beside_wallets(*beside).others:
                yield pointer, code


def _is_of_another(did: str, record: Whole) -> bool:
    """Whether a DID names an account, and none of the customer's wallets is it. As in a batch, a
    wallet that is odd itself is held against nothing."""
    wallets = record.wallets
    if not wallets or account_of_did(did) is None or any(_codes(WALLETS, row) for row in wallets):
        return False
    return all(
        beside_wallets(
            [did], [row["namespace"]], [row["address"]], [row["canonical"] or row["address"]]
        ).others
        for row in wallets
    )


def _codes(part: Part, row: Row) -> list[str]:
    """The codes of what may have been noted on a part."""
    if part.kind == DID:
        return [*(code for _, code in check_dids([row["did"]])), OTHER_ACCOUNT]
    try:
        canonical_address(row["namespace"], row["address"])
    except (AddressError, AddressFinding) as odd:
        return [odd.code]
    return []
