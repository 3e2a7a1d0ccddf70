"""Tezos addresses: base58check of a three-byte version and a hash of 20 bytes."""

from typing import Final

from enrol.customers.wallets.codecs.base58check import decoded
from enrol.customers.wallets.forms import BASE58, AddressError, Description, Form, refusal

CAIP_NAMESPACES: Final = frozenset({"tezos"})

# Implicit accounts by their curve (ed25519, secp256k1, P-256, BLS12-381) and originated
# contracts: what owns funds. A smart rollup (sr1) is no account of anybody.
VERSIONS: Final[dict[bytes, str]] = {
    bytes.fromhex("06a19f"): "tz1",
    bytes.fromhex("06a1a1"): "tz2",
    bytes.fromhex("06a1a4"): "tz3",
    bytes.fromhex("06a1a6"): "tz4",
    bytes.fromhex("025a79"): "KT1",
}
FORMS: Final = (Form("(?:tz[1-4]|KT1)", BASE58, 33, 33),)

_CHARACTERS: Final = 36
_HASH_BYTES: Final = 20


def canonical(address: str) -> str:
    """The address as it was sent: base58check has one spelling for a value.

    An entrypoint (``KT1...%name``) is part of a call, not of the account, and is refused.
    """
    # Decoding takes time with the square of the length, so the length comes first.
    if len(address) != _CHARACTERS:
        raise refusal(address, FORMS)
    payload = decoded(address)
    # One lookup for the version and for the payload's length: another length, another slice.
    if payload[:-_HASH_BYTES] in VERSIONS:
        return address
    # Where the checksum is right, the value is whole but of another kind.
    raise AddressError("wallet.prefix") if payload else refusal(address, FORMS)


def describe(address: str) -> Description:
    """An address is the same on every network."""
    return Description(address)
