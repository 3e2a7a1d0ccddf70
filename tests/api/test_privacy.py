"""No value that was sent, and no key, comes back in a refusal or stands in the server's log."""

import json
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from enrol.customers.model import CLAIM_NAMES
from tests.conftest import ON_TWO_STORES
from tests.people import TEZOS
from tests.serving import Project, Served
from tests.wire import answer_on, connected, head

pytestmark = ON_TWO_STORES

_numbers = count()


class Markers:
    """Texts that stand nowhere else, and a record of all that were made."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def __call__(self, prefix: str = "") -> str:
        text = f"zq{uuid4().hex[:12]}{next(_numbers)}qz"
        self.made.append(text)
        return prefix + text

    def found_in(self, text: str) -> list[str]:
        return [marker for marker in self.made if marker in text]


@pytest.fixture
def marker() -> Markers:
    return Markers()


def every_field(marker: Markers) -> dict[str, Any]:
    """A customer of whom every value is a marker, so that each that can be is wrong."""
    return {
        "customerWallet": {
            "wallet": marker(),
            "blockchainNamespace": marker(),
            "createdBy": marker(),
        },
        "customerClaims": {name: marker() for name in CLAIM_NAMES},
        "customerDid": {"did": marker(), "createdBy": marker(), "updatedBy": marker()},
    }


def wrong_types(marker: Markers) -> dict[str, Any]:
    """A customer of whom every value is a marker of the wrong type."""
    item = every_field(marker)
    return {part: {name: [text] for name, text in held.items()} for part, held in item.items()}


def unsavoury(marker: Markers) -> dict[str, Any]:
    """A customer of whom every value is a marker that cannot be kept."""
    item = every_field(marker)
    return {part: {name: f"{text}\0" for name, text in held.items()} for part, held in item.items()}


def too_long(marker: Markers) -> dict[str, Any]:
    item = every_field(marker)
    return {
        part: {name: text + "x" * 5_000 for name, text in held.items()}
        for part, held in item.items()
    }


def right(marker: Markers) -> dict[str, Any]:
    """A customer that is right, with a marker wherever one may stand."""
    return {
        "customerWallet": {"wallet": TEZOS, "blockchainNamespace": "tezos", "createdBy": marker()},
        "customerClaims": {
            **{name: marker() for name in ("sub", "name", "address", "gender", "createdBy")},
            "website": marker("https://example.com/"),
        },
        "customerDid": {"did": marker("did:example:"), "createdBy": marker()},
    }


def refused_bodies(project: Project, marker: Markers) -> Iterator[httpx.Response]:
    for item in (every_field, wrong_types, unsavoury, too_long):
        for mode in ("atomic", "partial", "dryRun"):
            yield project.post(project.body(item(marker)), mode=mode)
    whole = json.dumps(project.body(right(marker), marker(), [marker()])).encode()
    yield project.post(whole)
    yield project.post(whole[:-20])
    yield project.post(whole.replace(b"zq", b"zq\xff"))
    yield project.post(whole.replace(b"zq", b'zq"'))
    yield project.post(json.dumps(marker()).encode())
    yield project.post(marker().encode())
    yield project.post(project.body() | {"customerType": marker()})
    yield project.post(project.body() | {"customerType": [marker()]})
    yield project.post(project.body() | {"cmsProjectId": marker()})


def refused_conflicts(project: Project, marker: Markers) -> Iterator[httpx.Response]:
    item = right(marker)
    project.enrol(item)
    yield project.post(project.body(item))
    yield project.post(project.body(item, item), mode="partial")
    twin = {"customerClaims": {"sub": marker(), "name": marker()}}
    yield project.post(project.body(twin, twin))
    key = {"Idempotency-Key": marker()}
    project.post(project.body({"customerClaims": {"name": marker()}}), key)
    yield project.post(project.body({"customerClaims": {"name": marker()}}), key)


def refused_requests(project: Project, marker: Markers) -> Iterator[httpx.Response]:
    """Markers around the body: in the path, the query, the headers, the key."""
    http, headers, body = project.server.http, project.headers, project.body()
    yield project.post(body, **{marker(): marker()})
    yield project.post(body, mode=marker())
    yield project.post(body, {"Idempotency-Key": marker() + " " + marker()})
    yield project.post(body, {"Content-Type": marker("text/")})
    yield project.post(body, {"Content-Type": marker("application/json; charset=")})
    yield project.post(body, {"Content-Encoding": marker()})
    yield project.post(body, {"Authorization": marker("Bearer ")})
    yield project.post(body, {"Authorization": marker("Bearer enrol_")})
    yield project.post(body, {"Authorization": marker()})
    yield http.get("/" + marker(), headers=headers)
    yield http.get("/customers/" + marker(), headers=headers)
    yield http.get("/customers/" + marker() + "/" + marker(), headers=headers)
    yield http.put("/customers/" + marker(), headers=headers)
    yield http.get("/customers", params={"cmsProjectId": marker()}, headers=headers)
    query = {"cmsProjectId": project.id, "limit": marker(), marker(): marker()}
    yield http.get("/customers", params=query, headers=headers)
    path = f"/projects/{project.id}/customer-wallets/{marker()}/customer"
    yield http.get(path, headers=headers)
    yield http.get(path.replace(project.id, marker()), headers=headers)
    yield http.get("/customers", headers={"Authorization": marker("Bearer ")})


Calls = Callable[[Project, Markers], Iterator[httpx.Response]]


@pytest.mark.parametrize("calls", [refused_bodies, refused_conflicts, refused_requests])
def test_no_refusal_echoes_what_was_sent(project: Project, marker: Markers, calls: Calls) -> None:
    for answer in calls(project, marker):
        assert answer.status_code >= 400 or answer.status_code in (200, 207)
        assert marker.found_in(answer.text) == []
        assert marker.found_in(str(answer.headers)) == []
        assert project.key not in answer.text


def test_a_name_that_is_unknown_is_told_and_its_value_is_not(
    project: Project, marker: Markers
) -> None:
    answer = project.post(project.body({"customerClaims": {"nmae": marker()}}))
    assert answer.json()["errors"][0]["pointer"] == "/customerData/0/customerClaims/nmae"
    assert marker.found_in(answer.text) == []


def test_the_log_holds_nothing_that_was_sent(server: Served, marker: Markers) -> None:
    project = server.new_project(lenient=True)
    for calls in (refused_bodies, refused_conflicts, refused_requests):
        for answer in calls(project, marker):
            assert answer.status_code < 500
    (one,) = project.enrol({"customerClaims": {"name": marker()}})
    project.customer(one)
    project.post(project.body(), {"X-Request-Id": marker(), "User-Agent": marker()})
    log = server.whole_log()
    assert marker.found_in(log) == []
    assert project.key not in log
    assert project.id not in log
    assert "batch.invalid" in log


def test_the_log_holds_nothing_of_requests_that_are_no_http(
    server: Served, marker: Markers
) -> None:
    project = server.new_project()
    broken = [
        f"{marker()} /{marker()} HTTP/1.1\r\n\r\n".encode(),
        head(project, marker("Content-Length: ")),
        head(project, f"Content-Length: 2\r\n{marker()}"),
        head(project, "Transfer-Encoding: chunked") + marker().encode() + b"\r\n",
    ]
    for sent in broken:
        with connected(server) as connection:
            connection.sendall(sent)
            answer = answer_on(connection)
            assert answer.status_code == 400
            assert marker.found_in(answer.text) == []
    assert marker.found_in(server.whole_log()) == []
    assert project.key not in server.whole_log()


def test_every_line_of_the_log_is_an_object_with_a_time_and_an_event(server: Served) -> None:
    project = server.new_project()
    project.post(project.body())
    project.post(b"{")
    for line in server.whole_log().splitlines():
        entry = json.loads(line)
        assert {"at", "event"} <= entry.keys()


def test_a_call_is_logged_with_its_request_id(server: Served) -> None:
    project = server.new_project()
    answer = project.post(project.body({}))
    lines = map(json.loads, server.whole_log().splitlines())
    wanted = answer.headers["x-request-id"]
    (entry,) = (line for line in lines if line.get("request_id") == wanted)
    told = {name: entry[name] for name in ("event", "method", "route", "status", "code")}
    assert told == {
        "event": "request",
        "method": "POST",
        "route": "/customers/batch",
        "status": 422,
        "code": "batch.invalid",
    }


def test_a_path_is_logged_as_its_template(server: Served) -> None:
    project = server.new_project()
    (one,) = project.enrol({"customerClaims": {"name": "A"}})
    wanted = project.get(f"/customers/{one}").headers["x-request-id"]
    lines = map(json.loads, server.whole_log().splitlines())
    (entry,) = (line for line in lines if line.get("request_id") == wanted)
    assert one not in json.dumps(entry)
    assert entry["route"].startswith("/customers/{")


def test_the_database_file_is_its_owners_alone(server: Served) -> None:
    if not server.on_file:
        return
    files = Path(server.database).parent.glob("enrol.db*")
    modes = {path.name: path.stat().st_mode & 0o777 for path in files}
    assert set(modes.values()) == {0o600}, modes


def test_the_database_holds_no_key(server: Served) -> None:
    project = server.new_project()
    rows = server.query("SELECT * FROM api_keys")
    assert project.key not in str(rows)
    assert not [row for row in rows if project.key[6:20] in str(row)]
