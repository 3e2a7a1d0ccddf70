"""Clients that go away, dawdle, never listen, or come all at once: nobody else notices."""

import random
import socket
import struct
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from itertools import islice
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from tests.faults.checker import check_all, count_customers
from tests.faults.conftest import ON_A_FILE
from tests.faults.load import Batch, at_once, body_of, note, people, post
from tests.faults.processes import HOST, Reply, Serving, wait_until

MIB = 1024 * 1024
# What a call takes beside all the others at most.
PATIENCE_SECONDS = 10.0


def call_of(key: str, body: bytes) -> bytes:
    """The bytes of one call."""
    head = (
        f"POST /customers/batch HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def connected(serving: Serving) -> socket.socket:
    return socket.create_connection((HOST, serving.port), timeout=PATIENCE_SECONDS)


def reset(connection: socket.socket) -> None:
    """Close as a client that died: what is on its way is thrown away."""
    linger = struct.pack("ii", 1, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    connection.close()


def enrols(serving: Serving, key: str, name: str) -> Batch:
    """A plain client is served, in good time."""
    batch = Batch(name, 3, None)
    start = time.monotonic()
    assert note(batch, post(serving, key, body_of(batch.people)))
    assert time.monotonic() - start < PATIENCE_SECONDS
    return batch


def test_clients_that_disconnect_halfway_leave_whole_batches_or_none(
    serving: Serving, database: str, key: str
) -> None:
    chance = random.Random(1)
    batches = [Batch(f"gone{number}", 50, None, lost=1) for number in range(60)]
    for number, batch in enumerate(batches):
        call = call_of(key, body_of(batch.people))
        connection = connected(serving)
        # A third say all that they have to say, and are gone before the answer.
        connection.sendall(call if number % 3 == 0 else call[: chance.randrange(len(call))])
        (reset if chance.random() < 0.5 else socket.socket.close)(connection)
    batches.append(enrols(serving, key, "plain"))
    assert serving.stop() == 0
    # Half a body is nothing; a whole one may have been taken in.
    stored = check_all(database, batches)
    assert 3 <= stored <= 3 + 50 * 20
    assert [line for line in serving.lines() if line.get("level") == "error"] == []


@ON_A_FILE
def test_a_client_that_sends_a_byte_a_second_is_told_and_holds_nobody_up(
    tmp_path: Path, database: str, key: str
) -> None:
    call = call_of(key, body_of(people("slow", 3)))
    with Serving(tmp_path, database, body_timeout="1.5") as serving, ExitStack() as stack:
        slow = [stack.enter_context(connected(serving)) for _ in range(20)]
        start = time.monotonic()
        for connection in slow:
            connection.sendall(call[:-10])
        batch = enrols(serving, key, "plain")
        time.sleep(1)
        for connection in slow:
            connection.sendall(call[-10:-9])
        for connection in slow:
            answer = connection.recv(4096)
            assert answer.startswith(b"HTTP/1.1 408 ")
            assert b'"code":"body.timeout"' in answer
        assert 1.5 <= time.monotonic() - start < PATIENCE_SECONDS
        assert serving.stop() == 0
    assert check_all(database, [batch]) == 3


def test_clients_that_never_read_cost_little_and_hold_nobody_up(
    tmp_path: Path, database: str, key: str
) -> None:
    page = f"GET /customers?cmsProjectId=main&limit=100 HTTP/1.1\r\nHost: {HOST}\r\n".encode()
    pages = (page + f"Authorization: Bearer {key}\r\n\r\n".encode()) * 300
    with Serving(tmp_path, database, stop_timeout="1") as serving, ExitStack() as stack:
        first = Batch("first", 100, None)
        assert note(first, post(serving, key, body_of(first.people)))
        process = psutil.Process(serving.pid)
        before = process.memory_info().rss
        deaf = [Batch(f"deaf{number}", 300, None, lost=1) for number in range(16)]
        for batch in deaf:
            connection = stack.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.settimeout(0.2)
            connection.connect((HOST, serving.port))
            # As much as the server takes of one whom it cannot answer.
            with suppress(TimeoutError):
                connection.sendall(call_of(key, body_of(batch.people)) + pages)
        wait_until(
            lambda: count_customers(database) == 4900, PATIENCE_SECONDS, "a batch is missing"
        )
        plain = enrols(serving, key, "plain")
        time.sleep(0.5)
        assert process.memory_info().rss - before < 64 * MIB
        start = time.monotonic()
        assert serving.stop() == 0
        assert time.monotonic() - start < PATIENCE_SECONDS
    assert check_all(database, [first, plain, *deaf]) == 4903


def test_256_connections_at_once_are_all_served(serving: Serving, database: str, key: str) -> None:
    batches = [Batch(f"b{n}", 4, f"b{n}" if n % 2 else None) for n in range(256)]

    def call(batch: Batch) -> Reply:
        headers = {"idempotency_key": batch.key} if batch.key else {}
        return post(serving, key, body_of(batch.people), **headers)

    calls: list[Callable[[], Reply]] = [partial(call, batch) for batch in batches]
    for _ in range(2):
        replies = at_once(calls)
        assert {reply.status for reply in replies} <= {200, 409}
        for batch, reply in zip(batches, replies, strict=True):
            if batch.key or not batch.answers:
                assert note(batch, reply)
    answers = [len(batch.answers) for batch in islice(batches, 2)]
    assert answers == [1, 2]
    assert serving.stop() == 0
    assert check_all(database, batches) == 4 * 256
