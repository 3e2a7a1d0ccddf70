"""Every check of the values of a batch: one call gives every fault of every customer."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date
from typing import Final, NamedTuple

from enrol.customers.claims import check_claims, find_in_texts
from enrol.customers.columns import Columns, Texts
from enrol.customers.contradictions import find_contradictions
from enrol.customers.dids import check_dids
from enrol.customers.dids.methods.pkh import beside_wallets
from enrol.customers.faults import FAULTS, Fault
from enrol.customers.model import CLAIM_FIELDS, CLAIM_NAMES, CUSTOMER_TYPES, Limits
from enrol.customers.profiles.check import check_profiles
from enrol.customers.profiles.fields import EXTERNAL_POINTER, IDENTIFYING_FIELDS, POINTERS
from enrol.customers.wallets.accounts import canonical_address
from enrol.customers.wallets.forms import AddressError, AddressFinding
from enrol.customers.wallets.registry import CHECKS

CLAIM_POINTERS: Final[dict[str | None, str]] = {
    field: f"/customerClaims/{name}" for field, name in zip(CLAIM_FIELDS, CLAIM_NAMES, strict=True)
} | {None: "/customerClaims"}
WALLET_POINTER: Final = "/customerWallet/wallet"
NAMESPACE_POINTER: Final = "/customerWallet/blockchainNamespace"
DID_POINTER: Final = "/customerDid/did"
SUB_POINTER: Final = CLAIM_POINTERS["sub"]


class Checked(NamedTuple):
    """The canonical address of each wallet of the batch (as sent where it has a fault), and the
    faults and findings, which are empty for a batch that is plainly right."""

    addresses: list[str]
    faults: list[Fault]


def check_customer_type(customer_type: str) -> list[Fault]:
    """The type of all customers of the batch."""
    if customer_type in CUSTOMER_TYPES:
        return []
    return [Fault(None, "/customerType", "customer_type.unknown")]


def check_columns(
    columns: Columns,
    customer_type: str,
    limits: Limits,
    today: date,
    *,
    may_hold_long_text: bool = True,
) -> Checked:
    """Check everything but uniqueness. ``today`` is the latest date anywhere on earth."""
    items = columns.items
    addresses, faults = _check_wallets(columns)
    faults += _check_dids(columns, addresses, {fault.item for fault in faults})
    if may_hold_long_text:
        faults += _check_lengths(columns, limits)
    faults += _check_presence(columns)
    claims = columns.claims
    if columns.without_claims < len(items):
        found = [
            *check_claims(claims, today=today, max_picture_bytes=limits.picture_bytes),
            *find_in_texts(claims),
            *find_contradictions(claims, customer_type, today),
        ]
        faults += [Fault(items[index], CLAIM_POINTERS[field], code) for index, field, code in found]
    if columns.profile is not None:
        faults += [
            Fault(items[index], POINTERS[field] + within, code)
            for index, field, within, code in check_profiles(columns.profile, customer_type)
        ]
    faults.sort(key=lambda fault: (fault.item or 0, fault.pointer, fault.code))
    return Checked(addresses, faults)


def refusals_and_findings(
    faults: Iterable[Fault], *, lenient: bool
) -> tuple[list[Fault], list[Fault]]:
    """Split faults: a lenient project takes those of format as findings too."""
    refusals: list[Fault] = []
    findings: list[Fault] = []
    for fault in faults:
        kind = FAULTS[fault.code]
        (findings if kind.finding or (lenient and kind.format) else refusals).append(fault)
    return refusals, findings


def _check_wallets(columns: Columns) -> tuple[list[str], list[Fault]]:
    wallets = columns.wallets
    addresses: list[str] = []
    faults: list[Fault] = []
    for namespace, address in zip(wallets.namespaces, wallets.addresses, strict=True):
        try:
            addresses.append(CHECKS[namespace](address))
        except (KeyError, AddressError, AddressFinding):
            canonical, told = _look_again(namespace, address)
            item = columns.items[wallets.places[len(addresses)]]
            addresses.append(canonical)
            faults += [Fault(item, *fault) for fault in told]
    return addresses, faults


def _look_again(namespace: str, address: str) -> tuple[str, list[tuple[str, str, str]]]:
    """The canonical form of an address that is not plainly right (as sent where it has none), and
    its fault or finding: pointer, code and hint. An empty one is told elsewhere."""
    try:
        return canonical_address(namespace, address), []
    except AddressFinding as finding:
        return finding.canonical, [(WALLET_POINTER, finding.code, "")]
    except KeyError:
        return address, [(NAMESPACE_POINTER, "namespace.unknown", "")]
    except AddressError as error:
        return address, [(WALLET_POINTER, error.code, error.hint)] if address else []


def _check_dids(
    columns: Columns, canonicals: Sequence[str], odd_items: Collection[int | None]
) -> Iterator[Fault]:
    """Each DID by its method, and beside the wallet of the same customer; the wallets of
    ``odd_items`` have a fault, or a finding that makes another look worth its time."""
    items, (places, dids, _, _) = columns.items, columns.dids
    wallets = _wallets_beside(columns, canonicals, odd_items)
    if len(places) < len(items):
        wallets = tuple([column[place] for place in places] for column in wallets)
    repeats, others = beside_wallets(dids, *wallets)
    for index, code in check_dids(dids, repeats):
        if dids[index]:
            yield Fault(items[places[index]], DID_POINTER, code)
    for index in others:
        yield Fault(items[places[index]], DID_POINTER, "did.other_account")


def _wallets_beside(
    columns: Columns, canonicals: Sequence[str], odd_items: Collection[int | None]
) -> tuple[Texts, ...]:
    """For every customer the namespace, the address and the canonical address of its wallet."""
    items, wallets = columns.items, columns.wallets
    if not odd_items and len(wallets.places) == len(items):
        return wallets.namespaces, wallets.addresses, canonicals
    beside: tuple[list[str | None], ...] = tuple([None] * len(items) for _ in range(3))
    rows = zip(wallets.namespaces, wallets.addresses, canonicals, strict=True)
    for place, row in zip(wallets.places, rows, strict=True):
        if items[place] not in odd_items:
            for column, text in zip(beside, row, strict=True):
                column[place] = text
    return beside


def _check_presence(columns: Columns) -> Iterator[Fault]:
    """What identifies a customer must not be empty, and something must be there at all."""
    items, wallets, dids = columns.items, columns.wallets, columns.dids
    profile, everyone = columns.profile or {}, range(len(items))
    identifying: tuple[tuple[str, Sequence[int], Texts], ...] = (
        (WALLET_POINTER, wallets.places, wallets.addresses),
        (DID_POINTER, dids.places, dids.dids),
        (SUB_POINTER, everyone, columns.claims["sub"]),
        (EXTERNAL_POINTER, everyone, profile.get("external_customer_id", ())),
    )
    for pointer, places, column in identifying:
        if "" in column:
            for place, text in zip(places, column, strict=True):
                if text == "":
                    yield Fault(items[place], pointer, "field.empty")
    if len(wallets.places) == len(items):
        return
    held = {*wallets.places, *dids.places}
    for field in IDENTIFYING_FIELDS if profile else ():
        held.update(place for place, text in enumerate(profile[field]) if text is not None)
    for place in range(len(items)):
        if place not in held and all(column[place] is None for column in columns.claims.values()):
            yield Fault(items[place], "", "item.empty")


def _check_lengths(columns: Columns, limits: Limits) -> Iterator[Fault]:
    """The longest text of each column, in characters; pictures have a limit of their own."""
    most, items = limits.text_chars, columns.items
    wallets, dids, everyone = columns.wallets, columns.dids, range(len(items))
    by_pointer: list[tuple[str, Sequence[int], Texts]] = [
        (CLAIM_POINTERS[field], everyone, column)
        for field, column in columns.claims.items()
        if field != "picture_base64"
    ]
    by_pointer += [
        (WALLET_POINTER, wallets.places, wallets.addresses),
        ("/customerWallet/createdBy", wallets.places, wallets.created_by),
        (DID_POINTER, dids.places, dids.dids),
        ("/customerDid/createdBy", dids.places, dids.created_by),
        ("/customerDid/updatedBy", dids.places, dids.updated_by),
    ]
    by_pointer += [
        (POINTERS[field], everyone, column)
        for field, column in (columns.profile or {}).items()
        if field in IDENTIFYING_FIELDS
    ]
    hint = f"The limit is {most} characters."
    for pointer, places, column in by_pointer:
        if max(map(len, filter(None, column)), default=0) > most:
            for place, text in zip(places, column, strict=True):
                if text and len(text) > most:
                    yield Fault(items[place], pointer, "text.too_long", hint)
