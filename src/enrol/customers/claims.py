"""The checks of claims: OpenID Connect Core 1.0 sections 2 and 5.1, and the two countries.

Each claim has two checks. One looks at a single value and gives its code. The other looks at a
whole column at once and names the suspects, which are then looked at one by one: in a batch that
is right there are next to none. docs/claims.md says what each claim accepts, and why.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple, TypeGuard

from enrol.customers.countries import COUNTRIES
from enrol.customers.formats.birthdates import birthdate_fault, suspect_birthdates
from enrol.customers.formats.locales import is_locale, suspect_locales
from enrol.customers.formats.pictures import picture_fault
from enrol.customers.formats.texts import suspect_texts, text_findings
from enrol.customers.formats.urls import is_url, suspect_urls
from enrol.customers.formats.zones import zone_names

Texts = Sequence[str]

# OpenID Connect Core 1.0, section 2.
LONGEST_SUB: Final = 255
# In the order of `CustomerClaims`. `sub` has a check as well.
FREE_TEXTS: Final = (
    "sub",
    "name",
    "given_name",
    "family_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "gender",
    "created_by",
    "address",
)


class ClaimFault(NamedTuple):
    """A claim that is wrong: the place in the column, the field, and the code in `FAULTS`."""

    index: int  # type: ignore[assignment]  # hides tuple.index, of which a fault has no use
    field: str
    code: str


class _Bounds(NamedTuple):
    today: date
    max_picture_bytes: int


class _Check(NamedTuple):
    suspects: Callable[[Texts, _Bounds], Iterable[int]]
    fault: Callable[[str, _Bounds], str | None]


def check_claims(
    columns: Mapping[str, Sequence[str | None]], *, today: date, max_picture_bytes: int
) -> list[ClaimFault]:
    """Every fault of the columns, by index and then in the order of the fields.

    The keys are fields of `CustomerClaims`; those of free text are passed over. ``today`` is the
    latest date anywhere on earth.
    """
    bounds = _Bounds(today, max_picture_bytes)
    faults: list[ClaimFault] = []
    for field, check in _CHECKS.items():
        places, values = present(columns.get(field, ()))
        for suspect in check.suspects(values, bounds) if values else ():
            code = check.fault(values[suspect], bounds)
            if code is not None:
                faults.append(ClaimFault(places[suspect], field, code))
    faults.sort(key=lambda fault: fault.index)
    return faults


def check_claim(
    field: str, value: str | None, *, today: date, max_picture_bytes: int
) -> str | None:
    """The code of what is wrong with one value, None when it is right."""
    check = _CHECKS.get(field)
    if check is None or value is None:
        return None
    return check.fault(value, _Bounds(today, max_picture_bytes))


def find_in_texts(columns: Mapping[str, Sequence[str | None]]) -> list[ClaimFault]:
    """What is hidden in free text, by index and then in the order of the fields.

    These are findings in every project: the customer is stored.
    """
    findings: list[ClaimFault] = []
    for field in FREE_TEXTS:
        column = columns.get(field, ())
        # In an empty text nothing is hidden, so it may fill the gaps: places stay what they are.
        values = column if _is_full(column) else [value or "" for value in column]
        for place in suspect_texts(values):
            findings += [ClaimFault(place, field, code) for code in text_findings(values[place])]
    findings.sort(key=lambda finding: finding.index)
    return findings


def present(column: Sequence[str | None]) -> tuple[Sequence[int], Texts]:
    """The values of a column, and their places in it."""
    if _is_full(column):
        return range(len(column)), column
    places = [place for place, value in enumerate(column) if value is not None]
    return places, [value for value in column if value is not None]


def _is_full(column: Sequence[str | None]) -> TypeGuard[Sequence[str]]:
    # An empty text passes for a gap here: it goes the longer way, to the same end.
    return all(column)


def _listed(names: Callable[[], frozenset[str]], code: str) -> _Check:
    """The check of a claim whose values stand in a list."""

    def suspects(values: Texts, _: _Bounds) -> Iterable[int]:
        return () if names().issuperset(values) else range(len(values))

    def fault(value: str, _: _Bounds) -> str | None:
        return None if value in names() else code

    return _Check(suspects, fault)


def _is_sub(value: str) -> bool:
    return value.isascii() and len(value) <= LONGEST_SUB


def _suspect_subs(values: Texts, _: _Bounds) -> Iterable[int]:
    if "".join(values).isascii() and max(map(len, values)) <= LONGEST_SUB:
        return ()
    return range(len(values))


_SUB: Final = _Check(_suspect_subs, lambda value, _: None if _is_sub(value) else "sub.syntax")
_URL: Final = _Check(
    lambda values, _: suspect_urls(values),
    lambda value, _: None if is_url(value) else "url.syntax",
)
_PICTURE: Final = _Check(
    lambda values, _: range(len(values)),
    lambda value, bounds: picture_fault(value, bounds.max_picture_bytes),
)
_BIRTHDATE: Final = _Check(
    lambda values, bounds: suspect_birthdates(values, bounds.today),
    lambda value, bounds: birthdate_fault(value, bounds.today),
)
_LOCALE: Final = _Check(
    lambda values, _: suspect_locales(values),
    lambda value, _: None if is_locale(value) else "locale.syntax",
)
_COUNTRY: Final = _listed(lambda: COUNTRIES, "country.unknown")

# In the order of `CustomerClaims`.
_CHECKS: Final[dict[str, _Check]] = {
    "sub": _SUB,
    "profile": _URL,
    "picture": _URL,
    "picture_base64": _PICTURE,
    "website": _URL,
    "birthdate": _BIRTHDATE,
    "zoneinfo": _listed(zone_names, "zoneinfo.unknown"),
    "locale": _LOCALE,
    "country_of_residence": _COUNTRY,
    "nationality": _COUNTRY,
}
