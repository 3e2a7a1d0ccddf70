"""PostgreSQL that is killed, stopped or restarted under load, or cuts its connections."""

import signal
import time
from collections.abc import Callable

import pytest

from tests.faults.checker import check_all, check_answered
from tests.faults.load import Batch, Load, body_of, note, people, post
from tests.faults.processes import Serving, run_enrol, wait_until
from tests.postgres import PASSWORD, PostgresServer

RECOVERY_SECONDS = 20.0
LOAD_SECONDS = 0.3
CUT_ALL = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'enrol'
"""


@pytest.fixture
def database(durable: PostgresServer) -> str:
    return durable.create_database()


def stop_at_once(durable: PostgresServer) -> None:
    """What PostgreSQL calls an immediate stop: it recovers at the next start, as after a kill."""
    durable.process.send_signal(signal.SIGQUIT)
    durable.process.wait(RECOVERY_SECONDS)


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(PostgresServer.kill, id="kill"),
        # Only when chance has it.
        pytest.param(PostgresServer.stop, id="fast"),
        pytest.param(stop_at_once, id="at-once"),
    ],
)
def test_nothing_is_lost_when_postgres_goes_and_comes_and_enrol_serves_by_itself(
    end: Callable[[PostgresServer], None],
    durable: PostgresServer,
    serving: Serving,
    database: str,
    key: str,
) -> None:
    load = Load(key, threads=4, seed=1, pause=0.01)
    process = serving.pid
    with load.flowing():
        load.go(serving.port)
        time.sleep(LOAD_SECONDS)
        end(durable)
        time.sleep(LOAD_SECONDS)
        durable.start()
        wait_until(serving.is_ready, RECOVERY_SECONDS, "not ready again")
        check_answered(database, [batch for batch in load.batches if batch.answers])
        time.sleep(LOAD_SECONDS)
        load.end()
    # A call may have waited until PostgreSQL was back; none was cut.
    assert sum(batch.lost for batch in load.batches) == 0
    repeat_with_key(load, serving)
    assert serving.pid == process
    assert serving.stop() == 0
    assert check_all(database, load.batches)


def repeat_with_key(load: Load, serving: Serving) -> None:
    with serving.client(load.key) as client:
        for batch in load.batches:
            if batch.key:
                assert note(batch, client.post(body_of(batch.people), idempotency_key=batch.key))


def test_without_postgres_the_server_is_alive_and_not_ready_and_says_so(
    durable: PostgresServer, serving: Serving, database: str, key: str
) -> None:
    body = body_of(people("waits", 3))
    durable.stop()
    with serving.client(key) as client:
        assert client.call("GET", "/healthz").status == 200
        for path in ("/readyz", "/customers?cmsProjectId=main"):
            reply = client.call("GET", path)
            assert reply.status == 503
            assert reply.data["code"] == "store.unavailable"
            assert int(reply.headers["retry-after"]) >= 1
        start = time.monotonic()
        reply = client.post(body)
        assert time.monotonic() - start < RECOVERY_SECONDS
        assert (reply.status, reply.data["code"]) == (503, "store.unavailable")
        assert int(reply.headers["retry-after"]) >= 1
        durable.start()
        wait_until(serving.is_ready, RECOVERY_SECONDS, "not ready again")
        assert client.post(body).status == 200
    assert check_all(database, [Batch("waits", 3, None)]) == 3


def test_a_server_that_starts_while_postgres_is_away_says_why_and_ends(
    durable: PostgresServer, database: str
) -> None:
    durable.stop()
    done = run_enrol("serve", "--port", "0", ENROL_DATABASE=database)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert "cannot be opened" in line
    assert PASSWORD not in line


def test_connections_that_postgres_cuts_at_any_moment_harm_no_call(
    durable: PostgresServer, serving: Serving, database: str, key: str
) -> None:
    load = Load(key, threads=4, seed=1)
    with load.flowing():
        load.go(serving.port)
        for _ in range(8):
            time.sleep(0.1)
            durable.query(CUT_ALL)
        load.end()
    # A new connection was there at once, and each commit was settled within its call.
    assert {status for batch in load.batches for status in batch.statuses} == set()
    assert check_all(database, load.batches) == sum(batch.size for batch in load.batches)


def test_a_postgres_that_is_read_only_is_told_and_service_resumes(
    durable: PostgresServer, serving: Serving, database: str, key: str
) -> None:
    batch = Batch("read-only", 4, "read-only")
    body = body_of(batch.people)
    try:
        set_read_only(durable, "on")
        reply = post(serving, key, body, idempotency_key=batch.key or "")
        assert (reply.status, reply.data["code"]) == (503, "store.unavailable")
        assert not note(batch, reply)
        with serving.client(key) as client:
            assert client.call("GET", "/customers?cmsProjectId=main").status == 200
    finally:
        set_read_only(durable, "off")
    assert note(batch, post(serving, key, body, idempotency_key=batch.key or ""))
    assert check_all(database, [batch]) == 4


def set_read_only(durable: PostgresServer, value: str) -> None:
    durable.query(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
    durable.query("SELECT pg_reload_conf()")
    # Each process reads its settings anew between two statements, when the signal has reached it.
    time.sleep(0.2)
