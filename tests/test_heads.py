"""The head of a request has bounds: nobody holds memory or connections without a key."""

import socket
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Thread
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest
import uvicorn

from enrol import heads
from enrol.heads import MOST_HEAD_BYTES, BoundedProtocol
from tests.serving import HOST, Served
from tests.wire import answer_on, connected, is_closed

MIB = 1024 * 1024
OK = b"HTTP/1.1 200 "
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: a\r\n"


def _pour(connection: socket.socket, piece: bytes, most: int) -> int:
    """Send a piece again and again until the other side has enough; the bytes it took."""
    sent = 0
    while sent < most:
        try:
            connection.sendall(piece)
        except OSError:
            break
        sent += len(piece)
    return sent


@pytest.mark.parametrize("piece", [b"x: " + b"y" * 65533 + b"\r\n", b"y" * 65536])
def test_endless_headers_are_refused_and_not_kept(server: Served, piece: bytes) -> None:
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    for _ in range(4):
        with connected(server) as connection:
            connection.sendall(HEALTH + b"x: ")
            assert _pour(connection, piece, 64 * MIB) < 16 * MIB
    assert process.memory_info().rss - before < 64 * MIB


def test_a_refusal_says_why(server: Served) -> None:
    with connected(server) as connection:
        connection.sendall(HEALTH + b"x: ")
        time.sleep(0.1)
        connection.sendall(b"y" * (MOST_HEAD_BYTES + 1))
        answer = answer_on(connection)
        assert answer.status_code == 400
        assert "too large" in answer.text
        assert is_closed(connection)


def test_a_head_within_the_bound_is_taken_however_it_is_cut(server: Served) -> None:
    head = HEALTH + b"x: " + b"y" * (MOST_HEAD_BYTES // 2) + b"\r\n\r\n"
    with connected(server) as connection:
        for start in range(0, len(head), 5_000):
            connection.sendall(head[start : start + 5_000])
            time.sleep(0.01)
        assert answer_on(connection).status_code == 200
        # The bytes of one head do not count for the next.
        for _ in range(4):
            connection.sendall(head)
            assert answer_on(connection).status_code == 200


def test_a_head_of_single_bytes_and_two_requests_in_one_packet_are_taken(server: Served) -> None:
    with connected(server) as connection:
        for byte in HEALTH + b"\r\n":
            connection.sendall(bytes([byte]))
        assert answer_on(connection).status_code == 200
        connection.sendall(2 * (HEALTH + b"\r\n"))
        answers = b""
        while answers.count(OK) < 2:
            more = connection.recv(65536)
            assert more
            answers += more


async def _answer(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"yes"})


async def _answer_the_whole(scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    await _answer(scope, receive, send)


def _serving_slowly() -> AbstractContextManager[int]:
    """The same, with an application that reads the body before it answers."""
    return _serving_alone(_answer_the_whole)


@contextmanager
def _serving_alone(app: Any = _answer) -> Iterator[int]:
    """uvicorn with the protocol and nothing else, on a port."""
    listener = socket.create_server((HOST, 0))
    config = uvicorn.Config(app, http=BoundedProtocol, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, args=([listener],))
    port: int = listener.getsockname()[1]
    thread.start()
    try:
        yield port
    finally:
        server.should_exit = True
        thread.join()


@pytest.mark.parametrize("begun", [b"", b"GET / HT", HEALTH])
def test_a_head_that_does_not_come_is_not_waited_for(
    begun: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heads, "HEAD_SECONDS", 0.4)
    with _serving_alone() as port, socket.create_connection((HOST, port), timeout=5) as connection:
        connection.sendall(begun)
        start = time.monotonic()
        assert connection.recv(1000) == b""
        assert 0.2 < time.monotonic() - start < 3


def test_a_second_head_that_does_not_come_whole_is_not_waited_for_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(heads, "HEAD_SECONDS", 0.4)
    with _serving_alone() as port, socket.create_connection((HOST, port), timeout=5) as connection:
        connection.sendall(HEALTH + b"\r\n")
        assert answer_on(connection).status_code == 200
        # Idle between two requests is another matter: keep-alive.
        time.sleep(0.6)
        connection.sendall(HEALTH + b"\r\n")
        assert answer_on(connection).status_code == 200
        connection.sendall(HEALTH)
        assert connection.recv(1000) == b""


def test_a_body_that_does_not_come_after_its_refusal_ends_the_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody without a key keeps a connection by sending a byte now and then."""
    monkeypatch.setattr(heads, "DRAIN_SECONDS", 0.4)
    with _serving_alone() as port, socket.create_connection((HOST, port), timeout=5) as connection:
        connection.sendall(b"POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n")
        assert connection.recv(65_536)
        start = time.monotonic()
        while time.monotonic() - start < 5:
            try:
                connection.sendall(b" ")
            except OSError:
                break
            time.sleep(0.1)
        assert time.monotonic() - start < 3


def test_a_body_behind_the_answer_to_the_request_before_has_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two requests in one packet: the answer to the first says nothing of the second's body."""
    body = b"{}" + b" " * 998
    begun = b"POST /customers/batch HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n"
    monkeypatch.setattr(heads, "DRAIN_SECONDS", 0.3)
    with _serving_slowly() as port, socket.create_connection((HOST, port), timeout=5) as connection:
        connection.sendall(HEALTH + b"\r\n" + begun + body[:10])
        assert answer_on(connection).status_code == 200
        time.sleep(0.6)
        connection.sendall(body[10:])
        assert answer_on(connection).status_code == 200
