"""Email addresses: what a browser's ``<input type=email>`` takes, and names in other scripts.

The HTML Standard, section 4.10.5.1.5, with its own pattern; RFC 6531 section 3.3 for letters beyond
ASCII; the lengths of RFC 5321 section 4.5.3.1. docs/customers.md lists the decisions.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final
from unicodedata import category

from enrol.customers.formats.hosts import is_host
from enrol.customers.formats.lines import suspects

# Octets: a path of 256 with its angle brackets, and the local part.
LONGEST_EMAIL: Final = 254
LONGEST_LOCAL: Final = 64

_ATOM: Final = r"a-zA-Z0-9.!#$%&'*+/=?^_`{|}~\-"
_LABEL: Final = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
# Usual addresses are decided by the search: a host of two to four ASCII labels that ends in letters
# alone. All others are looked at one by one, A-labels too, which have to be decoded.
_ODD: Final = re.compile(
    rf"\n(?![{_ATOM}]{{1,{LONGEST_LOCAL}}}@(?:(?![Xx][Nn]--){_LABEL}\.){{1,3}}[a-zA-Z]{{2,63}}$)",
    re.MULTILINE,
)
_LOCAL: Final = re.compile(f"[{_ATOM}\u00a1-\U0010ffff]+")
_LETTERS: Final = frozenset("LMN")


def is_email(text: str) -> bool:
    """Whether the text is an email address."""
    local, at, domain = text.rpartition("@")
    return (
        bool(at)
        and _LOCAL.fullmatch(local) is not None
        and (local.isascii() or _is_of_letters(local))
        and _is_domain(domain)
        and _octets(local) <= LONGEST_LOCAL
        and _octets(text) <= LONGEST_EMAIL
    )


def email_fault(text: str) -> str | None:
    """The code of what is wrong with an address, None when it is right."""
    return None if is_email(text) else "email.syntax"


def suspect_emails(values: Sequence[str]) -> Iterable[int]:
    """The indexes of the values that have to be looked at one by one."""
    if max(map(len, values)) > LONGEST_EMAIL:
        return range(len(values))
    return suspects(values, _ODD)


def _is_domain(domain: str) -> bool:
    # A host may be an address, end in a dot, and have underscores; the domain of an email may not.
    last = domain.rpartition(".")[2]
    return (
        bool(last)
        and not (last.isascii() and last.isdigit())
        and "_" not in domain
        and is_host(domain)
    )


def _is_of_letters(local: str) -> bool:
    return all(letter.isascii() or category(letter)[0] in _LETTERS for letter in local)


def _octets(text: str) -> int:
    # A lone surrogate is no letter and no host.
    return len(text.encode())
