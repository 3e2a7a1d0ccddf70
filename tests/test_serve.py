"""The served product, as whoever operates it and whatever stands before it see it."""

import socket
import time
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from tests.faults.load import body_of, people
from tests.faults.processes import Serving, make_project, wait_until
from tests.people import customer
from tests.serving import HOST, Project, Served
from tests.wire import answer_on, is_closed

MOST_START_SECONDS = 5.0


def test_the_first_answer_comes_soon_after_the_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = str(tmp_path / "enrol.db")
    make_project(database)
    taken = []
    for _ in range(2):
        with Serving(tmp_path, database) as serving:
            taken.append(serving.start_seconds)
            assert serving.stop() == 0
    with capsys.disabled():
        told = ", ".join(f"{seconds:.2f}" for seconds in taken)
        print(f"\nstart to first answer: {told} s")  # noqa: T201
    assert min(taken) < MOST_START_SECONDS


def test_a_new_database_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    database = tmp_path / "enrol.db"
    with Serving(tmp_path, str(database)) as serving:
        with serving.client(make_project(str(database))) as client:
            body = body_of(people("one", 1))
            assert client.post(body).status == 200
        files = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob("enrol.db*")}
    assert files == {"enrol.db": 0o600, "enrol.db-wal": 0o600, "enrol.db-shm": 0o600}


@pytest.mark.parametrize("path", ["/healthz", "/customers/batch", "/nothing", "/openapi.json"])
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "OPTIONS", "PUT"])
def test_every_answer_has_a_request_id_of_its_own(method: str, path: str, server: Served) -> None:
    first, second = (server.http.request(method, path) for _ in range(2))
    ids = {first.headers["x-request-id"], second.headers["x-request-id"]}
    assert len(ids) == 2
    assert all(UUID(text).version == 7 for text in ids)


@pytest.mark.parametrize(
    "sent", ["0123456789abcdef0123456789abcdef", "01a20b3d-4a98-74ea-81e9-77f1ddc104de"]
)
def test_a_request_id_that_was_sent_comes_back_and_is_logged(sent: str, server: Served) -> None:
    answer = server.http.get("/healthz", headers={"X-Request-Id": sent})
    assert answer.headers["x-request-id"] == sent
    # The line follows the answer.
    line = f'"request_id":"{sent}"'
    wait_until(lambda: line in server.log_text(), 5, "no line with the request ID")


@pytest.mark.parametrize(
    "sent", ["amina@example.com", "1", "a" * 65, "aaaaaaaa bbbbbbbb", "'--", "4111111111111111"]
)
def test_a_request_id_that_could_hold_personal_data_is_replaced(sent: str, server: Served) -> None:
    answer = server.http.get("/healthz", headers={"X-Request-Id": sent})
    assert UUID(answer.headers["x-request-id"]).version == 7
    assert sent not in server.log_text() or len(sent) < 8


def test_a_connection_is_kept_for_the_next_call(server: Served, project: Project) -> None:
    key = f"Bearer {project.key}"
    with socket.create_connection((HOST, server.port), timeout=10) as connection:
        head = f"GET /customers?cmsProjectId={project.id} HTTP/1.1\r\nHost: a\r\n"
        for _ in range(5):
            connection.sendall(f"{head}Authorization: {key}\r\n\r\n".encode())
            assert answer_on(connection).status_code == 200
        connection.sendall(f"{head}Connection: close\r\n\r\n".encode())
        assert answer_on(connection).status_code == 401
        assert is_closed(connection)


def test_a_refusal_keeps_the_connection_too(server: Served, project: Project) -> None:
    with httpx.Client(base_url=server.url) as client:
        for _ in range(3):
            refused = client.post("/customers/batch", json=project.body(customer()))
            assert refused.status_code == 401
            answer = client.post(
                "/customers/batch", json=project.body(customer()), headers=project.headers
            )
            assert answer.status_code == 200
            assert "connection" not in answer.headers
        pool = client._transport._pool  # type: ignore[attr-defined]
        assert len(pool.connections) == 1


@pytest.mark.parametrize(
    ("path", "allow"),
    [("/healthz", {"GET", "OPTIONS"}), ("/customers/batch", {"POST"})],
)
def test_a_method_that_is_not_served_is_told_which_are(
    path: str, allow: set[str], server: Served
) -> None:
    for method in ("PUT", "DELETE", "PATCH", "TRACE"):
        answer = server.http.request(method, path)
        assert answer.status_code == 405
        assert answer.json()["code"] == "route.method"
        assert {name.strip() for name in answer.headers["allow"].split(",")} >= allow


@pytest.mark.parametrize("path", ["/healthz", "/customers/batch", "/nothing"])
def test_the_answer_to_head_has_no_body(path: str, server: Served) -> None:
    with socket.create_connection((HOST, server.port), timeout=10) as connection:
        connection.sendall(f"HEAD {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while more := connection.recv(65536):
            answer += more
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 ")
    assert body == b""


def test_health_needs_no_key_and_tells_nothing_of_the_server(server: Served) -> None:
    for path in ("/healthz", "/readyz"):
        answer = server.http.get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers


def test_a_burst_of_connections_is_answered(server: Served) -> None:
    connections = [socket.create_connection((HOST, server.port), timeout=10) for _ in range(200)]
    start = time.monotonic()
    try:
        for connection in connections:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        for connection in connections:
            assert answer_on(connection).status_code == 200
    finally:
        for connection in connections:
            connection.close()
    assert time.monotonic() - start < 10
