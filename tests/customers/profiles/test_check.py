"""The values of profiles: each limit at its edge, and a column as each of its values alone."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrol.customers.lifecycle.profile import check_profile
from enrol.customers.lifecycle.statuses import STATUSES
from enrol.customers.profiles.check import check_profiles
from enrol.customers.profiles.fields import (
    ONBOARDING_LEVELS,
    POINTERS,
    PROFILE_FIELDS,
    RISK_SCORES,
    stored_columns,
    stored_value,
)

Told = list[tuple[str, str]]


def told(customer_type: str = "Individual", /, **values: Any) -> Told:
    """The pointer and code of each fault of one profile."""
    faults = check_profile(values, customer_type, text_chars=4_096)
    return [(fault.pointer, fault.code) for fault in faults]


RIGHT: list[tuple[str, Any]] = [
    *(("status", word) for word in STATUSES),
    *(("risk_score", word) for word in RISK_SCORES),
    *(("onboarding_level", word) for word in ONBOARDING_LEVELS["Individual"]),
    ("external_customer_id", "x"),
    ("external_customer_id", " "),
    ("external_customer_id", "\U0001f600" * 255),
    ("email", "amina@example.com"),
    ("phone", "+93701234567"),
    ("twitter", "@amina"),
    ("discord", "x" * 128),
    ("telegram", "\u5c71\u7530"),
    ("tags", []),
    ("tags", ["x" * 64, "\u00e9", " ", "X" * 64]),
    ("tags", [str(place) for place in range(32)]),
]
WRONG: list[tuple[str, Any, Told]] = [
    ("status", "active", [("/status", "status.unknown")]),
    ("status", "", [("/status", "status.unknown")]),
    ("risk_score", "low", [("/riskScore", "risk_score.unknown")]),
    ("risk_score", "Low ", [("/riskScore", "risk_score.unknown")]),
    ("onboarding_level", "KYB", [("/onboardingLevel", "onboarding_level.type")]),
    ("onboarding_level", "Questionnaire", [("/onboardingLevel", "onboarding_level.unknown")]),
    ("external_customer_id", "", [("/externalCustomerId", "field.empty")]),
    ("external_customer_id", "x" * 256, [("/externalCustomerId", "external.syntax")]),
    ("external_customer_id", "a\u2028b", [("/externalCustomerId", "external.syntax")]),
    ("external_customer_id", "a\u200bb", [("/externalCustomerId", "text.invisible")]),
    ("email", "amina", [("/customerContact/email", "email.syntax")]),
    ("phone", "0701234567", [("/customerContact/phone", "phone.syntax")]),
    ("phone", "+9991234567", [("/customerContact/phone", "phone.country")]),
    ("twitter", "", [("/customerContact/twitter", "handle.syntax")]),
    ("discord", "x" * 129, [("/customerContact/discord", "handle.syntax")]),
    ("telegram", "a\nb", [("/customerContact/telegram", "handle.syntax")]),
    ("tags", [str(place) for place in range(33)], [("/tags", "tags.too_many")]),
    ("tags", ["a", ""], [("/tags/1", "tags.text")]),
    ("tags", ["x" * 65], [("/tags/0", "tags.text")]),
    ("tags", ["a\x7f"], [("/tags/0", "tags.text")]),
    ("tags", ["a", "b", "a", "a"], [("/tags/2", "tags.repeated"), ("/tags/3", "tags.repeated")]),
    ("metadata", '{"a":[]}', [("/metadata/a", "field.type")]),
    ("metadata", '{"a/b~":1e308,"c":{}}', [("/metadata/c", "field.type")]),
]


@pytest.mark.parametrize(("field", "value"), RIGHT, ids=ascii)
def test_what_is_right(field: str, value: Any) -> None:
    assert told(**{field: value}) == []
    assert told(**{field: None}) == []


@pytest.mark.parametrize(("field", "value", "expected"), WRONG, ids=ascii)
def test_what_is_wrong(field: str, value: Any, expected: Told) -> None:
    assert told(**{field: value}) == expected


def test_a_control_is_told_as_hidden_too() -> None:
    pointer = "/externalCustomerId"
    expected = [(pointer, "external.syntax"), (pointer, "text.invisible")]
    assert told(external_customer_id="a\x1bb") == expected


@pytest.mark.parametrize("customer_type", ONBOARDING_LEVELS)
def test_each_type_has_its_levels(customer_type: str) -> None:
    for other, levels in ONBOARDING_LEVELS.items():
        for level in levels:
            right = other == customer_type or level == "Onboarded"
            expected = [] if right else [("/onboardingLevel", "onboarding_level.type")]
            assert told(customer_type, onboarding_level=level) == expected


def test_a_type_that_is_unknown_has_every_level() -> None:
    assert told("Robot", onboarding_level="KYB") == told("Robot", onboarding_level="KYC") == []
    assert told("Robot", onboarding_level="x") == [("/onboardingLevel", "onboarding_level.unknown")]


def test_all_faults_are_told_at_their_places_in_the_body() -> None:
    pointers = POINTERS | {"phone": "/phone"}
    values = {"phone": "1", "status": "x", "tags": ["", ""], "telegram": "x" * 200}
    faults = check_profile(values, "Company", text_chars=100, pointers=pointers)
    assert [(fault.item, fault.pointer, fault.code) for fault in faults] == [
        (None, "/customerContact/telegram", "handle.syntax"),
        (None, "/customerContact/telegram", "text.too_long"),
        (None, "/phone", "phone.syntax"),
        (None, "/status", "status.unknown"),
        (None, "/tags/0", "tags.text"),
        (None, "/tags/1", "tags.text"),
    ]


COLUMNS = {
    field: st.lists(
        st.none()
        | st.sampled_from([value for name, value in RIGHT if name == field] or [None])
        | st.sampled_from([value for name, value, _ in WRONG if name == field] or [None])
        | (st.lists(st.text(max_size=2), max_size=4) if field == "tags" else st.text(max_size=3)),
        min_size=4,
        max_size=4,
    )
    for field in PROFILE_FIELDS
    if field != "metadata"
}


@given(st.fixed_dictionaries(COLUMNS), st.sampled_from([*ONBOARDING_LEVELS, "Robot"]))
def test_a_column_is_checked_as_each_of_its_values(
    profile: dict[str, list[Any]], customer_type: str
) -> None:
    found = sorted(
        (index, POINTERS[field] + within, code)
        for index, field, within, code in check_profiles(profile, customer_type)
    )
    alone = []
    for place in range(4):
        values = {field: column[place] for field, column in profile.items()}
        for pointer, code in told(customer_type, **values):
            if code != "field.empty":
                alone.append((place, pointer, code))
    assert found == sorted(alone)


def test_what_says_nothing_is_stored_as_null() -> None:
    profile: dict[str, list[Any]] = {field: [None, None] for field in PROFILE_FIELDS}
    profile |= {"status": ["No status", "Active"], "risk_score": [None, "No risk"]}
    profile |= {"tags": [[], ["a", "\u00e9"]], "metadata": ["{}", None]}
    status, risk, *_, tags, metadata = stored_columns(profile)
    assert (status, risk) == ([None, "Active"], [None, None])
    assert (tags, metadata) == ([None, '["a","\u00e9"]'], ["{}", None])
    assert stored_value("status", "No status") is None
    assert stored_value("phone", "No status") == "No status"
    assert stored_value("tags", ["a"]) == '["a"]'
