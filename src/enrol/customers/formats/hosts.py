"""Host names: RFC 1123 section 2.1, and those in other scripts by IDNA 2008 (RFC 5891 to 5893).

Its rules come here from the categories of Unicode that RFC 5892 derives them from, so that a newer
Python knows newer letters; the table of joining types (appendix A.1) alone is left out.
"""

import re
from collections.abc import Iterable
from typing import Final
from unicodedata import bidirectional, category, combining, normalize

LONGEST_HOST: Final = 253
LONGEST_LABEL: Final = 63

_ASCII_LABEL: Final = re.compile("[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_A_LABEL: Final = "xn--"
_OCTET: Final = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4: Final = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")

_LETTER_CATEGORIES: Final = frozenset({"Ll", "Lm", "Lo", "Mn", "Mc", "Nd"})
# RFC 5892 section 2.6: what else may stand in a label, with the hyphen, and what may not.
_LETTERS_TOO: Final = frozenset(
    "-\u00b7\u0375\u05f3\u05f4\u06fd\u06fe\u0f0b\u200c\u200d\u3007\u30fb"
)
_NO_LETTERS: Final = frozenset("\u0640\u07fa\u302e\u302f\u3031\u3032\u3033\u3034\u3035\u303b")
_JOINERS: Final = frozenset("\u200c\u200d")
_VIRAMA: Final = 9
_ARABIC: Final = re.compile("[\u0620-\u065f\u066e-\u06ef\u06fa-\u07bf\u07ca-\u07ff\u0840-\u08ff]")
# RFC 5892 appendices A.3 to A.9: where the middle dots, the marks of Greek and Hebrew, and the
# digits of Arabic must not stand.
_JAPANESE: Final = (
    "\u3005\u3007\u3041-\u30fa\u30fd-\u30ff\u31f0-\u31ff\u3400-\u9fff\U00020000-\U0003ffff"
)
_OUT_OF_PLACE: Final = re.compile(
    "(?<!l)\u00b7|\u00b7(?!l)"
    "|\u0375(?![\u0370-\u03ff\u1f00-\u1fff])"
    "|(?<![\u0591-\u05f4])[\u05f3\u05f4]"
    f"|^[^{_JAPANESE}]*\u30fb[^{_JAPANESE}]*$"
    "|[\u0660-\u0669].*[\u06f0-\u06f9]|[\u06f0-\u06f9].*[\u0660-\u0669]"
)

# RFC 5893 section 2: what a label may hold and end in, by the direction of its first letter.
_FROM_RIGHT: Final = frozenset({"R", "AL"})
_RTL: Final = _FROM_RIGHT | {"AN", "EN", "ES", "CS", "ET", "ON", "BN", "NSM"}
_RTL_ENDS: Final = _FROM_RIGHT | {"EN", "AN"}
_LTR: Final = frozenset({"L", "EN", "ES", "CS", "ET", "ON", "BN", "NSM"})
_LTR_ENDS: Final = frozenset({"L", "EN"})


def is_host(name: str) -> bool:
    """Whether the text is an IPv4 address or a host name, in ASCII or in letters of any script."""
    labels = name.removesuffix(".").split(".")
    # RFC 1123 section 2.1: the last label of a name is never all digits, so this is an address.
    if labels[-1].isascii() and labels[-1].isdigit():
        return _IPV4.fullmatch(name) is not None
    lengths = [_label_length(label) for label in labels]
    return (
        all(lengths)
        and sum(lengths) + len(lengths) - 1 <= LONGEST_HOST
        and (name.isascii() or _runs_one_way(labels))
    )


def _label_length(label: str) -> int:
    """The length of the label in DNS, 0 when it cannot stand there."""
    if label.isascii():
        if not _ASCII_LABEL.fullmatch(label):
            return 0
        return len(label) if label[:4].lower() != _A_LABEL or _is_a_label(label) else 0
    if len(label) > LONGEST_LABEL:
        return 0
    name = normalize("NFC", label.lower())
    length = len(_A_LABEL) + len(name.encode("punycode")) if _is_u_label(name) else 0
    return length if length <= LONGEST_LABEL else 0


def _is_a_label(label: str) -> bool:
    """Whether the label is Punycode of something (RFC 5891 section 5.4).

    Of what is not asked: names of emoji are registered and found, against IDNA 2008.
    """
    encoded = label[len(_A_LABEL) :].lower()
    try:
        name = encoded.encode().decode("punycode")
        return not name.isascii() and name.encode("punycode").decode() == encoded
    except (UnicodeError, OverflowError):
        return False


def _is_u_label(name: str) -> bool:
    """Whether IDNA 2008 takes the label, in lower case and NFC (RFC 5891 section 4.2)."""
    return (
        not name.isascii()
        and normalize("NFKC", name) == name
        and not (name[0] in "-\u200c\u200d" or name[-1] == "-" or name[2:4] == "--")
        and not category(name[0]).startswith("M")
        and all(category(letter) in _LETTER_CATEGORIES or letter in _LETTERS_TOO for letter in name)
        and _NO_LETTERS.isdisjoint(name)
        and not _OUT_OF_PLACE.search(name)
        and all(_joins(name, place) for place, c in enumerate(name) if c in _JOINERS)
    )


def _joins(name: str, place: int) -> bool:
    """RFC 5892 appendices A.1 and A.2: behind a virama, or U+200C within Arabic letters."""
    if combining(name[place - 1]) == _VIRAMA:
        return True
    behind, ahead = name[place - 1 : place], name[place + 1 : place + 2]
    arabic = _ARABIC.match(behind) and _ARABIC.match(ahead)
    return name[place] == "\u200c" and arabic is not None


def _runs_one_way(labels: Iterable[str]) -> bool:
    """RFC 5893 section 2: the rule of direction, for a name with letters that run right to left."""
    directions = [[bidirectional(letter) for letter in label] for label in labels]
    if all({*_FROM_RIGHT, "AN"}.isdisjoint(label) for label in directions):
        return True
    return all(map(_runs_its_way, directions))


def _runs_its_way(directions: list[str]) -> bool:
    ends = [direction for direction in directions if direction != "NSM"]
    if directions[0] in _FROM_RIGHT:
        mixed = "EN" in directions and "AN" in directions
        return _RTL.issuperset(directions) and ends[-1] in _RTL_ENDS and not mixed
    return directions[0] == "L" and _LTR.issuperset(directions) and ends[-1] in _LTR_ENDS
