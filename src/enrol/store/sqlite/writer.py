"""The writer process of a SQLite file: takes enrolments and changes from the HTTP processes over a
Unix socket and commits all that wait as one group.

A process of its own, so that packing rows into B-trees runs beside the decoding and checking of
the next batch. It ends when its standard input closes, that is, with the server that started it.
"""

import contextlib
import os
import queue
import signal
import socket
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import apsw

from enrol.collector import collect_seldom
from enrol.customers.editing.undoing import Undo
from enrol.customers.enrolment import Enrolment, KeyReused, Outcome, Refused
from enrol.customers.lifecycle.change import Applied, Change, ChangeOutcome, Conflict, Stale
from enrol.logs import log, log_error, set_up_library_logs
from enrol.store.group import encode_receipt
from enrol.store.search.left_behind import LOOK_SECONDS
from enrol.store.search.on_sqlite import IDLE_SECONDS, Indexer
from enrol.store.sqlite.enrol import Writer
from enrol.store.sqlite.file import connect, prepare
from enrol.store.sqlite.frames import Frames, pack, unpack
from enrol.store.sqlite.scrubbing import Overwriting

# The most customers that share a commit: a bound on how long the first of them waits.
GROUP_CUSTOMERS: Final = 20_000
RECEIVE_BYTES: Final = 1024 * 1024
Work = Enrolment | Change | Undo


class Indexing(NamedTuple):
    """The wish that the search index follow the events of a project, by a slice at least."""

    project: int


class Indexed(NamedTuple):
    """A slice was taken in, or there was none."""


class Job(NamedTuple):
    """What one caller wants done, and the connection that waits for its outcome."""

    connection: socket.socket
    number: int
    work: Work | Indexing

    @property
    def customers(self) -> int:
        """How many customers it is about."""
        work = self.work
        if isinstance(work, Indexing):
            return 0
        if isinstance(work, Undo):
            return len(work.customers)
        return len(work.ids if isinstance(work, Enrolment) else work.events)


WORK: Final[dict[str, Callable[[Any], Work | Indexing]]] = {
    "enrol": lambda fields: Enrolment(*fields),
    "undo": lambda fields: Undo(*fields),
    "apply": Change.from_plain,
    "index": Indexing,
}


class _Stop:
    """Put in the queue when the process shall end after all before it."""


Jobs = queue.SimpleQueue[Job | _Stop]


def _read(connection: socket.socket, jobs: Jobs) -> None:
    frames = Frames()
    with contextlib.suppress(ConnectionError):
        while data := connection.recv(RECEIVE_BYTES):
            for payload in frames.take(data):
                jobs.put(_job(connection, payload))


def _job(connection: socket.socket, payload: memoryview) -> Job:
    # In a function of its own: a thread that waits for more data would keep what it read last.
    number, kind, fields = unpack(payload)
    return Job(connection, number, WORK[kind](fields))


def _accept(listener: socket.socket, jobs: Jobs) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_read, args=(connection, jobs), daemon=True).start()


def _watch_parent(jobs: Jobs) -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    jobs.put(_Stop())


def _next_group(jobs: Jobs, first: Job) -> tuple[list[Job], bool]:
    """All that waits, up to the bound; and whether the end was asked for."""
    group, customers = [first], first.customers
    while customers < GROUP_CUSTOMERS:
        try:
            job = jobs.get_nowait()
        except queue.Empty:
            break
        if isinstance(job, _Stop):
            return group, True
        group.append(job)
        customers += job.customers
    return group, False


def failure_code(error: apsw.Error) -> str:
    """The problem's code for a failed commit."""
    return "store.full" if isinstance(error, apsw.FullError) else "store.unavailable"


def commit_group(writer: Writer, group: Sequence[Work]) -> list[Outcome | ChangeOutcome | str]:
    """One outcome each; a failure's code where the database failed.

    When a group fails each member is tried alone: what one of them broke harms no other. But a
    file that another process holds locked is nobody's fault, and was waited for already.
    """
    try:
        return list(writer.write(group))
    except Exception as error:
        log_error("commit failed", error, enrolments=len(group))
        if len(group) == 1 or isinstance(error, apsw.BusyError):
            code = failure_code(error) if isinstance(error, apsw.Error) else "server.error"
            return [code for _ in group]
    return [outcome for each in group for outcome in commit_group(writer, [each])]


def _answer(
    group: Sequence[Job], outcomes: Sequence[Outcome | ChangeOutcome | Indexed | str]
) -> None:
    """Tell each call of a group; one message for all that came over one connection."""
    answers: dict[socket.socket, list[bytes]] = defaultdict(list)
    for job, outcome in zip(group, outcomes, strict=True):
        answers[job.connection] += pack((job.number, *_message(outcome)))
    for connection, frames in answers.items():
        try:
            connection.sendall(b"".join(frames))
        except OSError as error:
            log_error("answers lost", error, answers=len(frames))


def _message(outcome: Outcome | ChangeOutcome | Indexed | str) -> tuple[str, Any]:
    if isinstance(outcome, str):
        return "failed", outcome
    if isinstance(outcome, Applied):
        return "applied", outcome.seq
    if isinstance(outcome, Stale):
        return "stale", None
    if isinstance(outcome, Conflict):
        return "conflict", outcome.taken
    if isinstance(outcome, Indexed):
        return "indexed", None
    if isinstance(outcome, Refused):
        return "refused", outcome.conflicts
    if isinstance(outcome, KeyReused):
        return "reused", None
    return "stored", (encode_receipt(outcome.receipt), outcome.replayed)


def _write(writer: Writer, indexer: Indexer, group: Sequence[Job]) -> None:
    """Commit what a group wants stored, and then let the index follow where that is asked for."""
    start = time.monotonic()
    works = [job.work for job in group if not isinstance(job.work, Indexing)]
    if works:
        writing = [job for job in group if not isinstance(job.work, Indexing)]
        _answer(writing, commit_group(writer, works))
        indexer.note({work.project for work in works}, time.monotonic() - start)
    asking = [job for job in group if isinstance(job.work, Indexing)]
    failures = {each: index(indexer, each) for each in {job.work.project for job in asking}}
    _answer(asking, [failures[job.work.project] or Indexed() for job in asking])
    if works and indexer.is_due():
        index(indexer)


def index(indexer: Indexer, project: int | None = None) -> str | None:
    """Take in a slice; a failure's code. Whatever goes wrong there, customers can still be written.

    A project that is named is that of somebody who waits, who asks again until it has what he
    wants: no slice is tried where one has failed just now.
    """
    if project is not None and indexer.is_left_alone(project):
        return "store.unavailable"
    try:
        indexer.take_slice(project)
    except Exception as error:
        log_error("indexing failed", error)
        indexer.leave(project)
        return failure_code(error) if isinstance(error, apsw.Error) else "server.error"
    return None


def _next_job(jobs: Jobs, indexer: Indexer, overwriting: Overwriting) -> Job | _Stop:
    """What comes next; while nothing comes the index follows the events, and what was erased is
    wiped out of the log."""
    wait: float | None = IDLE_SECONDS
    while True:
        _look(indexer)
        waits = [LOOK_SECONDS, overwriting.patience, wait if indexer.behind else None]
        try:
            return jobs.get(timeout=min(each for each in waits if each is not None))
        except queue.Empty:
            overwriting.go_on()
            if indexer.behind:
                wait = 0 if indexer.has_work() else IDLE_SECONDS
                if not wait:
                    index(indexer)


def _look(indexer: Indexer) -> None:
    """A file that cannot be read just now is no reason to end."""
    try:
        indexer.look()
    except apsw.Error as error:
        log_error("look failed", error)


def serve(database: str, path: str, *, cache_mib: int, idempotency_ms: int) -> None:
    """Write until the server that started this process is gone and all it sent is done."""
    prepare(database)
    writer = Writer(connect(database, cache_mib=cache_mib), idempotency_ms)
    indexer = Indexer(writer.connection, writer.overwriting)
    jobs: Jobs = queue.SimpleQueue()
    collect_seldom()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    threading.Thread(target=_accept, args=(listener, jobs), daemon=True).start()
    threading.Thread(target=_watch_parent, args=(jobs,), daemon=True).start()
    log("writer ready")
    ending = False
    while not ending:
        first = _next_job(jobs, indexer, writer.overwriting)
        if isinstance(first, _Stop):
            break
        group, ending = _next_group(jobs, first)
        _write(writer, indexer, group)
    writer.connection.close()
    log("writer stopped")


def _tidy(path: Path) -> None:
    """Remove the socket and its folder, for a server that was killed cannot."""
    path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        path.parent.rmdir()


def main() -> None:
    """``python -m enrol.store.sqlite.writer DATABASE SOCKET CACHE_MIB IDEMPOTENCY_MS``."""
    # Ctrl-C, a service manager's SIGTERM and a closed terminal reach the whole group of
    # processes; the server decides when its writer ends.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    set_up_library_logs()
    database, path, cache_mib, idempotency_ms = sys.argv[1:]
    try:
        serve(database, path, cache_mib=int(cache_mib), idempotency_ms=int(idempotency_ms))
    except Exception as error:
        log_error("writer failed", error)
        sys.exit(1)
    _tidy(Path(path))


if __name__ == "__main__":
    main()
