"""did:web (W3C CCG, did:web Method Specification): a host name, perhaps a port and a path."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from enrol.customers.formats.lines import suspects

FAULT: Final = "did.web"

LONGEST_HOST: Final = 253

# RFC 1123 section 2.1: letters, digits and inner hyphens, no more than 63; the last label is not
# all digits, so an IPv4 address, which the method forbids, is no name. A-labels fit as they are.
_LABEL: Final = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST: Final = rf"(?:{_LABEL}\.)+(?![0-9]+(?![A-Za-z0-9.-])){_LABEL}"
_PORT: Final = (
    "%3[Aa](?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
)
# "." and ".." would name another document than the path says, also when they are escaped; an
# escaped "/" or "\" would hide a segment.
_SEGMENT: Final = (
    r":(?!(?:\.|%2[Ee]){1,2}(?![^:]))(?:[A-Za-z0-9._-]|%(?!00|2[Ff]|5[Cc])[0-9A-Fa-f]{2})+"
)
_ONE: Final = re.compile(rf"did:web:({_HOST}|localhost)(?:{_PORT})?(?:{_SEGMENT})*")

# Usual DIDs, of two to four short labels and a path without escapes, are decided by the search.
_USUAL_LABEL: Final = "[A-Za-z0-9][A-Za-z0-9-]{0,60}(?<!-)"
_USUAL_HOST: Final = rf"{_USUAL_LABEL}(?:\.{_USUAL_LABEL}){{1,3}}(?<=[A-Za-z])"
_ODD: Final = re.compile(
    rf"\n(?!did:web:{_USUAL_HOST}(?::[A-Za-z0-9_-][A-Za-z0-9._-]*)*$)", re.MULTILINE
)


def faults(dids: Sequence[str]) -> Iterator[tuple[int, str]]:
    """The DIDs whose host, port or path is not as the method writes it."""
    for index in suspects(dids, _ODD):
        found = _ONE.fullmatch(dids[index])
        if found is None or len(found[1]) > LONGEST_HOST:
            yield index, FAULT
