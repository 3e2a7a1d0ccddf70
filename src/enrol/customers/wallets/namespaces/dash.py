"""Dash addresses: base58check of the hash of a key or a script."""

from typing import Final

from enrol.customers.wallets.codecs.base58check import decoded
from enrol.customers.wallets.forms import BASE58, AddressError, Description, Form, Network, refusal

# CAIP has no namespace of Dash's own: as every chain whose blocks are Bitcoin's, it is in bip122.
CAIP_NAMESPACES: Final = frozenset({"bip122", "dash"})

# The hash of the genesis block, from dashpay/dash, src/chainparams.cpp.
_DASH: Final = "bip122:00000ffd590b1485b3caadc19b22e637"

# Keys' hashes (X, y) and scripts' (7; 8 or 9). Testnet, devnets and regtest share theirs.
# Platform's addresses (DIP-18) are missing: a draft, whose encoding has changed more than once.
VERSIONS: Final[dict[bytes, tuple[Network, str | None]]] = {
    b"\x4c": ("mainnet", _DASH),
    b"\x10": ("mainnet", _DASH),
    b"\x8c": ("testnet", None),
    b"\x13": ("testnet", None),
}
FORMS: Final = (Form("[X7y89]", BASE58, 33, 33),)

_CHARACTERS: Final = 34
_HASH_BYTES: Final = 20


def canonical(address: str) -> str:
    """The address as it was sent: base58check has one spelling for a value."""
    # One lookup for the version and for the payload's length: another length, another slice.
    if len(address) == _CHARACTERS and decoded(address)[:-_HASH_BYTES] in VERSIONS:
        return address
    # Where the checksum is right, the value is whole but another chain's.
    if len(address) == _CHARACTERS and decoded(address):
        raise AddressError("wallet.prefix")
    raise refusal(address, FORMS)


def describe(address: str) -> Description:
    """The network and, on the main one, the chain of an address that `canonical` takes."""
    return Description(address, *VERSIONS[decoded(address)[:-_HASH_BYTES]])
