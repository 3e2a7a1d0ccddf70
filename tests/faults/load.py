"""Clients that enrol without a pause and write down what they sent and what they were told."""

import http.client
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TypeVar

from tests.faults.processes import Client, Reply, Serving

T = TypeVar("T")
MOST_CUSTOMERS = 300
# Of the batches that got no answer, how many are sent again: with a key, and without.
RETRIED, RETRIED_WITHOUT_KEY = 0.8, 0.3


@dataclass(frozen=True)
class Person:
    """One customer that can be told from every other by each of its parts."""

    sub: str

    @property
    def wallet(self) -> str:
        return "0x" + sha256(self.sub.encode()).hexdigest()[:40]

    @property
    def did(self) -> str:
        return f"did:example:{self.sub}"

    @property
    def json(self) -> str:
        return (
            f'{{"customerWallet":{{"wallet":"{self.wallet}","blockchainNamespace":"eip155"}},'
            f'"customerClaims":{{"sub":"{self.sub}","name":"Someone"}},'
            f'"customerDid":{{"did":"{self.did}"}}}}'
        )


def people(prefix: str, count: int) -> list[Person]:
    return [Person(f"{prefix}.{number}") for number in range(count)]


def body_of(persons: Sequence[Person], project: str = "main") -> bytes:
    """The body that enrols these."""
    items = ",".join(person.json for person in persons)
    text = f'{{"customerType":"Individual","cmsProjectId":"{project}","customerData":[{items}]}}'
    return text.encode()


@dataclass
class Batch:
    """One batch as its client knows it: ``answers`` are IDs with the batch's own; ``lost`` counts
    the calls without an answer, ``statuses`` are those of the refusals; ``unsent``: the last call
    found nobody."""

    name: str
    size: int
    key: str | None
    answers: list[tuple[list[str], str]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    lost: int = 0
    unsent: bool = False

    @property
    def people(self) -> list[Person]:
        return people(self.name, self.size)


class Load:
    """Threads that enrol batches of new people, while ``running`` is set, at ``port``."""

    def __init__(
        self, key: str, *, threads: int, seed: object, pause: float = 0.0, prefix: str = "l"
    ) -> None:
        self.key = key
        self.pause = pause
        self.prefix = prefix
        self.port = 0
        self.running = threading.Event()
        self.ending = threading.Event()
        self.batches: list[Batch] = []
        self.failures: list[BaseException] = []
        self.threads = [
            threading.Thread(target=self._run, args=(number, random.Random(f"{seed}.{number}")))
            for number in range(threads)
        ]

    @contextmanager
    def flowing(self) -> Iterator["Load"]:
        """The threads are there within the block; afterwards each has had its last answer."""
        for thread in self.threads:
            thread.start()
        try:
            yield self
        finally:
            self.end()

    def go(self, port: int) -> None:
        """Send to this port from now on."""
        self.port = port
        self.running.set()

    def rest(self) -> None:
        """Send no more until `go`; what was sent is waited for by its thread."""
        self.running.clear()

    def end(self) -> None:
        self.ending.set()
        self.running.set()
        for thread in self.threads:
            thread.join()
        assert not self.failures, self.failures

    def _run(self, number: int, chance: random.Random) -> None:
        try:
            again: list[Batch] = []
            made = 0
            while not self.ending.is_set():
                self.running.wait()
                with Client(self.port, self.key) as client:
                    while self.running.is_set() and not self.ending.is_set():
                        if again:
                            batch = again.pop()
                        else:
                            made += 1
                            batch = self._new_batch(f"{self.prefix}.{number}.{made}", chance)
                        if not self._send(client, batch):
                            likely = RETRIED if batch.key else RETRIED_WITHOUT_KEY
                            if batch.unsent or chance.random() < likely:
                                again.append(batch)
                            break
                        time.sleep(chance.random() * self.pause)
                time.sleep(0.005)
        except BaseException as error:  # told by `end`, in the thread of the test
            self.failures.append(error)

    def _new_batch(self, name: str, chance: random.Random) -> Batch:
        size = chance.choice((1, chance.randint(1, 20), chance.randint(1, MOST_CUSTOMERS)))
        batch = Batch(name, size, name if chance.random() < 0.5 else None)
        self.batches.append(batch)
        return batch

    def _send(self, client: Client, batch: Batch) -> bool:
        """False when there was no answer, or one that asks to try again."""
        batch.unsent = False
        headers = {"idempotency_key": batch.key} if batch.key else {}
        try:
            reply = client.post(body_of(batch.people), **headers)
        except ConnectionRefusedError:
            batch.unsent = True
            return False
        except (OSError, http.client.HTTPException):
            batch.lost += 1
            return False
        return note(batch, reply)


def note(batch: Batch, reply: Reply) -> bool:
    """Write an answer down; False for one that asks to try again."""
    if reply.status == 200:
        batch.answers.append((reply.data, reply.headers["enrol-batch-id"]))
        return True
    batch.statuses.append(reply.status)
    assert reply.data["status"] == reply.status, reply
    assert reply.headers["content-type"] == "application/problem+json", reply
    if reply.status == 507:
        return False
    if reply.status == 503:
        assert reply.headers["retry-after"].isdigit(), reply
        return False
    # Without a key a call that got no answer may have been stored: then its people are taken.
    assert reply.status == 409, reply
    assert batch.key is None, reply
    assert batch.lost or 503 in batch.statuses, reply
    return True


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """All calls, each in a thread of its own, started together; what they returned, in order."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def post(serving: Serving, key: str, body: bytes, **headers: str) -> Reply:
    """One call on a connection of its own."""
    with serving.client(key) as client:
        return client.post(body, **headers)
