"""The revisions: they make the tables that schema.py tells of, and bring every older file there."""

import hashlib
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import apsw
import asyncpg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateIndex, CreateTable, SetColumnComment

from enrol.store.migrations import plan
from enrol.store.protocol import SCHEMA_VERSION, SchemaTooNew
from enrol.store.schema import REFERENCE_TABLES, metadata, tables
from enrol.store.sqlite.file import connect, prepare, read_revision, read_secret
from enrol.store.sqlite.identifiers import find
from tests.people import customer, with_claims, with_did, with_wallet
from tests.postgres import Installation, PostgresServer, oldest_and_newest
from tests.serving import Project, Served

FIRST_SCHEMA = Path(__file__).with_name("schema_0001.sql").read_text("utf-8")
STORE = Path(plan.__file__).parents[1]
VERSIONS = Path(plan.__file__).with_name("versions")
KEY_TABLES = {"identifiers", "identifiers_new"}
VERSION_TABLE = "alembic_version"


def flat(statement: str) -> str:
    """A statement without the spaces that mean nothing."""
    return re.sub(r"\s*([(),])\s*", r"\1 ", " ".join(statement.split())).strip()


def ddl(dialect: Dialect) -> list[str]:
    """What makes the tables of schema.py, without Alembic."""
    found: list[str] = []
    for table in tables(dialect.name):
        found.append(str(CreateTable(table).compile(dialect=dialect)))
        found += [str(CreateIndex(index).compile(dialect=dialect)) for index in table.indexes]
        if dialect.name == "postgresql":
            found += [
                str(SetColumnComment(column).compile(dialect=dialect))
                for column in table.columns
                if column.comment
            ]
    return found


def master(connection: apsw.Connection) -> dict[str, str]:
    """The tables and indexes of a file, each with the statement that made it."""
    rows: Any = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {name: flat(sql) for name, sql in rows}


def digests(connection: apsw.Connection) -> dict[str, tuple[int, str]]:
    """How many rows each table holds, and a digest of them all, but for the tables of keys."""
    found = {}
    for table in tables("sqlite"):
        if table.name not in KEY_TABLES:
            order = ", ".join(column.name for column in table.primary_key)
            columns = ", ".join(column.name for column in table.columns)
            rows: Any = connection.execute(f"SELECT {columns} FROM {table.name} ORDER BY {order}")
            values = list(rows)
            found[table.name] = len(values), hashlib.sha256(repr(values).encode()).hexdigest()
    return found


def stored_keys(connection: apsw.Connection) -> dict[tuple[int, bytes], bytes]:
    """Every unique key of a file with its customer, from both tables."""
    rows: Any = connection.execute(
        "SELECT project, hash, customer_id FROM identifiers UNION ALL "
        "SELECT project, hash, customer_id FROM identifiers_new"
    )
    return {(project, key): owner for project, key, owner in rows}


def make_first(path: Path, source: str | None = None) -> None:
    """A file as the first release left it, with the rows of another file."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = connect(str(path))
    connection.execute(FIRST_SCHEMA)
    connection.pragma("user_version", 1)
    if source is None:
        connection.execute("INSERT INTO meta (name, value) VALUES ('secret', ?)", (bytes(32),))
    else:
        connection.execute("ATTACH ? AS source", (source,))
        for table in tables("sqlite"):
            if table.name not in KEY_TABLES:
                names = ", ".join(column.name for column in table.columns)
                connection.execute(
                    f"INSERT INTO main.{table.name} ({names}) "
                    f"SELECT {names} FROM source.{table.name}"
                )
        # A part of the keys was filed, a part stood in the small table.
        for filed, table_name in enumerate(("identifiers_new", "identifiers")):
            connection.execute(
                f"INSERT INTO main.{table_name} (project, hash, customer_id) "
                "SELECT project, hash, customer_id FROM (SELECT * FROM source.identifiers "
                "UNION ALL SELECT project, hash, customer_id FROM source.identifiers_new) "
                "WHERE (unicode(substr(hex(hash), 1, 1)) % 3 = 0) = ?",
                (filed,),
            )
    connection.close()


class Enrolled(NamedTuple):
    """A file that a server has filled, and what its callers know of it."""

    path: str
    project: Project
    items: list[dict[str, Any]]
    ids: list[str]


@pytest.fixture(scope="module")
def enrolled(tmp_path_factory: pytest.TempPathFactory) -> Enrolled:
    items = [customer(name=f"Amina {number}") for number in range(30)]
    items += [with_wallet(), with_did(), with_claims(sub="one"), with_claims(name="no key")]
    with Served(tmp_path_factory.mktemp("enrolled")) as server:
        project = server.new_project()
        answer = project.post(project.body(*items), {"Idempotency-Key": "import-1"})
        assert answer.status_code == 200, answer.text
        server.new_project().enrol(*items)
    return Enrolled(server.database, project, items, answer.json())


@pytest.fixture
def first(tmp_path: Path, enrolled: Enrolled) -> Path:
    """The same rows in a file of the first release."""
    path = tmp_path / "enrol.db"
    make_first(path, enrolled.path)
    return path


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "enrol.db")


def test_the_revisions_are_those_of_the_scripts_in_one_line() -> None:
    config = Config()
    config.set_main_option("script_location", plan.SCRIPTS)
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_current_head() == plan.head()
    line = [script.revision for script in scripts.walk_revisions()]
    assert tuple(reversed(line)) == plan.REVISIONS
    assert plan.known() == set(line)
    assert not any(script.is_merge_point for script in scripts.walk_revisions())


def test_alembic_is_loaded_only_when_there_is_something_to_migrate(path: str) -> None:
    prepare(path)
    program = (
        "import sys\n"
        "from enrol.store.sqlite.file import prepare\n"
        "from enrol.store.migrations import plan\n"
        "plan.head(), plan.known(), plan.statements('postgresql', plan.head())\n"
        "prepare(sys.argv[1])\n"
        "assert not {'alembic', 'sqlalchemy'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", program, path], check=True)


def test_a_revision_says_all_it_knows_itself() -> None:
    scripts = [path for path in VERSIONS.glob("*.py") if path.name != "__init__.py"]
    assert len(scripts) == len(plan.REVISIONS)
    for path in scripts:
        assert not re.search(r"^\s*(from|import) enrol\b", path.read_text("utf-8"), re.MULTILINE)


def test_writes_name_their_columns_so_that_a_later_release_can_add_some() -> None:
    unnamed = re.compile(r"INTO \w+\s+(VALUES|SELECT)\b", re.IGNORECASE)
    for path in STORE.rglob("*.py"):
        assert not unnamed.search(path.read_text("utf-8")), path.name


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_there_is_nothing_to_do_at_the_newest_revision(dialect: plan.Dialect) -> None:
    assert plan.statements(dialect, plan.head()) == []


def test_a_new_file_has_the_tables_of_the_schema(path: str) -> None:
    prepare(path)
    connection = connect(path)
    made = master(connection)
    assert VERSION_TABLE in made.pop(VERSION_TABLE)
    told = apsw.Connection(":memory:")
    for statement in ddl(sqlite.dialect()):
        told.execute(statement)
    # A virtual table, which the schema has for PostgreSQL alone, and those it keeps its data in.
    words = [made.pop(name) for name in sorted(made) if name.startswith("search_words")]
    assert words[0].startswith("CREATE VIRTUAL TABLE search_words USING fts5( ")
    assert made == master(told)
    for table in tables("sqlite"):
        assert made[table.name].endswith("WITHOUT ROWID")
        columns: Any = connection.execute(f"PRAGMA table_info({table.name})")
        assert all(not_null for _, _, _, not_null, _, key in columns if key)
    assert connection.pragma("user_version") == SCHEMA_VERSION
    assert read_revision(connection) == plan.head()
    assert len(read_secret(connection)) == 32
    connection.close()


def test_postgresql_keeps_no_new_keys_apart() -> None:
    made = plan.statements("postgresql", None)
    assert not any("identifiers_new" in line for line in made)


def test_the_first_revision_is_the_first_schema(tmp_path: Path) -> None:
    make_first(tmp_path / "first.db")
    connection = connect(str(tmp_path / "first.db"))
    rendered = plan.statements("sqlite", None)
    made = apsw.Connection(":memory:")
    for statement in rendered[: rendered.index(plan.statements("sqlite", "0001")[0])]:
        made.execute(statement)
    found = master(made)
    del found[VERSION_TABLE]
    assert found == master(connection)
    connection.close()


def test_a_file_of_the_first_release_comes_up_with_all_its_rows(
    first: Path, enrolled: Enrolled, tmp_path: Path
) -> None:
    before = connect(str(first))
    rows, keys, secret = digests(before), stored_keys(before), read_secret(before)
    counts = [before.execute(f"SELECT count(*) FROM {name}").get for name in sorted(KEY_TABLES)]
    assert all(counts)
    assert sum(counts) == len(keys)
    before.close()

    prepare(str(first))

    after = connect(str(first))
    assert digests(after) == rows
    assert rows["customers"][0] == 2 * len(enrolled.items)
    assert stored_keys(after) == keys
    assert read_secret(after) == secret
    for number in {project for project, _ in keys}:
        own = {key: owner for (project, key), owner in keys.items() if project == number}
        assert find(after, number, own) == own
    prepare(str(tmp_path / "new.db"))
    new = connect(str(tmp_path / "new.db"))
    assert master(after) == master(new)
    assert read_revision(after) == plan.head()
    # What an Enrol from before the revisions refuses.
    assert after.pragma("user_version") > 1
    assert after.pragma("integrity_check") == "ok"
    new.close()
    after.close()


def test_the_product_serves_a_file_of_the_first_release_and_enrols_on_it(
    first: Path, enrolled: Enrolled
) -> None:
    with Served(first.parent) as server:
        project = Project(server, enrolled.project.id, enrolled.project.key)
        assert project.total() == len(enrolled.items)
        body = project.body(*enrolled.items)
        again = project.post(body, {"Idempotency-Key": "import-1"})
        assert (again.status_code, again.json()) == (200, enrolled.ids)
        # Each key that is stored is in the way of the next who brings it.
        keyed = [item for item in enrolled.items if "no key" not in str(item)]
        answer = project.post(project.body(*keyed))
        assert answer.status_code == 409
        pointers = {error["pointer"].split("/")[2] for error in answer.json()["errors"]}
        assert pointers == {str(place) for place in range(len(keyed))}
        assert len(project.enrol(*(customer() for _ in range(50)))) == 50
        assert project.total() == len(enrolled.items) + 50


def test_a_file_that_has_runs_but_no_revision_comes_up_too(
    enrolled: Enrolled, tmp_path: Path
) -> None:
    # Between the first release and the revisions the table changed, and user_version did not.
    path = str(tmp_path / "enrol.db")
    Path(path).write_bytes(Path(enrolled.path).read_bytes())
    connection = connect(path)
    connection.execute(f"DROP TABLE {VERSION_TABLE}")
    connection.pragma("user_version", 1)
    # As a server leaves it that ends between the filing of a run and its deletion.
    connection.execute(
        "INSERT INTO identifiers SELECT project, hash, customer_id FROM identifiers_new LIMIT 20"
    )
    rows, keys = digests(connection), stored_keys(connection)
    connection.close()
    prepare(path)
    connection = connect(path)
    assert digests(connection) == rows
    assert stored_keys(connection) == keys
    assert read_revision(connection) == plan.head()
    connection.close()


def test_a_file_at_the_newest_revision_is_left_alone(enrolled: Enrolled, tmp_path: Path) -> None:
    path = tmp_path / "enrol.db"
    path.write_bytes(Path(enrolled.path).read_bytes())
    prepare(str(path))
    assert path.read_bytes() == Path(enrolled.path).read_bytes()


def test_a_newer_revision_is_refused_and_nothing_is_changed(path: str) -> None:
    prepare(path)
    connection = connect(path)
    connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    connection.close()
    before = Path(path).read_bytes()
    with pytest.raises(SchemaTooNew, match=f"schema 9999, this Enrol {plan.head()}"):
        prepare(path)
    assert Path(path).read_bytes() == before
    with pytest.raises(SchemaTooNew):
        plan.statements("postgresql", "9999")


def test_a_later_user_version_is_refused(path: str) -> None:
    prepare(path)
    connection = connect(path)
    connection.pragma("user_version", SCHEMA_VERSION + 1)
    connection.close()
    with pytest.raises(SchemaTooNew, match=f"schema {SCHEMA_VERSION + 1}"):
        prepare(path)


@pytest.mark.parametrize("old", [False, True], ids=["new file", "first release"])
def test_processes_that_prepare_one_file_at_once_do_it_once(
    old: bool, enrolled: Enrolled, tmp_path: Path
) -> None:
    path = tmp_path / "enrol.db"
    if old:
        make_first(path, enrolled.path)
    # Each has Alembic loaded and waits for the word, so that they meet in the file.
    program = (
        "import sys, alembic.command\n"
        "from enrol.store.sqlite.file import prepare\n"
        "print(flush=True), sys.stdin.readline()\n"
        "prepare(sys.argv[1])\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=60)
    assert [process.returncode for process in processes] == [0, 0, 0]
    connection = connect(str(path))
    assert read_revision(connection) == plan.head()
    assert connection.execute(f"SELECT count(*) FROM {VERSION_TABLE}").get == 1
    assert connection.execute("SELECT count(*) FROM meta").get == 1
    if old:
        source = connect(enrolled.path)
        assert stored_keys(connection) == stored_keys(source)
        assert digests(connection) == digests(source)
        source.close()
    connection.close()


def test_a_file_that_another_process_is_just_making_is_waited_for(path: str) -> None:
    other = apsw.Connection(path)
    # Not yet a WAL database: for this lock, of all, SQLite does not wait when it makes it one.
    other.execute("BEGIN IMMEDIATE; CREATE TABLE t (x)")
    release = threading.Timer(0.3, other.execute, ("ROLLBACK",))
    release.start()
    prepare(path)
    release.join()
    connection = connect(path)
    assert read_revision(connection) == plan.head()
    connection.close()
    other.close()


def test_an_upgrade_that_fails_midway_leaves_the_file_as_it_was(first: Path) -> None:
    connection = connect(str(first))
    last = connection.execute("SELECT max(hash) FROM identifiers_new").get
    # Many keys are moved before this one is refused.
    connection.execute(
        "CREATE TRIGGER refuse BEFORE INSERT ON identifiers WHEN new.hash = "
        f"x'{last.hex()}' BEGIN SELECT RAISE(ABORT, 'refused'); END"
    )
    tables_before, rows, keys = master(connection), digests(connection), stored_keys(connection)
    with pytest.raises(apsw.ConstraintError, match="refused"):
        prepare(str(first))
    assert master(connection) == tables_before
    assert VERSION_TABLE not in tables_before
    assert digests(connection) == rows
    assert stored_keys(connection) == keys
    assert connection.pragma("user_version") == 1
    connection.execute("DROP TRIGGER refuse")
    prepare(str(first))
    assert read_revision(connection) == plan.head()
    assert stored_keys(connection) == keys
    connection.close()


def test_partitions_are_for_an_empty_postgresql_alone() -> None:
    for dialect, current in (("sqlite", None), ("postgresql", "0001")):
        with pytest.raises(ValueError, match="empty PostgreSQL"):
            plan.statements(dialect, current, partitions=2)  # type: ignore[arg-type]


def test_every_table_that_leads_with_the_project_is_partitioned_by_it() -> None:
    made = plan.statements("postgresql", None, partitions=64)
    for table in tables("postgresql"):
        (create,) = [line for line in made if line.startswith(f"CREATE TABLE {table.name} ")]
        partitions = [line for line in made if f"PARTITION OF {table.name} " in line]
        if table.name in REFERENCE_TABLES:
            assert "PARTITION" not in create
            assert not partitions
        else:
            assert next(iter(table.primary_key)).name == "project"
            assert create.endswith("PARTITION BY HASH (project)")
            assert len(set(partitions)) == 64


def test_citus_is_told_of_every_table_once_and_keeps_a_project_together() -> None:
    sequential, *calls = plan.citus_statements()
    assert sequential.startswith("SET LOCAL ")
    named = [re.search(r"\('(\w+)'", call) for call in calls]
    names = [match[1] for match in named if match]
    assert tuple(names[:3]) == REFERENCE_TABLES
    assert sorted(names) == sorted(table.name for table in tables("postgresql"))
    for call in calls[3:]:
        assert "'project'" in call
        group = "none" if call == calls[3] else names[3]
        assert call.endswith(f"colocate_with => '{group}')")


def test_reference_tables_refer_to_one_another_alone_and_nothing_unique_spans_projects() -> None:
    for table in metadata.sorted_tables:
        others = [key.column.table.name for key in table.foreign_keys]
        if table.name in REFERENCE_TABLES:
            assert set(others) <= set(REFERENCE_TABLES[: REFERENCE_TABLES.index(table.name)])
        else:
            assert not others
            assert not any(index.unique for index in table.indexes)
            assert not any(column.unique for column in table.columns)


@pytest.fixture(scope="module", params=oldest_and_newest(), ids=str)
def postgres(request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    installation: Installation = request.param
    with PostgresServer(installation, fsync=False) as server:
        yield server


async def run(url: str, statements: list[str]) -> None:
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            for statement in statements:
                await connection.execute(statement)
    finally:
        await connection.close()


CATALOGUE = (
    "SELECT table_name, ordinal_position, column_name, data_type, is_nullable, column_default,"
    " col_description(format('public.%I', table_name)::regclass, ordinal_position)"
    " FROM information_schema.columns WHERE table_schema = 'public'",
    "SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE connamespace = 'public'::regnamespace AND contype <> 'n'",
    "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
)


def catalogue(server: PostgresServer, url: str) -> list[tuple[str, ...]]:
    """Columns, constraints and indexes of a database, without Alembic's table."""
    return sorted(
        row for query in CATALOGUE for row in server.query(query, url) if row[0] != VERSION_TABLE
    )


async def test_a_real_postgresql_gets_the_tables_of_the_schema(postgres: PostgresServer) -> None:
    made, told = postgres.create_database(), postgres.create_database()
    await run(made, plan.statements("postgresql", None))
    await run(told, ddl(postgresql.dialect()))
    assert catalogue(postgres, made) == catalogue(postgres, told)
    assert len(catalogue(postgres, made)) > 100
    assert postgres.query(f"SELECT * FROM {VERSION_TABLE}", made) == [(plan.head(),)]


async def test_a_real_postgresql_comes_up_from_every_earlier_revision(
    postgres: PostgresServer,
) -> None:
    for revision in plan.REVISIONS:
        url = postgres.create_database()
        first = plan.statements("postgresql", None)
        after = plan.statements("postgresql", revision)
        await run(url, first[: len(first) - len(after)])
        assert postgres.query(f"SELECT * FROM {VERSION_TABLE}", url) == [(revision,)]
        await run(url, after)
        assert postgres.query(f"SELECT * FROM {VERSION_TABLE}", url) == [(plan.head(),)]


async def test_a_real_postgresql_takes_64_partitions_of_each_table(
    postgres: PostgresServer,
) -> None:
    url = postgres.create_database()
    await run(url, plan.statements("postgresql", None, partitions=64))
    counts = postgres.query(
        "SELECT inhparent::regclass, count(*) FROM pg_inherits JOIN pg_class ON oid = inhrelid "
        "WHERE relkind = 'r' GROUP BY 1",
        url,
    )
    names = {table.name for table in tables("postgresql")} - set(REFERENCE_TABLES)
    assert sorted(counts) == [(name, "64") for name in sorted(names)]
