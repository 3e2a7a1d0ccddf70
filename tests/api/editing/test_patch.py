"""``PATCH /customers/{id}``: merge patches, what they are refused for, and what they answer."""

import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.api.editing.calls import (
    MERGE_PATCH,
    call,
    claims_of,
    create,
    events_of,
    patch,
    patched,
    reader,
    with_scopes,
)
from tests.api.refusals import faults, points_into, problem
from tests.conftest import ON_TWO_STORES, NewDatabase
from tests.people import customer, with_claims
from tests.serving import Project, Served

pytestmark = ON_TWO_STORES


def test_what_is_sent_becomes_so_and_the_rest_stays(project: Project) -> None:
    (one, other) = project.enrol(
        with_claims(name="A", nickname="N"), with_claims(name="A", nickname="N")
    )
    before = project.customer(one)
    body = {
        "status": "Active",
        "reason": "checked",
        "riskScore": "High",
        "onboardingLevel": "KYC",
        "externalCustomerId": "crm-7",
        "tags": ["vip", "eu"],
        "metadata": {"desk": "EU", "score": 1.5},
        "customerContact": {"phone": "+41446681800", "telegram": "a"},
        "customerClaims": {"name": "B", "nickname": None, "nationality": "AFG"},
    }
    shown = patched(project, one, body)
    assert shown == project.customer(one)
    contact, claims = body.pop("customerContact"), body.pop("customerClaims")
    assert {name: shown[name] for name in body} == body
    nothing = dict.fromkeys(("twitter", "discord"))
    assert shown["customerContact"] == {**nothing, **contact}  # type: ignore[dict-item]
    assert claims_of(shown) == {"name": "B", "nationality": "AFG"}
    assert claims["nickname"] is None  # type: ignore[index]
    same = ("id", "type", "createdAt", "batchId", "customerWallets", "deletedAt")
    assert [shown[name] for name in same] == [before[name] for name in same]
    assert shown["updatedAt"] > before["updatedAt"]
    assert claims_of(project.customer(other)) == {"name": "A", "nickname": "N"}


def test_null_takes_away(project: Project) -> None:
    (one,) = project.enrol(with_claims(name="A", sub="s"))
    patched(
        project,
        one,
        {
            "riskScore": "Low",
            "onboardingLevel": "KYC",
            "externalCustomerId": "e",
            "tags": ["a"],
            "metadata": {"a": 1, "b": 2},
            "customerContact": {"twitter": "t", "discord": "d"},
        },
    )
    shown = patched(
        project,
        one,
        {
            "riskScore": None,
            "onboardingLevel": None,
            "externalCustomerId": None,
            "tags": None,
            "metadata": {"a": None},
            "customerContact": {"twitter": None},
            "customerClaims": None,
        },
    )
    names = ("riskScore", "onboardingLevel", "externalCustomerId", "tags", "metadata")
    assert [shown[name] for name in names] == ["No risk", None, None, [], {"b": 2}]
    assert shown["customerContact"] == {
        **dict.fromkeys(("phone", "twitter", "telegram")),
        "discord": "d",
    }
    assert shown["customerClaims"] == []
    shown = patched(project, one, {"metadata": None, "customerContact": None})
    assert (shown["metadata"], shown["customerContact"]["discord"]) == ({}, None)


def test_the_answer_is_the_id_unless_the_customer_is_preferred(project: Project) -> None:
    (one,) = project.enrol(with_claims(name="A"))
    answer = patch(project, one, {"riskScore": "Low"})
    assert (answer.status_code, answer.text) == (200, f'"{one}"')
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["etag"] == project.get(f"/customers/{one}").headers["etag"]
    assert "preference-applied" not in answer.headers
    for preference in ("return=representation", 'respond-async, Return="representation";a=b'):
        answer = patch(project, one, {}, Prefer=preference)
        assert answer.json() == project.customer(one)
        assert answer.headers["preference-applied"] == "return=representation"
    for preference in ("return=minimal", "return=minimal, return=representation"):
        answer = patch(project, one, {}, Prefer=preference)
        assert (answer.json(), answer.headers["preference-applied"]) == (one, "return=minimal")
    assert patch(project, one, {}, Prefer="return=all").json() == one


def test_a_key_that_may_not_read_is_shown_nothing(project: Project) -> None:
    (one,) = project.enrol(with_claims(name="A"))
    writer = with_scopes(project, "customers:write")
    answer = patch(writer, one, {"riskScore": "Low"}, Prefer="return=representation")
    assert answer.json() == one
    assert "preference-applied" not in answer.headers
    assert call(writer, "POST", f"/customers/{one}/claims", {"nickname": "N"}).json() == {}


def test_either_media_type_is_taken_and_no_other(project: Project) -> None:
    (one,) = project.enrol(with_claims(name="A"))
    assert patch(project, one, {"riskScore": "Low"}, Content_Type=MERGE_PATCH).status_code == 200
    answer = patch(project, one, {}, Content_Type="application/json-patch+json")
    problem(answer, "content_type.unsupported")
    assert answer.headers["accept-patch"] == f"application/json, {MERGE_PATCH}"
    packed = gzip.compress(json.dumps({"riskScore": "High"}).encode())
    assert patch(project, one, packed, Content_Encoding="gzip").status_code == 200
    assert project.customer(one)["riskScore"] == "High"


def test_each_change_is_an_event_with_the_names_of_what_changed(project: Project) -> None:
    (one,) = project.enrol(with_claims(name="A"))
    patched(project, one, {"riskScore": "Low", "customerClaims": {"name": "A", "locale": "de"}})
    patched(project, one, {"status": "Active", "reason": "r"})
    patched(project, one, {"status": "Dormant"})
    patched(project, one, {"reason": "later"})
    patched(project, one, {"customerContact": {"phone": "+41446681800"}, "metadata": {"a": 1}})
    updated = "customer.updated"
    assert events_of(project, one) == [
        (updated, ["customerClaims.locale", "riskScore"], None),
        (
            updated,
            ["reason", "status"],
            {"status": {"from": "No status", "to": "Active"}, "reason": "r"},
        ),
        (updated, ["reason", "status"], {"status": {"from": "Active", "to": "Dormant"}}),
        (updated, ["reason"], {"reason": "later"}),
        (updated, ["customerContact.phone", "metadata"], None),
    ]


def test_the_history_keeps_who_changed_a_status_and_when(project: Project) -> None:
    (one,) = project.enrol(with_claims(name="A"))
    key = project.server.new_key(project.id)
    patched(project._replace(key=key.text), one, {"status": "Active", "reason": "r"})
    ((actor, at),) = project.server.query(
        "SELECT l.key_id, l.created_at FROM links AS l JOIN events AS e ON e.project = l.project "
        "AND e.seq BETWEEN l.first AND l.last WHERE e.type = 'customer.updated' "
        "AND e.customer_id = $1",
        bytes.fromhex(one.replace("-", "")),
    )
    assert actor == key.id
    ((updated,),) = project.server.query(
        "SELECT updated_at FROM customers WHERE id = $1", bytes.fromhex(one.replace("-", ""))
    )
    assert at == updated


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"customerClaims": {"name": "A"}},
        {"customerClaims": {}, "customerContact": {}, "metadata": {}},
        {"customerClaims": {"locale": None}, "tags": [], "metadata": {"a": None}},
        {"type": "Individual", "status": "No status", "riskScore": "No risk"},
        # All that the hosted API knows, null.
        dict.fromkeys(("riskScore", "type", "onboardingLevel", "status", "reason")),
    ],
    ids=str,
)
def test_what_makes_nothing_another_is_no_event(project: Project, body: dict[str, Any]) -> None:
    (one,) = project.enrol(with_claims(name="A"))
    before = project.get(f"/customers/{one}")
    answer = patch(project, one, body)
    assert (answer.status_code, answer.json()) == (200, one)
    after = project.get(f"/customers/{one}")
    assert (after.json(), after.headers["etag"]) == (before.json(), before.headers["etag"])
    assert events_of(project, one) == []


WRONG: list[tuple[str, dict[str, Any], list[tuple[str, str]]]] = [
    ("a name", {"statuss": "Active"}, [("/statuss", "field.unknown")]),
    ("a type", {"tags": "a"}, [("/tags", "field.type")]),
    (
        "a member's type",
        {"customerContact": {"phone": 1}},
        [("/customerContact/phone", "field.type")],
    ),
    ("a NUL", {"reason": "\0"}, [("/reason", "text.nul")]),
    ("a long text", {"reason": "x" * 4_097}, [("/reason", "text.too_long")]),
    (
        "a long claim",
        {"customerClaims": {"name": "x" * 4_097}},
        [("/customerClaims/name", "text.too_long")],
    ),
    ("an empty sub", {"customerClaims": {"sub": ""}}, [("/customerClaims/sub", "field.empty")]),
    (
        "an empty key",
        {"externalCustomerId": ""},
        [("/externalCustomerId", "field.empty")],
    ),
    (
        "a locale",
        {"customerClaims": {"locale": "?"}},
        [("/customerClaims/locale", "locale.syntax")],
    ),
    (
        "a country",
        {"customerClaims": {"nationality": "afg"}},
        [("/customerClaims/nationality", "country.unknown")],
    ),
    ("a level", {"onboardingLevel": "KYB"}, [("/onboardingLevel", "onboarding_level.type")]),
    ("no level", {"onboardingLevel": "?"}, [("/onboardingLevel", "onboarding_level.unknown")]),
    ("a status", {"status": "active"}, [("/status", "status.unknown")]),
    ("a risk", {"riskScore": "Extreme"}, [("/riskScore", "risk_score.unknown")]),
    ("a customer type", {"type": "Person"}, [("/type", "customer_type.unknown")]),
    ("a phone", {"customerContact": {"phone": "1"}}, [("/customerContact/phone", "phone.syntax")]),
    (
        "a handle",
        {"customerContact": {"discord": ""}},
        [("/customerContact/discord", "handle.syntax")],
    ),
    ("tags", {"tags": ["a", "", "a"]}, [("/tags/1", "tags.text"), ("/tags/2", "tags.repeated")]),
    (
        "metadata",
        {"metadata": {"a": [], "": 1, "c": "x" * 1_025}},
        [
            ("/metadata/", "metadata.name"),
            ("/metadata/a", "field.type"),
            ("/metadata/c", "text.too_long"),
        ],
    ),
    (
        "all at once",
        {
            "status": "Active",
            "customerClaims": {"locale": "?", "zoneinfo": "?", "birthdate": "3000-01-01"},
            "onboardingLevel": "KYB",
        },
        [
            ("/customerClaims/birthdate", "birthdate.future"),
            ("/customerClaims/locale", "locale.syntax"),
            ("/customerClaims/zoneinfo", "zoneinfo.unknown"),
            ("/onboardingLevel", "onboarding_level.type"),
        ],
    ),
]


@pytest.mark.parametrize(("body", "expected"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_what_is_wrong_is_told_at_once_and_nothing_changes(
    project: Project, body: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    (one,) = project.enrol(with_claims(name="A"))
    before = project.customer(one)
    answer = patch(project, one, body)
    document = problem(answer, "body.invalid")
    assert faults(document) == expected
    assert points_into(answer.request.content, document) == []
    assert project.customer(one) == before
    assert events_of(project, one) == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "json.invalid"),
        (b"{", "json.invalid"),
        (b"[]", "body.invalid"),
        (b"null", "body.invalid"),
        (b'{"a":' * 100, "json.too_deep"),
        (b'{"status":"Active","status":"Rejected"}', "body.invalid"),
        (b'{"reason":"\\ud800"}', "body.invalid"),
        (b'{"metadata":{"a":1,"a":2}}', "body.invalid"),
        (b'{"metadata":{"a":1e999}}', "body.invalid"),
        (b'{"tags":[' + b'"a",' * 30_000 + b'"b"]}', "json.too_many_values"),
        (b" " * (4 * 1024 * 1024), "body.too_large"),
    ],
    ids=lambda value: value if isinstance(value, str) else repr(value[:20]),
)
def test_hostile_bodies_change_nothing(project: Project, body: bytes, code: str) -> None:
    (one,) = project.enrol(with_claims(name="A"))
    before = project.customer(one)
    problem(patch(project, one, body), code)
    assert project.customer(one) == before


def test_no_value_that_was_sent_is_told_again(project: Project) -> None:
    (one,) = project.enrol(with_claims(name="A"))
    canary = "canary-4711"
    answer = patch(
        project,
        one,
        {
            "status": canary,
            "externalCustomerId": canary,
            "tags": [canary, canary],
            "customerClaims": {"locale": canary, "birthdate": canary},
            "metadata": {"a": {"b": canary}},
        },
    )
    assert answer.status_code == 422
    assert canary not in answer.text
    assert canary not in project.server.whole_log()


class TestUniqueKeys:
    def test_a_sub_moves(self, project: Project) -> None:
        (one,) = project.enrol(with_claims(sub="a", name="A"))
        patched(project, one, {"customerClaims": {"sub": "b"}})
        assert project.enrol(with_claims(sub="a", name="A"))
        answer = project.post(project.body(with_claims(sub="b", name="A")))
        document = problem(answer, "batch.conflict")
        assert document["errors"][0]["customerId"] == one

    def test_a_key_that_is_taken_away_is_free(self, project: Project) -> None:
        one, two = project.enrol(with_claims(sub="a", name="A"), with_claims(name="B"))
        patched(project, one, {"externalCustomerId": "e"})
        patched(project, one, {"externalCustomerId": None, "customerClaims": {"sub": None}})
        shown = patched(project, two, {"externalCustomerId": "e", "customerClaims": {"sub": "a"}})
        assert shown["externalCustomerId"] == "e"

    def test_what_another_has_is_refused(self, project: Project) -> None:
        one, two = project.enrol(with_claims(sub="a", name="A"), with_claims(name="B"))
        patched(project, one, {"externalCustomerId": "e"})
        body = {"externalCustomerId": "e", "customerClaims": {"sub": "a"}}
        answer = patch(project, two, body)
        document = problem(answer, "customer.conflict")
        assert sorted(faults(document)) == [
            ("/customerClaims/sub", "conflict.sub"),
            ("/externalCustomerId", "conflict.external"),
        ]
        assert {error["customerId"] for error in document["errors"]} == {one}
        answer = call(project, "POST", f"/customers/{two}/claims", {"sub": "a"})
        assert faults(problem(answer, "customer.conflict")) == [("/sub", "conflict.sub")]

    def test_conflicts_are_told_beside_the_faults(self, project: Project) -> None:
        _, two = project.enrol(with_claims(sub="a", name="A"), with_claims(name="B"))
        answer = patch(project, two, {"customerClaims": {"sub": "a", "locale": "?"}})
        assert faults(problem(answer, "body.invalid")) == [
            ("/customerClaims/locale", "locale.syntax"),
            ("/customerClaims/sub", "conflict.sub"),
        ]

    def test_two_customers_swap_nothing_in_one_call(self, project: Project) -> None:
        """A key is released by the call that takes another."""
        (one,) = project.enrol(with_claims(sub="a", name="A"))
        for sub in ("b", "a", "b"):
            shown = patched(project, one, {"customerClaims": {"sub": sub}})
            assert claims_of(shown)["sub"] == sub

    def test_of_many_at_once_one_gets_a_key(self, project: Project) -> None:
        ids = project.enrol(*(with_claims(name="A") for _ in range(12)))
        with ThreadPoolExecutor(12) as pool:
            answers = list(
                pool.map(lambda one: patch(project, one, {"externalCustomerId": "e"}), ids)
            )
        assert sorted(answer.status_code for answer in answers) == [200, *[409] * 11]


class TestStatuses:
    def test_a_status_that_may_not_follow_is_refused_with_those_that_may(
        self, project: Project
    ) -> None:
        (one,) = project.enrol(with_claims(name="A"))
        patched(project, one, {"status": "Dormant"})
        answer = patch(project, one, {"status": "Failed", "riskScore": "Low"})
        document = problem(answer, "status.transition")
        assert faults(document) == [("/status", "status.cannot_follow")]
        assert "Active, To be reviewed, Terminated." in document["errors"][0]["detail"]
        assert project.customer(one)["riskScore"] == "No risk"

    @pytest.mark.parametrize("status", [None, "No status"])
    def test_nobody_goes_back_to_no_status(self, project: Project, status: str | None) -> None:
        (one,) = project.enrol(with_claims(name="A"))
        patched(project, one, {"status": "Active"})
        problem(patch(project, one, {"status": status}), "status.transition")

    def test_after_the_last_one_none_follows(self, project: Project) -> None:
        (one,) = project.enrol(with_claims(name="A"))
        patched(project, one, {"status": "Terminated"})
        document = problem(patch(project, one, {"status": "Active"}), "status.transition")
        assert "None may follow." in document["errors"][0]["detail"]
        assert patched(project, one, {"status": "Terminated", "riskScore": "High"})

    def test_it_is_told_beside_faults_and_conflicts(self, project: Project) -> None:
        one, _ = project.enrol(with_claims(name="A"), with_claims(name="A", sub="s"))
        patched(project, one, {"status": "Terminated"})
        body: dict[str, Any] = {"status": "Active", "customerClaims": {"sub": "s"}}
        told = [("/customerClaims/sub", "conflict.sub"), ("/status", "status.cannot_follow")]
        assert faults(problem(patch(project, one, body), "status.transition")) == told
        body["riskScore"] = "?"
        told.insert(1, ("/riskScore", "risk_score.unknown"))
        assert faults(problem(patch(project, one, body), "body.invalid")) == told


class TestTypes:
    def test_a_level_of_the_other_type_is_named(self, project: Project) -> None:
        (one,) = project.enrol(with_claims(name="A"))
        patched(project, one, {"onboardingLevel": "KYC"})
        answer = patch(project, one, {"type": "Company"})
        document = problem(answer, "body.invalid")
        assert faults(document) == [("/type", "onboarding_level.type")]
        answer = patch(project, one, {"type": "Company", "onboardingLevel": "Started"})
        assert faults(problem(answer, "body.invalid")) == [
            ("/onboardingLevel", "onboarding_level.type")
        ]
        shown = patched(project, one, {"type": "Company", "onboardingLevel": "KYB"})
        assert (shown["type"], shown["onboardingLevel"]) == ("Company", "KYB")

    @pytest.mark.parametrize("level", [None, "Onboarded"])
    def test_a_level_of_both_types_or_none_stays(self, project: Project, level: str | None) -> None:
        (one,) = project.enrol(with_claims(name="A"))
        patched(project, one, {"onboardingLevel": level})
        assert patched(project, one, {"type": "Company"})["onboardingLevel"] == level

    def test_findings_of_the_type_are_told_anew(self, project: Project) -> None:
        (one,) = project.enrol(with_claims(birthdate="1990-01-01"))
        no_name = {"pointer": "/customerClaims", "code": "claims.no_name"}
        assert project.customer(one)["findings"] == [no_name]
        of_company = {"pointer": "/customerClaims/birthdate", "code": "claims.company_birthdate"}
        assert patched(project, one, {"type": "Company"})["findings"] == [of_company]


LOCALE = {"pointer": "/customerClaims/locale", "code": "locale.syntax"}


class TestFindings:
    def test_a_lenient_project_keeps_what_is_wrong_as_a_finding(self, lenient: Project) -> None:
        (one,) = lenient.enrol(with_claims(name="A"))
        shown = patched(lenient, one, {"customerClaims": {"locale": "?"}})
        assert shown["findings"] == [LOCALE]
        # It stays while others change, and goes with the value.
        assert patched(lenient, one, {"riskScore": "Low"})["findings"] == [LOCALE]
        assert patched(lenient, one, {"customerClaims": {"locale": "de"}})["findings"] == []
        answer = patch(lenient, one, {"customerClaims": {"nationality": "?"}})
        problem(answer, "body.invalid")

    def test_those_of_wallets_and_dids_stay(self, lenient: Project) -> None:
        item = customer(name="A", locale="?")
        item["customerWallet"]["wallet"] = "x"
        (one,) = lenient.enrol(item)
        before = lenient.customer(one)["findings"]
        assert len(before) > 1
        after = patched(lenient, one, {"customerClaims": {"locale": None}})["findings"]
        assert after == [finding for finding in before if finding != LOCALE]

    def test_what_is_odd_is_noted_in_a_strict_project_too(self, project: Project) -> None:
        (one,) = project.enrol(with_claims(name="Ann Lee", givenName="Ann"))
        shown = patched(project, one, {"customerClaims": {"givenName": "Bob"}})
        assert shown["findings"] == [
            {"pointer": "/customerClaims/name", "code": "claims.name_mismatch"}
        ]


class TestIfMatch:
    def test_the_tag_of_what_was_read_passes_once(self, project: Project) -> None:
        (one,) = project.enrol(with_claims(name="A"))
        tag = project.get(f"/customers/{one}").headers["etag"]
        answer = patch(project, one, {"riskScore": "Low"}, If_Match=tag)
        assert answer.status_code == 200
        problem(patch(project, one, {"riskScore": "High"}, If_Match=tag), "customer.changed")
        tags = f'"99999", {answer.headers["etag"]}'
        assert patch(project, one, {"riskScore": "High"}, If_Match=tags).status_code == 200
        assert patch(project, one, {"riskScore": "Low"}, If_Match="*").status_code == 200

    @pytest.mark.parametrize("tag", ['W/"0"', "0", '"1"', "", '"'])
    def test_no_other_tag_passes(self, project: Project, tag: str) -> None:
        """RFC 9110 section 13.1.1: a weak one never does."""
        (one,) = project.enrol(with_claims(name="A"))
        problem(patch(project, one, {"riskScore": "Low"}, If_Match=tag), "customer.changed")
        assert project.customer(one)["riskScore"] == "No risk"

    def test_who_has_it_is_told_so(self, project: Project) -> None:
        (one,) = project.enrol(with_claims(name="A"))
        path = f"/customers/{one}"
        tag = project.get(path).headers["etag"]
        for sent in (tag, f"W/{tag}", f'"7", {tag}', "*"):
            answer = call(project, "GET", path, If_None_Match=sent)
            assert (answer.status_code, answer.content) == (304, b"")
            assert answer.headers["etag"] == tag
        assert call(project, "GET", path, If_None_Match='"7"').status_code == 200
        patch(project, one, {"riskScore": "Low"})
        assert call(project, "GET", path, If_None_Match=tag).status_code == 200

    def test_of_two_with_the_same_tag_one_passes(self, project: Project) -> None:
        for _ in range(5):
            (one,) = project.enrol(with_claims(name="A"))
            tag = project.get(f"/customers/{one}").headers["etag"]

            def change(score: str, one: str = one, tag: str = tag) -> int:
                return patch(project, one, {"riskScore": score}, If_Match=tag).status_code

            with ThreadPoolExecutor(2) as pool:
                assert sorted(pool.map(change, ("Low", "High"))) == [200, 412]


def hundred_at_once(project: Project) -> None:
    """Each change is of a member of its own, or of a claim that all change."""
    (one,) = project.enrol(with_claims(name="A"))

    def change(number: int) -> int:
        body: dict[str, Any] = {"metadata": {f"m{number}": number}}
        if number >= 50:
            body = {"customerClaims": {"nickname": str(number)}}
        return patch(project, one, body).status_code

    with ThreadPoolExecutor(100) as pool:
        assert set(pool.map(change, range(100))) == {200}
    shown = project.customer(one)
    assert shown["metadata"] == {f"m{number}": number for number in range(50)}
    assert int(claims_of(shown)["nickname"]) >= 50
    assert len(events_of(project, one)) == 100


def test_a_hundred_at_once_are_all_kept(project: Project) -> None:
    hundred_at_once(project)


def test_a_hundred_at_once_are_all_kept_by_several_processes(
    tmp_path: Path, new_database: NewDatabase
) -> None:
    with Served(tmp_path, new_database(), workers=3) as served:
        hundred_at_once(served.new_project())


def test_a_customer_of_another_project_is_not_there(server: Served, project: Project) -> None:
    (one,) = project.enrol(with_claims(name="A"))
    other = server.new_project()
    told = [
        problem(patch(other, each, {"riskScore": "Low"}), "customer.unknown") | {"requestId": ""}
        for each in (one, str(uuid4()), "x")
    ]
    assert told[0] == told[1] == told[2]
    assert project.customer(one)["riskScore"] == "No risk"


def test_a_key_that_reads_changes_nothing(project: Project) -> None:
    (one,) = project.enrol(with_claims(name="A"))
    for method, path, body in (
        ("PATCH", f"/customers/{one}", {}),
        ("DELETE", f"/customers/{one}", None),
        ("POST", f"/customers/{one}/restore", None),
        ("POST", f"/customers/{one}/claims", {}),
        ("POST", f"/customers/{one}/emails", {}),
    ):
        problem(call(reader(project), method, path, body), "access.scope")
    problem(create(reader(project), {}), "access.scope")


class TestClaims:
    def test_they_are_merged_and_answered_whole(self, project: Project) -> None:
        (one,) = project.enrol(with_claims(name="A", sub="s"))
        path = f"/customers/{one}/claims"
        answer = call(project, "POST", path, {"nickname": "N", "sub": None, "createdBy": "c"})
        (claims,) = project.customer(one)["customerClaims"]
        assert (answer.status_code, answer.json()) == (200, claims)
        assert answer.headers["etag"] == project.get(f"/customers/{one}").headers["etag"]
        assert claims_of(project.customer(one)) == {"name": "A", "nickname": "N", "createdBy": "c"}
        fields = ["customerClaims.createdBy", "customerClaims.nickname", "customerClaims.sub"]
        assert events_of(project, one) == [("customer.updated", fields, None)]

    def test_a_customer_without_claims_gets_one_record(self, project: Project) -> None:
        answer = create(project, {"customerDid": {"did": "did:web:example.com"}})
        one = answer.json()["id"]
        call(project, "POST", f"/customers/{one}/claims", {"name": "A"})
        call(project, "POST", f"/customers/{one}/claims", {"nickname": "N"})
        assert len(project.customer(one)["customerClaims"]) == 1
        answer = call(project, "POST", f"/customers/{one}/claims", {})
        assert answer.json() == project.customer(one)["customerClaims"][0]

    def test_their_faults_point_into_the_claims(self, project: Project) -> None:
        (one,) = project.enrol(with_claims(name="A"))
        body = {"locale": "?", "pictureBase64": "?", "given": "x", "name": "x" * 4_097}
        answer = call(project, "POST", f"/customers/{one}/claims", body)
        document = problem(answer, "body.invalid")
        assert faults(document) == [("/given", "field.unknown"), ("/name", "text.too_long")]
        answer = call(
            project, "POST", f"/customers/{one}/claims", {"locale": "?", "pictureBase64": "?"}
        )
        document = problem(answer, "body.invalid")
        assert faults(document) == [
            ("/locale", "locale.syntax"),
            ("/pictureBase64", "picture.base64"),
        ]

    def test_a_picture_is_as_large_as_in_a_batch(self, project: Project) -> None:
        (one,) = project.enrol(with_claims(name="A"))
        path = f"/customers/{one}/claims"
        # Four characters are three bytes.
        picture = "iVBORw0KGgoA" + "A" * (1024 * 1024 // 3 * 4 - 12)
        assert call(project, "POST", path, {"pictureBase64": picture}).status_code == 200
        answer = call(project, "POST", path, {"pictureBase64": picture + "AAAA"})
        assert faults(problem(answer, "body.invalid")) == [("/pictureBase64", "picture.too_large")]
