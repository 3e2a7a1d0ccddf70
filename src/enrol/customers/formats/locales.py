"""Locales: the language tags of BCP 47 (RFC 5646 section 2.1), and OpenID Connect's underscore."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from enrol.customers.formats.lines import suspects
from enrol.customers.formats.subtags import EXTENDED, LANGUAGES, REGIONS, TAGS, VARIANTS

# "en_US", "zh_Hant_TW" and "zh-Hant_TW" are how Java, CLDR and Apple write language, script and
# region. Tags with more subtags need hyphens: on those the platforms do not agree.
_SHORT_TAG: Final = "[A-Za-z]{2,3}(?:[-_][A-Za-z]{4})?(?:[-_](?:[A-Za-z]{2}|[0-9]{3}))?"
_SHORT: Final = re.compile(_SHORT_TAG)
_ODD: Final = re.compile(rf"\n(?!{_SHORT_TAG}$)", re.MULTILINE)

_LANGUAGE_TAG: Final = re.compile(
    "(?:[A-Za-z]{2,3}(?:-[A-Za-z]{3}){0,3}|[A-Za-z]{4,8})"
    "(?:-[A-Za-z]{4})?"
    "(?:-(?:[A-Za-z]{2}|[0-9]{3}))?"
    "((?:-(?:[A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*)"
    "((?:-[0-9A-WY-Za-wy-z](?:-[A-Za-z0-9]{2,8})+)*)"
    "(?:-[Xx](?:-[A-Za-z0-9]{1,8})+)?"
)
_PRIVATE_USE: Final = re.compile("[Xx](?:-[A-Za-z0-9]{1,8})+")
# The irregular ones; the regular grandfathered tags fit the pattern of a language tag.
_GRANDFATHERED: Final = frozenset(
    "en-gb-oed i-ami i-bnn i-default i-enochian i-hak i-klingon i-lux i-mingo i-navajo i-pwn"
    " i-tao i-tay i-tsu sgn-be-fr sgn-be-nl sgn-ch-de".split()
)

_SINGLETON: Final = re.compile("-(?=[0-9a-z]-)")
_EXTENDED_LANGUAGE: Final = re.compile("[a-z]{3}")
_CASES: Final = {2: str.upper, 4: str.capitalize}


def is_locale(value: str) -> bool:
    """Whether the text is a well-formed language tag that repeats no variant and no singleton."""
    if _SHORT.fullmatch(value) or _PRIVATE_USE.fullmatch(value):
        return True
    match = _LANGUAGE_TAG.fullmatch(value)
    if match is None:
        return value.lower() in _GRANDFATHERED
    variants, extensions = (subtags.lower().split("-")[1:] for subtags in match.groups())
    singletons = [subtag for subtag in extensions if len(subtag) == 1]
    return len(set(variants)) == len(variants) and len(set(singletons)) == len(singletons)


def suspect_locales(values: Sequence[str]) -> Iterable[int]:
    """The indexes of the values that have to be looked at one by one."""
    # Customers by the thousand speak a few dozen languages: each is looked at once.
    distinct = list(set(values))
    odd = [distinct[index] for index in suspects(distinct, _ODD)]
    wrong = {value for value in odd if not is_locale(value)}
    return [index for index, value in enumerate(values) if value in wrong] if wrong else ()


# A few are those of nearly all customers.
@lru_cache(maxsize=1_024)
def canonical_locale(value: str) -> str | None:
    """The tag in canonical form (RFC 5646, section 4.5), None when it is no tag or is in it.

    With hyphens, the case of section 2.1.1, and what the registry prefers. Values of extensions
    are left as they are: what is preferred there, each extension's own registry says.
    """
    if not is_locale(value):
        return None
    tag = value.replace("_", "-").lower()
    tag = _in_case(TAGS.get(tag) or _preferred(tag))
    return None if tag == value else tag


def _preferred(tag: str) -> str:
    """The tag with preferred subtags, and with its extensions sorted by their singletons."""
    if tag.startswith("x-"):
        return tag
    rest, private_use, own = tag.partition("-x-")
    first, *extensions = _SINGLETON.split(rest)
    language, *subtags = first.split("-")
    if language in EXTENDED and subtags and _EXTENDED_LANGUAGE.fullmatch(subtags[0]):
        language = subtags.pop(0)
    subtags = [REGIONS.get(subtag.upper()) or VARIANTS.get(subtag, subtag) for subtag in subtags]
    parts = [LANGUAGES.get(language, language), *subtags, *sorted(extensions)]
    return "-".join(parts) + private_use + own


def _in_case(tag: str) -> str:
    first, *rest = tag.split("-")
    subtags = [first.lower()]
    behind_singleton = len(first) == 1
    for subtag in rest:
        behind_singleton = behind_singleton or len(subtag) == 1
        change = str.lower if behind_singleton else _CASES.get(len(subtag), str.lower)
        subtags.append(change(subtag))
    return "-".join(subtags)
