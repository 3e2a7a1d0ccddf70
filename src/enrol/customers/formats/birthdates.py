"""Birthdates: OpenID Connect Core 1.0 section 5.1, and the date-times of RFC 3339 section 5.6.

``today`` is the latest date anywhere on earth: who is born today in Kiribati is born.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache
from typing import Final

from enrol.customers.formats.lines import suspects

_LEAP_YEAR: Final = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
_DATE: Final = (
    "(?:[0-9]{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
    "|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
    f"|{_LEAP_YEAR}-02-29)"
)
_TIME: Final = (
    r"[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?"
    "(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
_ODD: Final = re.compile(rf"\n(?!{_DATE}(?:{_TIME})?$|(?!0000)[0-9]{{4}}$)", re.MULTILINE)
_ONE: Final = re.compile(
    "([0-9]{4})(?:-([0-9]{2})-([0-9]{2})(?:"
    r"[Tt]([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9]|60)(?:\.[0-9]+)?"
    "(?:[Zz]|([+-])([01][0-9]|2[0-3]):([0-5][0-9])))?)?"
)
WITHHELD: Final = "0000"
# A date whose year is withheld may be 29 February, so it is looked up in a leap year.
_LEAP: Final = 2000
_MINUTES_A_DAY: Final = 24 * 60
_LONGEST_LIFE_IN_DAYS: Final = 120 * 366


def birthdate_fault(value: str, today: date) -> str | None:
    """The code of what is wrong with one birthdate, None when it is right."""
    match = _ONE.fullmatch(value)
    if match is None:
        return "birthdate.format"
    year, month, day = match.group(1, 2, 3)
    if month is None:
        if year == WITHHELD:
            return "birthdate.format"
        return "birthdate.future" if int(year) > today.year else None
    try:
        written = date(int(year) or _LEAP, int(month), int(day))
    except ValueError:
        return "birthdate.format"
    ahead = _days_ahead_in_utc(match)
    if ahead is None:
        return "birthdate.format"
    if year == WITHHELD:
        return None
    # Ordinals, since 9999-12-31 has no tomorrow as a `date`.
    return "birthdate.future" if written.toordinal() + ahead > today.toordinal() else None


def is_before_the_oldest(value: str, years: int, today: date) -> bool:
    """Whether every day that the birthdate may mean is more than ``years`` before ``today``."""
    if value.startswith(WITHHELD) or birthdate_fault(value, today) is not None:
        return False
    last_day = (
        f"{value}-12-31" if len(value) == len(WITHHELD) else value[: len(date.min.isoformat())]
    )
    return last_day < years_before(today, years)


def years_before(today: date, years: int) -> str:
    """The day that many years before, in the form by which dates sort as texts do.

    It need not exist: what was born before 29 February of a year is older than that.
    """
    return f"{max(today.year - years, 0):04}{today.isoformat()[4:]}"


def suspect_birthdates(values: Sequence[str], today: date) -> Iterable[int]:
    """The indexes of the values that have to be looked at one by one."""
    if _dates_of_the_living(today).issuperset(values):
        return ()
    odd = suspects(values, _ODD)
    # As texts, these forms sort as their dates do. A date-time of tomorrow may be one of today
    # in UTC, and the reverse, so from today on each is looked at.
    latest = today.isoformat()
    if max(values) < latest:
        return odd
    return {*odd, *(index for index, value in enumerate(values) if value >= latest)}


@lru_cache(maxsize=1)
def _dates_of_the_living(today: date) -> frozenset[str]:
    # Four times as fast as the pattern, for 5 MB. A memo of what came in would have to be bounded.
    last = today.toordinal()
    days = range(max(1, last - _LONGEST_LIFE_IN_DAYS), last + 1)
    return frozenset(date.fromordinal(day).isoformat() for day in days)


def _days_ahead_in_utc(match: re.Match[str]) -> int | None:
    """How far the date in UTC is ahead of the one written; None when there is no such time.

    RFC 3339 section 5.7: the second 60 is only ever the last one of a day in UTC.
    """
    hour, minute, second, sign, offset_hour, offset_minute = match.group(4, 5, 6, 7, 8, 9)
    if hour is None:
        return 0
    minutes = int(hour) * 60 + int(minute)
    if sign is not None:
        offset = int(offset_hour) * 60 + int(offset_minute)
        minutes += offset if sign == "-" else -offset
    days, minute_of_day = divmod(minutes, _MINUTES_A_DAY)
    if second == "60" and minute_of_day != _MINUTES_A_DAY - 1:
        return None
    return days
