"""PostgreSQL without room: for its tables alone, and for all that it writes."""

import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Protocol

import pytest

from tests.faults.checker import check_all, count_customers
from tests.faults.load import Batch, body_of, note
from tests.faults.processes import Client, Reply, Serving, make_project, wait_until
from tests.postgres import ROLE, PostgresServer, oldest_and_newest

MIB = 1024 * 1024
RECOVERY_SECONDS = 20.0
# Rows that are gone, and whose room is not free before a vacuum.
GROW = """
INSERT INTO customers (project, id, batch_id, type, created_at, name)
SELECT 1, decode(md5(n::text), 'hex'), 'x', 'Individual', 0,
  (SELECT string_agg(md5(n::text || i::text), '') FROM generate_series(1, 50) AS i)
FROM generate_series(1, 9500) AS n;
DELETE FROM customers
"""


class Room(Protocol):
    """A place for the tables, with little room in it."""

    # The answer when it is full.
    status: int
    code: str

    def prepare(self, url: str) -> None: ...

    def shrink(self, url: str) -> None: ...

    def widen(self) -> None: ...


class SmallDisk:
    """A tablespace on a file system of four megabytes: what is full is the disk."""

    status, code = 507, "store.full"

    def __init__(self, durable: PostgresServer) -> None:
        self.durable = durable
        self.folder = durable.home / "small"

    def prepare(self, url: str) -> None:
        shutil.chown(self.folder, *_owner_of(self.durable.data))
        name = url.rpartition("/")[2]
        self.durable.query(f"CREATE TABLESPACE small LOCATION '{self.folder}'")
        self.durable.query(f"GRANT CREATE ON TABLESPACE small TO {ROLE}")
        self.durable.query(f"ALTER DATABASE {name} SET default_tablespace = small")

    def shrink(self, url: str) -> None:
        """It is small from the start."""

    def widen(self) -> None:
        assert _mount("-o", f"remount,size={64 * MIB}", self.folder)


class SizeLimit:
    """A limit on the size of PostgreSQL's files, which any user can set: what fails is the write.

    PostgreSQL gets it at its start. It is beyond a file of the write-ahead log: without room there
    PostgreSQL would end.
    """

    status, code = 503, "store.unavailable"

    def __init__(self, durable: PostgresServer) -> None:
        self.durable = durable

    def prepare(self, url: str) -> None:
        """Room is made where it is."""

    def shrink(self, url: str) -> None:
        self.durable.query(GROW, url)
        self.durable.stop()
        old = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (17 * MIB, old[1]))
        try:
            self.durable.start()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, old)

    def widen(self) -> None:
        self.durable.restart()


def _owner_of(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_uid, status.st_gid


def _mount(*arguments: str | Path) -> bool:
    try:
        done = subprocess.run(["mount", *arguments], capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return done.returncode == 0


@contextmanager
def mounted(folder: Path, size: int) -> Iterator[bool]:
    """A file system of this size, if this user may mount one."""
    folder.mkdir(exist_ok=True)
    done = _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder)
    try:
        yield done
    finally:
        if done:
            subprocess.run(["umount", folder], check=True)


@pytest.fixture(params=["disk"] if os.geteuid() == 0 else ["limit"])
def room(request: pytest.FixtureRequest) -> Iterator[Room]:
    # A server of its own: the tablespace goes with it.
    with PostgresServer(oldest_and_newest()[-1]) as durable:
        disk = SmallDisk(durable)
        with mounted(disk.folder, 4 * MIB) as is_mounted:
            # In a container root may mount nothing.
            yield disk if request.param == "disk" and is_mounted else SizeLimit(durable)
            durable.kill()


def send(client: Client, batch: Batch) -> Reply:
    reply = client.post(body_of(batch.people), idempotency_key=batch.name)
    note(batch, reply)
    return reply


def fill(client: Client, batches: list[Batch]) -> Reply:
    """Enrol until a call is refused; the refusal."""
    for number in count():
        batches.append(Batch(f"b{number}", 200, f"b{number}"))
        reply = send(client, batches[-1])
        if reply.status != 200:
            return reply
        assert number < 200, "the room is not full"
    raise AssertionError


def test_a_full_disk_is_told_nothing_partial_is_stored_and_service_resumes(
    room: Room, tmp_path: Path
) -> None:
    assert isinstance(room, SmallDisk | SizeLimit)
    database = room.durable.create_database()
    room.prepare(database)
    key = make_project(database)
    room.shrink(database)
    batches: list[Batch] = []
    with Serving(tmp_path, database) as serving, serving.client(key) as client:
        refused = fill(client, batches)
        assert (refused.status, refused.data["code"]) == (room.status, room.code)
        stored = sum(batch.size for batch in batches if batch.answers)
        assert stored == count_customers(database) > 0
        # Reading goes on, and the next batch does not break what the first could not.
        page = client.call("GET", "/customers?cmsProjectId=main&limit=1")
        assert page.data["totalCount"] == stored
        assert send(client, batches[-1]).status == room.status
        room.widen()
        assert send(client, batches[-1]).status == 200
        assert serving.stop() == 0
    assert check_all(database, batches) == 200 * len(batches)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small file system")
def test_a_disk_without_room_for_the_log_ends_postgres_and_loses_nothing(tmp_path: Path) -> None:
    # Where PostgreSQL's own user may go.
    place = Path(tempfile.mkdtemp(prefix="enrol-disk-", dir="/tmp"))
    place.chmod(0o711)
    folder = place / "disk"
    batches: list[Batch] = []
    try:
        with mounted(folder, 128 * MIB) as is_mounted:
            if not is_mounted:
                pytest.skip("this root may mount nothing")
            with PostgresServer(oldest_and_newest()[-1], folder) as durable:
                database = durable.create_database()
                key = make_project(database)
                ballast = folder / "ballast"
                with Serving(tmp_path, database) as serving, serving.client(key) as client:
                    batches.append(Batch("first", 20, "first"))
                    assert send(client, batches[-1]).status == 200
                    ballast.write_bytes(bytes(shutil.disk_usage(folder).free - MIB))
                    assert fill(client, batches).status in (503, 507)
                    end_for_want_of_log(durable)
                    assert send(client, batches[-1]).status == 503
                    ballast.unlink()
                    durable.kill()
                    durable.start()
                    wait_until(serving.is_ready, RECOVERY_SECONDS, "not ready again")
                    assert send(client, batches[-1]).status == 200
                    assert serving.stop() == 0
                assert check_all(database, batches) == sum(batch.size for batch in batches)
    finally:
        shutil.rmtree(place)


def end_for_want_of_log(durable: PostgresServer) -> None:
    """Ask for the next file of the write-ahead log until there is no PostgreSQL any more."""
    for _ in range(10):
        try:
            durable.query("SELECT pg_switch_wal(); CREATE TABLE IF NOT EXISTS t (n int)")
            durable.query("DROP TABLE IF EXISTS t")
        except AssertionError:
            # It says no more than that the connection is gone.
            break
    assert "PANIC" in durable.log_text()
