"""Every check of the values of a batch: one call gives every fault of every customer."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Final, NamedTuple

from enrol.customers.claims import check_claims
from enrol.customers.columns import Columns
from enrol.customers.dids import check_dids
from enrol.customers.faults import FAULTS, Fault
from enrol.customers.model import CLAIM_FIELDS, CLAIM_NAMES, CUSTOMER_TYPES, Limits
from enrol.customers.wallets import CHECKS, AddressError

CLAIM_POINTERS: Final = {
    field: f"/customerClaims/{name}" for field, name in zip(CLAIM_FIELDS, CLAIM_NAMES, strict=True)
}
WALLET_POINTER: Final = "/customerWallet/wallet"
DID_POINTER: Final = "/customerDid/did"
SUB_POINTER: Final = CLAIM_POINTERS["sub"]


class Checked(NamedTuple):
    """The canonical address of each customer's wallet (as sent where it has a fault), and the
    faults, which are empty for a batch that is right."""

    addresses: list[str | None]
    faults: list[Fault]


def check_customer_type(customer_type: str) -> list[Fault]:
    """The type of all customers of the batch."""
    if customer_type in CUSTOMER_TYPES:
        return []
    return [Fault(None, "/customerType", "customer_type.unknown")]


def check_columns(columns: Columns, limits: Limits, today: date) -> Checked:
    """Check everything but uniqueness. ``today`` is the latest date anywhere on earth."""
    items = columns.items
    addresses, faults = _check_wallets(columns)
    faults += _check_texts(columns, limits)
    faults += _check_identifiers(columns)
    dids = [(place, did.did) for place, did in enumerate(columns.dids) if did is not None]
    for failed in check_dids([did for _, did in dids]):
        place, did = dids[failed]
        if did:
            faults.append(Fault(items[place], DID_POINTER, "did.syntax"))
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


def _check_wallets(columns: Columns) -> tuple[list[str | None], list[Fault]]:
    addresses: list[str | None] = []
    faults: list[Fault] = []
    for place, wallet in enumerate(columns.wallets):
        if wallet is None:
            addresses.append(None)
            continue
        try:
            addresses.append(CHECKS[wallet.blockchain_namespace](wallet.wallet))
        except KeyError:
            addresses.append(None)
            pointer = "/customerWallet/blockchainNamespace"
            faults.append(Fault(columns.items[place], pointer, "namespace.unknown"))
        except AddressError as error:
            addresses.append(wallet.wallet)
            if wallet.wallet:
                faults.append(Fault(columns.items[place], WALLET_POINTER, error.code))
    return addresses, faults


def _check_identifiers(columns: Columns) -> Iterator[Fault]:
    """What identifies a customer must not be empty, and something must be there at all."""
    columns_by_pointer: tuple[tuple[str, Sequence[str | None]], ...] = (
        (WALLET_POINTER, [None if wallet is None else wallet.wallet for wallet in columns.wallets]),
        (DID_POINTER, [None if did is None else did.did for did in columns.dids]),
        (SUB_POINTER, columns.claims["sub"]),
    )
    for pointer, column in columns_by_pointer:
        if "" in column:
            for place, text in enumerate(column):
                if text == "":
                    yield Fault(columns.items[place], pointer, "field.empty")
    for place, (wallet, did) in enumerate(zip(columns.wallets, columns.dids, strict=True)):
        if wallet is None and did is None:
            if all(column[place] is None for column in columns.claims.values()):
                yield Fault(columns.items[place], "", "item.empty")


def _check_texts(columns: Columns, limits: Limits) -> Iterator[Fault]:
    """The longest text of a column, in characters; pictures have a limit of their own."""
    most = limits.text_chars
    by_pointer: list[tuple[str, Sequence[str | None]]] = [
        (CLAIM_POINTERS[field], column)
        for field, column in columns.claims.items()
        if field != "picture_base64"
    ]
    by_pointer += [
        (WALLET_POINTER, [None if wallet is None else wallet.wallet for wallet in columns.wallets]),
        (
            "/customerWallet/createdBy",
            [(wallet and wallet.created_by) or None for wallet in columns.wallets],
        ),
        (DID_POINTER, [None if did is None else did.did for did in columns.dids]),
        ("/customerDid/createdBy", [(did and did.created_by) or None for did in columns.dids]),
        ("/customerDid/updatedBy", [(did and did.updated_by) or None for did in columns.dids]),
    ]
    for pointer, column in by_pointer:
        if max(map(len, filter(None, column)), default=0) > most:
            for place, text in enumerate(column):
                if text and len(text) > most:
                    hint = f"The limit is {most} characters."
                    yield Fault(columns.items[place], pointer, "text.too_long", hint)
