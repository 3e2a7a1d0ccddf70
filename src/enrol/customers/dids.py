"""Decentralized identifiers: the syntax of DID Core 1.0, section 3.1.

Any method passes: whether it is registered, and what its identifiers look like, is a matter of
the method's own specification. A DID URL (with a path, query or fragment) is not a DID.
"""

import re
from collections.abc import Sequence
from typing import Final

from enrol.customers.formats.lines import suspects

# The identifier may have empty parts ("a::b") but must not end in a colon; the lookbehind also
# refuses an empty identifier, for what it sees then is the colon behind the method.
_DID: Final = "did:[a-z0-9]+:[A-Za-z0-9._:-]*(?:%[0-9A-Fa-f]{2}[A-Za-z0-9._:-]*)*(?<!:)"
_ONE: Final = re.compile(_DID)
_ODD: Final = re.compile(rf"\n(?!{_DID}$)", re.MULTILINE)


def is_did(text: str) -> bool:
    """Whether the text is a DID."""
    return _ONE.fullmatch(text) is not None


def check_dids(dids: Sequence[str]) -> list[int]:
    """The indexes of the texts that are not DIDs."""
    return [index for index in suspects(dids, _ODD) if not is_did(dids[index])]
