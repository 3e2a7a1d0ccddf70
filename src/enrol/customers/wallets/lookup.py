"""Which accounts an address may mean when nobody says the namespace."""

from collections.abc import Iterator

from enrol.customers.wallets.accounts import canonical_address
from enrol.customers.wallets.forms import AddressError, AddressFinding
from enrol.customers.wallets.registry import NAMESPACES


def lookup_spellings(address: str) -> Iterator[tuple[str, str]]:
    """The (namespace, spelling) pairs under which a wallet with this address may be stored.

    Clients of the hosted API send hex addresses in any case, so these are read without their
    checksum. The text itself counts too: a lenient project stores what was sent.
    """
    plain = address.lower() if address[:2] in ("0x", "0X") else address
    for namespace in NAMESPACES:
        try:
            canonical = canonical_address(namespace, plain)
        except AddressFinding as finding:
            canonical = finding.canonical
        except AddressError:
            canonical = address
        yield namespace, canonical
        if canonical != address:
            yield namespace, address
