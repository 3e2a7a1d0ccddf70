"""Keys over the API: made and shown once, listed, revoked, each with its own limit, all chained."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from enrol.access import hash_key, is_well_formed
from enrol.api.resources.keys import MOST_KEYS
from enrol.store.clock import now_ms
from tests.api.refusals import faults, problem
from tests.conftest import ON_TWO_STORES
from tests.serving import Project, Served

pytestmark = ON_TWO_STORES

BODY = {"name": "crm-sync", "scopes": ["customers:read"]}


@pytest.fixture
def admin(server: Served) -> Project:
    """A project with a key that may do all."""
    project = server.new_project()
    return project._replace(key=server.new_key(project.id, "admin").text)


def post(project: Project, path: str, body: object = None) -> httpx.Response:
    return project.server.http.post(path, json=body, headers=project.headers)


def made(project: Project, **fields: Any) -> dict[str, Any]:
    """A key that was made."""
    answer = post(project, "/keys", {**BODY, **fields})
    assert answer.status_code == 200, answer.text
    key: dict[str, Any] = answer.json()
    return key


def listed(project: Project, **query: str) -> list[dict[str, Any]]:
    answer = project.get("/keys", **query)
    assert answer.status_code == 200, answer.text
    keys: list[dict[str, Any]] = answer.json()["data"]
    return keys


def stored(project: Project, key_id: str) -> tuple[Any, ...]:
    """What the database holds of a key."""
    columns = "hash, hint, name, scopes, expires_at, revoked_at, rate_limit"
    (row,) = project.server.query(f"SELECT {columns} FROM api_keys WHERE id = $1", key_id)
    return (bytes(row[0]), *row[1:])


def events(project: Project) -> list[tuple[str, dict[str, Any], str]]:
    """The events of a project's keys: type, data, and who it was."""
    rows = project.server.query(
        "SELECT e.type, e.data, l.key_id FROM events AS e"
        " JOIN projects AS p ON p.project = e.project"
        " JOIN links AS l ON l.project = e.project AND e.seq BETWEEN l.first AND l.last"
        " WHERE p.id = $1 AND e.type LIKE 'key.%' ORDER BY e.seq",
        project.id,
    )
    return [(kind, json.loads(data), actor) for kind, data, actor in rows]


def test_a_key_is_made_shown_once_and_opens_its_project(admin: Project) -> None:
    key = made(admin)
    assert is_well_formed(key["key"])
    assert key["key"].endswith(key["hint"])
    assert (key["name"], key["scopes"], key["rateLimit"]) == ("crm-sync", ["customers:read"], None)
    assert (key["expiresAt"], key["revokedAt"]) == (None, None)
    assert admin._replace(key=key["key"]).total() == 0
    assert stored(admin, key["id"])[:4] == (
        *(hash_key(key["key"]), key["hint"], "crm-sync", "customers:read"),
    )
    shown = admin.get(f"/keys/{key['id']}").json()
    assert shown == {name: value for name, value in key.items() if name != "key"}
    assert shown in listed(admin)
    assert key["key"] not in admin.get("/keys").text


def test_a_key_opens_what_its_scopes_say_and_no_more(admin: Project) -> None:
    reader = admin._replace(key=made(admin)["key"])
    problem(reader.post(reader.body()), "access.scope")
    problem(post(reader, "/keys", BODY), "access.scope")
    writer = admin._replace(key=made(admin, scopes=["customers:write"])["key"])
    assert writer.post(writer.body()).status_code == 200


def test_a_key_expires_when_it_was_told_to(admin: Project) -> None:
    at = datetime.now(UTC) + timedelta(days=1)
    key = made(admin, expiresAt=at.astimezone().isoformat())
    milliseconds = int(at.timestamp() * 1000)
    assert stored(admin, key["id"])[4] == milliseconds
    assert key["expiresAt"] == at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_a_revoked_key_is_refused_and_still_shown(admin: Project) -> None:
    key = made(admin)
    answer = post(admin, f"/keys/{key['id']}/revoke")
    assert answer.status_code == 200
    revoked = answer.json()
    assert revoked["revokedAt"] is not None
    problem(admin._replace(key=key["key"]).get("/customers/x"), "access.revoked")
    assert admin.get(f"/keys/{key['id']}").json() == revoked
    assert key["id"] not in [one["id"] for one in listed(admin)]
    assert listed(admin, revoked="true") == [revoked]
    # Once more changes nothing, and is no event.
    assert post(admin, f"/keys/{key['id']}/revoke").json() == revoked
    assert [kind for kind, _, _ in events(admin)] == ["key.created", "key.revoked"]


def test_an_admin_may_revoke_the_key_that_it_calls_with(admin: Project) -> None:
    own = made(admin, scopes=["admin"])
    self_made = admin._replace(key=own["key"])
    assert post(self_made, f"/keys/{own['id']}/revoke").status_code == 200
    assert stored(admin, own["id"])[5] is not None


def test_what_was_done_stands_in_the_chain_with_its_actor(admin: Project) -> None:
    first = made(admin, scopes=["admin"], name="Mallory Private", rateLimit=60)
    second = made(admin._replace(key=first["key"]))
    post(admin._replace(key=first["key"]), f"/keys/{second['id']}/revoke")
    (one, two, three) = events(admin)
    assert one[:2] == (
        "key.created",
        {"keyId": first["id"], "scopes": ["admin"], "expiresAt": None, "rateLimit": 60},
    )
    assert (two[0], two[1]["keyId"], two[2]) == ("key.created", second["id"], first["id"])
    assert three == ("key.revoked", {"keyId": second["id"]}, first["id"])
    # Names are people's, and an event cannot be unsaid.
    assert "Mallory" not in json.dumps([data for _, data, _ in events(admin)])


def test_all_faults_of_a_body_are_told_and_nothing_is_stored(admin: Project) -> None:
    before = len(listed(admin))
    answer = post(
        admin,
        "/keys",
        {"name": "", "scope": ["x"], "scopes": ["canary-4711"], "rateLimit": -1, "expiresAt": "?"},
    )
    assert faults(problem(answer, "body.invalid")) == [
        ("/expiresAt", "field.value"),
        ("/name", "field.empty"),
        ("/rateLimit", "field.value"),
        ("/scope", "field.unknown"),
        ("/scopes/0", "field.value"),
    ]
    assert "canary-4711" not in answer.text
    answer = post(
        admin,
        "/keys",
        {
            "name": "two\nlines",
            "scopes": ["admin", "admin"],
            "expiresAt": "2020-01-01T00:00:00Z",
        },
    )
    assert faults(problem(answer, "body.invalid")) == [
        ("/expiresAt", "field.value"),
        ("/name", "field.value"),
        ("/scopes", "field.value"),
    ]
    assert len(listed(admin)) == before
    assert events(admin) == []


@pytest.mark.parametrize("name", [" ", "\u2028", "a\tb", "x" * 201])
def test_a_name_is_visible_and_short(admin: Project, name: str) -> None:
    answer = post(admin, "/keys", {**BODY, "name": name})
    ((pointer, _),) = faults(problem(answer, "body.invalid"))
    assert pointer == "/name"


@pytest.mark.parametrize("name", ["x" * 200, "naïve 日本", "'; DROP TABLE api_keys; --"])
def test_a_name_comes_back_as_it_was_sent(admin: Project, name: str) -> None:
    assert made(admin, name=name)["name"] == name
    assert name in [key["name"] for key in listed(admin)]


@pytest.mark.parametrize("date", ["9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59-23:59"])
def test_the_farthest_end_is_taken_or_refused(admin: Project, date: str) -> None:
    answer = post(admin, "/keys", {**BODY, "expiresAt": date})
    assert answer.status_code == (200 if date.endswith("Z") else 422), answer.text
    assert admin.get("/keys").status_code == 200


@pytest.mark.parametrize("key_id", ["key_0", "x", "%00", "%2F", "'", "\u00e9" * 300])
def test_a_key_that_is_not_there_is_unknown(admin: Project, key_id: str) -> None:
    problem(admin.get(f"/keys/{key_id}"), "key.unknown")
    problem(post(admin, f"/keys/{key_id}/revoke"), "key.unknown")


def test_another_projects_keys_are_unknown(admin: Project, server: Served) -> None:
    key = made(admin)
    stranger = server.new_project()
    stranger = stranger._replace(key=server.new_key(stranger.id, "admin").text)
    problem(stranger.get(f"/keys/{key['id']}"), "key.unknown")
    problem(post(stranger, f"/keys/{key['id']}/revoke"), "key.unknown")
    assert key["id"] not in [one["id"] for one in listed(stranger)]
    assert stored(admin, key["id"])[5] is None


def test_the_newest_stand_first(admin: Project) -> None:
    ids = [made(admin, name=str(number))["id"] for number in range(3)]
    assert [key["id"] for key in listed(admin)][:3] == ids[::-1]
    problem(admin.get("/keys", what="x"), "query.invalid")


def test_a_project_has_so_many_keys(admin: Project) -> None:
    server = admin.server
    for _ in range(MOST_KEYS - 2 - 1):
        server.new_key(admin.id)
    last = made(admin)
    document = problem(post(admin, "/keys", BODY), "key.too_many")
    assert "1000" in document["detail"].replace(",", "")
    assert len(listed(admin)) == MOST_KEYS
    post(admin, f"/keys/{last['id']}/revoke")
    assert made(admin)["revokedAt"] is None


@pytest.mark.parametrize(
    ("path", "allowed"),
    [("/keys", "GET, OPTIONS, POST"), ("/keys/x", "GET, OPTIONS"), ("/healthz", "GET, OPTIONS")],
)
def test_options_tell_every_method_of_an_address(server: Served, path: str, allowed: str) -> None:
    answer = server.http.options(path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["allow"] == allowed
    assert set(server.http.put(path).headers["allow"].split(", ")) == set(allowed.split(", "))


def read_left(answer: httpx.Response) -> tuple[str, int]:
    """The limit of a call's key, and what is left."""
    left = answer.headers["ratelimit"].partition("r=")[2].partition(";")[0]
    return answer.headers["ratelimit-policy"], int(left)


def test_a_key_has_a_limit_of_its_own(admin: Project) -> None:
    limited = admin._replace(key=made(admin, rateLimit=3)["key"])
    policy = '"default";q=3;w=60'
    for left in (2, 1, 0):
        answer = limited.get("/customers", cmsProjectId=admin.id)
        assert answer.status_code == 200
        assert read_left(answer) == (policy, left)
    answer = limited.get("/customers", cmsProjectId=admin.id)
    problem(answer, "rate.limited")
    assert read_left(answer) == (policy, 0)
    assert 0 < int(answer.headers["retry-after"]) <= 60
    # Others have none.
    assert "ratelimit" not in admin.get("/keys").headers
    free = admin._replace(key=made(admin, rateLimit=0)["key"])
    assert "ratelimit" not in free.get("/customers", cmsProjectId=admin.id).headers


def test_a_key_of_the_command_line_is_seen_and_revoked(admin: Project) -> None:
    key = admin.server.new_key(admin.id, rate_limit=7, expires_at=now_ms() + 60_000)
    shown = admin.get(f"/keys/{key.id}").json()
    assert (shown["name"], shown["rateLimit"]) == (None, 7)
    assert post(admin, f"/keys/{key.id}/revoke").json()["revokedAt"] is not None


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999Z"),
        ("2099-01-01T00:00:00.999Z", "2099-01-01T00:00:00.999Z"),
    ],
)
def test_the_end_of_a_key_is_kept_to_the_millisecond(
    project: Project, sent: str, kept: str
) -> None:
    admin = project._replace(key=project.server.new_key(project.id, "admin").text)
    body = {"name": "k", "scopes": ["customers:read"], "expiresAt": sent}
    made = admin.call("POST", "/keys", body)
    assert (made.status_code, made.json()["expiresAt"]) == (200, kept)
    assert admin.get("/keys").status_code == 200


def test_an_end_beyond_the_last_year_is_refused(project: Project) -> None:
    admin = project._replace(key=project.server.new_key(project.id, "admin").text)
    late = "9999-12-31T23:59:59.9-12:00"
    body = {"name": "k", "scopes": ["customers:read"], "expiresAt": late}
    answer = admin.call("POST", "/keys", body)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/expiresAt"]
    assert {key["name"] for key in admin.get("/keys").json()["data"]} == {None}
