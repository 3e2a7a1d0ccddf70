"""Cardano's addresses of the Byron era: CBOR in base58, with a CRC-32 (CIP-19, "Byron Addresses").

The shape is fixed but for two attributes, so that it is one regular expression over the bytes: a
CBOR library would be a dependency more, slower, and lenient where this must not be. For two
spellings of one value would be two addresses of one account; so heads are of the shortest form.
"""

import re
from binascii import crc32
from collections.abc import Iterator
from typing import Final

# Whole texts only: it takes no blank and no NUL.
from based58 import b58decode

MAINNET: Final = 764824073
"""The protocol magic of the mainnet (CIP-34), which addresses of the mainnet leave out."""

# Characters: no attribute and the shortest checksum; both attributes, both as long as they get.
SHORTEST: Final = 54
LONGEST: Final = 114


def _uint(value: int) -> bytes:
    """An unsigned integer of up to 32 bits in its shortest form (RFC 8949, section 4.2.1)."""
    if value < 24:
        return value.to_bytes(1, "big")
    size = 1 if value < 1 << 8 else 2 if value < 1 << 16 else 4
    return {1: b"\x18", 2: b"\x19", 4: b"\x1a"}[size] + value.to_bytes(size, "big")


def _bytes_head(size: int) -> bytes:
    head = _uint(size)
    return bytes([head[0] | 0x40]) + head[1:]


def _paths() -> Iterator[bytes]:
    """The expressions of attribute 1 by its length: bytes in bytes, an encrypted derivation path.
    The tag of Poly1305 is 16 of them, a path of two indexes up to 12."""
    for size in range(17, 29):
        inner = _bytes_head(size)
        outer = _bytes_head(len(inner) + size)
        yield re.escape(b"\x01" + outer + inner) + b".{%d}" % size


_UINT: Final = rb"(?:[\0-\x17]|\x18.|\x19.{2}|\x1a.{4})"
_PATH: Final = b"(?:" + b"|".join(_paths()) + b")"
# Attribute 2: the protocol magic, which is bytes that hold an integer.
_MAGIC: Final = rb"\x02(\x41[\0-\x17]|\x42\x18.|\x43\x19.{2}|\x45\x1a.{4})"
_ATTRIBUTES: Final = rb"(?:\xa0|\xa1%s|\xa1%s|\xa2%s%s)" % (_PATH, _MAGIC, _PATH, _MAGIC)
# The root, a hash; the attributes; the type: a public key or a redemption.
_PAYLOAD: Final = rb"\x83\x58\x1c.{28}%s[\0\x02]" % _ATTRIBUTES
# Tag 24 is for CBOR in bytes, here always more than 23 of them.
_fits: Final = re.compile(rb"\x82\xd8\x18\x58(.)(%s)(%s)" % (_PAYLOAD, _UINT), re.DOTALL).fullmatch


def magic(text: str) -> int | None:
    """The protocol magic of the network that the address is of; None where it is no address.

    Decoding takes time with the square of the length, which is checked first.
    """
    if not SHORTEST <= len(text) <= LONGEST:
        return None
    try:
        decoded: bytes = b58decode(text.encode())
    except ValueError:
        # Not raised on: the decoder's error may quote the text.
        return None
    address = _fits(decoded)
    if address is None:
        return None
    size, payload, alone, beside, checksum = address.groups()
    if size[0] != len(payload) or checksum != _uint(crc32(payload)):
        return None
    written = alone or beside
    if written is None:
        return MAINNET
    # After the heads of the bytes and of the integer, which has none where it is below 24.
    value = int.from_bytes(written[2:] or written[1:], "big")
    # The mainnet's own would be a second address of the same account.
    return value if written[1:] == _uint(value) and value != MAINNET else None
