"""Addresses of the Ethereum family (eip155): 20 bytes in hexadecimal, checksummed by their case."""

from typing import Final

# 0.8 µs a hash, where pycryptodome takes 4. hashlib has only the SHA-3 of FIPS 202, which pads
# otherwise than the Keccak that Ethereum took before it was standardised.
from sha3 import keccak_256

from enrol.customers.wallets.forms import HEX, AddressError, Check, Form, compiled, refusal

FORMS: Final = (Form("0x", HEX, 40, 40, folds=True),)
_fits: Final = compiled(FORMS).fullmatch

# Hash digits of 8 and more become bit 5, which in ASCII tells "a" from "A"; the others nothing.
_RAISES: Final = bytes(0x20 if chr(byte) in "89abcdef" else 0 for byte in range(256))


def canonical_eip155(address: str) -> str:
    """The address in lower case; refuses mixed case that is not the checksum of EIP-55.

    All lower and all upper case carry no checksum and are accepted: node software and older
    exports write them so. The checksums of ERC-1191 are refused: they depend on the chain ID,
    which a namespace does not tell, and accepting either of two checksums would weaken both.
    """
    # Not int(address, 16), which takes underscores, blanks and other scripts' digits.
    if not _fits(address):
        raise refusal(address, FORMS)
    lower = address.lower()
    # All upper case comes last: it is rare, and asking first would slow the checksummed many.
    if address == lower or _case_is_checksum(address, lower) or address[2:].isupper():
        return lower
    raise AddressError("wallet.checksum")


def _case_is_checksum(address: str, lower: str) -> bool:
    """Whether a letter is upper case exactly where the hash's digit is 8 or more (EIP-55).

    All digits at once, as integers of their ASCII bytes: a loop takes longer than the hash.
    Bit 6 is set in letters and not in digits, so shifted by one it keeps bit 5 of letters alone;
    the "0x" is the same in both texts and falls out of the comparison.
    """
    text = lower.encode()
    letters = int.from_bytes(text, "big")
    keccak: str = keccak_256(text[2:]).hexdigest()
    raised = int.from_bytes(keccak[:40].encode().translate(_RAISES), "big") & letters >> 1
    return letters ^ int.from_bytes(address.encode(), "big") == raised


CHECKS: Final[dict[str, Check]] = {"eip155": canonical_eip155}
