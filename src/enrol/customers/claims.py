"""The checks of claims: OpenID Connect Core 1.0 section 5.1, and the two countries.

Each claim has two checks. One looks at a single value and gives its code. The other looks at a
whole column at once and names the suspects, which are then looked at one by one: in a batch that
is right there are next to none. docs/claims.md says what each claim accepts, and why.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple, TypeGuard

from enrol.customers.countries import COUNTRIES
from enrol.customers.formats.birthdates import birthdate_fault, suspect_birthdates
from enrol.customers.formats.locales import is_locale, suspect_locales
from enrol.customers.formats.pictures import picture_fault
from enrol.customers.formats.urls import is_url, suspect_urls

Texts = Sequence[str]


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
        column = columns.get(field, ())
        if _is_full(column):
            places: Sequence[int] = range(len(column))
            values: Texts = column
        else:
            places = [place for place, value in enumerate(column) if value is not None]
            values = [value for value in column if value is not None]
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


def _is_full(column: Sequence[str | None]) -> TypeGuard[Sequence[str]]:
    # An empty text passes for a gap here: it goes the longer way, to the same end.
    return all(column)


@cache
def _zones() -> frozenset[str]:
    # The list in the package. `zoneinfo.available_timezones` walks the file system, and
    # `ZoneInfo(name)` opens a file that the sender names.
    return frozenset(files("tzdata").joinpath("zones").read_text("ascii").split())


def _listed(names: Callable[[], frozenset[str]], code: str) -> _Check:
    """The check of a claim whose values stand in a list."""

    def suspects(values: Texts, _: _Bounds) -> Iterable[int]:
        return () if names().issuperset(values) else range(len(values))

    def fault(value: str, _: _Bounds) -> str | None:
        return None if value in names() else code

    return _Check(suspects, fault)


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
    "profile": _URL,
    "picture": _URL,
    "picture_base64": _PICTURE,
    "website": _URL,
    "birthdate": _BIRTHDATE,
    "zoneinfo": _listed(_zones, "zoneinfo.unknown"),
    "locale": _LOCALE,
    "country_of_residence": _COUNTRY,
    "nationality": _COUNTRY,
}
