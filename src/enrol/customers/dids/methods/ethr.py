"""did:ethr (ETHR DID Method Specification): an Ethereum account or a secp256k1 public key."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from enrol.customers.dids.codes import SECRET
from enrol.customers.wallets.accounts import canonical_address
from enrol.customers.wallets.forms import AddressError, AddressFinding
from enrol.customers.wallets.registry import CHECKS

FAULT: Final = "did.ethr"

# A chain ID in hexadecimal, or a name, which may have parts: "rsk:testnet".
_NETWORK: Final = "(?:0x[0-9a-fA-F]{1,16}|[A-Za-z][A-Za-z0-9._-]*(?::[A-Za-z0-9._-]+)*)"
_ONE: Final = re.compile(f"did:ethr:(?:{_NETWORK}:)?(0x[0-9a-zA-Z]*)")
_PUBLIC_KEY: Final = re.compile("0x0[23][0-9a-fA-F]{64}")
_PREFIX: Final = len("did:ethr:")


def faults(dids: Sequence[str]) -> Iterator[tuple[int, str]]:
    """The DIDs that name no account, by EIP-55 where the case is mixed, and no public key."""
    canonical = CHECKS["eip155"]
    for index, did in enumerate(dids):
        try:
            canonical(did[_PREFIX:])
        except (AddressError, AddressFinding):
            code = _fault(did)
            if code is not None:
                yield index, code


def _fault(did: str) -> str | None:
    found = _ONE.fullmatch(did)
    if found is None:
        return FAULT
    if _PUBLIC_KEY.fullmatch(found[1]):
        return None
    try:
        canonical_address("eip155", found[1])
    except AddressFinding:
        return None
    except AddressError as error:
        return SECRET if error.code == "wallet.secret" else FAULT
    return None
