"""How addresses are written: the forms of a namespace, and why a text is none of them."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Literal, NamedTuple

AddressCode = Literal["wallet.length", "wallet.alphabet", "wallet.prefix", "wallet.checksum"]

Check = Callable[[str], str]
"""Takes an address of one namespace, returns its canonical form, raises `AddressError`."""

HEX: Final = "0123456789abcdefABCDEF"
BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
BASE58_RIPPLE: Final = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
BECH32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

# Twice the longest address of any namespace (Byron's, 115). What is longer is not even looked at:
# the reason is plain, and a text of megabytes costs no more than a short one.
LONGEST: Final = 230


class AddressError(ValueError):
    """A text that is no address of its namespace.

    The message is the code alone: whoever logs the error logs no address.
    """

    def __init__(self, code: AddressCode) -> None:
        super().__init__(code)
        self.code: Final[AddressCode] = code


class Form(NamedTuple):
    """One way to write an address: a prefix, then characters of one alphabet.

    ``prefix`` is a regular expression; ``shortest`` and ``longest`` count the characters after
    it, both included. ``folds`` says that case carries no account, so canonical is lower case.
    """

    prefix: str
    alphabet: str
    shortest: int
    longest: int
    folds: bool = False


def compiled(forms: Iterable[Form]) -> re.Pattern[str]:
    """The expression that `fullmatch`es exactly these forms, and nothing when there are none."""
    written = (f"{f.prefix}[{f.alphabet}]{{{f.shortest},{f.longest}}}" for f in forms)
    return re.compile("|".join(written) or "(?!)")


def refusal(address: str, forms: Sequence[Form]) -> AddressError:
    """Why ``address`` is refused, as the fault that helps most to mend it.

    Prefix before alphabet before length: who pastes another chain's address learns that, not
    that it is two characters short; who pastes a line feed along learns of the character. A text
    that one of the forms fits can only have failed its checksum.
    """
    if not address or len(address) > LONGEST:
        return AddressError("wallet.length")
    begun = [(len(m[0]), form) for form in forms if (m := re.match(form.prefix, address))]
    if not begun:
        return AddressError("wallet.prefix")
    # Only the longest prefix tells what was meant: every address begins with an empty one.
    reach = max(length for length, _ in begun)
    rest = address[reach:]
    meant = [f for length, f in begun if length == reach and set(rest).issubset(f.alphabet)]
    if not meant:
        return AddressError("wallet.alphabet")
    if any(form.shortest <= len(rest) <= form.longest for form in meant):
        return AddressError("wallet.checksum")
    return AddressError("wallet.length")
