"""What a hand does to an address on its way from a screen into a form."""

from collections.abc import Iterator


def mistyped(address: str, alphabet: str) -> Iterator[str]:
    """Every text with one character replaced by another of ``alphabet``, with one left out, or
    with two neighbours swapped."""
    for at, typed in enumerate(address):
        before, after = address[:at], address[at + 1 :]
        for other in alphabet.replace(typed, ""):
            yield before + other + after
        yield before + after
        if after and after[0] != typed:
            yield before + after[0] + typed + after[1:]
