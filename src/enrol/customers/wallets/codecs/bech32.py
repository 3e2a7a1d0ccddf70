"""Bech32 (BIP-173) and Bech32m (BIP-350): a human-readable part, "1", data in base 32, checksum.

The checksum is linear over GF(2): that of a text is the XOR of what each of its parts adds to it.
So it is looked up eight bits at a time, and a decoded text is one integer, where the reference
walks from character to character and takes thirty times as long.
"""

from functools import lru_cache
from typing import Final

from enrol.customers.wallets.forms import BECH32 as ALPHABET
from enrol.customers.wallets.forms import Form

# What the checksum comes to when it is right, which is all in which the two formats differ.
BIP_173: Final = 1
BIP_350: Final = 0x2BC830A3

LONGEST: Final = 90
"""Characters in all, as both BIPs have it; left to the caller, for Cardano (CIP-19) has more."""

_CHECKSUM_SYMBOLS: Final = 6
_CHECKSUM_BITS: Final = 30
_CHECKSUM: Final = (1 << _CHECKSUM_BITS) - 1

# Cardano's longest address has 59 bytes; what is longer is no address of anybody.
_MOST_BYTES: Final = 64
_MOST_SYMBOLS: Final = _MOST_BYTES * 8 // 5
_MOST_HRP: Final = 83
_MOST_CHARACTERS: Final = _MOST_HRP + 1 + _MOST_SYMBOLS + _CHECKSUM_SYMBOLS

# A human-readable part may be anything, so a stranger can send a new one each time.
_PREFIXES_KEPT: Final = 1024


def _digits() -> bytes:
    """Bech32's alphabet to that of `int(text, 32)`. All else becomes "!", which `int` refuses as
    it would not refuse an underscore, a blank or a sign."""
    digits = bytearray(b"!" * 256)
    for symbol, digit in zip(ALPHABET, b"0123456789abcdefghijklmnopqrstuv", strict=True):
        digits[ord(symbol)] = digit
    return bytes(digits)


def _shifted(state: int) -> int:
    """The state of the checksum after one more symbol, of value 0 (BIP-173, "Checksum")."""
    top = state >> 25
    state = (state & 0x1FFFFFF) << 5
    for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
        if top >> bit & 1:
            state ^= generator
    return state


def _tables() -> list[list[int]]:
    """What each value of each byte adds to the checksum; first the last byte before it."""
    symbol = [1, 2, 4, 8, 16]
    for _ in range(_CHECKSUM_SYMBOLS):
        symbol = [_shifted(state) for state in symbol]
    bits: list[int] = []
    while len(bits) < _MOST_BYTES * 8:
        bits += symbol
        symbol = [_shifted(state) for state in symbol]
    tables = []
    for byte in range(_MOST_BYTES):
        table = [0]
        for bit in bits[8 * byte : 8 * byte + 8]:
            table += [state ^ bit for state in table]
        tables.append(table)
    return tables


_DIGITS: Final = _digits()
_TABLES: Final = _tables()


@lru_cache(_PREFIXES_KEPT)
def _begun(hrp: str, symbols: int) -> int:
    """What the human-readable part adds to the checksum, with so many symbols after it.

    Raises `ValueError` for a part or a number that no bech32 has. Here, because what is right is
    remembered, and then costs nothing to check.
    """
    if not 0 <= symbols - _CHECKSUM_SYMBOLS <= _MOST_SYMBOLS:
        raise ValueError
    if not 1 <= len(hrp) <= _MOST_HRP or not all(
        "!" <= c <= "~" and not "A" <= c <= "Z" for c in hrp
    ):
        raise ValueError
    state = 1
    values = bytes(ord(c) >> 5 for c in hrp) + b"\0" + bytes(ord(c) & 31 for c in hrp)
    for value in values + bytes(symbols):
        state = _shifted(state) ^ value
    return state


def decoded(text: str) -> tuple[str, int, int, int] | None:
    """The human-readable part in lower case, what the checksum comes to (`BIP_173`, `BIP_350`,
    or anything else where it is wrong), the number of data symbols without the checksum, and
    these as one integer, the first symbol highest. None for a text that is not written as bech32,
    mixed case included.

    A tuple without names, for this is on the hot path: making a named one takes a tenth longer.
    """
    if len(text) > _MOST_CHARACTERS:
        return None
    hrp, _, part = text.rpartition("1")
    symbols = len(part)
    try:
        state = _begun(hrp, symbols)
        value = int(part.encode().translate(_DIGITS), 32)
    except ValueError:
        state = value = -1
    if value < 0:
        # Lower case is what everybody writes, so that upper case may come late, and once.
        return decoded(text.lower()) if text.isascii() and text.isupper() else None
    data = value >> _CHECKSUM_BITS
    # Byte by byte: two at once need tables too large for the processor's cache.
    for table, byte in zip(_TABLES, data.to_bytes((5 * symbols - 23) >> 3, "little")):  # noqa: B905
        state ^= table[byte]
    return hrp, state ^ value & _CHECKSUM, symbols - _CHECKSUM_SYMBOLS, data


def unpadded(symbols: int, data: int) -> bytes | None:
    """The bytes that so many symbols hold; None where the padding is 5 bits or more, or not zero
    (BIP-173, "Segwit address format")."""
    size, padding = divmod(5 * symbols, 8)
    if padding > 4 or data & (1 << padding) - 1:
        return None
    return (data >> padding).to_bytes(size, "big")


def forms(prefix: str, shortest: int, longest: int) -> tuple[Form, Form]:
    """A form in both spellings that BIP-173 allows; ``prefix`` in lower case, without escapes."""
    return (
        Form(prefix, ALPHABET, shortest, longest),
        Form(prefix.upper(), ALPHABET.upper(), shortest, longest),
    )
