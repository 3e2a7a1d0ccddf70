"""Names: whether one is written within another, and Unicode's normal form of one (UAX #15)."""

import re
from typing import Final
from unicodedata import is_normalized, name, normalize

# Longer names are not compared: the careful look takes some microseconds for each ten letters.
LONGEST_COMPARED: Final = 256

# What no normal form takes off. Latin letters with a stroke or a hook, as ICAO Doc 9303, part 3,
# section 6 writes them in a passport; Arabic letters that one keyboard has for another's; the
# stretch between Arabic letters, which is none.
_SPELLINGS: Final = str.maketrans(
    dict(zip("łøđðħıŧŋəɓɗƙƴىیکةہھە", "loddhitnebdkyييكهههه", strict=True))
    | {"æ": "ae", "œ": "oe", "þ": "th", "ـ": None}
)
# The same: Ä, Ö, Ü, Ø may stand as AE, OE, UE, OE there, and Å as AA.
_LATIN_PAIR: Final = re.compile("(?<=[aou])e|(?<=a)a")


def nfc(text: str) -> str | None:
    """The text in Normalization Form C, None when it is in it already."""
    return None if is_normalized("NFC", text) else normalize("NFC", text)


def contradicts(whole: str, parts: list[str]) -> bool:
    """Whether a full name has neither of the names that are said to be its parts.

    In doubt it does not: a part in another script may be the same name, and one shared word of
    several is enough (María López, of the given names María José).
    """
    if max(map(len, (whole, *parts))) > LONGEST_COMPARED:
        return False
    scripts = _scripts(whole)
    if not all(_scripts(part) <= scripts for part in parts):
        return False
    words = _words(whole)
    text = "".join(words)
    for part in map(_words, parts):
        if "".join(part) in text or not set(words).isdisjoint(part):
            return False
    return True


def _words(text: str) -> list[str]:
    """The words, without what spellings differ in: case, marks, punctuation, forms of letters."""
    plain = normalize("NFKD", normalize("NFKD", text).casefold()).translate(_SPELLINGS)
    words = ("".join(filter(str.isalnum, word)) for word in plain.split())
    return [_LATIN_PAIR.sub("", word) for word in words if word]


def _scripts(text: str) -> set[str]:
    # The first word of a character's name is its script, or near enough.
    return {name(letter, "").partition(" ")[0] for letter in {*text} if letter.isalpha()}
