"""The feed has no gap: many write at once, servers are killed, and whoever follows misses nothing
and sees nothing twice."""

import http.client
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from enrol.store.registry import open_registry
from tests.faults.load import body_of, people
from tests.faults.processes import Client, Reply, Serving, make_project
from tests.maintenance.chain_reference import verify

WRITERS = 4
SECONDS = 6.0
GIVE_UP_SECONDS = 60.0
UNANSWERED = (OSError, http.client.HTTPException)


@pytest.fixture
def key(database: str) -> str:
    """A key that may also erase."""
    return make_project(database, "main", "admin")


@pytest.fixture
def servers(serving: Serving, database: str, tmp_path: Path) -> Iterator[list[Serving]]:
    """Two servers on one database."""
    other = tmp_path / "other"
    other.mkdir()
    with Serving(other, database) as second:
        yield [serving, second]


class Caller:
    """Calls whichever server answers, again and again until one does."""

    def __init__(self, servers: list[Serving], key: str, start: int) -> None:
        self.servers = servers
        self.key = key
        self.turn = start

    def call(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Reply:
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while True:
            server = self.servers[self.turn % len(self.servers)]
            try:
                with Client(server.port, self.key, timeout=20) as client:
                    reply = client.call(method, path, body, **headers)
            except UNANSWERED:
                reply = None
            if reply is not None and reply.status not in (503, 409):
                return reply
            assert time.monotonic() < deadline, reply
            self.turn += 1
            time.sleep(0.02)


class Writer(Caller):
    """Enrols batches of all sizes, and erases some of the customers."""

    def __init__(self, servers: list[Serving], key: str, number: int) -> None:
        super().__init__(servers, key, number)
        self.number = number
        self.chance = random.Random(number)
        self.created: list[str] = []
        self.erased: list[str] = []

    def write(self, until: float) -> None:
        turn = 0
        while time.monotonic() < until:
            turn += 1
            name = f"w{self.number}.{turn}"
            body = body_of(people(name, self.chance.choice([1, 1, 2, 30, 400])))
            reply = self.call("POST", "/customers/batch", body, idempotency_key=name)
            assert reply.status == 200, reply
            self.created += reply.data
            for _ in range(self.chance.choice([0, 0, 1, 4])):
                left = [each for each in reply.data if each not in self.erased]
                if left:
                    one = self.chance.choice(left)
                    assert self.call("POST", f"/customers/{one}/erase").status == 200
                    self.erased.append(one)


class Reader(Caller):
    """Follows the feed from its beginning."""

    def __init__(self, servers: list[Serving], key: str) -> None:
        super().__init__(servers, key, 0)
        self.events: list[dict[str, Any]] = []
        self.after = "0"
        self.pages = 0

    def follow(self, is_over: Callable[[], bool]) -> None:
        while True:
            over = is_over()
            reply = self.call("GET", f"/events?after={self.after}&limit=300")
            assert reply.status == 200, reply
            # Another server each time.
            self.turn += 1
            self.pages += bool(reply.data["data"])
            self.events += reply.data["data"]
            self.after = reply.data["nextAfter"]
            if over and not reply.data["data"]:
                return


@contextmanager
def running(*tasks: Callable[[], None]) -> Iterator[None]:
    """Run these beside the block, and wait for them; what one raises is raised."""
    failures: list[BaseException] = []

    def run(task: Callable[[], None]) -> None:
        try:
            task()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    yield
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


@pytest.mark.timeout(180)
def test_a_reader_sees_each_event_once_and_in_order(
    servers: list[Serving], key: str, database: str
) -> None:
    until = time.monotonic() + SECONDS
    writers = [Writer(servers, key, number) for number in range(WRITERS)]
    readers = [Reader(servers, key) for _ in range(2)]
    done = threading.Event()
    with running(*(lambda reader=reader: reader.follow(done.is_set) for reader in readers)):
        try:
            with running(*(lambda writer=writer: writer.write(until) for writer in writers)):
                for victim in (servers[1], servers[0]):
                    time.sleep(SECONDS / 3)
                    victim.kill()
                    victim.start()
        finally:
            done.set()
    created = [one for writer in writers for one in writer.created]
    erased = [one for writer in writers for one in writer.erased]
    assert erased
    with open_registry(database) as registry:
        head, _ = verify(registry.database.rows, 1)
    for reader in readers:
        assert [event["seq"] for event in reader.events] == [*range(1, head + 1)]
        assert len({event["id"] for event in reader.events}) == head
        assert told(reader, "customer.created") == sorted(created)
        assert told(reader, "customer.erased") == sorted(erased)
        # It followed, and did not read all of it at the end.
        assert reader.pages > head / 300 + 3
    assert len(created) + len(erased) == head


def told(reader: Reader, event_type: str) -> list[str]:
    """Of whom the feed told, sorted."""
    return sorted(e["customerId"] for e in reader.events if e["type"] == event_type)
