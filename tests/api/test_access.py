"""Who may call: 401 for keys that are none or no longer, 403 for what a key does not open."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from enrol.access import PREFIX, make_key
from enrol.store.clock import now_ms
from tests.api.refusals import EMPTY, problem, refused
from tests.conftest import ON_ONE_STORE
from tests.people import CHECKSUMMED, customer, with_wallet
from tests.serving import Project, Served

pytestmark = ON_ONE_STORE

REALM = 'Bearer realm="enrol"'
INVALID = f'{REALM}, error="invalid_token"'
REVOKED_WITHIN_SECONDS = 3.0

Call = Callable[[Project, dict[str, str]], httpx.Response]


def write(project: Project, headers: dict[str, str]) -> httpx.Response:
    return project.server.http.post(
        "/customers/batch", json=project.body(customer()), headers=headers
    )


def reading(path: str) -> Call:
    def read(project: Project, headers: dict[str, str]) -> httpx.Response:
        return project.server.http.get(path.format(project=project.id), headers=headers)

    return read


CALLS: dict[str, Call] = {
    "enrol": write,
    "get": reading("/customers/0199f0aa-1111-7222-8333-444455556666"),
    "list": reading("/customers?cmsProjectId={project}"),
    "list without a project": reading("/customers"),
    "findings": reading("/projects/{project}/findings"),
    "by wallet": reading("/projects/{project}/customer-wallets/0x00/customer"),
}


@pytest.fixture(params=CALLS)
def call(request: pytest.FixtureRequest) -> Call:
    return CALLS[request.param]


def rejected(answer: httpx.Response, code: str, challenge: str) -> dict[str, Any]:
    document = problem(answer, code)
    assert answer.headers["www-authenticate"] == challenge
    assert "errors" not in document
    return document


def good_key() -> str:
    return make_key().key


NO_KEY: dict[str, dict[str, str]] = {
    "no header": {},
    "empty": {"Authorization": ""},
    "another scheme": {"Authorization": "Basic dXNlcjpwYXNz"},
    "no scheme": {"Authorization": "enrol_abc"},
    "another header": {"X-Api-Key": "enrol_abc"},
}


@pytest.mark.parametrize("headers", NO_KEY.values(), ids=NO_KEY.keys())
def test_without_a_key_no_error_code_is_given(
    project: Project, call: Call, headers: dict[str, str]
) -> None:
    """RFC 6750, section 3.1: the challenge alone, for a caller that did not know."""
    rejected(call(project, headers), "access.missing", REALM)
    assert project.rows() == EMPTY


MALFORMED = {
    "no key": "Bearer",
    "a space": "Bearer x",
    "a token of others": "Bearer eyJhbGciOiJub25lIn0.e30.",
    "prefix alone": f"Bearer {PREFIX}",
    "wrong checksum": f"Bearer {PREFIX}{'a' * 38}",
    "another prefix": "Bearer " + good_key().replace("enrol_", "Enrol_"),
    "cut": "Bearer " + good_key()[:-1],
    "one more": "Bearer " + good_key() + "0",
    "a megabyte less": "Bearer " + "x" * 8_000,
    "two keys": f"Bearer {good_key()}, Bearer {good_key()}",
}


@pytest.mark.parametrize("authorization", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_key_that_is_none(project: Project, call: Call, authorization: str) -> None:
    answer = call(project, {"Authorization": authorization})
    rejected(answer, "access.malformed", INVALID)
    assert project.rows() == EMPTY


def test_a_key_beyond_ascii_is_none(project: Project) -> None:
    sent = {b"Authorization": "Bearer \u00fc\u00fc".encode("latin-1")}
    answer = project.server.http.post("/customers/batch", json={}, headers=sent)
    rejected(answer, "access.malformed", INVALID)


def test_a_key_with_another_last_character_is_none(project: Project) -> None:
    other = "0" if project.key[-1] != "0" else "1"
    answer = write(project, {"Authorization": f"Bearer {project.key[:-1]}{other}"})
    rejected(answer, "access.malformed", INVALID)


def test_a_key_that_nobody_issued(project: Project, call: Call) -> None:
    answer = call(project, {"Authorization": f"Bearer {good_key()}"})
    rejected(answer, "access.unknown", INVALID)
    assert project.rows() == EMPTY


def test_a_key_in_the_query_is_none(project: Project) -> None:
    """RFC 6750 section 2.3 advises against it: addresses end in logs."""
    answer = project.server.http.get(
        "/customers", params={"cmsProjectId": project.id, "access_token": project.key}
    )
    rejected(answer, "access.missing", REALM)


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer "])
def test_the_scheme_is_read_in_any_case(project: Project, scheme: str) -> None:
    answer = write(project, {"Authorization": f"{scheme} {project.key}"})
    assert answer.status_code == 200


def test_a_key_that_has_expired(server: Served, project: Project, call: Call) -> None:
    key = server.new_key(project.id, expires_at=now_ms() - 1)
    answer = call(project, {"Authorization": f"Bearer {key.text}"})
    rejected(answer, "access.expired", INVALID)
    assert project.rows() == EMPTY


def test_a_key_that_expires_while_it_is_used(server: Served, project: Project) -> None:
    """At once, though the server remembers the key."""
    key = server.new_key(project.id, expires_at=now_ms() + 800)
    headers = {"Authorization": f"Bearer {key.text}"}
    assert write(project, headers).status_code == 200
    time.sleep(0.85)
    rejected(write(project, headers), "access.expired", INVALID)


def test_a_key_that_was_revoked(server: Served, project: Project, call: Call) -> None:
    key = server.new_key(project.id)
    server.registry.revoke_key(key.id)
    answer = call(project, {"Authorization": f"Bearer {key.text}"})
    rejected(answer, "access.revoked", INVALID)
    assert project.rows() == EMPTY


def test_a_key_that_is_revoked_while_it_is_used(server: Served, project: Project) -> None:
    key = server.new_key(project.id)
    headers = {"Authorization": f"Bearer {key.text}"}
    assert write(project, headers).status_code == 200
    server.registry.revoke_key(key.id)
    deadline = time.monotonic() + REVOKED_WITHIN_SECONDS
    while (answer := write(project, headers)).status_code == 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    rejected(answer, "access.revoked", INVALID)


def test_a_revoked_key_leaves_the_others(server: Served, project: Project) -> None:
    server.registry.revoke_key(server.new_key(project.id).id)
    assert write(project, project.headers).status_code == 200


def test_a_key_that_was_unknown_can_be_issued(server: Served, project: Project) -> None:
    """A refusal is not remembered."""
    from enrol.store.registry import Key

    new = make_key()
    headers = {"Authorization": f"Bearer {new.key}"}
    rejected(write(project, headers), "access.unknown", INVALID)
    scopes = "customers:write"
    key = Key("key_late" + new.hint, project.id, new.hint, None, scopes, now_ms(), None, None)
    server.registry.add_key(key, new.hash)
    assert write(project, headers).status_code == 200


def test_a_key_that_only_reads_cannot_enrol(server: Served, project: Project) -> None:
    reader = project._replace(key=server.new_key(project.id, "customers:read").text)
    challenge = f'{REALM}, error="insufficient_scope", scope="customers:write"'
    rejected(reader.post(project.body(customer())), "access.scope", challenge)
    assert reader.total() == 0


@pytest.mark.parametrize("name", [name for name in CALLS if name != "enrol"])
def test_a_key_that_only_writes_cannot_read(server: Served, project: Project, name: str) -> None:
    key = server.new_key(project.id, "customers:write").text
    answer = CALLS[name](project, {"Authorization": f"Bearer {key}"})
    challenge = f'{REALM}, error="insufficient_scope", scope="customers:read"'
    rejected(answer, "access.scope", challenge)


def test_a_key_has_no_right_but_its_scopes(server: Served, project: Project) -> None:
    writer = project._replace(key=server.new_key(project.id, "customers:write").text)
    assert writer.post(project.body(customer())).status_code == 200


def test_admin_may_do_all(server: Served, project: Project) -> None:
    admin = project._replace(key=server.new_key(project.id, "admin").text)
    (one,) = admin.enrol(customer())
    assert admin.customer(one)["id"] == one
    assert admin.total() == 1


def same_refusal(one: httpx.Response, other: httpx.Response) -> bool:
    """Whether two refusals are the same to the last byte but for what names the request."""
    said = []
    for answer in (one, other):
        document = problem(answer, "access.project")
        told = {name: text for name, text in answer.headers.items() if name not in PER_REQUEST}
        said.append((answer.status_code, document | {"requestId": ""}, told))
    return said[0] == said[1]


PER_REQUEST = {"x-request-id", "date"}


def test_a_batch_for_another_project_says_not_whether_it_exists(
    server: Served, project: Project
) -> None:
    there, nowhere = server.new_project(), project._replace(id="p-nowhere")
    answers = [project.post(other.body(customer())) for other in (there, nowhere)]
    assert same_refusal(*answers)
    assert project.rows() == there.rows() == EMPTY


@pytest.mark.parametrize("name", ["list", "by wallet"])
def test_reading_another_project_says_not_whether_it_exists(
    server: Served, project: Project, name: str
) -> None:
    there, nowhere = server.new_project(), project._replace(id="p-nowhere")
    answers = [CALLS[name](other, project.headers) for other in (there, nowhere)]
    assert same_refusal(*answers)


@pytest.mark.parametrize("mode", ["atomic", "partial", "dryRun"])
def test_every_mode_refuses_another_project(server: Served, project: Project, mode: str) -> None:
    answer = project.post(server.new_project().body(customer()), mode=mode)
    refused(project, answer, "access.project")


def test_an_empty_batch_for_another_project_is_refused(server: Served, project: Project) -> None:
    refused(project, project.post(server.new_project().body()), "access.project")


def test_a_faulty_batch_for_another_project_tells_nothing_of_its_faults(
    server: Served, project: Project
) -> None:
    answer = project.post(server.new_project().body({"customerWalet": 1}))
    assert "errors" not in refused(project, answer, "access.project")


def test_the_id_of_a_project_is_compared_as_it_is_written(server: Served, project: Project) -> None:
    other = project._replace(id=project.id.upper())
    refused(project, project.post(other.body(customer())), "access.project")


def test_a_project_id_may_be_any_visible_text(server: Served) -> None:
    project = server.new_project(project_id="Projekt/\u00c4rger?&%2F#1")
    (one,) = project.enrol(with_wallet(CHECKSUMMED))
    assert project.total() == 1
    assert project.customer(one)["cmsProjectId"] == project.id
    path = f"/projects/{quote(project.id, safe='')}/customer-wallets/{CHECKSUMMED}/customer"
    assert project.get(path).json()["id"] == one


def test_a_key_does_not_open_customers_of_another_project(server: Served, project: Project) -> None:
    (one,) = project.enrol(customer())
    problem(server.new_project().get(f"/customers/{one}"), "customer.unknown")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_needs_no_key(server: Served, path: str) -> None:
    answer = server.http.get(path)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_a_key_is_asked_for_before_all_else(project: Project) -> None:
    """A caller without a key learns nothing of parameters, limits or bodies."""
    sent = {"Content-Type": "text/plain", "Idempotency-Key": " "[:0], "Content-Encoding": "br"}
    answer = project.server.http.post("/customers/batch?mode=x", content=b"{", headers=sent)
    rejected(answer, "access.missing", REALM)
