"""What an erasure leaves in the pages of a file. The layout is the same in every run."""

import json
import random
import resource
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import apsw
import pytest

from enrol.customers.lifecycle.change import Applied, Change, Event, Write
from enrol.store.search.indexing import FIND_LAG
from enrol.store.search.left_behind import LOOK_SECONDS
from enrol.store.search.on_sqlite import Indexer
from enrol.store.sqlite.enrol import Writer
from enrol.store.sqlite.file import connect, prepare, transaction
from enrol.store.sqlite.process import WriterProcess
from enrol.store.sqlite.scrubbing import (
    OVERWRITE_SECONDS,
    PAUSE_SECONDS,
    Overwriting,
    scrub,
)
from enrol.store.sqlite.writer import commit_group
from enrol.store.statements import to_sqlite
from tests.faults.processes import wait_until

PROJECT = 1
PEOPLE = 4_000


def name_of(number: int) -> str:
    return f"Person-{number:06}-of-these"


def id_of(number: int) -> bytes:
    return number.to_bytes(16, "big")


def fill(path: str, projects: int) -> None:
    """Customers that came in batches of all sizes, many of whose rows grew later; the projects take
    turns, so that each grows in the midst of the others."""
    prepare(path)
    connection = connect(path)
    connection.pragma("synchronous", "off")
    chance = random.Random(1)
    number = 0
    while number < PEOPLE:
        batch = range(number, min(PEOPLE, number + chance.choice([1, 1, 1, 2, 7, 40, 300])))
        number = batch.stop
        with transaction(connection):
            for each in batch:
                padding = "x" * chance.choice([0, 10, 300])
                project, id_ = 1 + each % projects, id_of(each)
                connection.execute(
                    "INSERT INTO customers (project, id, batch_id, type, created_at, name, address)"
                    " VALUES (?, ?, ?, 'I', 1, ?, ?)",
                    (project, id_, id_, name_of(each), padding),
                )
    # As the writer has it for changes.
    connection.pragma("secure_delete", True)
    grown = chance.sample(range(PEOPLE), PEOPLE // 3)
    for each in grown:
        project, id_ = 1 + each % projects, id_of(each)
        connection.execute(
            "UPDATE customers SET reason = ?, metadata = ? WHERE project = ? AND id = ?",
            ("r" * chance.randint(1, 200), "m" * chance.randint(1, 900), project, id_),
        )
    connection.close()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with many customers of one project."""
    path = tmp_path_factory.mktemp("scrubbed") / "enrol.db"
    fill(str(path), 1)
    return path


@pytest.fixture
def connection(filled: Path, tmp_path: Path) -> apsw.Connection:
    """A copy for one test alone."""
    connection = connect(str(shutil.copy(filled, tmp_path / "enrol.db")))
    connection.pragma("synchronous", "off")
    return connection


def erase(connection: apsw.Connection, numbers: Sequence[int], project: int = PROJECT) -> Change:
    """Empty the rows as an erasure does."""
    connection.pragma("secure_delete", True)
    rows = [(None, None, None, None, project, id_of(number)) for number in numbers]
    columns = ("name", "address", "reason", "metadata")
    write = Write("update", "customers", columns, rows, ("project", "id"))
    with transaction(connection):
        connection.executemany(
            "UPDATE customers SET name = ?, address = ?, reason = ?, metadata = ? "
            "WHERE project = ? AND id = ?",
            rows,
        )
    return Change(project, b"", "key", 0, writes=[write], erases=True)


def left(connection: apsw.Connection, numbers: Sequence[int]) -> list[int]:
    """Of whom the file tells."""
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    raw = Path(connection.filename).read_bytes()
    return [number for number in numbers if name_of(number).encode() in raw]


def test_what_was_moved_about_in_pages_is_overwritten(connection: apsw.Connection) -> None:
    numbers = random.Random(2).sample(range(PEOPLE), 400)
    change = erase(connection, numbers)
    # To overwrite the rows alone does not suffice.
    assert left(connection, numbers)
    before = connection.execute("SELECT * FROM customers").fetchall()
    with transaction(connection):
        scrub(connection, change)
    assert left(connection, numbers) == []
    assert connection.execute("SELECT * FROM customers").fetchall() == before
    assert connection.pragma("integrity_check") == "ok"


@pytest.mark.parametrize("projects", [7, 150, 2_000])
def test_what_lies_among_the_rows_of_other_projects_is_overwritten(
    tmp_path: Path, projects: int
) -> None:
    path = tmp_path / "enrol.db"
    fill(str(path), projects)
    connection = connect(str(path))
    connection.pragma("synchronous", "off")
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    raw = path.read_bytes()
    twice = [number for number in range(PEOPLE) if raw.count(name_of(number).encode()) > 1]
    assert len(twice) > 10
    for number in twice:
        change = erase(connection, [number], 1 + number % projects)
        with transaction(connection):
            scrub(connection, change)
        assert left(connection, [number]) == []


def test_a_customer_of_whom_there_are_copies_leaves_none(connection: apsw.Connection) -> None:
    """One at a time: no other erasure clears the pages beside."""
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    raw = Path(connection.filename).read_bytes()
    twice = [number for number in range(PEOPLE) if raw.count(name_of(number).encode()) > 1]
    assert len(twice) > 10
    for number in twice:
        change = erase(connection, [number])
        with transaction(connection):
            scrub(connection, change)
        assert left(connection, [number]) == []


def test_rows_beside_several_erased_ones_are_rewritten_for_all_of_them(
    connection: apsw.Connection,
) -> None:
    """For each by itself, an erasure with many sources held up every writer for seconds."""
    one, many, far = ([1_000], range(2_000, 2_400), range(0, PEOPLE, 400))
    cost = {}
    for name, numbers in (("one", one), ("many", many), ("far", far)):
        change = erase(connection, numbers)
        before = connection.total_changes()
        with transaction(connection):
            scrub(connection, change)
        cost[name] = connection.total_changes() - before
        assert left(connection, numbers) == []
    # Those in line have as many neighbours as one, and themselves; those far off have their own.
    assert cost["many"] < cost["one"] * (48 + 400) / 48 * 1.1
    assert cost["far"] <= cost["one"] * len(far)
    assert connection.pragma("integrity_check") == "ok"


def test_a_log_that_a_reader_holds_is_emptied_later(
    connection: apsw.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1_000.0]
    monkeypatch.setattr("enrol.store.sqlite.scrubbing.time.monotonic", lambda: clock[0])
    log = Path(f"{connection.filename}-wal")
    overwriting = Overwriting(connection)
    reader = connect(connection.filename, read_only=True)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM customers").fetchall()
    overwriting.begin([Change(PROJECT, b"", "key", 0, erases=True)])
    assert connection.pragma("secure_delete") == 1
    erase(connection, [1])
    overwriting.go_on()
    assert log.stat().st_size > 0
    assert overwriting.patience == PAUSE_SECONDS
    reader.execute("COMMIT")
    # Not before its time, for each try makes callers wait.
    overwriting.go_on()
    assert log.stat().st_size > 0
    clock[0] += PAUSE_SECONDS
    overwriting.go_on()
    assert log.stat().st_size == 0
    clock[0] += OVERWRITE_SECONDS
    overwriting.go_on()
    assert not overwriting.is_due
    reader.close()


class Owed(NamedTuple):
    """A file from which one writer has erased somebody, and then ended with the log as it was: a
    reader kept it from emptying it."""

    path: str
    reader: apsw.Connection
    other: Writer
    indexer: Indexer


NAME = b"ERIKA-MUSTERMANN"


def erase_and_end(path: str, reader: apsw.Connection) -> None:
    """What the first writer of `Owed` does."""
    connection = connect(path)
    writer = Writer(connection, 1_000)
    told = Event("note", data=json.dumps(NAME.decode()), salt=bytes(16))
    writer.write([Change(PROJECT, id_of(1), "key", 1, events=[told])])
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM events").fetchall()
    erased = Write("update", "events", ("data",), [(None, PROJECT, 1)], ("project", "seq"))
    events = [Event("customer.erased")]
    writer.write([Change(PROJECT, id_of(2), "key", 1, writes=[erased], events=events, erases=True)])
    assert writer.overwriting.is_due
    assert NAME in Path(f"{path}-wal").read_bytes()
    reader.execute("COMMIT")
    connection.close()


@pytest.fixture
def owed(tmp_path: Path) -> Iterator[Owed]:
    path = str(tmp_path / "enrol.db")
    prepare(path)
    reader, other = connect(path, read_only=True), Writer(connect(path), 1_000)
    indexer = Indexer(other.connection, other.overwriting)
    erase_and_end(path, reader)
    yield Owed(path, reader, other, indexer)
    reader.close()
    other.connection.close()


def note(number: int) -> Change:
    return Change(PROJECT, id_of(number), "key", 1, events=[Event("note")])


def test_the_log_of_a_writer_that_ended_is_emptied_by_the_next_group_of_another(
    owed: Owed,
) -> None:
    assert not owed.other.overwriting.is_due
    # A batch, which by itself would overwrite nothing.
    owed.other.write([])
    assert owed.other.connection.pragma("secure_delete") == 1
    owed.other.write([note(3)])
    assert NAME not in Path(f"{owed.path}-wal").read_bytes()
    assert NAME not in Path(owed.path).read_bytes()


def test_the_log_of_a_writer_that_ended_is_emptied_by_the_one_after_it(
    owed: Owed, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1_000.0]
    monkeypatch.setattr("enrol.store.sqlite.scrubbing.time.monotonic", lambda: clock[0])
    next_one = Overwriting(connect(owed.path))
    assert next_one.patience == 0
    next_one.go_on()
    assert Path(f"{owed.path}-wal").stat().st_size == 0
    # For as long as an index may follow, whoever comes has to know.
    assert Overwriting(owed.other.connection).is_due
    clock[0] += OVERWRITE_SECONDS
    next_one.go_on()
    # The index has the words until it has seen the erasure, however late that is.
    assert Overwriting(owed.other.connection).is_due
    owed.indexer.take_slice(PROJECT)
    clock[0] += PAUSE_SECONDS
    next_one.go_on()
    assert not next_one.is_due
    assert not Overwriting(owed.other.connection).is_due
    next_one.connection.close()


def test_who_is_done_with_one_erasure_leaves_the_mark_of_a_later_one(
    owed: Owed, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1_000.0]
    monkeypatch.setattr("enrol.store.sqlite.scrubbing.time.monotonic", lambda: clock[0])
    owed.indexer.take_slice(PROJECT)
    first = Overwriting(connect(owed.path))
    clock[0] += OVERWRITE_SECONDS
    owed.other.write([Change(PROJECT, id_of(3), "key", 1, erases=True)])
    first.go_on()
    assert first.patience is None
    first.look()
    assert first.is_due
    first.connection.close()


def test_the_index_of_another_writer_overwrites_what_an_erasure_takes_out_of_it(
    owed: Owed,
) -> None:
    assert owed.other.connection.pragma("secure_delete") == 2
    owed.indexer.take_slice(PROJECT)
    assert owed.other.connection.pragma("secure_delete") == 1


def test_a_writer_with_nothing_to_do_does_what_another_left(tmp_path: Path) -> None:
    path = str(tmp_path / "enrol.db")
    prepare(path)
    with WriterProcess(path, cache_mib=8, idempotency_ms=1_000) as process:
        wait_until(lambda: Path(process.path).exists(), 10, "no writer")
        reader = connect(path, read_only=True)
        erase_and_end(path, reader)
        wait_until(
            lambda: NAME not in Path(f"{path}-wal").read_bytes(), 3 * LOOK_SECONDS, "not emptied"
        )
        lag = to_sqlite(FIND_LAG)
        # Two looks, for whoever wrote might be just about to index.
        wait_until(
            lambda: [*reader.execute(lag, (PROJECT,))] == [(2, 2)], 3 * LOOK_SECONDS, "not indexed"
        )
        reader.close()


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """As on a full disk, for this process alone."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def events_of(number: int, *, erases: bool = False) -> Change:
    """A change that makes the file longer."""
    events = [Event("note", data="x" * 900, salt=bytes(16))] * 30
    return Change(PROJECT, id_of(number), "key", 1, events=events, erases=erases)


def test_what_is_committed_is_answered_so_though_its_log_cannot_be_emptied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    clock = [1_000.0]
    monkeypatch.setattr("enrol.store.sqlite.scrubbing.time.monotonic", lambda: clock[0])
    path = tmp_path / "enrol.db"
    log = Path(f"{path}-wal")
    prepare(str(path))
    connection = connect(str(path))
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    writer = Writer(connection, 1_000)
    with no_file_larger_than(path.stat().st_size):
        outcomes = commit_group(writer, [events_of(1, erases=True), events_of(2)])
        assert outcomes == [Applied(30), Applied(60)]
        clock[0] += PAUSE_SECONDS
        # As a writer does that has nothing else to do.
        writer.overwriting.go_on()
    assert writer.overwriting.is_due
    assert log.stat().st_size > 0
    told = capfd.readouterr().err.splitlines()
    assert len(told) == 2
    assert all('"event":"log not emptied"' in line for line in told)
    clock[0] += PAUSE_SECONDS
    writer.overwriting.go_on()
    assert log.stat().st_size == 0
    assert connection.execute("SELECT count(*) FROM events").get == 60
    connection.close()


def test_pages_that_changes_free_are_overwritten(connection: apsw.Connection) -> None:
    overwriting = Overwriting(connection)
    overwriting.begin([Change(PROJECT, b"", "key", 0)])
    assert connection.pragma("secure_delete") == 1
    assert overwriting.patience is None
    # A batch frees none that tell of anybody.
    overwriting.begin([])
    assert connection.pragma("secure_delete") == 2
