"""``DELETE /customers/{id}`` is soft, and ``POST /customers/{id}/restore`` undoes it."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx
import pytest

from tests.api.editing.calls import call, create, events_of, patch, patched
from tests.api.refusals import faults, problem
from tests.conftest import ON_TWO_STORES
from tests.people import CHECKSUMMED, customer, did, wallet, with_claims
from tests.serving import Project, Served

pytestmark = ON_TWO_STORES


def delete(
    project: Project, one: str, query: str = "", body: object = None, /, **headers: str
) -> httpx.Response:
    return call(project, "DELETE", f"/customers/{one}{query}", body, **headers)


def restore(
    project: Project, one: str, query: str = "", body: object = None, /, **headers: str
) -> httpx.Response:
    return call(project, "POST", f"/customers/{one}/restore{query}", body, **headers)


def identified() -> dict[str, object]:
    """A customer with every kind of unique key."""
    return {
        "customerWallet": wallet(CHECKSUMMED),
        "customerClaims": {"sub": "s", "name": "A"},
        "customerDid": did("did:web:example.com"),
    }


def test_a_deleted_customer_is_shown_with_the_time_and_who(project: Project) -> None:
    (one,) = project.enrol(customer(name="A"))
    before = project.customer(one)
    key = project.server.new_key(project.id)
    answer = delete(project._replace(key=key.text), one)
    assert (answer.status_code, answer.text) == (200, f'"{one}"')
    after = project.customer(one)
    assert after["deletedAt"] == after["updatedAt"] > before["createdAt"]
    assert after["deletedBy"] == key.id
    gone = ("deletedAt", "deletedBy", "updatedAt")
    assert after == before | {name: after[name] for name in gone}
    assert answer.headers["etag"] == project.get(f"/customers/{one}").headers["etag"] != '"0"'


def test_lookups_leave_it_out(project: Project) -> None:
    (one,) = project.enrol(identified())
    path = f"/projects/{project.id}/customer-wallets/{CHECKSUMMED}/customer"
    assert project.get(path).json()["id"] == one
    delete(project, one)
    problem(project.get(path), "customer.unknown")
    found = project.get("/customers", cmsProjectId=project.id, wallet=CHECKSUMMED)
    assert found.json() == {"data": [], "totalCount": 0}
    restore(project, one)
    assert project.get(path).json()["id"] == one


def test_others_may_have_what_it_had(project: Project) -> None:
    (one,) = project.enrol(identified())
    patched(project, one, {"externalCustomerId": "e"})
    delete(project, one)
    (two,) = project.enrol(identified())
    patched(project, two, {"externalCustomerId": "e"})
    answer = restore(project, one)
    document = problem(answer, "customer.conflict")
    assert sorted(faults(document)) == [
        ("/customerClaims/0/sub", "conflict.sub"),
        ("/customerDids/0/did", "conflict.did"),
        ("/customerWallets/0/wallet", "conflict.wallet"),
        ("/externalCustomerId", "conflict.external"),
    ]
    assert document["message"] == "Wallet already attached to another identity"
    assert {error["customerId"] for error in document["errors"]} == {two}
    assert project.customer(one)["deletedAt"]
    delete(project, two)
    assert restore(project, one).status_code == 200
    problem(restore(project, two), "customer.conflict")


def test_a_restored_customer_is_what_it_was(project: Project) -> None:
    (one,) = project.enrol(identified())
    before = project.customer(one)
    delete(project, one)
    answer = restore(project, one, Prefer="return=representation")
    after = answer.json()
    assert after == project.customer(one)
    assert after == before | {"updatedAt": after["updatedAt"]}
    problem(project.post(project.body(identified())), "batch.conflict")


@pytest.mark.parametrize(
    ("query", "body", "data"),
    [
        ("", None, None),
        ("?reason=left+us", None, {"reason": "left us"}),
        ("", {"reason": "left"}, {"reason": "left"}),
        ("", {}, None),
        ("", {"reason": None}, None),
        ("?reason=left", {}, {"reason": "left"}),
        ("?reason=left", {"reason": "moved"}, {"reason": "moved"}),
        ("?reason=left", {"reason": None}, None),
        ("?reason=%C3%A9", None, {"reason": "\u00e9"}),
    ],
)
def test_the_history_keeps_the_reason(
    project: Project, query: str, body: object, data: object
) -> None:
    (one,) = project.enrol(with_claims(name="A"))
    delete(project, one, query, body)
    restore(project, one, query, body)
    assert events_of(project, one) == [
        ("customer.deleted", [], data),
        ("customer.restored", [], data),
    ]
    assert project.customer(one)["reason"] is None


@pytest.mark.parametrize(
    ("query", "body", "code"),
    [
        ("?reason=", None, "query.invalid"),
        ("?reason=%00", None, "query.invalid"),
        ("?reason=a&reason=b", None, "query.invalid"),
        ("?why=a", None, "query.invalid"),
        (f"?reason={'x' * 4_097}", None, "query.invalid"),
        ("", {"reason": ""}, "body.invalid"),
        ("", {"reason": 1}, "body.invalid"),
        ("", {"why": "b"}, "body.invalid"),
        ("", b"{", "json.invalid"),
        ("", b'"because"', "body.invalid"),
    ],
)
def test_a_reason_that_is_none_is_refused(
    project: Project, query: str, body: object, code: str
) -> None:
    (one,) = project.enrol(with_claims(name="A"))
    problem(delete(project, one, query, body), code)
    problem(restore(project, one, query, body), code)
    assert events_of(project, one) == []


def test_once_more_is_nothing_more(project: Project) -> None:
    (one,) = project.enrol(with_claims(name="A"))
    assert restore(project, one).json() == one
    tags = [delete(project, one).headers["etag"] for _ in range(2)]
    assert tags[0] == tags[1]
    tags = [restore(project, one).headers["etag"] for _ in range(2)]
    assert tags[0] == tags[1]
    assert [event[0] for event in events_of(project, one)] == [
        *("customer.deleted", "customer.restored"),
    ]


def test_a_deleted_customer_is_not_changed(project: Project) -> None:
    (one,) = project.enrol(with_claims(name="A"))
    email = call(project, "POST", f"/customers/{one}/emails", {"email": "a@example.com"}).json()
    delete(project, one)
    path = f"/customers/{one}"
    for answer in (
        patch(project, one, {"riskScore": "Low"}),
        call(project, "POST", f"{path}/claims", {"name": "B"}),
        call(project, "POST", f"{path}/emails", {"email": "b@example.com"}),
        call(project, "PATCH", f"{path}/emails/{email['id']}", {"verified": True}),
        call(project, "DELETE", f"{path}/emails/{email['id']}"),
    ):
        problem(answer, "customer.deleted")
    assert len(events_of(project, one)) == 2


def test_if_match_holds_for_both(project: Project) -> None:
    (one,) = project.enrol(with_claims(name="A"))
    problem(delete(project, one, If_Match='"7"'), "customer.changed")
    tag = delete(project, one, If_Match='"0"').headers["etag"]
    problem(restore(project, one, If_Match='"0"'), "customer.changed")
    assert restore(project, one, If_Match=tag).status_code == 200


def test_a_customer_that_is_not_there(server: Served, project: Project) -> None:
    (one,) = project.enrol(with_claims(name="A"))
    other = server.new_project()
    for each in (one, str(uuid4()), "x"):
        problem(delete(other, each), "customer.unknown")
        problem(restore(other, each), "customer.unknown")
    assert project.customer(one)["deletedAt"] is None


def test_of_many_deletions_at_once_one_is_an_event(project: Project) -> None:
    (one,) = project.enrol(identified())
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: delete(project, one), range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(events_of(project, one)) == 1


def test_a_restoration_and_a_new_customer_do_not_both_get_a_wallet(project: Project) -> None:
    for _ in range(5):
        item = customer(name="A")
        (one,) = project.enrol(item)
        delete(project, one)
        with ThreadPoolExecutor(2) as pool:
            restored = pool.submit(restore, project, one)
            created = pool.submit(create, project, item)
        assert sorted([restored.result().status_code, created.result().status_code]) == [200, 409]
