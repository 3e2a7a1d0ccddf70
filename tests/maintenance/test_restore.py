"""``enrol restore``: only what is sound, only into what is empty, and counted afterwards."""

import os
import shutil
from pathlib import Path

import apsw
import pytest

from enrol.store.migrations import plan
from enrol.store.sqlite.file import prepare
from tests.maintenance.commands import change, enrol, rows, troubles
from tests.postgres import PostgresServer
from tests.serving import Served

COUNTS = "SELECT (SELECT count(*) FROM customers), (SELECT count(*) FROM findings)"


@pytest.fixture
def backup(filled: Path, tmp_path: Path) -> Path:
    """A backup of a database with customers."""
    target = tmp_path / "backup"
    assert enrol("backup", target, "--database", filled).code == 0
    return target


@pytest.fixture
def dump(programs: PostgresServer, filled: Path, tmp_path: Path) -> Path:
    """A backup of the same customers on PostgreSQL."""
    url = programs.create_database()
    assert enrol("migrate", "--database", url).code == 0
    assert enrol("move", "--from", filled, "--to", url).code == 0
    target = tmp_path / "backup.dump"
    assert enrol("backup", target, "--database", url).code == 0
    return target


def test_a_restored_database_has_the_rows_and_serves(
    backup: Path, filled: Path, tmp_path: Path
) -> None:
    target = tmp_path / "enrol.db"
    told = enrol("restore", backup, "--database", target, "--json").data
    assert told.pop("seconds") >= 0
    counts = told.pop("rows")
    assert counts["customers"] == rows(filled, COUNTS)[0][0] == 123
    assert "alembic_version" not in counts
    assert told == {"database": str(target), "schema": plan.head(), "set_aside": None}
    assert target.stat().st_mode & 0o777 == 0o600
    assert troubles(target) == {}
    with Served(tmp_path) as served:
        project = served.new_project()
        project.enrol({"customerClaims": {"name": "New"}})
        assert served.query(COUNTS)[0][0] == 124


def test_a_database_with_rows_is_set_aside_only_by_force(backup: Path, database: Path) -> None:
    change(database, "DELETE FROM findings")
    refused = enrol("restore", backup, "--database", database)
    told = f"The database {database} holds data; --force sets it aside.\n"
    assert (refused.code, refused.err) == (3, told)
    done = enrol("restore", backup, "--database", database, "--force", "--json").data
    aside = Path(done["set_aside"])
    assert aside.name.startswith("enrol.db.replaced-")
    assert rows(aside, COUNTS) == [(123, 0)]
    assert rows(database, COUNTS)[0][1] > 0


def test_an_empty_database_needs_no_force(backup: Path, tmp_path: Path) -> None:
    target = tmp_path / "enrol.db"
    prepare(str(target))
    assert enrol("restore", backup, "--database", target, "--json").data["set_aside"] is None
    assert rows(target, COUNTS)[0][0] == 123
    (tmp_path / "nothing.db").touch()
    assert enrol("restore", backup, "--database", tmp_path / "nothing.db").code == 0


@pytest.mark.parametrize("used", [True, False])
def test_a_database_in_use_is_not_taken_away(backup: Path, tmp_path: Path, used: bool) -> None:
    with Served(tmp_path) as served:
        flags = []
        if used:
            served.new_project()
            flags = ["--force"]
        refused = enrol("restore", backup, "--database", served.database, *flags)
        told = f"The database {served.database} is in use: stop its server.\n"
        assert (refused.code, refused.err) == (1, told)
        served.new_project().enrol({"customerClaims": {"name": "Still there"}})


def test_a_log_that_was_left_behind_is_not_taken_for_the_restored_files(
    backup: Path, database: Path
) -> None:
    connection = apsw.Connection(str(database))
    connection.pragma("journal_mode", "wal")
    connection.pragma("wal_autocheckpoint", 0)
    connection.execute("UPDATE projects SET name = 'In the log'")
    log = database.with_name("enrol.db-wal")
    left = log.read_bytes()
    connection.close()
    database.unlink()
    log.write_bytes(left)
    assert enrol("restore", backup, "--database", database).code == 0
    assert rows(database, "SELECT count(*) FROM projects WHERE name = 'In the log'") == [(0,)]
    assert troubles(database) == {}
    assert len(list(database.parent.glob("enrol.db.replaced-*-wal"))) == 1


def test_what_is_no_sound_backup_of_enrol_is_refused(backup: Path, tmp_path: Path) -> None:
    target = tmp_path / "enrol.db"

    def refusal(content: bytes) -> str:
        wrong = tmp_path / "wrong"
        wrong.write_bytes(content)
        done = enrol("restore", wrong, "--database", target)
        assert done.code == 1
        assert not target.exists()
        return done.err

    whole = backup.read_bytes()
    assert refusal(b"") == f"{tmp_path / 'wrong'} is no backup of Enrol.\n"
    assert "is no backup of Enrol" in refusal(b"hello" * 1000)
    assert "is damaged" in refusal(whole[: len(whole) // 2])
    assert "is damaged" in refusal(whole[:-8192] + os.urandom(8192))
    other = tmp_path / "other"
    apsw.Connection(str(other)).execute("CREATE TABLE t (a)")
    assert refusal(other.read_bytes()) == "It is not an Enrol database.\n"
    change(backup, "UPDATE alembic_version SET version_num = '9999'", "PRAGMA journal_mode=delete")
    assert refusal(backup.read_bytes()) == "Its schema 9999 needs a newer Enrol than this one.\n"
    assert enrol("restore", tmp_path / "absent", "--database", target).code == 3
    assert not [path for path in tmp_path.iterdir() if "partial" in path.name]


def test_a_backup_is_restored_where_it_was_made(
    backup: Path, dump: Path, postgres: PostgresServer, tmp_path: Path
) -> None:
    wrong = enrol("restore", dump, "--database", tmp_path / "x.db")
    assert (wrong.code, "backup of PostgreSQL" in wrong.err) == (1, True)
    wrong = enrol("restore", backup, "--database", postgres.create_database())
    assert (wrong.code, "enrol move" in wrong.err) == (1, True)


@pytest.mark.parametrize("tables", ["none", "empty"])
def test_a_dump_is_restored_into_an_empty_database(
    dump: Path, programs: PostgresServer, tables: str
) -> None:
    url = programs.create_database()
    if tables == "empty":
        assert enrol("migrate", "--database", url).code == 0
    told = enrol("restore", dump, "--database", url, "--json").data
    assert told["rows"]["customers"] == 123
    assert told["schema"] == plan.head()
    # The tests' server is quick, and not durable.
    assert troubles(url) == {"durability": "error"}
    again = enrol("restore", dump, "--database", url)
    assert (again.code, "holds data" in again.err) == (3, True)
    forced = enrol("restore", dump, "--database", url, "--force")
    assert (forced.code, "--force is for SQLite" in forced.err) == (1, True)


def test_a_dump_that_fails_midway_leaves_nothing(
    dump: Path, programs: PostgresServer, tmp_path: Path
) -> None:
    url = programs.create_database()
    cut = tmp_path / "cut.dump"
    shutil.copy(dump, cut)
    os.truncate(cut, dump.stat().st_size - 20_000)
    failed = enrol("restore", cut, "--database", url)
    assert (failed.code, failed.err.startswith("pg_restore failed: ")) == (1, True)
    tables = programs.query("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", url)
    assert tables == [("0",)]


def test_a_dump_of_a_newer_enrol_is_refused(programs: PostgresServer, tmp_path: Path) -> None:
    other = programs.create_database()
    assert enrol("migrate", "--database", other).code == 0
    programs.query("UPDATE alembic_version SET version_num = '9999'", other)
    target = tmp_path / "newer.dump"
    assert enrol("backup", target, "--database", other).code == 0
    refused = enrol("restore", target, "--database", programs.create_database())
    assert refused.code == 1
    assert refused.err == "Its schema 9999 needs a newer Enrol than this one.\n"
