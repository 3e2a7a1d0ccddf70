"""``--workers 2``: both HTTP processes answer, and one that dies is replaced."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from enrol.store.registry import is_postgres
from tests.faults.checker import check_all
from tests.faults.load import Batch, Load, body_of, people
from tests.faults.processes import Serving, wait_until

REPLACE_SECONDS = 8.0


@pytest.fixture
def serving(tmp_path: Path, database: str, key: str) -> Iterator[Serving]:
    with Serving(tmp_path, database, "--workers", "2") as serving:
        wait_until(serving.is_ready, REPLACE_SECONDS, "not ready")
        yield serving


@contextmanager
def held(process: psutil.Process) -> Iterator[None]:
    """The process does nothing within the block."""
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def _enrols_alone(serving: Serving, key: str, worker: psutil.Process, name: str) -> None:
    """The worker takes a batch while all others are held."""
    others = [process for process in serving.workers() if process.pid != worker.pid]
    assert len(others) == 1
    with held(others[0]), serving.client(key, timeout=REPLACE_SECONDS) as client:
        assert client.post(body_of(people(name, 3))).status == 200


def test_both_workers_enrol(serving: Serving, database: str, key: str) -> None:
    workers = serving.workers()
    assert len(workers) == 2
    for worker in workers:
        _enrols_alone(serving, key, worker, f"w{worker.pid}")
    with serving.client(key) as client:
        page = client.call("GET", "/customers?cmsProjectId=main").data
    assert page["totalCount"] == 6
    # A file has one writer for all; on PostgreSQL each worker is one.
    writers = 0 if is_postgres(database) else 1
    assert len([line for line in serving.lines() if line["event"] == "writer ready"]) == writers
    assert serving.stop() == 0


def test_a_worker_that_is_killed_is_replaced_and_no_batch_is_harmed(
    serving: Serving, key: str, database: str
) -> None:
    victim, survivor = serving.workers()
    load = Load(key, threads=4, seed=1, pause=0.01)

    def replacement() -> list[psutil.Process]:
        return [w for w in serving.workers() if w.pid not in (victim.pid, survivor.pid)]

    with load.flowing():
        load.go(serving.port)
        wait_until(lambda: len(load.batches) > 20, 10, "no load")
        victim.kill()
        wait_until(replacement, REPLACE_SECONDS, "no new worker")
    _enrols_alone(serving, key, replacement()[0], "new")
    assert serving.stop() == 0
    batches = [*load.batches, Batch("new", 3, None)]
    assert check_all(database, batches)
