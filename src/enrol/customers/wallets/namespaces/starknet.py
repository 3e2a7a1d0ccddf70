"""Starknet addresses: a number below 2**251 in hexadecimal, checksummed by its case."""

from typing import Final

from sha3 import keccak_256

from enrol.customers.wallets.forms import HEX, Description, Form, compiled, refusal

CAIP_NAMESPACES: Final = frozenset({"starknet"})

FORMS: Final = (Form("0x", HEX, 1, 64),)
_fits: Final = compiled(FORMS).fullmatch

# The sequencer's own range for the sender of a transaction: 0 stands for "nobody", and 1 holds
# the hashes of blocks. As text, for lower-case hexadecimal of one length sorts as its numbers do.
_LEAST: Final = f"0x{2:064x}"
_TOO_GREAT: Final = f"0x{2**251 - 256:064x}"

# Hash digits of 8 and more take bit 5 away, which makes a letter upper case.
_RAISES: Final = bytes(0x20 if chr(byte) in "89abcdef" else 0 for byte in range(256))


def canonical(address: str) -> str:
    """All 64 digits in lower case; refuses mixed case that is not the checksum of starknet.js.

    All lower and all upper case carry no checksum and are accepted, and leading zeros may be
    missing: nodes and older exports leave them out.
    """
    if not _fits(address):
        raise refusal(address, FORMS)
    lower = address.lower()
    full = lower if len(lower) == 66 else "0x" + lower[2:].zfill(64)
    if _LEAST <= full < _TOO_GREAT:
        if address == lower or address[2:].isupper() or _checksummed(full).endswith(address[2:]):
            return full
    raise refusal(address, FORMS)


def describe(address: str) -> Description:
    """With all its digits and the checksum, as the profile of CAIP-10 recommends. An address is
    the same on every network."""
    return Description(_checksummed(canonical(address)))


def _checksummed(full: str) -> str:
    """The case by which starknet.js marks an address (`getChecksumAddress`).

    As in EIP-55, a letter is upper case where the digit of a Keccak-256 hash is 8 or more. But it
    is the hash of the number, in as many bytes as it has, and not of its text. That Starknet cuts
    the hash to 250 bits changes nothing: the two digits concerned are no letters in any address.

    All digits at once, as integers of their ASCII bytes: a loop takes longer than the hash. Bit 6
    is set in letters and not in digits, so shifted by one it is bit 5 of letters alone.
    """
    digits = full[2:]
    hashed: str = keccak_256(bytes.fromhex(digits).lstrip(b"\0")).hexdigest()
    text = int.from_bytes(digits.encode(), "big")
    raised = int.from_bytes(hashed.encode().translate(_RAISES), "big") & text >> 1
    return "0x" + (text ^ raised).to_bytes(64, "big").decode()
