"""The writer process of a SQLite file: what callers see when it dies."""

import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import apsw
import pytest

from enrol.store.protocol import SCHEMA_VERSION
from tests.faults.checker import count_customers
from tests.faults.load import Load, at_once, body_of, people, post
from tests.faults.processes import Reply, Serving, is_alive, wait_until

RECOVERY_SECONDS = 2.0


@pytest.fixture
def database(tmp_path: Path) -> str:
    return str(tmp_path / "enrol.db")


def is_stored(serving: Serving, key: str, body: bytes) -> bool:
    """True once the batch is there: stored now, or in conflict with itself."""
    return post(serving, key, body).status in (200, 409)


def test_a_writer_that_dies_is_replaced_and_its_callers_are_told_to_repeat(
    serving: Serving, key: str, database: str
) -> None:
    load = Load(key, threads=4, seed=1)
    with load.flowing():
        load.go(serving.port)
        for number in range(3):
            time.sleep(0.3)
            writer = serving.writer()
            assert writer is not None
            writer.kill()
            repeated = partial(is_stored, serving, key, body_of(people(f"after{number}", 1)))
            wait_until(repeated, RECOVERY_SECONDS, "no new writer took a batch")
        load.end()
    assert sum(batch.lost for batch in load.batches) == 0, "a call was cut without an answer"
    told = Counter(status for batch in load.batches for status in batch.statuses)
    assert told[503] > 0, "no call met a dead writer"
    assert len([line for line in serving.lines() if line["event"] == "writer died"]) == 3
    assert serving.stop() == 0
    stored = count_customers(database)
    assert stored >= sum(batch.size for batch in load.batches if batch.answers)


def _set_schema(database: str, version: int) -> None:
    connection = apsw.Connection(database)
    connection.pragma("user_version", version)
    connection.close()


def test_without_a_writer_the_server_is_alive_and_not_ready_and_says_so_to_all_at_once(
    serving: Serving, key: str, database: str
) -> None:
    # A writer that is started on a newer schema ends at once.
    _set_schema(database, SCHEMA_VERSION + 1)
    writer = serving.writer()
    assert writer is not None
    writer.kill()
    wait_until(lambda: not is_alive(writer), 5, "the writer did not end")
    with serving.client() as client:
        assert client.call("GET", "/healthz").status == 200

    def ask_ready() -> Reply:
        with serving.client() as client:
            return client.call("GET", "/readyz")

    def enrol(number: int) -> Reply:
        return post(serving, key, body_of(people(f"waits{number}", 2)))

    start = time.monotonic()
    calls: list[Callable[[], Reply]] = [
        ask_ready,
        *(partial(enrol, number) for number in range(12)),
    ]
    for reply in at_once(calls):
        assert reply.status == 503
        assert reply.headers["content-type"] == "application/problem+json"
        assert int(reply.headers["retry-after"]) >= 1
        assert reply.data["code"] == "store.unavailable"
    # They wait for a new writer beside one another, not one behind the other.
    assert time.monotonic() - start < 10
    _set_schema(database, SCHEMA_VERSION)
    wait_until(serving.is_ready, 5, "not ready again")
    assert enrol(0).status == 200
    assert count_customers(database) == 2
