"""``POST /customers``: one customer by the very way of a batch of one."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.api.editing.calls import call, create, patched, with_scopes
from tests.api.refusals import EMPTY, faults, points_into, problem, refused
from tests.conftest import ON_TWO_STORES
from tests.people import CHECKSUMMED, customer, wallet, with_claims, with_did
from tests.serving import Project, Served

pytestmark = ON_TWO_STORES


def without_names(shown: dict[str, Any]) -> dict[str, Any]:
    """A customer without what differs from one to the next."""
    parts = ("customerWallets", "customerDids", "customerEmails")
    left_out = {"id", "customerId", "createdAt", "updatedAt", "batchId"}
    rest = {name: value for name, value in shown.items() if name not in left_out}
    for name in parts:
        rest[name] = [
            {key: value for key, value in part.items() if key not in left_out}
            for part in shown[name]
        ]
    return rest


def test_it_is_stored_and_answered_as_a_batch_of_one(server: Served, project: Project) -> None:
    item = customer(name="A", locale="de-CH")
    answer = create(project, item)
    assert answer.status_code == 200
    shown = answer.json()
    assert shown == project.customer(shown["id"])
    assert answer.headers["location"] == f"/customers/{shown['id']}"
    assert answer.headers["etag"] == '"0"'
    assert answer.headers["enrol-batch-id"] == shown["batchId"]
    other = server.new_project()
    (twin,) = other.enrol(item)
    expected = without_names(other.customer(twin)) | {"cmsProjectId": project.id}
    assert without_names(shown) == expected
    assert project.rows() == other.rows()


def test_the_id_alone_where_that_is_preferred(project: Project) -> None:
    answer = create(project, with_claims(name="A"), Prefer="return=minimal")
    assert project.customer(answer.json())
    assert answer.headers["preference-applied"] == "return=minimal"
    writer = with_scopes(project, "customers:write")
    answer = create(writer, with_claims(name="B"), Prefer="return=representation")
    assert project.customer(answer.json())
    assert "preference-applied" not in answer.headers


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, [("", "item.empty")]),
        (
            {"customerType": None, "customerClaims": {"locale": "?"}},
            [("/customerClaims/locale", "locale.syntax"), ("/customerType", "field.type")],
        ),
        (
            {"customerType": "Person", **with_claims(name="A")},
            [("/customerType", "customer_type.unknown")],
        ),
        (
            {"customerWallet": wallet(CHECKSUMMED[:-1] + "D"), "customerDid": {"did": "x"}},
            [("/customerDid/did", "did.syntax"), ("/customerWallet/wallet", "wallet.checksum")],
        ),
        (
            {"customerclaims": {}, "customerWallet": {"wallet": 1}},
            [
                ("/customerWallet/blockchainNamespace", "field.missing"),
                ("/customerWallet/wallet", "field.type"),
                ("/customerclaims", "field.unknown"),
            ],
        ),
        ({"customerData": [], **with_claims(name="A")}, [("/customerData", "field.unknown")]),
    ],
    ids=str,
)
def test_faults_point_into_this_body(
    project: Project, body: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    refused(project, create(project, body), "body.invalid", *expected)


def test_what_is_missing_around_the_customer(project: Project) -> None:
    answer = call(project, "POST", "/customers", with_claims(name="A", locale="?"))
    refused(
        project,
        answer,
        "body.invalid",
        ("/cmsProjectId", "field.missing"),
        ("/customerClaims/locale", "locale.syntax"),
        ("/customerType", "field.missing"),
    )


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "json.invalid"),
        (b"[]", "body.invalid"),
        (b'"x"', "body.invalid"),
        (b'{"a":' * 100, "json.too_deep"),
        (b'{"a":[' + b"1," * 5_000 + b"1]}", "json.too_many_values"),
        (b'{"customerType":"Company","customerType":"Company"}', "body.invalid"),
    ],
    ids=lambda value: value if isinstance(value, str) else repr(value[:20]),
)
def test_hostile_bodies_store_nothing(project: Project, body: bytes, code: str) -> None:
    refused(project, call(project, "POST", "/customers", body), code)


def test_unknown_fields_may_be_dropped(project: Project) -> None:
    body = {"customerType": "Individual", "cmsProjectId": project.id, "what": 1}
    body |= with_claims(name="A", whatElse=1)
    answer = call(project, "POST", "/customers?unknownFields=ignore", body)
    assert answer.status_code == 200
    problem(call(project, "POST", "/customers?mode=partial", body), "query.invalid")


def test_another_project_is_refused(server: Served, project: Project) -> None:
    other = server.new_project()
    problem(create(project, {"cmsProjectId": other.id, **with_claims(name="A")}), "access.project")
    assert other.rows() == EMPTY


class TestConflicts:
    def test_what_another_has_is_told_with_its_owner(self, project: Project) -> None:
        item = customer(name="A")
        one = create(project, item).json()["id"]
        answer = create(project, item)
        document = problem(answer, "customer.conflict")
        assert document["message"] == "Wallet already attached to another identity"
        assert faults(document) == [
            ("/customerClaims/sub", "conflict.sub"),
            ("/customerDid/did", "conflict.did"),
            ("/customerWallet/wallet", "conflict.wallet"),
        ]
        assert points_into(answer.request.content, document) == []
        assert {error["customerId"] for error in document["errors"]} == {one}
        assert project.total() == 1

    def test_they_are_told_beside_the_faults(self, project: Project) -> None:
        create(project, with_claims(name="A", sub="s"))
        answer = create(project, with_claims(sub="s", locale="?"))
        assert faults(problem(answer, "body.invalid")) == [
            ("/customerClaims/locale", "locale.syntax"),
            ("/customerClaims/sub", "conflict.sub"),
        ]

    def test_the_one_that_is_there_may_be_answered(self, project: Project) -> None:
        item = with_claims(name="A", sub="s")
        one = create(project, item).json()["id"]
        body = {"customerType": "Individual", "cmsProjectId": project.id}
        body |= with_claims(name="B", sub="s")
        answer = call(project, "POST", "/customers?onConflict=return", body)
        assert answer.json() == project.customer(one)
        assert answer.json()["customerClaims"][0]["name"] == "A"


class TestOnce:
    def test_the_same_key_stores_once(self, project: Project) -> None:
        item = with_claims(name="A")
        first = create(project, item, Idempotency_Key="k")
        second = create(project, item, Idempotency_Key='"k"')
        assert first.json() == second.json()
        assert second.headers["idempotency-replayed"] == "true"
        assert "idempotency-replayed" not in first.headers
        names = ("enrol-batch-id", "location", "etag")
        assert [first.headers[name] for name in names] == [second.headers[name] for name in names]
        assert project.total() == 1

    def test_a_repeat_shows_the_customer_as_it_is_by_now(self, project: Project) -> None:
        item = with_claims(name="A")
        one = create(project, item, Idempotency_Key="k").json()["id"]
        changed = patched(project, one, {"riskScore": "High"})
        assert create(project, item, Idempotency_Key="k").json() == changed

    def test_a_key_of_another_call_is_refused(self, project: Project) -> None:
        create(project, with_claims(name="A"), Idempotency_Key="k")
        answer = create(project, with_claims(name="B"), Idempotency_Key="k")
        problem(answer, "idempotency.reused")
        problem(project.post(project.body(), {"Idempotency-Key": "k"}), "idempotency.reused")
        problem(
            create(project, with_claims(name="A"), Idempotency_Key="a b"), "idempotency.invalid"
        )
        assert project.total() == 1

    def test_of_many_at_once_one_is_stored(self, project: Project) -> None:
        item = customer(name="A")
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: create(project, item, Idempotency_Key="k"), range(8)))
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.json()["id"] for answer in answers}) == 1
        assert project.total() == 1


def test_a_lenient_project_keeps_findings(lenient: Project) -> None:
    shown = create(lenient, with_did("x")).json()
    assert shown["findings"] == [{"pointer": "/customerDid/did", "code": "did.syntax"}]
