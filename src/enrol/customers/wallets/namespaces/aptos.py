"""Aptos addresses (AIP-40): 32 bytes in hexadecimal, without a checksum."""

from typing import Final

from enrol.customers.wallets.forms import HEX, Description, Form, compiled, refusal

CAIP_NAMESPACES: Final = frozenset({"aptos"})

FORMS: Final = (Form("0x", HEX, 64, 64), Form("0x", HEX, 1, 1))
_fits: Final = compiled(FORMS).fullmatch

_SPECIAL: Final = "0x" + "0" * 63


def canonical(address: str) -> str:
    """The address as AIP-40 ("Display Format") has it shown and stored, in lower case: short for
    the special ones, 0x0 to 0xf, and all 64 digits for the others.

    Taken is what AIP-40 ("Acceptable Input Formats") says must be. The rest may be, and is not:
    without "0x", a text may be something else; and without its leading zeros, one that lost a
    digit could not be told from one that never had it.
    """
    if not _fits(address):
        raise refusal(address, FORMS)
    lower = address.lower()
    return "0x" + lower[-1] if lower.startswith(_SPECIAL) else lower


def describe(address: str) -> Description:
    """An address is the same on every network. There is no profile of CAIP-10: AIP-40 it is."""
    return Description(canonical(address))
