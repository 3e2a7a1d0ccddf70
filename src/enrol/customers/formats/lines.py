"""A column as one text, one value a line, so that one search looks at all of its values.

One call of the regular expression engine a batch costs a fraction of one call a value. The
search only names suspects, each of which is then looked at by itself: a pattern may be simpler
than the rule, as long as it is never more generous.
"""

from collections.abc import Iterable, Sequence
from re import Pattern


def lines(values: Sequence[str]) -> str | None:
    """Every value behind a newline, or None when a newline inside a value would blur them."""
    text = "\n" + "\n".join(values)
    return text if text.count("\n") == len(values) else None


def odd_lines(text: str, odd: Pattern[str]) -> list[int]:
    r"""The indexes of the lines of which ``odd`` matches the beginning.

    ``odd`` is ``\n``, by which the engine leaps from line to line, and a negative lookahead, which
    keeps no state of the lines behind it.
    """
    found: list[int] = []
    line = counted = 0
    for match in odd.finditer(text):
        line += text.count("\n", counted, match.start())
        counted = match.start()
        found.append(line)
    return found


def suspects(values: Sequence[str], odd: Pattern[str]) -> Iterable[int]:
    """The indexes of the values that ``odd`` matches, or all when one of them holds a newline."""
    text = lines(values)
    return range(len(values)) if text is None else odd_lines(text, odd)
