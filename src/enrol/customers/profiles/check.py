"""The checks of profiles, column by column: suspects first, which are looked at one by one.

The shape was read before, and the metadata with it (`metadata`): what is here are the values.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Final, NamedTuple

from enrol.customers.claims import present
from enrol.customers.formats.emails import email_fault, suspect_emails
from enrol.customers.formats.phones import phone_fault, suspect_phones
from enrol.customers.formats.texts import suspect_texts, text_findings
from enrol.customers.lifecycle.statuses import STATUSES
from enrol.customers.profiles.fields import ONBOARDING_LEVELS, RISK_SCORES

Texts = Sequence[str]

MOST_TAGS: Final = 32
LONGEST_TAG: Final = 64
LONGEST_HANDLE: Final = 128
LONGEST_EXTERNAL_ID: Final = 255
_CONTROL: Final = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029]")


class ProfileFault(NamedTuple):
    """What is wrong: the place in the column, the field, the pointer within it, and the code."""

    index: int  # type: ignore[assignment]  # hides tuple.index, of which a fault has no use
    field: str
    within: str
    code: str


class _Check(NamedTuple):
    suspects: Callable[[Texts], Iterable[int]]
    fault: Callable[[str], str | None]


def check_profiles(
    profile: Mapping[str, Sequence[Any]], customer_type: str
) -> Iterator[ProfileFault]:
    """Every fault and finding of the columns, which may be any of `PROFILE_FIELDS`.

    A ``customer_type`` that is unknown, and told elsewhere, has every level.
    """
    for field, check in (_CHECKS | {"onboarding_level": _level_check(customer_type)}).items():
        places, values = present(profile.get(field, ()))
        for suspect in check.suspects(values) if values else ():
            code = check.fault(values[suspect])
            if code is not None:
                yield ProfileFault(places[suspect], field, "", code)
    places, values = present(profile.get("external_customer_id", ()))
    for suspect in suspect_texts(values):
        for code in text_findings(values[suspect]):
            yield ProfileFault(places[suspect], "external_customer_id", "", code)
    yield from _check_tags(profile.get("tags", ()))


def tag_faults(tags: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The faults of one customer's tags: pointer within them, and code."""
    if len(tags) > MOST_TAGS:
        yield "", "tags.too_many"
        return
    seen: set[str] = set()
    for place, tag in enumerate(tags):
        if not 1 <= len(tag) <= LONGEST_TAG or _CONTROL.search(tag):
            yield f"/{place}", "tags.text"
        elif tag in seen:
            yield f"/{place}", "tags.repeated"
        seen.add(tag)


def _check_tags(column: Sequence[Texts | None]) -> Iterator[ProfileFault]:
    if _are_plain(list(filter(None, column))):
        return
    for place, tags in enumerate(column):
        for within, code in tag_faults(tags or ()):
            yield ProfileFault(place, "tags", within, code)


def _are_plain(tags: Sequence[Texts]) -> bool:
    if not tags:
        return True
    flat = list(chain.from_iterable(tags))
    return (
        max(map(len, tags)) <= MOST_TAGS
        and all(flat)
        and max(map(len, flat)) <= LONGEST_TAG
        and not _CONTROL.search("".join(flat))
        and sum(map(len, map(set, tags))) == len(flat)
    )


def _listed(words: Sequence[str], code: str) -> _Check:
    known = frozenset(words)

    def suspects(values: Texts) -> Iterable[int]:
        return () if known.issuperset(values) else range(len(values))

    return _Check(suspects, lambda value: None if value in known else code)


# A body may name any type.
@lru_cache(maxsize=8)
def _level_check(customer_type: str) -> _Check:
    known = frozenset(chain.from_iterable(ONBOARDING_LEVELS.values()))
    own = frozenset(ONBOARDING_LEVELS.get(customer_type, known))

    def fault(value: str) -> str | None:
        if value in own:
            return None
        return "onboarding_level.type" if value in known else "onboarding_level.unknown"

    return _Check(lambda values: () if own.issuperset(values) else range(len(values)), fault)


def _short(longest: int, code: str, least: int) -> _Check:
    """The check of a text that is one line of so many characters."""

    def suspects(values: Texts) -> Iterable[int]:
        lengths = list(map(len, values))
        plain = (
            max(lengths) <= longest and min(lengths) > 0 and not _CONTROL.search("".join(values))
        )
        return () if plain else range(len(values))

    def fault(value: str) -> str | None:
        right = least <= len(value) <= longest and not _CONTROL.search(value)
        return None if right else code

    return _Check(suspects, fault)


_HANDLE: Final = _short(LONGEST_HANDLE, "handle.syntax", 1)
_CHECKS: Final[dict[str, _Check]] = {
    # An empty one is told with the wallets and the DIDs that are empty.
    "external_customer_id": _short(LONGEST_EXTERNAL_ID, "external.syntax", 0),
    "status": _listed(STATUSES, "status.unknown"),
    "risk_score": _listed(RISK_SCORES, "risk_score.unknown"),
    "email": _Check(suspect_emails, email_fault),
    "phone": _Check(suspect_phones, phone_fault),
    "twitter": _HANDLE,
    "discord": _HANDLE,
    "telegram": _HANDLE,
}
