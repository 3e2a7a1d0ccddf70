"""How addresses are written: the forms of a namespace, why a text is none of them, and what an
address tells of its account.
"""

import re
from collections.abc import Callable, Container, Iterable, Sequence
from typing import Final, Literal, NamedTuple

AddressCode = Literal[
    "wallet.length",
    "wallet.alphabet",
    "wallet.prefix",
    "wallet.checksum",
    "wallet.network",
    "wallet.namespace",
    "wallet.secret",
]

FindingCode = Literal["wallet.erc1191", "wallet.stake_address"]

Network = Literal["mainnet", "testnet"]

Check = Callable[[str], str]
"""Takes an address of one namespace, returns its canonical form: two spellings of one account
have the same. Raises `AddressError`, or `AddressFinding` for an address that is right but odd."""

HEX: Final = "0123456789abcdefABCDEF"
BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
BASE58_RIPPLE: Final = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
BECH32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

# Twice the longest address of any namespace (Byron's, 115). What is longer is not even looked at:
# the reason is plain, and a text of megabytes costs no more than a short one.
LONGEST: Final = 230


class AddressError(ValueError):
    """A text that is no address of its namespace.

    The message is the code alone: whoever logs the error logs no address. ``hint`` adds to the
    code's sentence and never holds what was sent.
    """

    def __init__(self, code: AddressCode, hint: str = "") -> None:
        super().__init__(code)
        self.code: Final[AddressCode] = code
        self.hint: Final = hint


class AddressFinding(Exception):
    """An address that is accepted, with something about it that whoever looks at it should know.

    Raised rather than returned, so that the millions without a finding pay nothing for it.
    """

    def __init__(self, code: FindingCode, canonical: str) -> None:
        super().__init__(code)
        self.code: Final[FindingCode] = code
        self.canonical: Final = canonical


class Description(NamedTuple):
    """What a right address tells of itself, without any look at a chain.

    ``network`` is None where the address does not tell it. ``chain_id`` is the CAIP-2 identifier
    of the chain that the address is of, None where several are as likely. Where chains share
    addresses, ``elsewhere`` are those that are known not to have this one; None: all others.
    ``on_chain`` is the address as the CAIP-10 profile of its namespace writes it.
    """

    on_chain: str
    network: Network | None = None
    chain_id: str | None = None
    elsewhere: Container[str] | None = None


class Form(NamedTuple):
    """One way to write an address: a prefix, then characters of one alphabet.

    ``prefix`` is a regular expression; ``shortest`` and ``longest`` count the characters after
    it, both included.
    """

    prefix: str
    alphabet: str
    shortest: int
    longest: int


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
