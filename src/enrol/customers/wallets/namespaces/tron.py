"""TRON addresses: base58check of the byte 0x41 and 20 bytes, or these 21 bytes in hexadecimal."""

from typing import Final

from based58 import b58encode_check

from enrol.customers.wallets.codecs.base58check import decoded
from enrol.customers.wallets.forms import (
    BASE58,
    HEX,
    AddressError,
    Description,
    Form,
    compiled,
    refusal,
)

CAIP_NAMESPACES: Final = frozenset({"tron"})

_HEX_FORM: Final = Form("41", HEX, 40, 40)
FORMS: Final = (Form("T", BASE58, 33, 33), _HEX_FORM)
_fits_hex: Final = compiled([_HEX_FORM]).fullmatch

_CHARACTERS: Final = 34
_VERSION: Final = b"\x41"
_HASH_BYTES: Final = 20


def canonical(address: str) -> str:
    """The address in base58check, as everybody but the nodes' own API writes it.

    "0x" and 40 digits are the same 20 bytes, but nothing tells them from an Ethereum address:
    refused, and so is "0x41...", which no TRON software writes.
    """
    # Decoding takes time with the square of the length, so the length comes first.
    if len(address) != _CHARACTERS:
        if _fits_hex(address):
            return b58encode_check(bytes.fromhex(address)).decode()
        raise refusal(address, FORMS)
    payload = decoded(address)
    if payload[:-_HASH_BYTES] == _VERSION:
        return address
    # Where the checksum is right, the value is whole but of another kind.
    raise AddressError("wallet.prefix") if payload else refusal(address, FORMS)


def describe(address: str) -> Description:
    """In base58check, as the profile of CAIP-10 has it. An address is the same on every network:
    the byte 0xa0 of the first test network is gone."""
    return Description(canonical(address))
