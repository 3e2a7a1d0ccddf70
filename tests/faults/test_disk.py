"""A disk without room, and files that cannot be written."""

import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Protocol

import pytest

from tests.faults.checker import check_all, count_customers
from tests.faults.load import Batch, body_of, note
from tests.faults.processes import (
    ORDINARY_USER,
    Client,
    Reply,
    Serving,
    make_project,
    run_enrol,
)

KIB = 1024
ROOM = 2_000 * KIB
NO_LIMIT = resource.RLIM_INFINITY


class Room(Protocol):
    """A place for a database file, with little room in it."""

    folder: Path
    # The answer when it is full.
    status: int
    code: str

    def shrink(self, serving: Serving) -> None: ...

    def widen(self, serving: Serving) -> None: ...


class SmallDisk:
    """A file system of its own, of two megabytes: what is full is the disk."""

    status, code = 507, "store.full"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def mount(self) -> bool:
        return _mount("-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", self.folder)

    def unmount(self) -> None:
        subprocess.run(["umount", self.folder], check=True)

    def shrink(self, serving: Serving) -> None:
        """It is small from the start."""

    def widen(self, serving: Serving) -> None:
        assert _mount("-o", f"remount,size={10 * ROOM}", self.folder)


class SizeLimit:
    """A limit on the size of the writer's files, which any user can set: what fails is the write.

    It holds for the log as well.
    """

    status, code = 503, "store.unavailable"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def shrink(self, serving: Serving) -> None:
        self._limit(serving, ROOM)

    def widen(self, serving: Serving) -> None:
        self._limit(serving, NO_LIMIT)

    def forbid(self, serving: Serving) -> None:
        self._limit(serving, 1)

    def _limit(self, serving: Serving, size: int) -> None:
        writer = serving.writer()
        assert writer is not None
        writer.rlimit(resource.RLIMIT_FSIZE, (size, NO_LIMIT))


def _mount(*arguments: str | Path) -> bool:
    try:
        done = subprocess.run(["mount", *arguments], capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return done.returncode == 0


@pytest.fixture(params=["disk", "limit"] if os.geteuid() == 0 else ["limit"])
def room(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Room]:
    folder = tmp_path / "room"
    folder.mkdir()
    disk = SmallDisk(folder)
    # In a container root may mount nothing: then the limit is tested twice.
    if request.param == "disk" and disk.mount():
        yield disk
        disk.unmount()
    else:
        yield SizeLimit(folder)


def _post(client: Client, batch: Batch) -> Reply:
    reply = client.post(body_of(batch.people), idempotency_key=batch.name)
    if reply.status != 507:
        note(batch, reply)
    return reply


def _fill(client: Client, batches: list[Batch]) -> Reply:
    for number in count():
        batches.append(Batch(f"b{number}", 200, f"b{number}"))
        reply = _post(client, batches[-1])
        if reply.status != 200:
            return reply
        assert number < 100, "the room is not full"
    raise AssertionError


def test_a_full_disk_is_told_nothing_partial_is_stored_and_service_resumes(
    room: Room, tmp_path: Path
) -> None:
    database = str(room.folder / "enrol.db")
    key = make_project(database)
    batches: list[Batch] = []
    with Serving(tmp_path, database) as serving:
        room.shrink(serving)
        with serving.client(key) as client:
            refused = _fill(client, batches)
            assert refused.headers["content-type"] == "application/problem+json"
            assert (refused.status, refused.data["code"]) == (room.status, room.code)
            stored = sum(batch.size for batch in batches if batch.answers)
            assert stored == count_customers(database) > 0
            # Reading goes on, and the next batch does not break what the first could not.
            page = client.call("GET", "/customers?cmsProjectId=main&limit=1")
            assert page.data["totalCount"] == stored
            assert _post(client, batches[-1]).status == room.status
            room.widen(serving)
            assert _post(client, batches[-1]).status == 200
        assert [line for line in serving.lines() if line["event"] == "writer died"] == []
        assert serving.stop() == 0
    assert check_all(database, batches) == 200 * len(batches)


def test_a_writer_that_can_write_nothing_not_even_its_log_lives_on(tmp_path: Path) -> None:
    database = str(tmp_path / "enrol.db")
    key = make_project(database)
    batch = Batch("only", 3, "only")
    room = SizeLimit(tmp_path)
    with Serving(tmp_path, database) as serving, serving.client(key) as client:
        writer = serving.writer()
        room.forbid(serving)
        for _ in range(3):
            assert _post(client, batch).status == 503
        room.widen(serving)
        assert _post(client, batch).status == 200
        assert serving.writer() == writer
        assert serving.stop() == 0
    assert check_all(database, [batch]) == 3


def _make_read_only(path: Path) -> Callable[[], None]:
    mode = path.stat().st_mode
    path.chmod(mode & ~0o222)
    return lambda: path.chmod(mode)


@pytest.mark.parametrize("which", ["file", "folder"])
def test_a_database_that_cannot_be_written_is_refused_at_the_start(
    which: str, tmp_path: Path
) -> None:
    folder = tmp_path / "place"
    folder.mkdir()
    database = folder / "enrol.db"
    make_project(str(database))
    restore = _make_read_only(database if which == "file" else folder)
    try:
        done = run_enrol("serve", "--port", "0", "--database", str(database), prefix=ORDINARY_USER)
    finally:
        restore()
    assert done.returncode == 1
    assert done.stdout == ""
    assert str(database) in done.stderr
    what = "the file is read-only" if which == "file" else f"the folder {folder} cannot be written"
    assert done.stderr.endswith(f"{what}.\n")
    assert len(done.stderr.splitlines()) == 1


def test_a_folder_that_cannot_be_written_takes_no_new_database(tmp_path: Path) -> None:
    restore = _make_read_only(tmp_path)
    try:
        done = run_enrol(
            *("project", "create", "Sale", "--database", str(tmp_path / "enrol.db")),
            prefix=ORDINARY_USER,
        )
    finally:
        restore()
    assert done.returncode == 1
    assert done.stderr.endswith(f"the folder {tmp_path} cannot be written.\n")
    assert len(done.stderr.splitlines()) == 1
