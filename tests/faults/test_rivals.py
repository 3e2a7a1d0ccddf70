"""Callers that want the same at the same moment, at one server and at two: each customer is created
once, and no caller sees the trouble of another."""

import time
from functools import partial
from pathlib import Path

from tests.faults.checker import check_all, count_customers
from tests.faults.load import Load, at_once, body_of, people, post
from tests.faults.processes import Serving


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


def test_two_servers_on_one_database_create_each_customer_once(
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
            assert {error["customerId"] for error in loser.data["errors"]} == set(winner.data)
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
