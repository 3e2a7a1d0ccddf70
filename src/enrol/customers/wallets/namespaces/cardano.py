"""Addresses of Cardano (cardano): Shelley's in bech32, and Byron's in base58 (CIP-19)."""

import re
from typing import Final

from enrol.customers.wallets.codecs import byron
from enrol.customers.wallets.codecs.bech32 import BIP_173, decoded, forms, unpadded
from enrol.customers.wallets.forms import (
    BASE58,
    AddressError,
    AddressFinding,
    Description,
    Form,
    refusal,
)

# CIP-34 has the chains' names; "cardano" is what wallets that know none of it write.
CAIP_NAMESPACES: Final = frozenset({"cip34", "cardano"})
_MAINNET: Final = f"cip34:1-{byron.MAINNET}"

# The symbols that one hash of 28 bytes makes with the header, that two make, and that one makes
# with a pointer.
_ONE_HASH: Final = 47
_TWO_HASHES: Final = 92
_SHORT_POINTER: Final = 52
_LONG_POINTER: Final = 95
# The checksum's six come after them, and the first of them is the type: that tells the length.
FORMS: Final = (
    *forms("addr(?:_test)?1[qzyx]", _TWO_HASHES + 5, _TWO_HASHES + 5),
    *forms("addr(?:_test)?1[g2]", _SHORT_POINTER + 5, _LONG_POINTER + 5),
    *forms("addr(?:_test)?1[vw]", _ONE_HASH + 5, _ONE_HASH + 5),
    *forms("addr(?:_test)?1", _ONE_HASH + 6, _LONG_POINTER + 6),
    *forms("stake(?:_test)?1", _ONE_HASH + 6, _ONE_HASH + 6),
    # Byron's have no beginning in common, but none of so many characters is in one case.
    Form(f"(?=[{BASE58}])(?![0-9a-z_]*$)(?![0-9A-Z_]*$)", BASE58, byron.SHORTEST, byron.LONGEST),
)

# Prefix (CIP-5) to the network tag, which is the lower half of the header too.
_TAGS: Final = {"addr": 1, "addr_test": 0, "stake": 1, "stake_test": 0}

# The upper half, the type, to the symbols.
_PAYMENT: Final = dict.fromkeys(range(4), _TWO_HASHES) | dict.fromkeys((6, 7), _ONE_HASH)
_POINTED: Final = (4, 5)
_STAKE: Final = dict.fromkeys((14, 15), _ONE_HASH)

_SYMBOLS: Final = {
    hrp: {
        kind << 4 | tag: symbols
        for kind, symbols in (_STAKE if hrp.startswith("stake") else _PAYMENT).items()
    }
    for hrp, tag in _TAGS.items()
}

# Slot, transaction and certificate: naturals, seven bits a byte, of up to 64 bits. None begins
# with seven zeros: it would be a second spelling of the same number.
_is_pointer: Final = re.compile(
    rb"(?:(?:[\x81-\xff][\x80-\xff]{0,8})?[\0-\x7f]){3}", re.DOTALL
).fullmatch


def canonical(address: str) -> str:
    """Bech32 in lower case, base58 as it was sent.

    Raises `AddressFinding` for stake addresses, which tell whose they are and receive nothing.
    """
    text = decoded(address)
    if text is None:
        if byron.magic(address) is not None:
            return address
        raise refusal(address, FORMS)
    hrp, checksum, symbols, data = text
    if checksum != BIP_173 or symbols < _ONE_HASH:
        raise refusal(address, FORMS)
    header = data >> 5 * symbols - 8
    # One lookup for type, network and length; the padding is what is no whole byte.
    expected = _SYMBOLS[hrp].get(header) if hrp in _SYMBOLS else None
    if (expected == symbols and not data & (1 << 5 * symbols % 8) - 1) or (
        expected is None and _points(hrp, header, symbols, data)
    ):
        if header >> 4 in _STAKE:
            raise AddressFinding("wallet.stake_address", address.lower())
        return address.lower()
    raise _fault(hrp, header, symbols)


def _points(hrp: str, header: int, symbols: int, data: int) -> bool:
    """Whether it is a whole address with a pointer, which is as long as its numbers are."""
    if header >> 4 not in _POINTED or hrp.startswith("stake") or header & 15 != _TAGS.get(hrp):
        return False
    payload = unpadded(symbols, data)
    return payload is not None and _is_pointer(payload[1 + 28 :]) is not None


def _fault(hrp: str, header: int, symbols: int) -> AddressError:
    """What is wrong with bech32 whose checksum is right."""
    kind, tag = divmod(header, 16)
    if hrp not in _TAGS:
        return AddressError("wallet.prefix")
    types = _STAKE if hrp.startswith("stake") else _PAYMENT | dict.fromkeys(_POINTED, None)
    if kind not in types:
        return AddressError("wallet.prefix")
    if tag != _TAGS[hrp]:
        return AddressError("wallet.network")
    # Of the right length, it is the padding that is not zero.
    return AddressError("wallet.checksum" if types[kind] == symbols else "wallet.length")


def describe(address: str) -> Description:
    """The network; and the chain where it is the mainnet, or Byron's address tells its magic."""
    text = decoded(address)
    if text is None:
        magic = byron.magic(address)
        if magic == byron.MAINNET:
            return Description(address, "mainnet", _MAINNET)
        return Description(address, "testnet", f"cip34:0-{magic}")
    if _TAGS[text[0]]:
        return Description(address.lower(), "mainnet", _MAINNET)
    return Description(address.lower(), "testnet")
