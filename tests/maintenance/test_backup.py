"""``enrol backup``: consistent beside a busy server, checked, and never half a file."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import apsw
import pytest

from enrol.store.migrations import plan
from tests.faults.checker import check_answered, count_customers
from tests.faults.load import Load
from tests.faults.processes import Serving, make_project, run_enrol, wait_until
from tests.maintenance.commands import change, enrol, rows, troubles
from tests.postgres import PASSWORD, PostgresServer

COUNTS = "SELECT (SELECT count(*) FROM customers), (SELECT count(*) FROM identifiers_new)"


def test_a_backup_of_a_busy_server_is_one_consistent_moment(tmp_path: Path) -> None:
    database = str(tmp_path / "enrol.db")
    key = make_project(database)
    with Serving(tmp_path, database) as server:
        load = Load(key, threads=4, seed=1)
        with load.flowing():
            load.go(server.port)
            wait_until(lambda: count_customers(database) > 2_000, 30, "no load")
            counts = []
            for number in range(3):
                before = [batch for batch in load.batches if batch.answers]
                backup = tmp_path / f"{number}.backup"
                done = run_enrol("backup", str(backup), "--database", database, "--json")
                assert done.returncode == 0, done.stderr
                # All that was answered before it began is in it, and each batch is whole.
                check_answered(str(backup), before)
                counts.append(count_customers(str(backup)))
        assert counts == sorted(counts)
        assert counts[-1] < count_customers(database)
    for number in range(3):
        assert troubles(tmp_path / f"{number}.backup") == {}


def test_a_backup_is_one_file_for_its_owner_alone(database: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    backup = folder / "b.db"
    told = enrol("backup", backup, "--database", database, "--json").data
    assert told.pop("seconds") >= 0
    assert told == {"file": str(backup), "bytes": backup.stat().st_size, "schema": plan.head()}
    assert backup.stat().st_mode & 0o777 == 0o600
    # It is no longer in WAL mode, so that it can be read where nothing can be written.
    assert backup.read_bytes()[18:20] == b"\x01\x01"
    assert rows(backup, COUNTS) == rows(database, COUNTS)
    assert [path.name for path in folder.iterdir()] == ["b.db"]


def test_a_backup_takes_what_is_still_in_the_log(database: Path, tmp_path: Path) -> None:
    connection = apsw.Connection(str(database))
    connection.pragma("journal_mode", "wal")
    connection.pragma("wal_autocheckpoint", 0)
    connection.execute("UPDATE projects SET name = 'In the log'")
    assert enrol("backup", tmp_path / "b.db", "--database", database).code == 0
    connection.close()
    assert set(rows(tmp_path / "b.db", "SELECT name FROM projects")) == {("In the log",)}


def test_a_file_that_is_there_is_replaced_only_by_force(database: Path, tmp_path: Path) -> None:
    backup = tmp_path / "b.db"
    backup.write_bytes(b"precious")
    refused = enrol("backup", backup, "--database", database)
    told = f"{backup} is there already; --force replaces it.\n"
    assert (refused.code, refused.out, refused.err) == (3, "", told)
    assert backup.read_bytes() == b"precious"
    assert enrol("backup", backup, "--database", database, "--force").code == 0
    assert rows(backup, COUNTS) == rows(database, COUNTS)


def test_what_cannot_be_backed_up_is_told(database: Path, tmp_path: Path) -> None:
    target = tmp_path / "b.db"
    absent = tmp_path / "absent.db"
    assert enrol("backup", target, "--database", absent).code == 3
    assert not absent.exists()
    other = tmp_path / "other.db"
    apsw.Connection(str(other)).execute("CREATE TABLE t (a)")
    refused = enrol("backup", target, "--database", other)
    assert (refused.code, refused.err) == (1, f"{other} is not an Enrol database.\n")
    assert enrol("backup", database, "--database", database, "--force").code == 1
    assert enrol("backup", tmp_path, "--database", database, "--force").code == 1
    nowhere = enrol("backup", tmp_path / "no" / "b.db", "--database", database)
    assert (nowhere.code, "No such file or directory" in nowhere.err) == (1, True)
    assert not target.exists()
    wrong = enrol("backup", target, "--database", "mysql://root@localhost/x")
    assert (wrong.code, "mysql://" in wrong.err) == (1, True)


def test_a_damaged_database_gives_no_backup(database: Path, tmp_path: Path) -> None:
    change(database, "PRAGMA journal_mode = delete")
    content = bytearray(database.read_bytes())
    content[-8192:] = os.urandom(8192)
    database.write_bytes(content)
    backup = tmp_path / "b.db"
    refused = enrol("backup", backup, "--database", database)
    assert refused.code == 1
    assert not backup.exists()
    assert not list(tmp_path.glob(".*"))


def test_a_backup_that_is_interrupted_leaves_nothing(database: Path, tmp_path: Path) -> None:
    change(database, "CREATE TABLE much (a)", "INSERT INTO much VALUES (zeroblob(200000000))")
    folder = tmp_path / "backups"
    folder.mkdir()
    command = [sys.executable, "-m", "enrol", "backup", str(folder / "b.db")]
    process = subprocess.Popen([*command, "--database", str(database)], stderr=subprocess.DEVNULL)
    wait_until(lambda: any(folder.iterdir()), 10, "no copy was begun")
    process.send_signal(signal.SIGINT)
    assert process.wait(20) != 0
    assert list(folder.iterdir()) == []


def test_postgres_is_dumped_and_the_password_is_in_no_command_line(
    programs: PostgresServer, database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = programs.create_database()
    assert enrol("migrate", "--database", url).code == 0
    assert enrol("move", "--from", database, "--to", url).code == 0
    lines: list[str] = []
    popen = subprocess.Popen.__init__

    def note(self: object, command: list[str], *arguments: object, **more: object) -> None:
        lines.append(" ".join(map(str, command)))
        popen(self, command, *arguments, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess.Popen, "__init__", note)
    backup = tmp_path / "b.dump"
    told = enrol("backup", backup, "--database", url, "--json").data
    assert told["bytes"] == backup.stat().st_size > 10_000
    assert told["schema"] == plan.head()
    assert backup.stat().st_mode & 0o777 == 0o600
    assert backup.read_bytes()[:5] == b"PGDMP"
    assert any("pg_dump" in line and "--dbname" in line for line in lines)
    assert not [line for line in lines if PASSWORD in line]
    assert "PGPASSWORD" not in subprocess.check_output(["env"], text=True)


def test_a_dump_of_a_busy_server_is_one_consistent_moment(
    programs: PostgresServer, tmp_path: Path
) -> None:
    url = programs.create_database()
    key = make_project(url)

    def stored(place: str) -> set[str]:
        found = programs.query("SELECT encode(id, 'hex') FROM customers", place)
        return {UUID(text).hex for (text,) in found}

    with Serving(tmp_path, url) as server:
        load = Load(key, threads=4, seed=1)
        with load.flowing():
            load.go(server.port)
            wait_until(lambda: len(stored(url)) > 1_000, 30, "no load")
            before = [ids for batch in load.batches for ids, _ in batch.answers]
            told = enrol("backup", tmp_path / "b.dump", "--database", url)
            assert told.code == 0, told.err
    restored = programs.create_database()
    assert enrol("restore", tmp_path / "b.dump", "--database", restored).code == 0
    assert {UUID(text).hex for ids in before for text in ids} <= stored(restored)
    assert len(stored(restored)) < len(stored(url))
    # The tests' server is quick, and not durable; the rows fit.
    assert troubles(restored) == {"durability": "error"}


def test_a_pg_dump_that_is_missing_or_too_old_is_told(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres.create_database()
    assert enrol("migrate", "--database", url).code == 0
    major = postgres.installation.major
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = enrol("backup", tmp_path / "b.dump", "--database", url)
    assert missing.code == 1
    assert missing.err == (
        f"There is no pg_dump in the PATH: install the client programs of PostgreSQL {major}.\n"
    )
    old = tmp_path / "pg_dump"
    old.write_text(f"#!/bin/sh\necho 'pg_dump (PostgreSQL) {major - 1}.4'\n")
    old.chmod(0o755)
    told = enrol("backup", tmp_path / "b.dump", "--database", url)
    assert told.code == 1
    assert told.err.startswith(f"pg_dump is of PostgreSQL {major - 1}, older than the server")
    assert not list(tmp_path.glob("*b.dump*"))


def test_a_dump_that_fails_leaves_nothing(programs: PostgresServer, tmp_path: Path) -> None:
    url = programs.create_database()
    assert enrol("migrate", "--database", url).code == 0
    programs.query("ALTER TABLE customers OWNER TO postgres", url)
    failed = enrol("backup", tmp_path / "b.dump", "--database", url)
    assert failed.code == 1
    assert failed.err.startswith("pg_dump failed: ")
    assert list(tmp_path.iterdir()) == []
