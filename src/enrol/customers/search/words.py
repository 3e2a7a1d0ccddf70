"""The words of names, the same for whoever writes and whoever looks, in any script.

Everything is compared in Latin letters: what is not is transliterated (anyascii), so that "ivan"
finds "Иван", and "Иван" finds "Ivan". Chinese characters and kana have besides their own words,
pairs of neighbours, for many of them share one Latin spelling and no spaces part them. Words are
lower-case ASCII letters and digits, or one or two such characters.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final, NamedTuple

MOST_WORDS: Final = 64
MOST_WORD_CHARS: Final = 32
MOST_KEY_BYTES: Final = 48

_LATIN: Final = re.compile(r"[a-z0-9]+")
# What stands within a word: O'Brien, and the soft signs that anyascii writes so.
_WITHIN: Final = re.compile(r"['’ʼ`]")
_IDEOGRAPHS: Final = "々〆㐀-䶿一-鿿豈-﫿\U00020000-\U000323af"
_KANA: Final = "ぁ-ゖァ-ヺー"
_UNSPACED: Final = re.compile(f"[{_IDEOGRAPHS}{_KANA}]+")


class Term(NamedTuple):
    """A word that is looked for; ``prefix``: or what begins with it."""

    word: str
    prefix: bool


def name_words(names: Iterable[str | None]) -> list[str]:
    """The words that the names are found by, each once, in the order of the names."""
    found: dict[str, None] = {}
    for name in names:
        if name:
            found.update(dict.fromkeys(_words(name)))
    return list(found)[:MOST_WORDS]


def search_terms(text: str) -> list[Term]:
    """What a customer's words must have, each of them; the last word may be only begun.

    Empty where the text has neither letter nor digit.
    """
    plain = unicodedata.normalize("NFKC", text)
    words = [(match.start(), pair) for match in _UNSPACED.finditer(plain) for pair in _pairs(match)]
    rest = _UNSPACED.sub(lambda match: " " * len(match[0]), plain)
    # In the order of the text: the one that is typed last is the one that may be incomplete.
    for match in re.finditer(r"\S+", rest):
        words += ((match.start(), word) for word in _latin(match[0]))
    words.sort(key=lambda found: found[0])
    terms = list(dict.fromkeys(word[:MOST_WORD_CHARS] for _, word in words))[:MOST_WORDS]
    return [
        Term(word, place == len(terms) - 1 or (len(word) == 1 and not word.isascii()))
        for place, word in enumerate(terms)
    ]


def name_key(name: str) -> bytes:
    """What customers are sorted by when they are sorted by name: its Latin words."""
    spaced = _UNSPACED.sub(lambda match: " " + " ".join(match[0]) + " ", _composed(name))
    return " ".join(_latin(spaced)).encode()[:MOST_KEY_BYTES]


def _words(name: str) -> Iterable[str]:
    if name.isascii() and name.isalnum():
        return [name.lower()[:MOST_WORD_CHARS]]
    return [word[:MOST_WORD_CHARS] for word in _all_words(_composed(name))]


def _all_words(plain: str) -> Iterable[str]:
    for match in _UNSPACED.finditer(plain):
        yield from _pairs(match)
        # The last character by itself, so that each one is the beginning of some word.
        yield match[0][-1]
        # As it is spelt in Latin letters: by characters, and the given name as one word.
        spelt = [word for char in match[0] for word in _latin(char)]
        yield from spelt
        if len(spelt) > 1:
            yield "".join(spelt)
            yield "".join(spelt[1:])
    yield from _latin(_UNSPACED.sub(" ", plain))
    if _WITHIN.search(plain):
        # Found by its parts too: "brien" finds O'Brien.
        yield from _latin(_WITHIN.sub(" ", _UNSPACED.sub(" ", plain)))


def _pairs(match: re.Match[str]) -> list[str]:
    run = match[0]
    return [run[place : place + 2] for place in range(len(run) - 1)] or [run]


def _latin(text: str) -> list[str]:
    if not text.isascii():
        # Late: most processes meet no other letters, and each script's table is read when met.
        from anyascii import anyascii

        # It leaves out U+0085, which parts words as other blanks do.
        text = anyascii(" ".join(text.split()))
    return _LATIN.findall(_WITHIN.sub("", text).lower())


def _composed(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFKC", text)
