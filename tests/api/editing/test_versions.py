"""The ETag of a change's answer, and what is shown with it, are those of this change alone."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.editing.calls import REPRESENTATION, call, create, patch, with_scopes
from tests.api.refusals import problem
from tests.conftest import ON_TWO_STORES, NewDatabase
from tests.people import customer, did, wallet, with_claims
from tests.serving import Project, Served

pytestmark = ON_TWO_STORES

NAMES = "abcdefgh"
CALLS = 25


@pytest.fixture(params=[1, 2], ids=["one process", "two processes"])
def busy(
    tmp_path: Path, new_database: NewDatabase, request: pytest.FixtureRequest
) -> Iterator[Project]:
    """A project on a server with one process, and on one with two."""
    with Served(tmp_path, new_database(), workers=request.param) as served:
        yield served.new_project()


def test_the_tag_of_an_answer_is_of_the_version_that_the_call_wrote(busy: Project) -> None:
    """Whoever was told the version of a later change could overwrite it unseen."""
    (one,) = busy.enrol(customer())
    callers = {name: with_scopes(busy, "customers:write", "customers:read") for name in NAMES}
    answers: dict[str, list[httpx.Response]] = {name: [] for name in callers}

    def change(name: str) -> None:
        caller = callers[name]
        with httpx.Client(base_url=busy.server.url, timeout=30) as http:
            for number in range(CALLS):
                answers[name].append(
                    http.patch(
                        f"/customers/{one}",
                        json={"metadata": {name: number}},
                        headers=caller.headers | (REPRESENTATION if number % 2 else {}),
                    )
                )

    threads = [threading.Thread(target=change, args=(name,)) for name in callers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    history = busy.get(f"/customers/{one}/events", limit=1_000).json()["data"]
    actors = {event["seq"]: event["actor"] for event in history}
    told = [
        (int(answer.headers["etag"].strip('"')), name, number, answer)
        for name, each in answers.items()
        for number, answer in enumerate(each)
    ]
    assert len({seq for seq, *_ in told}) == len(NAMES) * CALLS
    expected: dict[str, int] = {}
    for seq, name, number, answer in sorted(told, key=lambda each: each[0]):
        assert answer.status_code == 200
        assert actors[seq] == actors[int(answers[name][0].headers["etag"].strip('"'))]
        expected[name] = number
        if number % 2:
            assert answer.json()["metadata"] == expected


def test_what_is_shown_is_what_is_stored(lenient: Project) -> None:
    """It is not read again, so that it has to be told what the database makes of it."""
    bodies = [{**customer(name="A", locale="?"), "tags": ["x"]}, customer()]
    one, other = lenient.enrol(*bodies)
    for body in (
        {"status": "Active", "reason": "r", "tags": ["b", "a"], "metadata": {"n": 1.50}},
        {"customerClaims": {"name": "B", "locale": None, "zoneinfo": "Nowhere", "picture": "?"}},
        {"customerContact": {"phone": "+41446681800"}, "customerClaims": {"zoneinfo": None}},
        {"tags": None, "metadata": None, "externalCustomerId": "crm-1", "type": "Company"},
        {},
    ):
        answer = patch(lenient, one, body, **REPRESENTATION)
        _require_same(lenient, one, answer, answer.json())
    for method, path in (("DELETE", ""), ("POST", "/restore")):
        answer = call(lenient, method, f"/customers/{one}{path}", **REPRESENTATION)
        _require_same(lenient, one, answer, answer.json())
    claims = call(lenient, "POST", f"/customers/{other}/claims", {"nickname": "N", "gender": "?"})
    _require_same(lenient, other, claims, None)
    assert claims.json() == lenient.customer(other)["customerClaims"][0]


@pytest.mark.parametrize(
    ("part", "sent", "change"),
    [
        ("wallets", wallet(), {"verified": True, "updatedBy": "us"}),
        ("wallets", wallet("0xnothing", "eip155", verified=False), {"verified": None}),
        ("dids", did(), {"updatedBy": "us"}),
        ("dids", did("did:pkh:eip155:1:0xb9c5714089478a327f09197987f16f9e5d936e8a"), {}),
        ("emails", {"email": "a@example.com"}, {"verified": True}),
        ("emails", {"email": "nobody"}, {"email": "b@example.com"}),
    ],
)
def test_parts_are_shown_as_they_are_stored(
    lenient: Project, part: str, sent: dict[str, Any], change: dict[str, Any]
) -> None:
    (one,) = lenient.enrol(customer())
    path = f"/customers/{one}/{part}"
    for _ in range(2):
        added = call(lenient, "POST", path, sent)
        _require_same(lenient, one, added, None)
        (shown,) = [each for each in lenient.get(path).json() if each["id"] == added.json()["id"]]
        assert added.json() == shown
    changed = call(lenient, "PATCH", f"{path}/{shown['id']}", change, **REPRESENTATION)
    _require_same(lenient, one, changed, None)
    assert changed.json() == lenient.get(f"{path}/{shown['id']}").json()
    # The findings are those of the parts that there are.
    whole = patch(lenient, one, {"status": "Active"}, **REPRESENTATION)
    _require_same(lenient, one, whole, whole.json())
    removed = call(lenient, "DELETE", f"{path}/{shown['id']}", **REPRESENTATION)
    _require_same(lenient, one, removed, None)
    assert removed.json() == changed.json()


def test_whoever_is_given_the_id_alone_is_told_what_it_created(project: Project) -> None:
    body = {"externalCustomerId": "crm-1", **with_claims(name="A")}
    minimal = {"Prefer": "return=minimal", "Idempotency-Key": "k"}
    created = create(project, body, **minimal)
    assert created.headers["etag"] == '"0"'
    one = created.json()
    assert patch(project, one, {"status": "Active"}).status_code == 200
    again = create(project, body, **minimal)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["etag"] == '"0"'
    problem(patch(project, one, {"reason": "r"}, If_Match='"0"'), "customer.changed")
    # What somebody else stored is not what this call says.
    sent = {"customerType": "Individual", "cmsProjectId": project.id, **body}
    found = call(project, "POST", "/customers?onConflict=return", sent, Prefer="return=minimal")
    assert found.json() == one
    assert "etag" not in found.headers
    shown = call(project, "POST", "/customers?onConflict=return", sent)
    assert shown.headers["etag"] == patch(project, one, {}).headers["etag"]
    assert shown.json()["status"] == "Active"


def _require_same(project: Project, customer_id: str, answer: httpx.Response, shown: Any) -> None:
    """The answer is of the customer as it is."""
    assert answer.status_code == 200, answer.text
    read = project.get(f"/customers/{customer_id}")
    assert answer.headers["etag"] == read.headers["etag"]
    if shown is not None:
        assert shown == read.json()
