"""Claims: every column is checked as its values are one by one, and the codes are the house's."""

from datetime import date
from time import perf_counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrol.customers.claims import (
    FREE_TEXTS,
    ClaimFault,
    check_claim,
    check_claims,
    find_in_texts,
)
from enrol.customers.faults import FAULTS
from enrol.customers.model import CLAIM_FIELDS
from tests.customers.vectors import rows

TODAY = date(2026, 8, 1)
MOST = 60
PNG = "iVBORw0KGgo="

RIGHT = {
    "sub": "24400320",
    "profile": "https://example.com/people/amina",
    "picture": "https://example.com/people/amina.png",
    "picture_base64": PNG,
    "website": "https://amina.example",
    "birthdate": "1991-03-08",
    "zoneinfo": "Asia/Kabul",
    "locale": "fa-AF",
    "country_of_residence": "AFG",
    "nationality": "AFG",
}
WRONG = {
    "sub": ("2440é", "sub.syntax"),
    "profile": ("example.com", "url.syntax"),
    "picture": ("data:image/png;base64," + PNG, "url.syntax"),
    "picture_base64": ("AAAA", "picture.type"),
    "website": ("http://", "url.syntax"),
    "birthdate": ("1991-02-29", "birthdate.format"),
    "zoneinfo": ("Asia/Atlantis", "zoneinfo.unknown"),
    "locale": ("fa-A", "locale.syntax"),
    "country_of_residence": ("af", "country.unknown"),
    "nationality": ("", "country.unknown"),
}

# A sub is any text in ASCII.
STRICT = sorted(RIGHT.keys() - {"sub"})

# What the examples leave open or have otherwise, decided.
DECIDED = {
    # ISO 8601's other forms are not those of OpenID Connect Core 5.1.
    ("birthdate", "19841031"): "birthdate.format",
    ("birthdate", "1984-W44-3"): "birthdate.format",
    ("birthdate", "2999-01-01"): "birthdate.future",
    # OpenID Connect has no date-time here, but the compatible API's own example is one.
    ("birthdate", "1990-01-01T00:00:00Z"): None,
    # The database's theory file: names are to be matched as they are spelt. A zone that one
    # file system finds and another does not is no zone.
    ("zoneinfo", "europe/paris"): "zoneinfo.unknown",
}

ANY_TEXT = st.text(st.characters(exclude_categories=()))
LIKELY = st.sampled_from(
    [
        *(*RIGHT.values(), *(value for value, _ in WRONG.values()), "en_US", "de-1901-1901"),
        *("1990", "0000-02-29", "2026-08-02", "2026-08-02T00:30:00+01:00", "1998-12-31T23:59:60Z"),
        *("https://example.com/a\nhttps://example.com/b", "http://bücher.example/ß", "\n", ""),
        *("1990-01-01\n1990-01-02", "en\nfr", "AFG\nAFG", "http://a.example:80/", "http://a.b/ c"),
        *("AAAA" * 30, "data:image/png;base64," + PNG, "data:image/gif;base64," + PNG),
    ]
)
VALUES = st.one_of(
    st.none(),
    LIKELY,
    ANY_TEXT,
    st.builds(
        lambda value, place, stray: value[:place] + stray + value[place + 1 :],
        LIKELY,
        st.integers(0, 40),
        st.characters(exclude_categories=()),
    ),
)


def check(columns: dict[str, list[str | None]]) -> list[ClaimFault]:
    return check_claims(columns, today=TODAY, max_picture_bytes=MOST)


def code(field: str, value: str | None) -> str | None:
    return check_claim(field, value, today=TODAY, max_picture_bytes=MOST)


def test_every_checked_field_is_a_claim_in_the_order_of_the_claims() -> None:
    columns: dict[str, list[str | None]] = {field: ["é\0"] for field in reversed(CLAIM_FIELDS)}
    found = [fault.field for fault in check(columns)]
    assert found == [field for field in CLAIM_FIELDS if field in RIGHT]


def test_a_customer_that_is_right_has_no_fault() -> None:
    assert check({field: [value] for field, value in RIGHT.items()}) == []
    assert all(code(field, value) is None for field, value in RIGHT.items())


@pytest.mark.parametrize("field", WRONG)
def test_a_value_that_is_wrong_has_the_code_of_its_claim(field: str) -> None:
    value, expected = WRONG[field]
    assert expected in FAULTS
    assert code(field, value) == expected
    assert check({field: [RIGHT[field], None, value]}) == [ClaimFault(2, field, expected)]


def test_faults_come_by_index_and_then_by_field() -> None:
    columns: dict[str, list[str | None]] = {
        field: [value, RIGHT[field], None, value] for field, (value, _) in WRONG.items()
    }
    faults = check(dict(reversed(columns.items())))
    assert [(fault.index, fault.field) for fault in faults] == [
        (index, field) for index in (0, 3) for field in CLAIM_FIELDS if field in WRONG
    ]


def test_free_text_is_passed_over() -> None:
    assert check({"name": ["\n"], "address": [""], "unheard_of": ["x"]}) == []
    assert code("name", "\n") is None


@pytest.mark.parametrize("sub", ["", "x" * 255, "auth0|5f7c8ec7c33c6c004bbafe82", "a b", "~"])
def test_a_sub_is_255_characters_of_ascii(sub: str) -> None:
    # An empty one is refused elsewhere, with a code of its own.
    assert code("sub", sub) is None
    assert code("sub", sub + "x" * 256) == "sub.syntax"
    assert code("sub", sub + "\x80") == "sub.syntax"
    assert check({"sub": [sub, None, "x" * 256, sub]}) == [ClaimFault(2, "sub", "sub.syntax")]


def test_every_claim_is_checked_or_free_text() -> None:
    assert {*FREE_TEXTS} | RIGHT.keys() == {*CLAIM_FIELDS}
    assert list(FREE_TEXTS) == [field for field in CLAIM_FIELDS if field in FREE_TEXTS]


def test_what_is_hidden_in_free_text_comes_by_index_and_then_by_field() -> None:
    hidden = "ad\u200bmin\u202e"
    columns: dict[str, list[str | None]] = {
        field: [None, hidden, "Amina", hidden] for field in reversed(FREE_TEXTS)
    }
    assert find_in_texts(columns) == [
        ClaimFault(index, field, code)
        for index in (1, 3)
        for field in FREE_TEXTS
        for code in ("text.bidi", "text.invisible")
    ]


def test_what_is_right_hides_nothing() -> None:
    assert find_in_texts({}) == []
    assert find_in_texts({field: [] for field in FREE_TEXTS}) == []
    assert find_in_texts({field: [None, "", "Amina"] for field in FREE_TEXTS}) == []
    assert find_in_texts({"website": ["a\u200bb"]}) == []


def test_no_customers_have_no_faults() -> None:
    assert check({}) == []
    assert check({field: [] for field in RIGHT}) == []
    assert check({field: [None, None] for field in RIGHT}) == []


@pytest.mark.parametrize(
    "row", rows("people/oidc_claims"), ids=lambda row: f"{row['claim']}: {row['value']}"
)
def test_the_examples(row: dict[str, Any]) -> None:
    field, value = row["claim"], row["value"]
    if (field, value) in DECIDED:
        assert code(field, value) == DECIDED[field, value]
    else:
        assert row["expect"] != "policy"
        assert (code(field, value) is None) is (row["expect"] == "valid")


def test_every_zone_and_every_link_is_known() -> None:
    zones: list[str | None] = [row["zone"] for row in rows("people/tz_zones")]
    assert check({"zoneinfo": zones}) == []


@pytest.mark.parametrize(
    "zone",
    [
        "",
        "/etc/passwd",
        "../UTC",
        "right/UTC",
        "posix/UTC",
        "tzdata.zi",
        "localtime",
        "utc",
        "UTC ",
    ],
)
def test_what_a_file_system_might_find_is_no_zone(zone: str) -> None:
    assert code("zoneinfo", zone) == "zoneinfo.unknown"


@pytest.mark.parametrize("field", RIGHT)
@given(column=st.lists(VALUES, max_size=8))
def test_the_column_agrees_with_its_values(field: str, column: list[str | None]) -> None:
    one_by_one = ((index, field, code(field, value)) for index, value in enumerate(column))
    assert check({field: column}) == [fault for fault in one_by_one if fault[2] is not None]


@given(field=st.sampled_from(STRICT), stray=st.sampled_from("\0\n\r \u2028\u200b\ufeff\ud800"))
def test_a_stray_character_is_wrong_in_every_claim(field: str, stray: str) -> None:
    for value in (RIGHT[field] + stray, stray + RIGHT[field]):
        assert code(field, value) is not None
        assert len(check({field: [RIGHT[field], value, RIGHT[field]]})) == 1


@pytest.mark.parametrize("field", STRICT)
def test_a_newline_hides_no_fault(field: str) -> None:
    right, (wrong, _) = RIGHT[field], WRONG[field]
    two_in_one = f"{right}\n{right}"
    columns = [[two_in_one], [two_in_one, wrong], [right + "\n", right], [right, "\n" + right]]
    for column in columns:
        expected = [i for i, value in enumerate(column) if value != right]
        assert [fault.index for fault in check({field: [*column]})] == expected


@pytest.mark.parametrize("field", RIGHT)
@pytest.mark.parametrize(
    "text",
    [
        "a" * 100_000,
        "-" * 100_000,
        "9" * 100_000,
        "\n" * 100_000,
        "é" * 100_000,
        "en" + "-a-bb" * 20_000,
        "en" + "-abcde" * 16_000 + "-",
        "x" + "-a" * 50_000 + "-",
        "2020-01-01T00:00:00." + "0" * 100_000,
        "https://example.com/" + "%" * 100_000 + "<",
        "data:image/png;base64," + "=" * 100_000,
        "data:" + "a" * 100_000,
    ],
    ids=lambda text: text[:12],
)
def test_hostile_texts_are_quick(field: str, text: str) -> None:
    start = perf_counter()
    assert len(check({field: [text, None, text, RIGHT[field]]})) == 2
    assert perf_counter() - start < 1
