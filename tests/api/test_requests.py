"""Requests around the body: how it is sent, by what method, and to which address."""

import gzip
import json
import socket
import zlib

import httpx
import pytest

from tests.api.refusals import EMPTY, problem, refused
from tests.conftest import ON_ONE_STORE
from tests.people import customer
from tests.serving import Project
from tests.wire import answer_on, connected, head

pytestmark = ON_ONE_STORE

GZIP = {"Content-Encoding": "gzip"}


def whole(project: Project) -> bytes:
    """A body that is right."""
    return json.dumps(project.body(customer())).encode()


OTHERS = ("POST", "PUT", "PATCH", "DELETE")


@pytest.mark.parametrize("encoding", ["gzip", "GZip", "x-gzip"])
def test_a_body_may_be_sent_with_gzip(project: Project, encoding: str) -> None:
    sent = {"Content-Encoding": encoding}
    assert project.post(gzip.compress(whole(project)), sent).status_code == 200


def test_a_body_may_say_that_it_is_plain(project: Project) -> None:
    sent = {"Content-Encoding": "identity"}
    assert project.post(whole(project), sent).status_code == 200


def test_gzip_in_small_pieces_is_inflated(project: Project) -> None:
    body = gzip.compress(whole(project))
    sent = project.headers | {"Content-Type": "application/json"} | GZIP
    parts = (body[start : start + 5] for start in range(0, len(body), 5))
    answer = project.server.http.post("/customers/batch", content=parts, headers=sent)
    assert answer.status_code == 200


BAD_GZIP: dict[str, bytes] = {
    "empty": b"",
    "plain": b"{}",
    "a header alone": bytes.fromhex("1f8b0800"),
    "cut off": gzip.compress(b"{}")[:-1],
    "wrong checksum": gzip.compress(b"{}")[:-8] + bytes(8),
    "more behind it": gzip.compress(b"{}") + b"x",
    "two members": gzip.compress(b"{") + gzip.compress(b"}"),
    "zlib": zlib.compress(b"{}"),
}


@pytest.mark.parametrize("body", BAD_GZIP.values(), ids=BAD_GZIP.keys())
def test_a_body_that_is_no_gzip(project: Project, body: bytes) -> None:
    refused(project, project.post(body, GZIP), "content_encoding.invalid")


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "compress", "gzip, gzip", "x"])
def test_an_encoding_that_is_unknown(project: Project, encoding: str) -> None:
    answer = project.post(gzip.compress(b"{}"), {"Content-Encoding": encoding})
    refused(project, answer, "content_encoding.unsupported")
    assert answer.headers["accept-encoding"] == "gzip"


TYPES = [
    *("text/plain", "text/json", "application/x-www-form-urlencoded", "multipart/form-data"),
    *("application/jsonl", "application/json-seq", "application/problem+json", "json", ""),
    *("application/json; charset=utf-16", "application/json; charset=latin-1"),
]


@pytest.mark.parametrize("media_type", TYPES)
def test_another_content_type(project: Project, media_type: str) -> None:
    answer = project.post(project.body(customer()), {"Content-Type": media_type})
    refused(project, answer, "content_type.unsupported")
    assert answer.headers["accept"] == "application/json"


def test_no_content_type(project: Project) -> None:
    body = whole(project)
    answer = project.server.http.post("/customers/batch", content=body, headers=project.headers)
    refused(project, answer, "content_type.unsupported")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_another_method_on_the_batch(project: Project, method: str) -> None:
    answer = project.server.http.request(method, "/customers/batch", headers=project.headers)
    problem(answer, "route.method")
    assert answer.headers["allow"] == "POST"


def test_head_on_the_batch(project: Project) -> None:
    answer = httpx.head(f"{project.server.url}/customers/batch", headers=project.headers)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/customers", ("PUT", "PATCH", "DELETE")),
        ("/customers/x", ("POST", "PUT")),
        ("/projects/x/customer-wallets/y/customer", OTHERS),
        ("/healthz", OTHERS),
        ("/readyz", OTHERS),
    ],
)
def test_another_method_on_what_is_read(
    project: Project, path: str, methods: tuple[str, ...]
) -> None:
    for method in methods:
        answer = project.server.http.request(method, path, headers=project.headers)
        problem(answer, "route.method")
        assert "GET" in answer.headers["allow"].split(", ")


@pytest.mark.parametrize(
    "path", ["/", "/customer", "/customers/x/y", "/customers/batch/x", "/projects", "/.env"]
)
def test_another_address(project: Project, path: str) -> None:
    problem(project.get(path), "route.unknown")


def test_a_connection_serves_on_after_a_refusal(project: Project) -> None:
    body = whole(project)
    with connected(project.server) as connection:
        connection.sendall(head(project, "Content-Length: 1") + b"{")
        problem(answer_on(connection), "json.invalid")
        connection.sendall(head(project, f"Content-Length: {len(body)}") + body)
        assert answer_on(connection).status_code == 200


def answers_no_more(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except (TimeoutError, ConnectionError):
        return True


def test_a_refused_body_is_not_taken_for_the_next_request(project: Project) -> None:
    """What follows a refusal that did not read its body must not be read as a request."""
    smuggled = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    sent = head(project, f"Content-Length: {len(smuggled)}", path="/customers/batch?mode=x")
    with connected(project.server) as connection:
        connection.sendall(sent + smuggled)
        problem(answer_on(connection), "query.invalid")
        connection.settimeout(0.2)
        assert answers_no_more(connection)


def test_two_lengths_are_refused(project: Project) -> None:
    """RFC 9112 section 6.3: one of the two would let a second request slip in."""
    for headers in (
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Content-Length: 2", "Content-Length: 3"),
    ):
        with connected(project.server) as connection:
            connection.sendall(head(project, *headers) + b"0\r\n\r\n")
            assert answer_on(connection).status_code == 400
    assert project.rows() == EMPTY
