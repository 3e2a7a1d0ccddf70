"""Wallets and DIDs of a stored customer: to add one, change one, and take one away."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final, NamedTuple
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType

from enrol.customers.check import check_columns, refusals_and_findings
from enrol.customers.columns import columns_of
from enrol.customers.dids.methods.pkh import account_of as account_of_did
from enrol.customers.dids.methods.pkh import beside_wallets
from enrol.customers.editing.acting import UPDATED, Actor, Plan, event_of
from enrol.customers.editing.notes import DIDS, WALLETS, Note, Part, Whole, notes
from enrol.customers.enrolment import WALLET
from enrol.customers.faults import Fault
from enrol.customers.lifecycle.change import Write
from enrol.customers.lifecycle.keys import Row
from enrol.customers.model import (
    CUSTOMER_TYPES,
    Customer,
    CustomerDid,
    CustomerWallet,
    Limits,
    OptionalText,
)
from enrol.customers.plan import key_hash
from enrol.customers.wallets.accounts import canonical_address
from enrol.customers.wallets.forms import AddressError, AddressFinding

MOST_PARTS: Final = 1_000
OTHER_ACCOUNT: Final = "did.other_account"
KEY: Final = ("project", "customer_id", "id")
FINDING_KEY: Final = ("project", "customer_id", "pointer", "code")


class TooManyParts(Exception):
    """A customer has as many parts of a kind as it may."""


class WalletPatch(Struct, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """What becomes of a wallet (RFC 7396): whether its ownership was proved, and who says so. Its
    address is what it is: another is another wallet."""

    verified: bool | None | UnsetType = UNSET
    updated_by: OptionalText = UNSET


class DidPatch(Struct, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """What becomes of a DID (RFC 7396): who wrote it last. Another DID is another part."""

    updated_by: OptionalText = UNSET


class CheckedPart(NamedTuple):
    """A part that was checked: its canonical form, what refuses it, by its place in the body, and
    the codes of what is noted."""

    canonical: str
    refusals: Sequence[Fault]
    findings: Sequence[str]


def check_part(
    sent: CustomerWallet | CustomerDid, limits: Limits, today: date, *, lenient: bool
) -> CheckedPart:
    """Check a wallet or a DID as the batch does. ``today`` is the latest date anywhere on earth."""
    if isinstance(sent, CustomerWallet):
        customer = Customer(customer_wallet=sent)
    else:
        customer = Customer(customer_did=sent)
    columns = columns_of([customer], [0])
    addresses, faults = check_columns(columns, CUSTOMER_TYPES[0], limits, today)
    refusals, findings = refusals_and_findings(faults, lenient=lenient)
    in_body = [
        fault._replace(item=None, pointer=fault.pointer[fault.pointer.find("/", 1) :])
        for fault in refusals
    ]
    canonical = addresses[0] if addresses else columns.dids.dids[0]
    return CheckedPart(canonical, in_body, [fault.code for fault in findings])


def plan_added_wallet(
    actor: Actor, record: Whole, sent: CustomerWallet, checked: CheckedPart, wallet_id: bytes
) -> Plan:
    """What adds a wallet; nothing where the customer has it already. Raises `TooManyParts`."""
    row = {
        "id": wallet_id,
        "namespace": sent.blockchain_namespace,
        "address": sent.wallet,
        "canonical": None if checked.canonical == sent.wallet else checked.canonical,
        "verified": _or_none(sent.verified),
        "created_by": _or_none(sent.created_by),
    }
    plan = _plan_added(actor, record, WALLETS, row, checked.findings)
    if not plan.writes or checked.findings:
        return plan
    return plan._replace(writes=[*plan.writes, *forget(actor, record, _settled(record, row))])


def plan_added_did(
    actor: Actor, record: Whole, sent: CustomerDid, checked: CheckedPart, did_id: bytes
) -> Plan:
    """What adds a DID; nothing where the customer has it already. Raises `TooManyParts`."""
    row = {
        "id": did_id,
        "did": sent.did,
        "created_by": _or_none(sent.created_by),
        "updated_by": _or_none(sent.updated_by),
    }
    findings = list(checked.findings)
    if not findings and _is_of_another(sent.did, record):
        findings.append(OTHER_ACCOUNT)
    return _plan_added(actor, record, DIDS, row, findings)


def plan_changed_part(
    actor: Actor, record: Whole, part: Part, row: Row, patch: WalletPatch | DidPatch
) -> Plan:
    """What changes a part; nothing where nothing becomes another."""
    sent = {
        name: value
        for name in patch.__struct_fields__
        if (value := getattr(patch, name)) is not UNSET
    }
    changes = {name: value for name, value in sent.items() if row[name] != value}
    if not changes:
        return Plan()
    owner = record.customer["id"]
    columns = {**changes, "updated_at": actor.at}
    rows = [(*columns.values(), actor.project, owner, row["id"])]
    write = Write("update", part.table, tuple(columns), rows, KEY, exact=True)
    told: dict[str, Any] = {"id": str(UUID(bytes=row["id"]))}
    if "verified" in changes:
        told["verified"] = {"from": bool(row["verified"]), "to": bool(changes["verified"])}
    data = {part.field: {"changed": [told]}}
    return Plan([write], [event_of(actor, UPDATED, owner, [part.field], data)])


def plan_removed_part(actor: Actor, record: Whole, part: Part, row: Row) -> Plan:
    """What takes a part away, with what was noted on it and its unique key."""
    owner = record.customer["id"]
    where = [(actor.project, owner, row["id"])]
    gone = [note for note in notes(record, part) if note.part_id == row["id"]]
    data = {part.field: {"removed": [_described(part, row)]}}
    return Plan(
        [Write("delete", part.table, (), where, KEY, exact=True), *forget(actor, record, gone)],
        [event_of(actor, UPDATED, owner, [part.field], data)],
        release=[key_of(actor, part, row)],
    )


def key_of(actor: Actor, part: Part, row: Row) -> bytes:
    """The unique key of a wallet or a DID."""
    assert part.kind is not None
    return key_hash(actor.secret, actor.project, part.kind, part.value(row))


def find_part(record: Whole, part: Part, value: str) -> Row | None:
    """The part of a customer that has this unique value."""
    return next((row for row in part.rows(record) if part.value(row) == value), None)


def forget(actor: Actor, record: Whole, gone: Sequence[Note]) -> list[Write]:
    """What deletes findings."""
    owner = record.customer["id"]
    rows = [(actor.project, owner, note.pointer, note.code) for note in gone]
    return [Write("delete", "findings", (), rows, FINDING_KEY)] if rows else []


def _plan_added(
    actor: Actor, record: Whole, part: Part, values: Mapping[str, Any], findings: Sequence[str]
) -> Plan:
    if find_part(record, part, part.value(values)) is not None:
        return Plan()
    if len(part.rows(record)) >= MOST_PARTS:
        raise TooManyParts(part.member)
    owner = record.customer["id"]
    row = {"project": actor.project, "customer_id": owner, **values, "created_at": actor.at}
    writes = [Write("insert", part.table, tuple(row), [tuple(row.values())])]
    if findings:
        pointer = part.pointer_of(values["id"])
        noted = [(actor.project, owner, pointer, code) for code in findings]
        writes.append(Write("insert", "findings", FINDING_KEY, noted))
    assert part.kind is not None
    key = key_of(actor, part, values)
    data = {part.field: {"added": [_described(part, row)]}}
    return Plan(
        writes,
        [event_of(actor, UPDATED, owner, [part.field], data)],
        take=[(key, owner, part.kind)],
        places={key: f"/{part.member}"},
    )


def _described(part: Part, row: Row) -> dict[str, Any]:
    """A part as an event tells it: by its ID, for the event stays when the part moves to another
    customer, who is then erased."""
    told: dict[str, Any] = {"id": str(UUID(bytes=row["id"]))}
    return told | ({"blockchainNamespace": row["namespace"]} if part.kind == WALLET else {})


def _or_none(value: Any) -> Any:
    return None if value is UNSET else value


def _settled(record: Whole, wallet: Row) -> list[Note]:
    """The findings that a DID names another account, when its account is this wallet."""
    dids = {row["id"]: row["did"] for row in record.dids}
    return [
        note
        for note in notes(record, DIDS)
        if note.code == OTHER_ACCOUNT and not _is_beside(dids[note.part_id], wallet)
    ]


def _is_of_another(did: str, record: Whole) -> bool:
    """Whether a DID names an account, and none of the customer's wallets is it. As in a batch, a
    wallet that is odd itself is held against nothing."""
    wallets = record.wallets
    if not wallets or account_of_did(did) is None:
        return False
    if any(_is_odd(row) for row in wallets):
        return False
    return all(_is_beside(did, row) for row in wallets)


def _is_odd(wallet: Row) -> bool:
    try:
        canonical_address(wallet["namespace"], wallet["address"])
    except (AddressError, AddressFinding):
        return True
    return False


def _is_beside(did: str, wallet: Row) -> bool:
    """Whether a DID names another account than this wallet."""
    address = wallet["address"]
    beside = [did], [wallet["namespace"]], [address], [wallet["canonical"] or address]
    return bool(beside_wallets(*beside).others)
