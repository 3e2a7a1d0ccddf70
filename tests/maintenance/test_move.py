"""``enrol move``: every row arrives as it was, whatever ends a move on its way."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import apsw
import pytest

from enrol.maintenance import databases
from enrol.store.migrations import plan
from enrol.store.protocol import StoreUnavailable
from enrol.store.registry import open_registry
from enrol.store.schema import tables
from enrol.store.sqlite.file import connect, prepare, read_secret
from tests.faults.processes import wait_until
from tests.maintenance.commands import PERSONAL, change, enrol, rows, troubles
from tests.postgres import PostgresServer, oldest_and_newest
from tests.serving import Project, Served

# The search index is made anew, and meta moves by itself.
TABLES = [
    table.name
    for table in tables("postgresql")
    if table.name != "meta" and not table.name.startswith("search_")
]

# The command line, with a move so slow that it can be met on its way.
SLOW = """
import time
from enrol.maintenance import databases, moved_tables
moved_tables.MOST_ROWS = 7
def slowed(write):
    return lambda self, steps: (write(self, steps), time.sleep(0.1))
for kind in (databases.SqliteDatabase, databases.PostgresDatabase):
    kind.write = slowed(kind.write)
from enrol.cli import main
main()
"""


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    """An empty database with Enrol's tables."""
    place = postgres.create_database()
    assert enrol("migrate", "--database", place).code == 0
    return place


def moved(source: str | Path, target: str | Path) -> dict[str, Any]:
    told = enrol("move", "--from", source, "--to", target, "--json").data
    assert sorted(told["tables"]) == sorted(TABLES)
    compared: dict[str, Any] = told["tables"]
    return compared


def secret(database: Path) -> bytes:
    connection = connect(str(database), read_only=True)
    try:
        return read_secret(connection)
    finally:
        connection.close()


def test_there_and_back_again_every_table_has_the_same_digest(
    database: Path, url: str, tmp_path: Path
) -> None:
    there = moved(database, url)
    assert there["customers"]["rows"] == 123
    assert there["findings"]["rows"] > 0
    back = tmp_path / "back.db"
    assert moved(url, back) == there
    for table in TABLES:
        columns = "project, hash, customer_id" if table == "identifiers" else "*"
        runs = f" UNION SELECT {columns} FROM identifiers_new" if table == "identifiers" else ""
        query = f"SELECT {columns} FROM {table}{runs} ORDER BY 1, 2, 3"
        assert rows(back, query) == rows(database, query)
    assert secret(back) == secret(database)
    assert back.stat().st_mode & 0o777 == 0o600
    assert troubles(back) == {}


def test_keys_that_stand_in_runs_are_moved_once(database: Path, url: str) -> None:
    # As between the filing of a run and its end: in both tables, and some not in order.
    change(
        database,
        "INSERT INTO identifiers SELECT project, hash, customer_id FROM identifiers_new LIMIT 50",
        "UPDATE identifiers_new SET run = run + 1 WHERE hash > x'80'",
    )
    wanted = rows(
        database,
        "SELECT count(*) FROM (SELECT project, hash FROM identifiers"
        " UNION SELECT project, hash FROM identifiers_new)",
    )
    assert moved(database, url)["identifiers"]["rows"] == wanted[0][0]


def test_the_moved_database_serves_and_knows_its_people(
    tmp_path: Path, url: str, postgres: PostgresServer
) -> None:
    with Served(tmp_path) as served:
        project = served.new_project(project_id="p")
        person = {"customerClaims": {"sub": "s-1", "name": PERSONAL}}
        body = project.body(person)
        ids = project.post(body, {"Idempotency-Key": "k"}).json()
        database = served.database
    moved(database, url)
    with Served(tmp_path, url) as served:
        same = Project(served, "p", project.key)
        # The key opens, the repeat is known, and so is the sub.
        assert same.post(body, {"Idempotency-Key": "k"}).json() == ids
        assert same.post(body).status_code == 409
        assert PERSONAL in json.dumps(same.customer(ids[0]))
        new = same.enrol({"customerClaims": {"sub": "s-2"}})
        assert len(new) == 1
    back = tmp_path / "back"
    back.mkdir()
    moved(url, back / "enrol.db")
    with Served(back) as served:
        same = Project(served, "p", project.key)
        assert same.post(body, {"Idempotency-Key": "k"}).json() == ids
        assert same.post(same.body({"customerClaims": {"sub": "s-2"}})).status_code == 409


@pytest.mark.parametrize("direction", ["to PostgreSQL", "to SQLite"])
def test_a_move_that_is_killed_goes_on_where_it_ended(
    direction: str, database: Path, url: str, tmp_path: Path, postgres: PostgresServer
) -> None:
    if direction == "to SQLite":
        moved(database, url)
        source, target = url, str(tmp_path / "back.db")
    else:
        source, target = str(database), url
    command = [sys.executable, "-c", SLOW, "move", "--from", source, "--to", target]

    def copied() -> int:
        if target == url:
            return int(postgres.query("SELECT count(*) FROM customers", url)[0][0])
        # There is no file at first, and then one without tables.
        with suppress(apsw.SQLError, apsw.CantOpenError):
            if Path(target).exists():
                return int(rows(Path(target), "SELECT count(*) FROM customers")[0][0])
        return 0

    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    wait_until(lambda: copied() >= 7 or process.poll() is not None, 30, "nothing was copied")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    half = copied()
    assert 0 < half < 123, "it was over before it could be killed"
    # Nobody takes the half for the whole.
    if target == url:
        assert postgres.query("SELECT name FROM meta", url) == [("move",)]
    else:
        with pytest.raises(StoreUnavailable, match="secret"):
            secret(Path(target))
    told = enrol("move", "--from", source, "--to", target, "--json").data
    assert told["resumed"] is True
    assert told["tables"]["customers"]["rows"] == 123


def test_a_server_that_is_killed_meanwhile_is_told_and_the_move_goes_on(
    database: Path, tmp_path: Path
) -> None:
    with PostgresServer(oldest_and_newest()[-1]) as server:
        url = server.create_database()
        assert enrol("migrate", "--database", url).code == 0
        command = [sys.executable, "-c", SLOW, "move", "--from", str(database), "--to", url]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        count = "SELECT count(*) FROM customers"
        wait_until(lambda: server.query(count, url) > [("0",)], 30, "nothing was copied")
        server.kill()
        _, told = process.communicate(timeout=30)
        assert process.returncode == 1
        assert told.startswith(("The connection to postgresql://", "postgresql://"))
        assert "Traceback" not in told
        server.start()
        again = enrol("move", "--from", database, "--to", url, "--json").data
        assert again["resumed"] is True
        assert again["tables"]["customers"]["rows"] == 123


def test_a_source_that_is_written_meanwhile_is_seen_and_moved_again(
    database: Path, url: str, monkeypatch: pytest.MonkeyPatch, postgres: PostgresServer
) -> None:
    write = databases.PostgresDatabase.write
    written: list[int] = []

    def write_and_change(self: databases.PostgresDatabase, steps: Any) -> None:
        write(self, steps)
        if not written and any(step.table == "wallets" for step in steps):
            written.append(1)
            change(
                database,
                "UPDATE customers SET name = 'Changed' WHERE name IS NOT NULL",
                "UPDATE projects SET name = 'Changed'",
                "INSERT INTO identifiers VALUES (1, zeroblob(16), zeroblob(16))",
            )

    monkeypatch.setattr(databases.PostgresDatabase, "write", write_and_change)
    failed = enrol("move", "--from", database, "--to", url)
    assert failed.code == 1
    assert failed.err.startswith("customers, identifiers, projects differ: the source was written")
    assert postgres.query("SELECT name FROM meta", url) == [("move",)]
    # Only what differed is copied anew, and what refers to it.
    assert postgres.query("SELECT count(*) FROM customers", url) == [("0",)]
    assert postgres.query("SELECT count(*) FROM wallets", url) == [("121",)]
    assert moved(database, url)["customers"]["rows"] == 123
    names = postgres.query("SELECT DISTINCT name FROM customers WHERE project = 1", url)
    assert names == [("Changed",)]


def test_only_an_empty_database_is_moved_to(
    database: Path, url: str, tmp_path: Path, postgres: PostgresServer
) -> None:
    bare = postgres.create_database()
    refused = enrol("move", "--from", database, "--to", bare)
    assert (refused.code, "run enrol migrate on it first" in refused.err) == (3, True)
    moved(database, url)
    again = enrol("move", "--from", database, "--to", url)
    assert (again.code, "holds data: move into an empty database" in again.err) == (3, True)
    assert enrol("move", "--from", tmp_path / "absent.db", "--to", url).code == 3
    assert not (tmp_path / "absent.db").exists()
    same = enrol("move", "--from", database, "--to", database)
    assert (same.code, same.err) == (1, "--from and --to are the same database.\n")
    nowhere = enrol("move", "--from", database, "--to", tmp_path / "no" / "x.db")
    assert nowhere.code == 1


def test_a_target_that_a_server_uses_is_refused(database: Path, url: str, tmp_path: Path) -> None:
    for place in (url, None):
        folder = tmp_path / ("file" if place is None else "url")
        folder.mkdir()
        with Served(folder, place) as served:
            refused = enrol("move", "--from", database, "--to", served.database)
            assert (refused.code, "is in use: stop its server" in refused.err) == (1, True)


def test_a_move_of_another_database_is_not_gone_on_with(
    database: Path, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:

        def fail(*_: object) -> None:
            raise KeyboardInterrupt

        patch.setattr("enrol.maintenance.move._copy", fail)
        assert enrol("move", "--from", database, "--to", url).code != 0
    other = tmp_path / "other.db"
    prepare(str(other))
    refused = enrol("move", "--from", other, "--to", url)
    assert (refused.code, "Another database is being moved" in refused.err) == (3, True)
    half = enrol("move", "--from", url, "--to", other)
    assert (half.code, "half of a move" in half.err) == (1, True)
    assert moved(database, url)["customers"]["rows"] == 123


def test_both_sides_must_have_this_schema(database: Path, url: str) -> None:
    change(database, "UPDATE alembic_version SET version_num = '9999'")
    refused = enrol("move", "--from", database, "--to", url)
    assert (refused.code, f"has schema 9999, not {plan.head()}" in refused.err) == (1, True)


def test_order_is_that_of_bytes_in_a_language_too(database: Path, postgres: PostgresServer) -> None:
    # Where collations differ, "/a_b" stands before "/A" or behind it.
    pointers = ("/a", "/A", "/a_b", "/a-b", "/ab", "/é", "/Z", "/z", "/山", "/😀")
    change(
        database,
        *(
            f"INSERT INTO findings SELECT project, id, '{pointer}', 'x' FROM customers"
            for pointer in pointers
        ),
    )
    name = "in_a_language"
    # Not every build has languages; then this is a move like others.
    (languages,) = postgres.query("SELECT count(*) FROM pg_collation WHERE collname = 'en-x-icu'")
    locale = "" if languages == ("0",) else "LOCALE_PROVIDER icu ICU_LOCALE 'en' LOCALE 'C'"
    postgres.query(f"CREATE DATABASE {name} OWNER enrol TEMPLATE template0 {locale}")
    url = postgres.url(name)
    try:
        assert enrol("migrate", "--database", url).code == 0
        assert moved(database, url)["findings"]["rows"] >= 1_230
    finally:
        postgres.drop_database(url)


def test_partitions_are_moved_to_as_well(database: Path, postgres: PostgresServer) -> None:
    url = postgres.create_database()
    assert enrol("migrate", "--database", url, "--partitions", "8").code == 0
    assert moved(database, url)["customers"]["rows"] == 123
    found = troubles(url)
    assert found == {"durability": "error"}


def test_projects_are_there_after_the_move(database: Path, url: str) -> None:
    people = enrol("move", "--from", database, "--to", url)
    assert people.code == 0
    assert people.out.splitlines()[-2].endswith("every row is the same on both sides.")
    with open_registry(url) as registry:
        assert [project.id for project in registry.list_projects()] == ["strict", "lenient"]
        assert [project.lenient for project in registry.list_projects()] == [False, True]
