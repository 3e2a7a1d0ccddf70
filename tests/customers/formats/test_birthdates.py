"""Birthdates: dates, years, dates without a year, and RFC 3339 date-times."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrol.customers.formats.birthdates import (
    birthdate_fault,
    is_before_the_oldest,
    suspect_birthdates,
)
from tests.customers.vectors import rows

TODAY = date(2026, 8, 1)

DATES = st.dates(max_value=TODAY).map(date.isoformat)
YEARS = st.integers(1, TODAY.year).map(lambda year: f"{year:04}")
DATES_WITHOUT_YEAR = st.dates(date(2000, 1, 1), date(2000, 12, 31)).map(
    lambda day: f"0000-{day:%m-%d}"
)
OFFSETS = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(
    datetime.combine(date(1, 1, 3), time.min),
    datetime.combine(TODAY, time.max),
    timezones=OFFSETS,
)
DATE_TIMES = MOMENTS.filter(lambda moment: moment.astimezone(UTC).date() <= TODAY).map(
    lambda moment: moment.isoformat()
)
BIRTHDATES = st.one_of(
    DATES,
    YEARS,
    DATES_WITHOUT_YEAR,
    DATE_TIMES,
    DATES.map(lambda day: f"{day}T00:00:00.000Z"),
    DATES.map(lambda day: f"{day}t23:59:59z"),
)


@pytest.mark.parametrize(
    "row",
    [row for row in rows("people/formats_jsonschema") if row["format"] in ("date", "date-time")],
    ids=lambda row: row["case"],
)
def test_the_json_schema_test_suite(row: dict[str, Any]) -> None:
    is_date_time_among_dates = row["case"] == "an invalid time string in date-time format"
    expected = row["valid"] or is_date_time_among_dates
    assert (birthdate_fault(row["s"], TODAY) is None) is expected


@pytest.mark.parametrize(
    "value",
    [
        "2024-08-07T13:45:40.886Z",  # the compatible API's own example
        "1984-07-02T00:00:00.000Z",
        "0000-02-29",
        "0000-12-31",
        "0000-02-29T00:00:00Z",
        "0001",
        "2026",
        "2026-08-01",
        "2026-08-01T23:59:59Z",
        "2026-08-02T00:30:00+01:00",
        "2026-08-02T13:59:59+14:00",
        "1990-12-31T15:59:60-08:00",
        "1990-12-31T23:59:60.5Z",
        "1990-01-01T00:00:00-00:00",
        "1990-01-01T00:00:00." + "9" * 1_000 + "Z",
    ],
)
def test_birthdates_that_are_taken(value: str) -> None:
    assert birthdate_fault(value, TODAY) is None


@pytest.mark.parametrize(
    "value",
    [
        "",
        "0000",
        "990",
        "19900",
        "0000-00-01",
        "0000-02-30",
        "1990-02-29",
        "1900-02-29",
        "0000-13-01",
        "19841031",
        "1984-W44-3",
        "1984-305",
        "1984-10",
        "1984-10-31T00:00",
        "1984-10-31T00:00Z",
        "1984-10-31T00:00:00",
        "1984-10-31T00:00:00,5Z",
        "1984-10-31T00:00:00.Z",
        "1984-10-31 00:00:00Z",
        "1984-10-31T00:00:00+0100",
        "1984-10-31T00:00:00+24:00",
        "1984-10-31T24:00:00Z",
        "1984-10-31T12:00:60Z",
        "1984-10-31T23:59:60+01:00",
        "1984-02-30T00:00:00Z",
        "31/10/1984",
        "\u0661\u0669\u0669\u0660-01-01",
        "\uff11\uff19\uff19\uff10",
        "1990-01-01\n",
        "1990-01-01\n1990-01-01",
        "1990-01-01\0",
    ],
)
def test_what_is_no_birthdate(value: str) -> None:
    assert birthdate_fault(value, TODAY) == "birthdate.format"
    assert list(suspect_birthdates([value], TODAY)) == [0]


@pytest.mark.parametrize(
    "value",
    [
        "2027",
        "9999",
        "2026-08-02",
        "9999-12-31",
        "2026-08-02T00:00:00Z",
        "2026-08-01T23:30:00-00:30",
        "9999-12-31T23:59:59-23:59",
    ],
)
def test_nobody_is_born_in_the_future(value: str) -> None:
    assert birthdate_fault(value, TODAY) == "birthdate.future"
    assert list(suspect_birthdates([value], TODAY)) == [0]


def test_a_leap_year_of_the_calendar() -> None:
    for year in (1, 4, 100, 400, 1900, 1996, 1999, 2000, 2024, 2100, 2400, 9996):
        leap = (year % 4 == 0 and year % 100 != 0) or year % 400 == 0
        code = birthdate_fault(f"{year:04}-02-29", date.max)
        assert (code is None) is leap
        assert (list(suspect_birthdates([f"{year:04}-02-29"], date.max)) == []) is leap


@pytest.mark.parametrize("today", [date.min, date(1, 2, 3), date(1970, 1, 1), date.max])
def test_any_day_may_be_today(today: date) -> None:
    assert birthdate_fault(today.isoformat(), today) is None
    assert list(suspect_birthdates([today.isoformat()], today)) == []


def test_the_past_of_one_day_is_the_future_of_another() -> None:
    for today in (TODAY, TODAY - timedelta(days=1), TODAY):
        expected = [] if today == TODAY else [0]
        assert list(suspect_birthdates([TODAY.isoformat()], today)) == expected


@given(BIRTHDATES)
def test_generated_birthdates_pass(value: str) -> None:
    assert birthdate_fault(value, TODAY) is None


@given(MOMENTS)
def test_a_date_time_counts_by_its_date_in_utc(moment: datetime) -> None:
    day = moment.astimezone(UTC).date()
    assert birthdate_fault(moment.isoformat(), day) is None
    assert birthdate_fault(moment.isoformat(), day - timedelta(days=1)) == "birthdate.future"


@given(value=BIRTHDATES, stray=st.characters(exclude_characters="0123456789"), data=st.data())
def test_no_date_has_a_stray_character(value: str, stray: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(value)))
    assert birthdate_fault(value[:place] + stray + value[place:], TODAY) == "birthdate.format"


@given(st.from_regex("[0-9]{4}-[01][0-9]-[0-3][0-9]", fullmatch=True))
def test_the_calendar_is_that_of_python(value: str) -> None:
    try:
        date.fromisoformat(value.replace("0000", "2000", 1) if value[:4] == "0000" else value)
        right = True
    except ValueError:
        right = False
    assert (birthdate_fault(value, date.max) is None) is right
    assert list(suspect_birthdates([value], date.max)) in ([], [0])
    assert right or list(suspect_birthdates([value], date.max)) == [0]


@pytest.mark.parametrize(
    ("value", "old"),
    [
        ("1901-07-31", True),
        ("1901-08-01", False),
        ("1901-07-31T23:59:59Z", True),
        ("1901-08-01T00:00:00Z", False),
        # The year alone may mean its last day.
        ("1900", True),
        ("1901", False),
        ("0001", True),
        ("0000-01-01", False),
        # What is no birthdate is not old.
        ("0000", False),
        ("1880-02-30", False),
        ("1880", True),
        ("18/10/1880", False),
        ("", False),
    ],
)
def test_older_than_anybody(value: str, old: bool) -> None:
    assert is_before_the_oldest(value, 125, TODAY) is old


def test_on_29_february_and_in_the_first_years() -> None:
    assert not is_before_the_oldest("1899-03-01", 125, date(2024, 2, 29))
    assert is_before_the_oldest("1899-02-28", 125, date(2024, 2, 29))
    assert not is_before_the_oldest("0001-01-01", 125, date(100, 1, 1))
