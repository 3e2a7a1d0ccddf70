"""A clock that is set back, or forward and back: what was stored stays, and repeats are known.

The servers' own clock is moved, that of their keys, receipts and rows. UUIDs are made by a library
that asks the machine: it counts on when time goes back.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.checker import check_all, reading
from tests.faults.load import Batch, body_of, note, people
from tests.faults.processes import Client, Serving

HOUR = 3_600
CLOCK = Path(__file__).with_name("clock")
TIMES = "SELECT min(created_at), max(created_at) FROM customers"


class Clock:
    """The clock of the servers that get ``environment``."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "clock"
        self.set(0)
        # Where the sources are, when they are not installed.
        paths = [str(CLOCK), *filter(None, [os.environ.get("PYTHONPATH")])]
        self.environment = {"PYTHONPATH": os.pathsep.join(paths), "CLOCK_FILE": str(self.file)}

    def set(self, hours: float) -> None:
        """Set it so far ahead of the machine's."""
        new = self.file.with_suffix(".new")
        new.write_text(str(int(hours * HOUR)))
        # At once: a process may be reading it.
        new.replace(self.file)


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path)


@contextmanager
def timed(folder: Path, database: str, clock: Clock) -> Iterator[Serving]:
    serving = Serving(folder, database)
    serving.environment |= clock.environment
    with serving:
        yield serving


def enrol(client: Client, batch: Batch, *, replayed: bool = False) -> None:
    reply = client.post(body_of(batch.people), idempotency_key=batch.key or "")
    assert note(batch, reply)
    assert reply.headers.get("idempotency-replayed") == ("true" if replayed else None)


def test_a_clock_that_is_set_back_harms_nothing(
    tmp_path: Path, database: str, key: str, clock: Clock
) -> None:
    batches = [Batch(f"at{number}", 5, f"at{number}") for number in range(4)]
    with timed(tmp_path, database, clock) as serving, serving.client(key) as client:
        for batch, hours in zip(batches, (0, -1, -20, -10), strict=True):
            clock.set(hours)
            enrol(client, batch)
            for before in batches[: batches.index(batch) + 1]:
                # Receipts of what is yet to come are receipts.
                enrol(client, before, replayed=True)
        clock.set(-20)
        serving.stop()
        # A server that starts in the past of its data.
        serving.start()
        with serving.client(key) as again:
            for batch in (batches[0], batches[3]):
                enrol(again, batch, replayed=True)
            reply = again.post(body_of(people("at0", 5)))
            assert (reply.status, reply.data["code"]) == (409, "batch.conflict")
            page = again.call("GET", "/customers?cmsProjectId=main&limit=100").data
        listed = [customer["id"] for customer in page["data"]]
        told = [one for batch in batches for one in batch.answers[0][0]]
        assert page["totalCount"] == len(told) == 20
        assert sorted(listed) == sorted(told)
        assert serving.stop() == 0
    with reading(database) as rows:
        ((first, last),) = rows(TIMES)
    # The clock did go back.
    assert last - first > 19 * HOUR * 1000
    assert check_all(database, batches) == 20


def test_a_clock_that_went_too_far_ahead_and_came_back_stores_nothing_twice(
    tmp_path: Path, database: str, key: str, clock: Clock
) -> None:
    early, late = Batch("early", 5, "early"), Batch("late", 5, "late")
    with timed(tmp_path, database, clock) as serving, serving.client(key) as client:
        enrol(client, early)
        clock.set(30)
        enrol(client, late)
        # A day has passed, for all that the server knows: the key is new, the customers are not.
        reply = client.post(body_of(early.people), idempotency_key="early")
        assert (reply.status, reply.data["code"]) == (409, "batch.conflict")
        assert {error["customerId"] for error in reply.data["errors"]} == set(early.answers[0][0])
        clock.set(0)
        enrol(client, late, replayed=True)
        assert serving.stop() == 0
    assert check_all(database, [early, late]) == 10
