"""The events of a server that ended before its index had followed: those beside it take them in."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from uuid_utils import uuid7

from enrol.customers.lifecycle.change import Applied, Change, Event
from enrol.store.postgres.store import PostgresStore
from enrol.store.protocol import Store
from enrol.store.search import on_postgres
from enrol.store.search.indexing import FIND_LAG
from enrol.store.search.left_behind import LOOK_SECONDS, LeftBehind
from enrol.store.search.on_sqlite import Indexer
from enrol.store.sqlite.enrol import Writer
from enrol.store.sqlite.file import connect, prepare

PROJECT = 1
HOUR_MS = 3_600_000
Ends = tuple[Writer, Indexer]


def change() -> Change:
    return Change(PROJECT, uuid7().bytes, "key", 1, events=[Event("note")] * 3)


def test_an_index_that_somebody_brings_on_is_not_left() -> None:
    left = LeftBehind()
    # What was there before is taken at once.
    assert left.look([(1, 0), (2, 7)]) == [1, 2]
    assert left.look([(1, 5), (3, 0)]) == []
    assert left.look([(1, 9), (3, 0)]) == [3]
    assert left.look([]) == []
    assert left.look([(3, 0)]) == []


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, as the writers see it."""
    clock = [1_000.0]
    monkeypatch.setattr("enrol.store.search.on_sqlite.time.monotonic", lambda: clock[0])
    return clock


@pytest.fixture
def two(tmp_path: Path, clock: list[float]) -> Iterator[tuple[Ends, Ends]]:
    """Two writers of one file."""
    path = str(tmp_path / "enrol.db")
    prepare(path)
    writers = [Writer(connect(path), HOUR_MS) for _ in range(2)]
    one, other = [(each, Indexer(each.connection, each.overwriting)) for each in writers]
    yield one, other
    for each in writers:
        each.connection.close()


def test_a_writer_takes_in_the_events_of_another_that_ended(
    two: tuple[Ends, Ends], clock: list[float]
) -> None:
    (writer, _), (_, indexer) = two
    writer.write([change()])
    for behind in (set(), {PROJECT}):
        clock[0] += LOOK_SECONDS
        indexer.look()
        assert set(indexer.behind) == behind
    while indexer.behind:
        indexer.take_slice()
    clock[0] += LOOK_SECONDS
    indexer.look()
    assert not indexer.has_work()


def test_a_writer_leaves_alone_what_another_is_at_and_what_has_failed(
    two: tuple[Ends, Ends], clock: list[float]
) -> None:
    (writer, busy), (_, idle) = two
    for _ in range(3):
        writer.write([change()])
        clock[0] += LOOK_SECONDS
        idle.look()
        assert not idle.behind
        busy.take_slice(PROJECT)
    writer.write([change()])
    idle.leave(PROJECT)
    for _ in range(3):
        clock[0] += 1.0
        idle.next_look = 0.0
        idle.look()
        assert not idle.has_work()


@pytest.fixture
async def stores(url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[PostgresStore]]:
    """Two servers on one database."""
    monkeypatch.setattr(on_postgres, "LOOK_SECONDS", 0.3)
    opened = [PostgresStore(url, idempotency_ms=HOUR_MS) for _ in range(2)]
    for each in opened:
        await each.open()
    yield opened
    for each in opened:
        await each.close()


async def followed(store: Store) -> None:
    """Return when the index has all events, though nobody asks it to."""
    async with asyncio.timeout(10):
        while True:
            ((head, seq),) = await store.fetch(FIND_LAG, PROJECT)
            if head == seq:
                return
            await asyncio.sleep(0.05)


async def test_a_server_takes_in_the_events_of_another_that_ended(
    stores: list[PostgresStore],
) -> None:
    ending, other = stores
    await followed(other)
    assert await ending.apply(change()) == Applied(3)
    # Before its index follows.
    await ending.indexer.stop()
    await followed(other)


async def test_what_was_stored_for_a_caller_who_was_gone_is_indexed(
    stores: list[PostgresStore],
) -> None:
    store, other = stores
    await other.indexer.stop()
    call = asyncio.create_task(store.apply(change()))
    await asyncio.sleep(0)
    call.cancel()
    await asyncio.wait([*store.writer.applying])
    assert await store.fetch(FIND_LAG, PROJECT) == [(3, 0)]
    await followed(store)
