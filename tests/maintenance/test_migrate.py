"""``enrol migrate``: shows what it will do, does it whole, and says what was done."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from enrol.store.migrations import plan
from tests.faults.processes import run_enrol
from tests.maintenance.commands import change, enrol, rows
from tests.postgres import PostgresServer
from tests.revisions import until


def test_an_empty_postgres_database_gets_the_tables(postgres: PostgresServer) -> None:
    url = postgres.create_database()
    shown = enrol("migrate", "--database", url, "--dry-run").out
    assert "CREATE TABLE customers" in shown
    assert postgres.query("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", url) == [
        ("0",)
    ]
    told = enrol("migrate", "--database", url, "--json").data
    assert (told["before"], told["after"], told["applied"]) == (None, plan.head(), True)
    assert told["statements"] == plan.statements("postgresql", None)
    assert postgres.query("SELECT version_num FROM alembic_version", url) == [(plan.head(),)]
    assert postgres.query("SELECT name, length(value) FROM meta", url) == [("secret", "32")]
    again = enrol("migrate", "--database", url, "--json").data
    assert (again["before"], again["statements"]) == (plan.head(), [])
    assert enrol("migrate", "--database", url).out.endswith(f"at schema {plan.head()} already.\n")


@pytest.mark.parametrize("partitions", [0, 4], ids=["plain", "in partitions"])
def test_an_older_postgres_database_is_brought_up(
    postgres: PostgresServer, partitions: int
) -> None:
    url = postgres.create_database()
    statements = ["SET ROLE enrol", *until("postgresql", "0001", partitions=partitions)]
    postgres.query(";".join(statements), url)
    shown = enrol("migrate", "--database", url, "--dry-run").out
    assert ("CREATE TABLE links_p3 PARTITION OF links" in shown) == bool(partitions)
    told = enrol("migrate", "--database", url, "--json").data
    assert (told["before"], told["after"]) == ("0001", plan.head())
    assert shown == "".join(f"{statement};\n" for statement in told["statements"])
    assert postgres.query("SELECT version_num FROM alembic_version", url) == [(plan.head(),)]
    count = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'links'::regclass"
    assert postgres.query(count, url) == [(str(partitions),)]


def test_a_newer_schema_is_left_alone(postgres: PostgresServer, database: Path) -> None:
    url = postgres.create_database()
    assert enrol("migrate", "--database", url).code == 0
    postgres.query("UPDATE alembic_version SET version_num = '9999'", url)
    change(database, "UPDATE alembic_version SET version_num = '9999'")
    for place in (url, str(database)):
        for flags in ((), ("--dry-run",)):
            refused = enrol("migrate", "--database", place, *flags)
            assert (refused.code, refused.out) == (1, "")
            assert refused.err.startswith("The database has schema 9999, this Enrol")
            assert refused.err.endswith(" It needs the newer Enrol.\n")


def test_two_that_migrate_at_once_take_turns(postgres: PostgresServer) -> None:
    url = postgres.create_database()
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda _: run_enrol("migrate", "--database", url, "--json"), range(3)))
    assert [process.stderr for process in done if process.returncode] == []
    assert postgres.query("SELECT count(*) FROM alembic_version", url) == [("1",)]


def test_tables_are_partitioned_where_there_are_none_yet(postgres: PostgresServer) -> None:
    url = postgres.create_database()
    assert enrol("migrate", "--database", url, "--partitions", "4").code == 0
    count = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'customers'::regclass"
    assert postgres.query(count, url) == [("4",)]
    again = enrol("migrate", "--database", url, "--partitions", "4")
    assert (again.code, "is for an empty database" in again.err) == (1, True)


def test_citus_is_asked_for_before_anything_is_done(postgres: PostgresServer) -> None:
    url = postgres.create_database()
    refused = enrol("migrate", "--database", url, "--citus")
    assert (refused.code, "CREATE EXTENSION citus" in refused.err) == (1, True)
    assert postgres.query("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", url) == [
        ("0",)
    ]


def test_a_file_is_migrated_too(database: Path, tmp_path: Path) -> None:
    told = enrol("migrate", "--database", database, "--json").data
    assert (told["before"], told["after"], told["statements"]) == (plan.head(), plan.head(), [])
    assert enrol("migrate", "--database", tmp_path / "absent.db").code == 3
    assert not (tmp_path / "absent.db").exists()
    for flags in (("--citus",), ("--partitions", "4")):
        refused = enrol("migrate", "--database", database, *flags)
        assert (refused.code, "are for PostgreSQL" in refused.err) == (2, True)


def test_a_file_from_before_the_revisions_is_brought_up(tmp_path: Path) -> None:
    file = tmp_path / "old.db"
    for statement in until("sqlite", "0001"):
        if not any(word in statement for word in ("alembic_version", "identifiers_new")):
            change(file, statement)
    change(
        file,
        "CREATE TABLE identifiers_new (project INTEGER NOT NULL, hash BLOB NOT NULL,"
        " customer_id BLOB NOT NULL, PRIMARY KEY (project, hash)) WITHOUT ROWID",
        "INSERT INTO meta VALUES ('secret', randomblob(32))",
        "PRAGMA user_version = 1",
    )
    shown = enrol("migrate", "--database", file, "--dry-run").out
    assert "identifiers_new" in shown
    assert rows(file, "SELECT count(*) FROM sqlite_schema WHERE name = 'alembic_version'") == [(0,)]
    told = enrol("migrate", "--database", file, "--json").data
    assert (told["before"], told["after"], told["applied"]) == ("0001", plan.head(), True)
    assert rows(file, "SELECT version_num FROM alembic_version") == [(plan.head(),)]
