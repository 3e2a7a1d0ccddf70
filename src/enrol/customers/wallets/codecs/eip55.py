"""The address of the Ethereum family: "0x" and 20 bytes in hexadecimal, whose case is a checksum
(EIP-55, ERC-1191)."""

from typing import Final

# 0.8 µs a hash, where pycryptodome takes 4. hashlib has only the SHA-3 of FIPS 202, which pads
# otherwise than the Keccak that Ethereum took before it was standardised.
from sha3 import keccak_256

from enrol.customers.wallets.forms import HEX, AddressError, AddressFinding, Form, compiled, refusal

FORMS: Final = (Form("0x", HEX, 40, 40),)
_fits: Final = compiled(FORMS).fullmatch

# Hash digits of 8 and more become bit 5, which in ASCII tells "a" from "A"; the others nothing.
_RAISES: Final = bytes(0x20 if chr(byte) in "89abcdef" else 0 for byte in range(256))

# ERC-1191, "Usage Table": the chains that write their ID before the address when they hash it.
_ROOTSTOCK: Final = (b"30", b"31")


def canonical(address: str) -> str:
    """The address in lower case; refuses mixed case that is no checksum.

    All lower and all upper case carry no checksum and are accepted: node software and older
    exports write them so. Raises `AddressFinding` for a checksum of ERC-1191: it is as good, but
    only on its own chain, and which chain is meant the address does not tell.
    """
    # Not int(address, 16), which takes underscores, blanks and other scripts' digits.
    if not _fits(address):
        raise refusal(address, FORMS)
    lower = address.lower()
    if address == lower:
        return lower
    text = lower.encode()
    letters = int.from_bytes(text, "big")
    raised = letters ^ int.from_bytes(address.encode(), "big")
    # All upper case comes last: it is rare, and asking first would slow the checksummed many.
    if raised == _raised(letters, text[2:]) or address[2:].isupper():
        return lower
    if any(raised == _raised(letters, chain + text) for chain in _ROOTSTOCK):
        raise AddressFinding("wallet.erc1191", lower)
    raise AddressError("wallet.checksum")


def checksummed(address: str) -> str:
    """The spelling that EIP-55 gives to an address in any case."""
    text = address.lower().encode()
    letters = int.from_bytes(text, "big")
    return (letters ^ _raised(letters, text[2:])).to_bytes(len(text), "big").decode()


def _raised(letters: int, hashed: bytes) -> int:
    """The bits that turn an address in lower case, as an integer of its ASCII bytes, into the
    checksummed spelling: those of letters where the hash's digit is 8 or more (EIP-55).

    All digits at once: a loop takes longer than the hash. Bit 6 is set in letters and not in
    digits, so shifted by one it keeps bit 5 of letters alone; the "0x" lies above the 40.
    """
    keccak: str = keccak_256(hashed).hexdigest()
    return int.from_bytes(keccak[:40].encode().translate(_RAISES), "big") & letters >> 1
