"""The writer process: what callers see when it dies, and that no caller sees another's trouble."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import TypeVar

import apsw
import pytest

from enrol.store.protocol import SCHEMA_VERSION
from tests.faults.checker import check_all, count_customers
from tests.faults.load import Load, body_of, people
from tests.faults.processes import Reply, Serving, is_alive, make_project, wait_until

RECOVERY_SECONDS = 2.0
T = TypeVar("T")


@pytest.fixture
def database(tmp_path: Path) -> str:
    return str(tmp_path / "enrol.db")


@pytest.fixture
def key(database: str) -> str:
    return make_project(database)


@pytest.fixture
def serving(tmp_path: Path, database: str, key: str) -> Iterator[Serving]:
    with Serving(tmp_path, database) as serving:
        yield serving


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """All calls, each in a thread of its own, started together; what they returned, in order."""
    barrier = Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def post(serving: Serving, key: str, body: bytes, **headers: str) -> Reply:
    with serving.client(key) as client:
        return client.post(body, **headers)


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


def test_many_callers_share_commits_and_none_sees_the_failure_of_another(
    serving: Serving, key: str, database: str
) -> None:
    for wave in range(3):
        taken = [body_of(people(f"w{wave}.same{number}", 1)) for number in range(8)]
        alone = [body_of(people(f"w{wave}.alone{number}", 1)) for number in range(32)]
        wrong = [body.replace(b"0x", b"0y") for body in alone[:16]]
        bodies = [*taken, *alone, *wrong, *taken]
        assert len(bodies) == 64
        replies = at_once([partial(post, serving, key, body) for body in bodies])
        statuses = [reply.status for reply in replies]
        assert statuses[8:40] == [200] * 32
        assert statuses[40:56] == [422] * 16
        for first, second in zip(replies[:8], replies[56:], strict=True):
            assert sorted((first.status, second.status)) == [200, 409]
            winner, loser = sorted((first, second), key=lambda reply: reply.status)
            assert {error["customerId"] for error in loser.data["errors"]} == set(winner.data)
    assert count_customers(database) == 3 * 40


def test_the_same_idempotency_key_at_the_same_moment_creates_once(
    serving: Serving, key: str, database: str
) -> None:
    for number in range(5):
        body = body_of(people(f"once{number}", 7))
        call = partial(post, serving, key, body, idempotency_key=f"k{number}")
        replies = at_once([call] * 12)
        assert {reply.status for reply in replies} == {200}
        assert len({reply.body for reply in replies}) == 1
        fresh = [r for r in replies if "idempotency-replayed" not in r.headers]
        assert len(fresh) == 1
    assert count_customers(database) == 5 * 7


def test_two_servers_on_one_file_create_each_customer_once(
    serving: Serving, key: str, database: str, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with Serving(other, database) as second:
        for number in range(12):
            body = body_of(people(f"both{number}", 40))
            replies = at_once([partial(post, at, key, body) for at in (serving, second)])
            winner, loser = sorted(replies, key=lambda reply: reply.status)
            assert (winner.status, loser.status) == (200, 409)
            told = {error["customerId"] for error in loser.data["errors"]}
            assert told == set(winner.data)
            keyed = partial(post, key=key, body=body_of(people(f"keyed{number}", 3)))
            replies = at_once(
                [partial(keyed, at, idempotency_key=f"k{number}") for at in (serving, second)]
            )
            assert [reply.status for reply in replies] == [200, 200]
            assert replies[0].body == replies[1].body
        assert second.stop() == 0
    assert serving.stop() == 0
    assert count_customers(database) == 12 * 43


def test_two_servers_under_load_keep_every_promise(
    serving: Serving, key: str, database: str, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with Serving(other, database) as second:
        loads = [Load(key, threads=2, seed=seed, prefix=f"s{seed}") for seed in (1, 2)]
        with loads[0].flowing(), loads[1].flowing():
            for load, at in zip(loads, (serving, second), strict=True):
                load.go(at.port)
            time.sleep(1.0)
        assert second.stop() == 0
    assert serving.stop() == 0
    batches = [batch for load in loads for batch in load.batches]
    assert check_all(database, batches) == sum(batch.size for batch in batches)
