"""A commit whose answer is lost: Enrol asks for the batch's own record, answers what is true, and
stores nothing twice."""

import random
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.faults.changes import Changes
from tests.faults.checker import check_all, count_customers
from tests.faults.load import Batch, Load, at_once, body_of, note, post
from tests.faults.processes import Serving, wait_until
from tests.faults.relay import AT_ANY_TIME, Cut, Relay
from tests.postgres import PostgresServer

# Commits wait so long for others to share the disk's time, in microseconds: a new connection is
# there before a commit is done that the old one has sent.
COMMIT_DELAY = 100_000
CUTTING_SECONDS = 30.0


@pytest.fixture
def database(durable: PostgresServer) -> str:
    url = durable.create_database()
    name = url.rpartition("/")[2]
    for setting, value in (("commit_delay", COMMIT_DELAY), ("commit_siblings", 0)):
        durable.query(f"ALTER DATABASE {name} SET {setting} = {value}")
    return url


@pytest.fixture
def relay(durable: PostgresServer) -> Iterator[Relay]:
    with Relay(durable.port) as relay:
        yield relay


@pytest.fixture
def serving(tmp_path: Path, relay: Relay, database: str, key: str) -> Iterator[Serving]:
    with Serving(tmp_path, relay.url(database)) as serving:
        yield serving


def test_a_commit_without_an_answer_is_settled_and_stored_once(
    serving: Serving, relay: Relay, database: str, key: str
) -> None:
    # No key: a batch that were tried again after it had been stored would conflict with itself.
    batches: list[Batch] = []
    for cut, times in [(Cut.BEFORE, 1), (Cut.BEFORE, 3), (Cut.DURING, 1), (Cut.AFTER, 1)] * 2:
        batches.append(Batch(f"cut{len(batches)}", 40, None))
        relay.cut_commits(cut, times)
        reply = post(serving, key, body_of(batches[-1].people))
        assert reply.status == 200, reply
        assert note(batches[-1], reply)
        assert relay.left == 0, cut
    assert serving.stop() == 0
    assert check_all(database, batches) == 40 * len(batches)


def test_a_commit_that_arrives_when_enrol_has_just_asked_for_it_is_no_conflict_with_itself(
    serving: Serving, relay: Relay, database: str, key: str
) -> None:
    batch = Batch("late", 3, None)
    relay.cut_commits(Cut.LATE, 1)
    reply = post(serving, key, body_of(batch.people))
    assert relay.done == 1
    assert count_customers(database) == 3
    assert reply.status == 200, reply
    assert note(batch, reply)
    assert check_all(database, [batch]) == 3


def test_calls_that_share_a_commit_without_an_answer_are_each_answered(
    serving: Serving, relay: Relay, database: str, key: str
) -> None:
    taken = Batch("taken", 1, None)
    assert note(taken, post(serving, key, body_of(taken.people)))
    batches = []
    for cut in AT_ANY_TIME:
        waiting = [Batch(f"{cut.name}{number}", 5, None) for number in range(16)]
        batches += waiting
        bodies = [body_of(batch.people) for batch in (*waiting, taken)]
        relay.cut_commits(cut, 1)
        replies = at_once([partial(post, serving, key, body) for body in bodies])
        assert relay.left == 0
        assert [reply.status for reply in replies] == [*[200] * 16, 409]
        for batch, reply in zip(waiting, replies, strict=False):
            note(batch, reply)
    assert check_all(database, [*batches, taken]) == 3 * 80 + 1


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER])
def test_a_commit_that_cannot_be_settled_is_a_503_and_its_repeat_tells(
    cut: Cut, serving: Serving, relay: Relay, database: str, key: str
) -> None:
    batch = Batch("unsettled", 20, "unsettled")
    relay.cut_commits(cut, 1, then_unreachable=True)
    body = body_of(batch.people)
    reply = post(serving, key, body, idempotency_key="unsettled")
    assert reply.status == 503
    assert not note(batch, reply)
    assert count_customers(database) == (20 if cut is Cut.AFTER else 0)
    relay.reachable = True
    wait_until(serving.is_ready, 10, "not ready again")
    for repeat in range(2):
        reply = post(serving, key, body, idempotency_key="unsettled")
        assert note(batch, reply)
        is_known = cut is Cut.AFTER or repeat > 0
        assert reply.headers.get("idempotency-replayed") == ("true" if is_known else None)
    assert check_all(database, [batch]) == 20


def test_commits_that_are_cut_at_random_under_load_lose_and_double_nothing(
    serving: Serving, relay: Relay, database: str, key: str
) -> None:
    chance = random.Random(1)
    load = Load(key, threads=6, seed=1)
    with load.flowing():
        load.go(serving.port)
        # As many as a slow machine needs: after a cut Enrol pauses before it commits again.
        deadline = time.monotonic() + CUTTING_SECONDS
        while relay.done <= 10:
            assert time.monotonic() < deadline, f"{relay.done} commits were cut"
            relay.cut_commits(chance.choice(AT_ANY_TIME), chance.randint(1, 2))
            time.sleep(chance.random() * 0.15)
        load.end()
    # Who met too many cuts in one call was told to repeat, and stores nothing twice by it.
    assert {status for batch in load.batches for status in batch.statuses} <= {503, 409}
    assert check_all(database, load.batches)


def test_a_cut_commit_is_settled_though_others_go_on_in_its_project(
    serving: Serving, relay: Relay, database: str, key: str
) -> None:
    """The end of the chain moves meanwhile: that is no reason to give up."""
    load = Load(key, threads=8, seed=3)
    with load.flowing():
        load.go(serving.port)
        for cut in (*AT_ANY_TIME, *AT_ANY_TIME):
            wait_until(lambda: relay.left == 0, CUTTING_SECONDS, "no commit was cut")
            relay.cut_commits(cut, 1)
            time.sleep(0.5)
        load.end()
    assert relay.done >= 5
    assert [status for batch in load.batches for status in batch.statuses] == []
    assert check_all(database, load.batches)


def test_changes_whose_commits_are_cut_are_settled_and_stored_once(
    tmp_path: Path, serving: Serving, relay: Relay, database: str, key: str
) -> None:
    chance = random.Random(2)
    batch = Batch("changed", 6, None)
    assert note(batch, post(serving, key, body_of(batch.people)))
    changes = Changes(tmp_path)
    with changes.changing(relay.url(database)) as process:
        deadline = time.monotonic() + CUTTING_SECONDS
        while relay.done <= 10:
            assert time.monotonic() < deadline, f"{relay.done} commits were cut"
            relay.cut_commits(chance.choice(AT_ANY_TIME), 1)
            time.sleep(chance.random() * 0.3)
        process.wait_for(process.count() + 1)
    assert check_all(database, [batch], changes) == 6
