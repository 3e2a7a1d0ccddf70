"""Every problem of the catalogue, provoked: its document is whole, and its pointers are places."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from enrol.access import make_key
from enrol.customers.faults import FAULTS
from enrol.problems import PROBLEMS
from enrol.store.clock import now_ms
from tests.api.refusals import EMPTY, points_into, problem, resolve
from tests.conftest import ON_ONE_STORE
from tests.people import customer, with_claims, with_did
from tests.serving import Project
from tests.webhooks.hooks import stored_webhook

pytestmark = ON_ONE_STORE

NOBODY = {
    "sourceCustomerIds": ["0190a1f2-6c00-7a32-8e15-9c3f7b2d4a60"],
    "targetCustomerId": "0190a1f2-6c00-7a32-8e15-9c3f7b2d4a61",
}
Provoke = Callable[[Project], httpx.Response]

# Provoked where the server is made to fail or to be full: here and in the tests of faults.
# A thousand keys are made in test_keys.py, and a thousand wallets in test_parts.py.
ELSEWHERE = {
    "wallet.too_many",
    "did.too_many",
    "key.too_many",
    "webhook.busy",
    "webhook.too_many",
    "server.busy",
    "server.error",
    "store.unavailable",
    "store.full",
    "body.timeout",
    # A hundred addresses are added in test_emails.py.
    "email.too_many",
    # Nobody can time it.
    "customer.busy",
}


def with_headers(**headers: str) -> Provoke:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda project: project.post(project.body(customer()), sent)


def with_key(*scopes: str, expires_at: int | None = None, revoked: bool = False) -> Provoke:
    def provoke(project: Project) -> httpx.Response:
        key = project.server.new_key(project.id, *scopes, expires_at=expires_at)
        if revoked:
            project.server.registry.revoke_key(key.id)
        return project._replace(key=key.text).post(project.body(customer()))

    return provoke


def in_conflict(project: Project) -> httpx.Response:
    twin = with_did()
    return project.post(project.body(twin, twin))


def with_a_reused_key(project: Project) -> httpx.Response:
    sent = {"Idempotency-Key": "k"}
    project.post(project.body(with_claims(name="A")), sent)
    return project.post(project.body(with_claims(name="B")), sent)


def as_admin(project: Project, method: str, path: str, body: object = None) -> httpx.Response:
    key = project.server.new_key(project.id, "admin").text
    headers = {"Authorization": f"Bearer {key}"}
    return project.server.http.request(method, path, json=body, headers=headers)


def too_often(project: Project) -> httpx.Response:
    limited = project._replace(key=project.server.new_key(project.id, rate_limit=1).text)
    assert limited.get("/customers/x").status_code == 404
    return limited.get("/customers/x")


def of_a_customer(
    method: str, path: str = "", body: object = None, *, once: str = "", **headers: str
) -> Provoke:
    """A call about the only customer, which was changed by this assignment before."""

    def provoke(project: Project) -> httpx.Response:
        (one,) = project.enrol(with_claims(name="A"))
        if once:
            database = project.server.registry.database
            database.rows(f"UPDATE customers SET {once} WHERE id = $1", UUID(one).bytes)
        sent = project.headers | {name.replace("_", "-"): text for name, text in headers.items()}
        return project.server.http.request(
            method, f"/customers/{one}{path}", json=body, headers=sent
        )

    return provoke


def with_a_sub_of_another(project: Project) -> httpx.Response:
    project.enrol(with_claims(sub="s"))
    body = {"customerType": "Company", "cmsProjectId": project.id, "customerClaims": {"sub": "s"}}
    return project.server.http.post("/customers", json=body, headers=project.headers)


def merged_long_ago(project: Project) -> httpx.Response:
    one, two = project.enrol(with_claims(name="A"), with_claims(name="B"))
    body = {"sourceCustomerIds": [two], "targetCustomerId": one}
    assert project.call("POST", "/customers/merge", body).status_code == 200
    database = project.server.registry.database
    database.rows("UPDATE customers SET deleted_at = 1 WHERE id = $1", UUID(two).bytes)
    return project.call("POST", f"/customers/{one}/unmerge", {"sourceCustomerId": two})


def too_many_values(project: Project) -> httpx.Response:
    return project.post(b"[" + b"[]," * 1_000_000 + b"[]]")


def of_an_erased_customer(project: Project) -> httpx.Response:
    (one,) = project.enrol(customer())
    admin = project._replace(key=project.server.new_key(project.id, "admin").text)
    project.server.http.post(f"/customers/{one}/erase", headers=admin.headers)
    return project.get(f"/customers/{one}")


PROVOKED: dict[str, Provoke] = {
    "access.missing": with_headers(Authorization="Basic x"),
    "access.malformed": with_headers(Authorization="Bearer x"),
    "access.unknown": with_headers(Authorization=f"Bearer {make_key().key}"),
    "access.revoked": with_key(revoked=True),
    "access.expired": with_key(expires_at=now_ms() - 1),
    "access.scope": with_key("customers:read"),
    "access.project": lambda project: project.post(project.body() | {"cmsProjectId": "other"}),
    "route.unknown": lambda project: project.get("/nowhere"),
    "route.method": lambda project: project.get("/customers/batch"),
    "header.repeated": lambda project: project.server.http.get(
        "/customers", headers=[("Authorization", "Bearer x"), ("Authorization", "Bearer y")]
    ),
    "query.invalid": lambda project: project.post(project.body(), mode="x", what="y"),
    "content_type.unsupported": with_headers(Content_Type="text/plain"),
    "content_encoding.unsupported": with_headers(Content_Encoding="br"),
    "content_encoding.invalid": with_headers(Content_Encoding="gzip"),
    "body.too_large": lambda project: project.post(b" " * (64 * 1024 * 1024 + 1)),
    "json.invalid": lambda project: project.post(b"{"),
    "json.too_deep": lambda project: project.post(b"[" * 100),
    "json.too_many_values": too_many_values,
    "batch.too_many_items": lambda project: project.post(project.body(*[{}] * 10_001)),
    "webhook.unknown": lambda project: as_admin(project, "GET", f"/webhooks/{uuid4()}"),
    "message.unknown": lambda project: as_admin(
        *(project, "POST", f"/webhooks/{stored_webhook(project)}/messages/msg_x/redeliver")
    ),
    "batch.invalid": lambda project: project.post(project.body({})),
    "batch.conflict": in_conflict,
    "idempotency.invalid": with_headers(Idempotency_Key="two words"),
    "idempotency.reused": with_a_reused_key,
    "body.invalid": lambda project: as_admin(project, "POST", "/keys", {}),
    "key.unknown": lambda project: as_admin(project, "GET", "/keys/x"),
    "rate.limited": too_often,
    "customer.unknown": lambda project: project.get("/customers/x"),
    "customer.changed": of_a_customer("PATCH", "", {}, If_Match='"1"'),
    "customer.conflict": with_a_sub_of_another,
    "customer.deleted": of_a_customer("PATCH", "", {}, once="deleted_at = 1"),
    "customer.merged": of_a_customer("POST", "/restore", once="merged_into = id, deleted_at = 1"),
    "status.transition": of_a_customer(
        "PATCH", "", {"status": "Active"}, once="status = 'Terminated'"
    ),
    "email.unknown": of_a_customer("GET", "/emails/x"),
    "events.ahead": lambda project: project.get("/events", after=1),
    "batch.unknown": lambda project: project.get("/batches/x"),
    "wallet.unknown": of_a_customer("GET", "/wallets/x"),
    "did.unknown": of_a_customer("GET", "/dids/x"),
    "merge.refused": lambda project: project.call("POST", "/customers/merge", NOBODY),
    "merge.expired": merged_long_ago,
    "customer.erased": of_an_erased_customer,
}
# Those that need a customer.
STORES_ONE = {
    *("idempotency.reused", "status.transition"),
    *("email.unknown", "wallet.unknown", "did.unknown", "merge.expired"),
} | {code for code in PROVOKED if code.startswith("customer.") and code != "customer.unknown"}


def test_every_problem_is_provoked_by_a_test() -> None:
    assert set(PROVOKED) | ELSEWHERE == set(PROBLEMS)
    assert not set(PROVOKED) & ELSEWHERE


@pytest.mark.parametrize("code", PROVOKED)
def test_a_problem_is_a_whole_document(project: Project, code: str) -> None:
    document = problem(PROVOKED[code](project), code)
    members = ["type", "title", "status", "code", "detail", "message", "requestId"]
    assert list(document)[:7] == members
    assert set(document) - set(members) <= {"errors", "issues", "errorCount"}
    assert all(isinstance(document[name], str) for name in members if name != "status")
    assert document["detail"].endswith(".")


@pytest.mark.parametrize("code", PROVOKED)
def test_a_problem_leaves_nothing_stored(project: Project, code: str) -> None:
    PROVOKED[code](project)
    if code in STORES_ONE:
        assert project.rows()["customers"] == (2 if code == "merge.expired" else 1)
    else:
        assert project.rows() == EMPTY


@pytest.mark.parametrize("code", PROVOKED)
def test_a_problem_has_a_request_id_and_is_kept_by_no_cache(project: Project, code: str) -> None:
    answer = PROVOKED[code](project)
    assert answer.headers["x-request-id"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_each_error_has_a_pointer_a_code_and_a_detail(project: Project) -> None:
    known = with_did()
    project.enrol(known)
    wrong = with_claims(locale="?", what="x")
    document = problem(project.post(project.body(known, {}, wrong, 1)), "batch.invalid")
    for error in document["errors"]:
        conflict = {"customerId"} if error["code"] == "conflict.did" else set()
        assert set(error) == {"pointer", "code", "detail"} | conflict
        assert error["detail"].startswith(FAULTS[error["code"]].detail)


def test_each_error_is_also_an_issue_as_the_hosted_api_has_it(project: Project) -> None:
    """The tokens of the pointer, of which places in arrays are numbers."""
    odd = {"a/b~c": 1, "7": 1, "08": 1, "9" * 40: 1}
    document = problem(project.post(project.body(with_claims(locale="?", **odd))), "batch.invalid")
    assert [(issue["code"], issue["message"]) for issue in document["issues"]] == [
        (error["code"], error["detail"]) for error in document["errors"]
    ]
    claims = ["customerData", 0, "customerClaims"]
    paths = [issue["path"] for issue in document["issues"]]
    assert sorted(paths, key=str) == sorted(
        [[*claims, each] for each in ("a/b~c", 7, "08", "9" * 40)], key=str
    )


def test_pointers_name_places_of_the_body(project: Project) -> None:
    twin = with_did()
    items: list[Any] = [
        {"customerWallet": {"wallet": 1}, "a/b~c": {}, "~1": 0, "": 0, " ": 0},
        with_claims(locale="?", nationality="?", **{"d\u00e9j\u00e0 vu": 1, "%": 1, '"': 1}),
        *(twin, twin),
        *([], {}, None),
    ]
    answer = project.post(project.body(*items) | {"~": 1})
    document = problem(answer, "batch.invalid")
    assert points_into(answer.request.content, document) == []
    body = json.loads(answer.request.content)
    by_pointer = {error["pointer"]: error["code"] for error in document["errors"]}
    assert resolve(body, "/customerData/0/a~1b~0c") == {}
    assert by_pointer["/customerData/0/a~1b~0c"] == "field.unknown"
    assert by_pointer["/customerData/0/~01"] == "field.unknown"
    assert by_pointer["/customerData/0/"] == "field.unknown"
    assert by_pointer["/~0"] == "field.unknown"
    assert by_pointer["/customerData/3/customerDid/did"] == "duplicate.did"


def test_the_type_of_a_problem_is_an_address_of_this_server(project: Project) -> None:
    answer = project.post(b"{")
    address = answer.request.url.join(problem(answer, "json.invalid")["type"])
    page = project.server.http.get(address)
    assert page.status_code == 200
    assert "json.invalid" in page.text


def test_a_status_says_whose_fault_it_is() -> None:
    for code, kind in PROBLEMS.items():
        server_side = code.startswith(("server.", "store."))
        assert (kind.status >= 500) == server_side, code
