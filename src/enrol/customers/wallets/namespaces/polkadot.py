"""Addresses of Polkadot and all that is built with Substrate: SS58, a network's prefix and an
account ID in base58, with a checksum of two bytes.
"""

from hashlib import blake2b
from typing import Final

from based58 import b58decode, b58encode

from enrol.customers.wallets.forms import (
    BASE58,
    AddressError,
    Description,
    Form,
    Network,
    refusal,
)

CAIP_NAMESPACES: Final = frozenset({"polkadot"})

# Of 35 bytes where nearly all are zero, and of 36.
FORMS: Final = (Form("", BASE58, 35, 49),)

# What the profile of CAIP-2 lists, by the prefix that the SS58 registry assigned: all networks
# whose tokens have a price, Kusama too.
CHAINS: Final[dict[int, str]] = {
    0: "polkadot:91b171bb158e2d3848fa23a9f1c25182",  # Polkadot
    2: "polkadot:b0a8d493285c2df73290dfb7e61f870f",  # Kusama
    8: "polkadot:baf5aabe40646d11f0ee8abbdc64f4a4",  # Karura
    38: "polkadot:a0453819cbf8b4df9423a5cd601f546c",  # KILT Spiritnet
    66: "polkadot:8b404e7ed8789d813982b9cb4c8b664c",  # Crust
}
_LISTED: Final = frozenset(CHAINS.values())
# What the registry calls test networks (of MathChain, 3DPass, Subspace and CESS). No other prefix
# tells: most test networks have that of their main one, or the generic 42.
TEST_PREFIXES: Final = frozenset({40, 72, 2254, 11330})

# First bytes: two prefixes are reserved, and the upper half is kept for later formats.
_REFUSED: Final = frozenset({46, 47, *range(128, 256)})
_GENERIC: Final = 42
_GENERIC_PREFIX: Final = bytes([_GENERIC])
_ACCOUNT_ID_BYTES: Final = 32
_CHECKSUM_BYTES: Final = 2
_SIMPLE_BYTES: Final = 1 + _ACCOUNT_ID_BYTES + _CHECKSUM_BYTES
_LONGEST: Final = 49

# Copied for each address, which is a third faster than to hash these seven bytes anew.
_SS58PRE: Final = blake2b(b"SS58PRE")


def canonical(address: str) -> str:
    """The same account ID under prefix 42, which SS58 gives to any Substrate chain: who holds the
    key of an account holds it under every prefix.

    Any prefix is taken but the two reserved ones: the registry grows, and none of them makes
    another account. Of all that SS58 can hold, a 32-byte account ID has always two bytes of
    checksum; the shorter checksums are for account indices, which name a place in one chain's
    table and are refused, as are ECDSA keys of 33 bytes, whose account ID is their BLAKE2b hash.
    Whether the ID is a point of the curve is not asked: those of multisigs, proxies, pallets and
    parachains are none.
    """
    # Decoding takes time with the square of the length, so the length comes first.
    if len(address) > _LONGEST:
        raise refusal(address, FORMS)
    try:
        whole: bytes = b58decode(address.encode())
    except ValueError:
        whole = b""
    if not whole:
        raise refusal(address, FORMS)
    # Not by the number of characters, which 32 bytes and 33 share.
    first = whole[0]
    if len(whole) != (_SIMPLE_BYTES if first < 64 else _SIMPLE_BYTES + 1):
        raise AddressError("wallet.length")
    body = whole[:-_CHECKSUM_BYTES]
    if whole[-_CHECKSUM_BYTES:] != _checksum(body):
        raise AddressError("wallet.checksum")
    if first == _GENERIC:
        return address
    # SS58 writes a prefix below 64 in one byte, though two could hold it.
    if first in _REFUSED or (first >= 64 and _prefix(whole) < 64):
        raise AddressError("wallet.prefix")
    generic = _GENERIC_PREFIX + body[-_ACCOUNT_ID_BYTES:]
    return b58encode(generic + _checksum(generic)).decode()


def describe(address: str) -> Description:
    """The address as it was sent: its prefix is what its network writes."""
    prefix = _prefix(b58decode(address.encode()))
    chain_id = CHAINS.get(prefix)
    network: Network | None = "mainnet" if chain_id else None
    if prefix in TEST_PREFIXES:
        network = "testnet"
    # Relay chains share theirs with the system chains around them (Asset Hub, People and others),
    # and the generic prefix is of any chain.
    elsewhere = frozenset() if prefix == _GENERIC else _LISTED
    return Description(address, network, chain_id, elsewhere)


def _checksum(body: bytes) -> bytes:
    state = _SS58PRE.copy()
    state.update(body)
    return state.digest()[:_CHECKSUM_BYTES]


def _prefix(whole: bytes) -> int:
    """The network's prefix: one byte below 64, 14 bits over two bytes from 64 (SS58, "Address
    type")."""
    first, second = whole[0], whole[1]
    if first < 64:
        return first
    return (first & 0x3F) << 2 | second >> 6 | (second & 0x3F) << 8
