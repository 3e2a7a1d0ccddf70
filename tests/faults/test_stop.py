"""Stopping: what was taken in is finished, and nothing stays behind."""

import os
import random
import signal
import socket
import time
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from tests.faults.checker import check_all
from tests.faults.conftest import ON_A_FILE
from tests.faults.load import Load, body_of, people
from tests.faults.processes import HOST, Serving, is_alive, wait_until

ORPHAN_SECONDS = 5.0
STOPS = {
    "sigterm": (signal.SIGTERM, False),
    "sigterm-to-all": (signal.SIGTERM, True),
    "ctrl-c": (signal.SIGINT, True),
}


def _wait_until_gone(processes: list[psutil.Process]) -> None:
    wait_until(lambda: not any(map(is_alive, processes)), ORPHAN_SECONDS, "processes are left")


def _check_nothing_is_left(serving: Serving) -> None:
    assert serving.leftovers() == []
    assert [line for line in serving.lines() if line.get("level") == "error"] == []
    assert serving.lines()[-1]["event"] == "stopped"


@pytest.mark.parametrize("workers", [1, 2])
def test_a_stop_under_load_finishes_what_was_taken_in(
    workers: int, tmp_path: Path, database: str, key: str
) -> None:
    _stop_under_load("sigterm", workers, tmp_path, database, key)


@ON_A_FILE
@pytest.mark.parametrize(("how", "workers"), [("sigterm-to-all", 1), ("ctrl-c", 1), ("ctrl-c", 2)])
def test_each_way_to_stop_finishes_what_was_taken_in(
    how: str, workers: int, tmp_path: Path, database: str, key: str
) -> None:
    _stop_under_load(how, workers, tmp_path, database, key)


def _stop_under_load(how: str, workers: int, tmp_path: Path, database: str, key: str) -> None:
    number, group = STOPS[how]
    load = Load(key, threads=4, seed=1)
    with Serving(tmp_path, database, "--workers", str(workers)) as serving, load.flowing():
        processes = serving.processes()
        load.go(serving.port)
        time.sleep(0.4)
        assert serving.stop(number, group=group) == 0
        load.end()
        _wait_until_gone(processes)
        _check_nothing_is_left(serving)
    answered = [batch for batch in load.batches if batch.answers]
    assert answered
    # A call that met a closed connection was not taken in: whatever is stored was answered.
    assert check_all(database, load.batches) == sum(batch.size for batch in answered)
    assert all(batch.statuses == [] for batch in load.batches)


def _half_a_call(port: int, key: str, body: bytes) -> socket.socket:
    connection = socket.create_connection((HOST, port), timeout=10)
    head = (
        f"POST /customers/batch HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    connection.sendall(head.encode() + body[: len(body) // 2])
    return connection


@ON_A_FILE
def test_a_body_that_is_arriving_is_waited_for(tmp_path: Path, database: str, key: str) -> None:
    body = body_of(people("slow", 500))
    with Serving(tmp_path, database) as serving:
        with _half_a_call(serving.port, key, body) as connection:
            time.sleep(0.1)
            os.kill(serving.pid, signal.SIGTERM)
            time.sleep(0.5)
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((HOST, serving.port), timeout=5)
            connection.sendall(body[len(body) // 2 :])
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        assert serving.process is not None
        assert serving.process.wait(5) == 0
        _check_nothing_is_left(serving)


@ON_A_FILE
def test_a_client_that_never_ends_its_call_is_left_after_the_stop_timeout(
    tmp_path: Path, database: str, key: str
) -> None:
    with (
        Serving(tmp_path, database, stop_timeout="0.5") as serving,
        _half_a_call(serving.port, key, body_of(people("never", 500))),
    ):
        time.sleep(0.1)
        start = time.monotonic()
        assert serving.stop() == 0
        assert time.monotonic() - start < 4
        assert serving.leftovers() == []


@ON_A_FILE
def test_an_idle_connection_does_not_delay_a_stop(tmp_path: Path, database: str, key: str) -> None:
    with Serving(tmp_path, database) as serving, serving.client() as client:
        assert client.call("GET", "/healthz").status == 200
        with socket.create_connection((HOST, serving.port), timeout=5):
            start = time.monotonic()
            assert serving.stop() == 0
            assert time.monotonic() - start < 3
        _check_nothing_is_left(serving)


def test_a_stop_while_the_server_starts_leaves_nothing_behind(
    tmp_path: Path, database: str, key: str
) -> None:
    chance = random.Random(1)
    serving = Serving(tmp_path, database)
    for number, group in [*STOPS.values()] * 2:
        serving.launch()
        time.sleep(0.1 + chance.random() * 0.4)
        processes = serving.processes()
        serving.stop(number, group=group)
        _wait_until_gone(processes)
        assert serving.leftovers() == []


@pytest.mark.parametrize("workers", [1, 2])
def test_a_server_that_is_killed_takes_all_its_processes_with_it(
    workers: int, tmp_path: Path, database: str, key: str
) -> None:
    with Serving(tmp_path, database, "--workers", str(workers)) as serving:
        processes = serving.processes()
        assert len(processes) >= workers
        serving.stop(signal.SIGKILL)
        _wait_until_gone(processes)
        # The writer cleans up after the one that cannot.
        assert serving.leftovers() == []
