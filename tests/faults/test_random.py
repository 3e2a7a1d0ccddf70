"""Every kind of fault once, in an order of chance, under load; `make faults` goes on for long.

``ENROL_SEED`` repeats the order of a run.
"""

import os
import random
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.rounds import OF_A_FILE, OF_POSTGRES
from tests.faults.run import run_leg, staged
from tests.postgres import Installation, PostgresServer, oldest_and_newest

SEED = int(os.environ.get("ENROL_SEED") or secrets.randbits(32))


@pytest.fixture
def durable(
    durable_servers: Callable[[Installation], PostgresServer],
) -> Iterator[PostgresServer]:
    """The oldest, for the other tests have the newest."""
    server = durable_servers(oldest_and_newest()[0])
    yield server
    if server.process.poll() is not None:
        server.start()


@pytest.mark.timeout(240)
def test_no_fault_breaks_a_promise_on_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _all_faults(None, tmp_path, capsys)


@pytest.mark.timeout(240)
def test_no_fault_breaks_a_promise_on_postgres(
    durable: PostgresServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _all_faults(durable, tmp_path, capsys)


def _all_faults(
    postgres: PostgresServer | None, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(SEED)
    print(f"ENROL_SEED={SEED}")  # noqa: T201 - pytest shows it when the test fails
    faults = OF_A_FILE if postgres is None else OF_POSTGRES
    with staged(folder, postgres, chance) as scene:
        customers, told = run_leg(scene, chance.sample(faults, len(faults)), SEED)
    with capsys.disabled():
        print(f"\n{len(faults)} faults, {customers} customers, calls: {dict(told)}")  # noqa: T201
    assert customers
