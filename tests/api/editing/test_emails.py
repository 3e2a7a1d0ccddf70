"""The email addresses of a customer: added, listed, changed and removed."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from enrol.customers.editing.emails import MOST_EMAILS
from tests.api.editing.calls import call, events_of, reader, with_scopes
from tests.api.refusals import faults, problem
from tests.conftest import ON_TWO_STORES
from tests.people import with_claims
from tests.serving import Project, Served

pytestmark = ON_TWO_STORES


@pytest.fixture
def one(project: Project) -> str:
    (customer_id,) = project.enrol(with_claims(name="A"))
    return customer_id


def add(project: Project, one: str, email: str, **fields: Any) -> dict[str, Any]:
    answer = call(project, "POST", f"/customers/{one}/emails", {"email": email, **fields})
    assert answer.status_code == 200, answer.text
    added: dict[str, Any] = answer.json()
    return added


def test_an_address_is_added_and_shown(project: Project, one: str) -> None:
    answer = call(
        project,
        "POST",
        f"/customers/{one}/emails",
        {"email": "a@example.com", "verified": True, "createdBy": "crm"},
    )
    added = answer.json()
    assert added == {
        "id": added["id"],
        "customerId": one,
        "email": "a@example.com",
        "verified": True,
        "createdAt": added["createdAt"],
        "updatedAt": added["createdAt"],
        "createdBy": "crm",
        "updatedBy": None,
    }
    shown = project.customer(one)
    assert shown["customerEmails"] == [added]
    assert shown["updatedAt"] == added["createdAt"]
    assert answer.headers["etag"] == project.get(f"/customers/{one}").headers["etag"]
    listed = project.get(f"/customers/{one}/emails")
    assert (listed.json(), listed.headers["etag"]) == ([added], answer.headers["etag"])
    found = project.get(f"/customers/{one}/emails/{added['id']}")
    assert (found.json(), found.headers["etag"]) == (added, answer.headers["etag"])
    assert events_of(project, one) == [("customer.updated", ["customerEmails"], None)]


def test_one_that_the_customer_has_stays_as_it_is(project: Project, one: str) -> None:
    first = add(project, one, "a@example.com", verified=True)
    assert add(project, one, "a@example.com") == first
    assert len(events_of(project, one)) == 1
    # What stands before the at sign is the host's, capitals and all: RFC 5321 section 2.4.
    assert add(project, one, "A@example.com")["id"] != first["id"]


def test_two_customers_may_have_the_same(project: Project, one: str) -> None:
    (two,) = project.enrol(with_claims(name="B"))
    add(project, one, "a@example.com")
    add(project, two, "a@example.com")


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({"verified": False}, {"verified": False}),
        ({"verified": None}, {"verified": False}),
        ({"email": "b@example.com"}, {"email": "b@example.com", "verified": False}),
        ({"email": "b@example.com", "verified": True}, {"email": "b@example.com"}),
    ],
    ids=str,
)
def test_an_address_is_changed(
    project: Project, one: str, patch: dict[str, Any], expected: dict[str, Any]
) -> None:
    other = add(project, one, "other@example.com")
    before = add(project, one, "a@example.com", verified=True)
    path = f"/customers/{one}/emails/{before['id']}"
    answer = call(project, "PATCH", path, patch, Prefer="return=representation")
    after = answer.json()
    assert answer.headers["preference-applied"] == "return=representation"
    changed = {name: after[name] for name in ("updatedAt", "updatedBy")}
    assert after == before | expected | changed
    assert changed["updatedBy"].startswith("key_")
    assert project.customer(one)["customerEmails"] == [other, after]
    # The same again is no change, and is answered by the ID.
    assert call(project, "PATCH", path, patch).json() == before["id"]
    assert len(events_of(project, one)) == 3


def test_an_address_is_removed(project: Project, one: str) -> None:
    first, second = (add(project, one, f"{name}@example.com") for name in "ab")
    path = f"/customers/{one}/emails/{first['id']}"
    answer = call(project, "DELETE", path)
    assert (answer.status_code, answer.json()) == (200, first["id"])
    assert project.customer(one)["customerEmails"] == [second]
    problem(call(project, "DELETE", path), "email.unknown")
    problem(project.get(path), "email.unknown")
    problem(call(project, "PATCH", path, {"verified": True}), "email.unknown")
    assert len(events_of(project, one)) == 3


WRONG = [
    ({}, [("/email", "field.missing")]),
    ({"email": ""}, [("/email", "field.empty")]),
    ({"email": None}, [("/email", "field.type")]),
    ({"email": "a@b@"}, [("/email", "email.syntax")]),
    ({"email": "a@example.com\0"}, [("/email", "text.nul")]),
    ({"email": "a" * 4_097}, [("/email", "text.too_long")]),
    (
        {"email": 1, "verified": "yes", "createdby": "x"},
        [("/createdby", "field.unknown"), ("/email", "field.type"), ("/verified", "field.type")],
    ),
]


@pytest.mark.parametrize(("body", "expected"), WRONG, ids=lambda value: str(value)[:60])
def test_what_is_wrong_is_told_and_nothing_added(
    project: Project, one: str, body: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    answer = call(project, "POST", f"/customers/{one}/emails", body)
    assert faults(problem(answer, "body.invalid")) == expected
    email = add(project, one, "x@example.com")
    if body and "createdby" not in body:
        answer = call(project, "PATCH", f"/customers/{one}/emails/{email['id']}", body)
        assert faults(problem(answer, "body.invalid")) == expected
    assert project.customer(one)["customerEmails"] == [email]


def test_an_address_does_not_become_another_of_the_customer(project: Project, one: str) -> None:
    add(project, one, "a@example.com")
    second = add(project, one, "b@example.com")
    path = f"/customers/{one}/emails/{second['id']}"
    answer = call(project, "PATCH", path, {"email": "a@example.com"})
    assert faults(problem(answer, "body.invalid")) == [("/email", "email.twice")]


def test_a_lenient_project_keeps_findings_by_place(lenient: Project) -> None:
    (one,) = lenient.enrol(with_claims(name="A", locale="?"))
    locale = {"pointer": "/customerClaims/locale", "code": "locale.syntax"}

    def findings() -> list[dict[str, str]]:
        found: list[dict[str, str]] = lenient.customer(one)["findings"]
        return found

    def wrong(place: int) -> dict[str, str]:
        return {"pointer": f"/customerEmails/{place}/email", "code": "email.syntax"}

    first, second = add(lenient, one, "a@example.com"), add(lenient, one, "dirty")
    assert findings() == [locale, wrong(1)]
    call(lenient, "DELETE", f"/customers/{one}/emails/{first['id']}")
    assert findings() == [locale, wrong(0)]
    path = f"/customers/{one}/emails/{second['id']}"
    call(lenient, "PATCH", path, {"email": "right@example.com"})
    assert findings() == [locale]


def test_a_customer_has_so_many_at_most(project: Project, one: str) -> None:
    for number in range(MOST_EMAILS):
        add(project, one, f"a{number}@example.com")
    answer = call(project, "POST", f"/customers/{one}/emails", {"email": "more@example.com"})
    problem(answer, "email.too_many")
    assert add(project, one, "a0@example.com")


def test_all_that_come_at_once_are_kept(project: Project, one: str) -> None:
    def try_until_taken(number: int) -> None:
        path, body = f"/customers/{one}/emails", {"email": f"a{number % 10}@example.com"}
        while call(project, "POST", path, body).status_code != 200:
            pass

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(try_until_taken, range(20)))
    emails = [email["email"] for email in project.customer(one)["customerEmails"]]
    assert sorted(emails) == [f"a{number}@example.com" for number in range(10)]


def test_if_match_holds(project: Project, one: str) -> None:
    path = f"/customers/{one}/emails"
    problem(
        call(project, "POST", path, {"email": "a@example.com"}, If_Match='"7"'), "customer.changed"
    )
    answer = call(project, "POST", path, {"email": "a@example.com"}, If_Match='"0"')
    email, tag = f"{path}/{answer.json()['id']}", answer.headers["etag"]
    problem(call(project, "DELETE", email, If_Match='"0"'), "customer.changed")
    assert call(project, "DELETE", email, If_Match=tag).status_code == 200


def test_who_may_not_read_is_shown_no_address(project: Project, one: str) -> None:
    writer = with_scopes(project, "customers:write")
    path = f"/customers/{one}/emails"
    added = call(writer, "POST", path, {"email": "a@example.com"}).json()
    assert project.get(path).json()[0]["id"] == added
    shown = call(
        writer, "PATCH", f"{path}/{added}", {"verified": True}, Prefer="return=representation"
    )
    assert shown.json() == added
    problem(call(writer, "GET", path), "access.scope")
    problem(call(writer, "GET", f"{path}/{added}"), "access.scope")
    for method, where in (
        ("POST", path),
        ("PATCH", f"{path}/{added}"),
        ("DELETE", f"{path}/{added}"),
    ):
        problem(call(reader(project), method, where, {}), "access.scope")


def test_of_another_project_nothing_is_there(server: Served, project: Project, one: str) -> None:
    email = add(project, one, "a@example.com")
    other = server.new_project()
    (mine,) = other.enrol(with_claims(name="A"))
    for customer, code in ((one, "customer.unknown"), (mine, "email.unknown")):
        path = f"/customers/{customer}/emails"
        for each in (email["id"], str(uuid4()), "x"):
            expected = "email.unknown" if each == "x" else code
            body = {"verified": True}
            problem(call(other, "PATCH", f"{path}/{each}", body), expected)
            problem(call(other, "DELETE", f"{path}/{each}"), expected)
            problem(call(other, "GET", f"{path}/{each}"), code)
    problem(call(other, "GET", f"/customers/{one}/emails"), "customer.unknown")
    answer = call(other, "POST", f"/customers/{one}/emails", {"email": "b@example.com"})
    problem(answer, "customer.unknown")
    assert project.customer(one)["customerEmails"] == [email]
