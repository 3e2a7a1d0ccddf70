"""The writer of a SQLite file: groups, the failures of their members, and its socket."""

import asyncio
import json
import queue
import socket
import time
from collections.abc import Iterator, Sequence
from datetime import date
from hashlib import blake2b
from pathlib import Path
from typing import Any

import apsw
import pytest
from uuid_utils import uuid7

from enrol.customers.batch import plan_batch, read_batch
from enrol.customers.enrolment import Enrolment, KeyReused, Refused, Stored
from enrol.customers.model import Limits
from enrol.customers.plan import Call
from enrol.store.clock import now_ms
from enrol.store.group import decode_receipt
from enrol.store.protocol import StoreUnavailable
from enrol.store.sqlite import writer as process
from enrol.store.sqlite.enrol import Writer
from enrol.store.sqlite.file import connect, prepare
from enrol.store.sqlite.process import RESTART_SECONDS, WriterProcess
from enrol.store.sqlite.writer import commit_group
from enrol.store.sqlite.writer_connection import WriterConnection

DAY_MS = 86_400_000
LIMITS = Limits(items=10_000, text_chars=4_096, picture_bytes=1_048_576, json_depth=16)


@pytest.fixture
def database(tmp_path: Path) -> str:
    path = str(tmp_path / "enrol.db")
    prepare(path)
    return path


@pytest.fixture
def connection(database: str) -> Iterator[apsw.Connection]:
    connection = connect(database)
    yield connection
    connection.close()


@pytest.fixture
def writer(connection: apsw.Connection) -> Writer:
    return Writer(connection, DAY_MS)


def enrolment(*subs: str, key: str | None = None, mode: str = "atomic") -> Enrolment:
    """The rows of a batch of customers with these subs."""
    items = [{"customerClaims": {"sub": sub}} for sub in subs]
    body = {"customerType": "Individual", "cmsProjectId": "p", "customerData": items}
    text = json.dumps(body).encode()
    hashes = blake2b((key or "").encode(), digest_size=32), blake2b(text, digest_size=32)
    call = Call(
        project=1,
        secret=bytes(32),
        key_id="key_1",
        at=now_ms(),
        mint=uuid7,
        mode=mode,
        idempotency=(hashes[0].digest(), hashes[1].digest()) if key else None,
    )
    return plan_batch(
        read_batch(text, LIMITS), call, LIMITS, date(2030, 1, 1), lenient=False
    ).enrolment


def stored_subs(connection: apsw.Connection) -> set[str]:
    rows: Any = connection.execute("SELECT sub FROM customers")
    return {row[0] for row in rows}


def kinds(outcomes: Sequence[object]) -> list[object]:
    """Outcomes by their kind, failures by their code."""
    return [outcome if isinstance(outcome, str) else type(outcome) for outcome in outcomes]


def errors(capfd: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The errors that were logged."""
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    return [line for line in lines if line.get("level") == "error"]


def test_a_group_is_one_commit(writer: Writer, connection: apsw.Connection) -> None:
    commits = []

    def count_commit() -> bool:
        commits.append(1)
        return False

    connection.set_commit_hook(count_commit)
    outcomes = commit_group(writer, [enrolment(f"a{number}") for number in range(50)])
    assert kinds(outcomes) == [Stored] * 50
    assert len(commits) == 1
    assert len(stored_subs(connection)) == 50


def test_a_member_in_conflict_is_refused_alone(writer: Writer) -> None:
    first, twin, other = enrolment("a", "b"), enrolment("b", "c"), enrolment("d")
    outcomes = commit_group(writer, [first, twin, other])
    assert kinds(outcomes) == [Stored, Refused, Stored]
    refused = outcomes[1]
    assert isinstance(refused, Refused)
    assert [(item, owner) for item, _, owner in refused.conflicts] == [(0, first.ids[1])]
    assert stored_subs(writer.connection) == {"a", "b", "d"}


def test_a_member_that_was_refused_takes_no_name(writer: Writer) -> None:
    commit_group(writer, [enrolment("a")])
    outcomes = commit_group(writer, [enrolment("a", "b"), enrolment("b")])
    assert kinds(outcomes) == [Refused, Stored]


def test_a_call_and_its_repeat_in_one_group_are_stored_once(writer: Writer) -> None:
    calls = [enrolment("a", key="k"), enrolment("a", key="k"), enrolment("b", key="k")]
    first, repeat, reused = commit_group(writer, calls)
    assert isinstance(first, Stored)
    assert isinstance(repeat, Stored)
    assert (first.replayed, repeat.replayed) == (False, True)
    assert repeat.receipt == first.receipt
    assert isinstance(reused, KeyReused)
    assert stored_subs(writer.connection) == {"a"}


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        # No value of SQLite: what a fault of our own would look like.
        (lambda good: good._replace(customer_type=object()), "server.error"),
        # A row that the tables refuse.
        (lambda good: good._replace(customer_type=None), "store.unavailable"),
    ],
    ids=["own-fault", "constraint"],
)
def test_a_member_that_cannot_be_stored_harms_no_other(
    spoil: Any, code: str, writer: Writer, capfd: pytest.CaptureFixture[str]
) -> None:
    group = [enrolment("a"), spoil(enrolment("b", "c", key="k")), enrolment("d"), enrolment("e")]
    assert kinds(commit_group(writer, group)) == [Stored, code, Stored, Stored]
    assert stored_subs(writer.connection) == {"a", "d", "e"}
    told = errors(capfd)
    assert [line["enrolments"] for line in told] == [4, 1]
    # And the writer has learned nothing wrong: the same again, right, is taken.
    assert kinds(commit_group(writer, [enrolment("b", "c", key="k")])) == [Stored]


def test_a_locked_file_is_waited_for_once_and_not_once_a_member(
    writer: Writer, database: str, capfd: pytest.CaptureFixture[str]
) -> None:
    writer.connection.set_busy_timeout(50)
    other = connect(database)
    other.execute("BEGIN IMMEDIATE")
    outcomes = commit_group(writer, [enrolment(f"a{number}") for number in range(40)])
    assert outcomes == ["store.unavailable"] * 40
    assert len(errors(capfd)) == 1
    other.execute("ROLLBACK")
    other.close()
    assert kinds(commit_group(writer, [enrolment("a0")])) == [Stored]


def test_a_full_file_is_told_as_such(writer: Writer) -> None:
    pages: Any = writer.connection.pragma("page_count")
    writer.connection.pragma("max_page_count", pages)
    assert commit_group(writer, [enrolment(*(f"a{n}" for n in range(500)))]) == ["store.full"]
    writer.connection.pragma("max_page_count", 1_000_000)
    assert stored_subs(writer.connection) == set()
    assert kinds(commit_group(writer, [enrolment("a0")])) == [Stored]


def test_a_group_has_a_bound_and_ends_where_the_stop_stands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(process, "GROUP_CUSTOMERS", 5)
    jobs: process.Jobs = queue.SimpleQueue()
    with socket.socket(socket.AF_UNIX) as nobody:
        for number in range(1, 5):
            subs = [f"s{number}.{place}" for place in range(2)]
            jobs.put(process.Job(nobody, number, enrolment(*subs)))
        first = process.Job(nobody, 0, enrolment("a", "b"))
        jobs.put(process._Stop())
        group, ending = process._next_group(jobs, first)
        assert ([job.number for job in group], ending) == ([0, 1, 2], False)
        last = jobs.get()
        assert isinstance(last, process.Job)
        group, ending = process._next_group(jobs, last)
        assert ([job.number for job in group], ending) == ([3, 4], True)


def writer_process(database: str) -> WriterProcess:
    return WriterProcess(database, cache_mib=8, idempotency_ms=DAY_MS)


async def test_the_process_answers_each_call_with_its_own_outcome(database: str) -> None:
    with writer_process(database) as process:
        connection = WriterConnection(process.path)
        calls = [enrolment(f"a{number}", f"b{number}") for number in range(30)]
        answers = await asyncio.gather(*(connection.ask("enrol", tuple(call)) for call in calls))
        for call, (kind, (receipt, replayed)) in zip(calls, answers, strict=True):
            assert (kind, replayed) == ("stored", False)
            assert decode_receipt(receipt).ids == b"".join(call.ids)
        connection.close()


async def test_a_call_to_a_writer_that_dies_fails_and_the_next_waits_for_the_new_one(
    database: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with writer_process(database) as process:
        connection = WriterConnection(process.path)
        await connection.connect()
        # A writer that waits for the file's lock has not answered when it is killed.
        other = connect(database)
        other.execute("BEGIN IMMEDIATE")
        waiting = [
            asyncio.create_task(connection.ask("enrol", tuple(enrolment(f"a{n}"))))
            for n in range(9)
        ]
        await asyncio.sleep(0.3)
        dying = process.process
        dying.kill()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert {type(result) for result in results} == {StoreUnavailable}
        other.execute("ROLLBACK")
        other.close()
        # Its connections close before its listener does, which might take one more.
        await asyncio.to_thread(dying.wait)
        assert (await connection.ask("enrol", tuple(enrolment("a0"))))[0] == "stored"
        connection.close()
    assert [line["event"] for line in errors(capfd)] == ["writer died"]


async def test_all_who_wait_for_a_writer_that_does_not_come_are_told_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("enrol.store.sqlite.writer_connection.CONNECT_SECONDS", 0.3)
    connection = WriterConnection(str(tmp_path / "nobody.sock"))
    start = time.monotonic()
    results = await asyncio.gather(
        *(connection.ask("enrol", ("anything",)) for _ in range(20)), return_exceptions=True
    )
    assert {type(result) for result in results} == {StoreUnavailable}
    assert time.monotonic() - start < 2


class SlowlyStarted(WriterProcess):
    """Takes its time to start a writer."""

    def _start(self) -> Any:
        time.sleep(2 * RESTART_SECONDS)
        return super()._start()


def test_a_stop_while_a_new_writer_is_being_started_ends_that_one_too(database: str) -> None:
    with SlowlyStarted(database, cache_mib=8, idempotency_ms=DAY_MS) as process:
        first = process.process
        first.kill()
        first.wait()
        time.sleep(2 * RESTART_SECONDS)
    assert process.process is not first
    assert process.process.returncode == 0
    assert not Path(process.path).parent.exists()


async def test_the_socket_is_for_its_owner_alone(database: str) -> None:
    with writer_process(database) as process:
        connection = WriterConnection(process.path)
        await connection.connect()
        assert Path(process.path).parent.stat().st_mode & 0o777 == 0o700
        connection.close()
