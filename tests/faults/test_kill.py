"""kill -9 under load: nothing that was answered is lost, and nothing is half done.

``ENROL_KILLS`` says how often (25 unless it is set), ``ENROL_SEED`` repeats the choices of a run.
"""

import os
import random
import secrets
import signal
import time
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path

import pytest

from tests.faults.checker import check_all, check_answered, outcomes
from tests.faults.load import Load, body_of
from tests.faults.processes import Serving, is_alive, make_project, wait_until

KILLS = int(os.environ.get("ENROL_KILLS", "25"))
SEED = int(os.environ.get("ENROL_SEED") or secrets.randbits(32))
THREADS = 4
# At most so long a server is under load, starts or stops before it is killed.
LOAD_SECONDS, START_SECONDS, STOP_SECONDS = 0.4, 0.5, 0.4
RECOVERY_SECONDS = 10.0


def kill_all(serving: Serving, chance: random.Random) -> None:
    """HTTP process and writer at once, as a machine that loses power."""
    serving.kill()
    serving.start()


def kill_at_start(serving: Serving, chance: random.Random) -> None:
    """All at once, and again while the next server is starting."""
    serving.kill()
    serving.launch()
    time.sleep(chance.random() * START_SECONDS)
    serving.kill()
    serving.start()


def kill_http(serving: Serving, chance: random.Random) -> None:
    """The HTTP process alone: its writer ends by itself, beside the writer that follows it."""
    writer = serving.writer()
    serving.stop(signal.SIGKILL)
    serving.start()
    assert writer is not None
    wait_until(lambda: not is_alive(writer), RECOVERY_SECONDS, "the old writer did not end")


def kill_writer(serving: Serving, chance: random.Random) -> None:
    """The writer alone: the server starts another."""
    writer = serving.writer()
    assert writer is not None
    writer.kill()
    wait_until(serving.writer, RECOVERY_SECONDS, "no new writer")
    wait_until(serving.is_ready, RECOVERY_SECONDS, "not ready again")


def kill_at_stop(serving: Serving, chance: random.Random) -> None:
    """All at once, while the server is stopping as it was told."""
    os.kill(serving.pid, signal.SIGTERM)
    time.sleep(chance.random() * STOP_SECONDS)
    serving.kill()
    serving.start()


Kill = Callable[[Serving, random.Random], None]
ROUNDS: tuple[Kill, ...] = (kill_all, kill_http, kill_writer, kill_at_start, kill_at_stop)


@pytest.mark.timeout(120 + 5 * KILLS)
def test_no_kill_loses_an_answered_customer_or_leaves_a_part_of_a_batch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    print(f"ENROL_SEED={SEED}")  # noqa: T201 - pytest shows it when the test fails
    chance = random.Random(SEED)
    database = str(tmp_path / "enrol.db")
    load = Load(make_project(database), threads=THREADS, seed=SEED, pause=0.01)
    checked = 0
    with Serving(tmp_path, database) as serving, load.flowing():
        load.go(serving.port)
        for kill in islice(cycle(ROUNDS), KILLS):
            time.sleep(chance.random() * LOAD_SECONDS)
            kill(serving, chance)
            load.go(serving.port)
            answered = [batch for batch in load.batches[checked:] if batch.answers]
            checked = len(load.batches) - THREADS
            check_answered(database, answered)
        time.sleep(LOAD_SECONDS)
        load.end()
        _repeat_all_with_a_key(load, serving)
        assert serving.stop() == 0
        customers = check_all(database, load.batches)
    told = dict(outcomes(load.batches))
    with capsys.disabled():
        print(f"\n{KILLS} kills, {customers} customers, calls: {told}")  # noqa: T201
    assert customers


def _repeat_all_with_a_key(load: Load, serving: Serving) -> None:
    """Every batch with a key is sent once more: it is stored now, if it was not before."""
    with serving.client(load.key) as client:
        for batch in load.batches:
            if batch.key:
                reply = client.post(body_of(batch.people), idempotency_key=batch.key)
                assert reply.status == 200, reply
                batch.answers.append((reply.data, reply.headers["enrol-batch-id"]))
