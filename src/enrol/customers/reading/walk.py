"""The way through parsed JSON, beside the shapes that it should have: faults are collected."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any, Final

from enrol.customers.faults import Fault
from enrol.customers.reading.json_text import KINDS

LONGEST_KEY_NAMED: Final = 128
# To look for the nearest known name takes as long as to check fifty customers.
MOST_NAMES_EXPLAINED: Final = 1_000


class Walk:
    """What the walk knows: the faults so far, whether unknown names are let pass, and how long a
    text may be whose shape does not say (None: whatever its length)."""

    def __init__(self, *, ignore_unknown: bool = False, text_chars: int | None = None) -> None:
        self.faults: list[Fault] = []
        self.ignore_unknown = ignore_unknown
        self.text_chars = text_chars
        self.hints: dict[tuple[object, str], str] = {}

    def fault(self, item: int | None, pointer: str, code: str, hint: str = "") -> None:
        """Record a fault."""
        self.faults.append(Fault(item, pointer, code, hint))

    def wrong_type(self, item: int | None, pointer: str, expected: str, value: Any) -> None:
        """Record that a value is of another JSON type than its shape's."""
        hint = f"Expected: {expected}; sent: {KINDS[type(value)]}."
        self.fault(item, pointer, "field.type", hint)

    def unknown(
        self, item: int | None, base: str, key: str, owner: object, known: Iterable[str]
    ) -> None:
        """Record a name that is none of the ``known`` ones of the object ``owner``."""
        if self.ignore_unknown:
            return
        name = (owner, key[:LONGEST_KEY_NAMED])
        if name not in self.hints and len(self.hints) < MOST_NAMES_EXPLAINED:
            self.hints[name] = _nearest(name[1], known)
        self.fault(item, pointer_to(base, key), "field.unknown", self.hints.get(name, ""))


def _nearest(key: str, known: Iterable[str]) -> str:
    """A hint at the known name that the key may stand for."""
    lowered = {name.lower(): name for name in known}
    wanted = key.lower().replace("_", "").replace("-", "")
    near = get_close_matches(wanted, lowered, n=1)
    return f"Did you mean {lowered[near[0]]}?" if near else ""


def text_faults(text: str) -> Iterator[str]:
    """The codes of what no text may hold."""
    if "\0" in text:
        yield "text.nul"
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            yield "text.surrogate"


def pointer_to(base: str, key: str) -> str:
    """The pointer of a key that the caller chose: cut at its object when it cannot be told."""
    if len(key) > LONGEST_KEY_NAMED or any(text_faults(key)):
        return base
    return f"{base}/{key.replace('~', '~0').replace('/', '~1')}"
