"""The syntax of DID Core 1.0, section 3.1, which all methods share.

A DID URL (with a path, query or fragment) is not a DID.
"""

import re
from collections.abc import Sequence
from typing import Final

# The identifier may have empty parts ("a::b") but must not end in a colon; the lookbehind also
# refuses an empty identifier, for what it sees then is the colon behind the method.
_DID: Final = "did:([a-z0-9]+):[A-Za-z0-9._:-]*(?:%[0-9A-Fa-f]{2}[A-Za-z0-9._:-]*)*(?<!:)"
_ONE: Final = re.compile(_DID)
_EACH: Final = re.compile(f"^{_DID}$", re.MULTILINE)


def is_did(text: str) -> bool:
    """Whether the text is a DID."""
    return _ONE.fullmatch(text) is not None


def methods_of(texts: Sequence[str]) -> Sequence[str | None]:
    """The method of each DID, None for a text that is no DID."""
    # One call of the engine for the column, which costs a third of one call a text. It must find
    # as many DIDs as there are lines: a newline inside a text would make two of one.
    column = "\n".join(texts)
    found: list[str] = _EACH.findall(column)
    if len(found) == len(texts) == column.count("\n") + 1:
        return found
    matches = map(_ONE.fullmatch, texts)
    return [match and match[1] for match in matches]
