"""http and https URLs: what the claims ``profile``, ``picture`` and ``website`` may hold.

RFC 9110 section 4.2 with the grammar of RFC 3986 and the letters of RFC 3987. Where browsers take
more and nobody is harmed, so does this; docs/claims.md lists the decisions.
"""

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv6Address
from typing import Final

from enrol.customers.formats.hosts import LONGEST_HOST, is_host
from enrol.customers.formats.lines import lines, odd_lines

# Printable ASCII but <, >, ", \ and space; beyond ASCII no white space, no control, no mark that
# turns the direction of the text around unseen (RFC 3987 section 4.1), no surrogate, no
# noncharacter. The joiners U+200C and U+200D stay: Persian and Indic words need them.
_PLANES: Final = "".join(
    f"{chr(plane << 16)}-{chr((plane << 16) + 0xFFFD)}" for plane in range(1, 17) if plane != 14
)
_CHARACTER: Final = (
    r"[!#-;=?-\[\]-~"
    "\u00a1-\u167f\u1681-\u1fff\u200c\u200d\u2010-\u2027\u2030-\u205e\u2070-\u2fff\u3001-\ud7ff"
    f"\ue000-\ufdcf\ufdf0-\ufefe\uff00-\uffef{_PLANES}\U000e1000-\U000efffd]"
)
_REFUSED_BYTES: Final = bytes(
    byte for byte in range(128) if byte != ord("\n") and not re.fullmatch(_CHARACTER, chr(byte))
)
_SCHEME: Final = "[Hh][Tt][Tt][Pp][Ss]?://"
_REST: Final = rf"(?:[/?#]{_CHARACTER}*)?"
_PORT: Final = "0*(?:[1-5]?[0-9]{1,4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_ONE: Final = re.compile(
    rf"{_SCHEME}(?:\[([0-9A-Fa-f:.]{{2,45}})\]|([^/?#@:\[\]]{{1,{LONGEST_HOST + 1}}}))"
    rf"(?::(?:{_PORT})?)?{_REST}"
)

# Usual hosts, of two to four ASCII labels that cannot exceed 253 together, are decided by the
# search; all others are suspects, and A-labels, which have to be decoded. Where the bytes of the
# column have been looked at already, the search may leave a line at the end of the host: half its
# time would go into the rest.
_USUAL_LABEL: Final = "(?![Xx][Nn]--)[A-Za-z0-9][A-Za-z0-9-]{0,60}(?<!-)"
_USUAL: Final = rf"https?://{_USUAL_LABEL}(?:\.{_USUAL_LABEL}){{1,3}}(?<=[A-Za-z])"
_ODD_HOST: Final = re.compile(rf"\n(?!{_USUAL}(?![^/?#\n]))")
_ODD_URL: Final = re.compile(rf"\n(?!{_USUAL}{_REST}$)", re.MULTILINE)


def is_url(text: str) -> bool:
    """Whether the text is an absolute http or https URL without credentials."""
    match = _ONE.fullmatch(text)
    if match is None:
        return False
    address, name = match.groups()
    return _is_ipv6(address) if address else is_host(name)


def suspect_urls(values: Sequence[str]) -> Iterable[int]:
    """The indexes of the values that have to be looked at one by one."""
    text = lines(values)
    if text is None:
        return range(len(values))
    plain = text.isascii() and len(text.encode().translate(None, _REFUSED_BYTES)) == len(text)
    return odd_lines(text, _ODD_HOST if plain else _ODD_URL)


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True
