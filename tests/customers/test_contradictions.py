"""Contradictions: claims that do not go together, in columns."""

from collections.abc import Sequence
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrol.customers.contradictions import Contradiction, find_contradictions
from enrol.customers.model import CLAIM_FIELDS
from tests.customers.vectors import rows

TODAY = date(2026, 8, 1)
NAMES = [row["name"] for row in rows("people/hard_names")]

Person = dict[str, str | None]
PEOPLE = st.lists(
    st.dictionaries(
        st.sampled_from(["sub", "name", "given_name", "family_name", "birthdate", "gender"]),
        st.one_of(
            st.none(),
            st.sampled_from(["", "Jane", "Jane Doe", "Doe", "John", "1850-01-01", "1990", "花子"]),
        ),
    ),
    max_size=6,
)


def columns(*people: Person) -> dict[str, Sequence[str | None]]:
    return {field: [person.get(field) for person in people] for field in CLAIM_FIELDS}


def find(*people: Person, type_: str = "Individual") -> list[Contradiction]:
    return find_contradictions(columns(*people), type_, TODAY)


def codes(person: Person, type_: str = "Individual") -> list[str]:
    return [found.code for found in find(person, type_=type_)]


def test_claims_that_go_together() -> None:
    amina: Person = {"name": "Amina Karimi", "given_name": "Amina", "birthdate": "1991-03-08"}
    assert find(amina, {"given_name": "Zoë"}, {"family_name": "Li"}, {"name": "Prince"}) == []


@pytest.mark.parametrize("person", [{}, {"sub": "24400320"}, {"created_by": "crm"}, {"gender": ""}])
def test_whoever_says_nothing_of_a_person_needs_no_name(person: Person) -> None:
    assert codes(person) == []


@pytest.mark.parametrize(
    "person",
    [
        {"gender": "female"},
        {"sub": "24400320", "nickname": "Jo"},
        {"birthdate": "1990", "name": "", "given_name": ""},
    ],
)
def test_a_person_of_whom_something_is_said_has_a_name(person: Person) -> None:
    assert find({}, person) == [Contradiction(1, None, "claims.no_name")]


def test_a_full_name_has_one_of_its_parts() -> None:
    person: Person = {"name": "Jane Doe", "given_name": "John", "family_name": "Smith"}
    assert find(person, person | {"family_name": "Doe"}) == [
        Contradiction(0, "name", "claims.name_mismatch")
    ]
    assert codes({"name": "Jane Doe", "family_name": "Smith"}) == ["claims.name_mismatch"]
    assert codes({"name": "Jörg Müller", "given_name": "JOERG", "family_name": ""}) == []


@pytest.mark.parametrize(
    ("birthdate", "old"),
    [
        ("1901-07-31", True),
        ("1901-08-01", False),
        ("1900", True),
        ("0000-01-01", False),
        ("1", False),
    ],
)
def test_nobody_is_older_than_125(birthdate: str, old: bool) -> None:
    expected = [Contradiction(0, "birthdate", "claims.birthdate_old")] if old else []
    assert find({"name": "Jane", "birthdate": birthdate}) == expected


def test_a_company_has_no_birthdate() -> None:
    company: Person = {"name": "Karimi Ltd", "given_name": "Jane", "birthdate": "1850-01-01"}
    assert find(company, {"gender": "none"}, type_="Company") == [
        Contradiction(0, "birthdate", "claims.company_birthdate")
    ]


def test_findings_come_by_place() -> None:
    old: Person = {"birthdate": "1850-01-01", "name": "Jane", "given_name": "John"}
    found = find(old, {"gender": "x"}, old)
    assert [one.index for one in found] == [0, 0, 1, 2, 2]


@given(st.sampled_from(NAMES), st.sampled_from(NAMES))
def test_hard_names_contradict_nothing(given_name: str, family: str) -> None:
    person: Person = {"given_name": given_name, "family_name": family}
    assert codes(person | {"name": f"{given_name} {family}"}) == []
    assert codes(person | {"name": f"{family} {given_name}".upper()}) == []


@given(PEOPLE, st.sampled_from(["Individual", "Company", "Robot", ""]))
def test_the_batch_agrees_with_its_people(people: list[Person], type_: str) -> None:
    one_by_one = [
        found._replace(index=place)
        for place, person in enumerate(people)
        for found in find(person, type_=type_)
    ]
    assert find(*people, type_=type_) == one_by_one
