"""Every check of the values of a batch: one call gives every fault of every customer."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Final, NamedTuple

from enrol.customers.claims import check_claims
from enrol.customers.columns import Columns, Texts
from enrol.customers.dids import check_dids
from enrol.customers.faults import FAULTS, Fault
from enrol.customers.model import CLAIM_FIELDS, CLAIM_NAMES, CUSTOMER_TYPES, Limits
from enrol.customers.wallets import CHECKS, AddressError

CLAIM_POINTERS: Final = {
    field: f"/customerClaims/{name}" for field, name in zip(CLAIM_FIELDS, CLAIM_NAMES, strict=True)
}
WALLET_POINTER: Final = "/customerWallet/wallet"
NAMESPACE_POINTER: Final = "/customerWallet/blockchainNamespace"
DID_POINTER: Final = "/customerDid/did"
SUB_POINTER: Final = CLAIM_POINTERS["sub"]


class Checked(NamedTuple):
    """The canonical address of each wallet of the batch (as sent where it has a fault), and the
    faults, which are empty for a batch that is right."""

    addresses: list[str]
    faults: list[Fault]


def check_customer_type(customer_type: str) -> list[Fault]:
    """The type of all customers of the batch."""
    if customer_type in CUSTOMER_TYPES:
        return []
    return [Fault(None, "/customerType", "customer_type.unknown")]


def check_columns(
    columns: Columns, limits: Limits, today: date, *, may_hold_long_text: bool = True
) -> Checked:
    """Check everything but uniqueness. ``today`` is the latest date anywhere on earth."""
    items = columns.items
    addresses, faults = _check_wallets(columns)
    if may_hold_long_text:
        faults += _check_lengths(columns, limits)
    faults += _check_presence(columns)
    places, dids, _, _ = columns.dids
    for failed in check_dids(dids):
        if dids[failed]:
            faults.append(Fault(items[places[failed]], DID_POINTER, "did.syntax"))
    claim_faults = check_claims(columns.claims, today=today, max_picture_bytes=limits.picture_bytes)
    for found in claim_faults:
        faults.append(Fault(items[found.index], CLAIM_POINTERS[found.field], found.code))
    faults.sort(key=lambda fault: (fault.item or 0, fault.pointer, fault.code))
    return Checked(addresses, faults)


def refusals_and_findings(
    faults: Iterable[Fault], *, lenient: bool
) -> tuple[list[Fault], list[Fault]]:
    """Split faults: a lenient project takes faults of format as findings and refuses the rest."""
    if not lenient:
        return list(faults), []
    faults = list(faults)
    refusals = [fault for fault in faults if not FAULTS[fault.code].format]
    findings = [fault for fault in faults if FAULTS[fault.code].format]
    return refusals, findings


def _check_wallets(columns: Columns) -> tuple[list[str], list[Fault]]:
    wallets = columns.wallets
    addresses: list[str] = []
    faults: list[Fault] = []
    for namespace, address in zip(wallets.namespaces, wallets.addresses, strict=True):
        try:
            addresses.append(CHECKS[namespace](address))
        except (KeyError, AddressError) as error:
            item = columns.items[wallets.places[len(addresses)]]
            addresses.append(address)
            if isinstance(error, KeyError):
                faults.append(Fault(item, NAMESPACE_POINTER, "namespace.unknown"))
            elif address:
                faults.append(Fault(item, WALLET_POINTER, error.code))
    return addresses, faults


def _check_presence(columns: Columns) -> Iterator[Fault]:
    """What identifies a customer must not be empty, and something must be there at all."""
    items, wallets, dids = columns.items, columns.wallets, columns.dids
    identifying: tuple[tuple[str, Sequence[int], Texts], ...] = (
        (WALLET_POINTER, wallets.places, wallets.addresses),
        (DID_POINTER, dids.places, dids.dids),
        (SUB_POINTER, range(len(items)), columns.claims["sub"]),
    )
    for pointer, places, column in identifying:
        if "" in column:
            for place, text in zip(places, column, strict=True):
                if text == "":
                    yield Fault(items[place], pointer, "field.empty")
    if len(wallets.places) == len(items):
        return
    held = {*wallets.places, *dids.places}
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
    hint = f"The limit is {most} characters."
    for pointer, places, column in by_pointer:
        if max(map(len, filter(None, column)), default=0) > most:
            for place, text in zip(places, column, strict=True):
                if text and len(text) > most:
                    yield Fault(items[place], pointer, "text.too_long", hint)
