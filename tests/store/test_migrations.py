"""The revisions: they make the tables that schema.py tells of, and bring every older file there."""

import hashlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
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
from enrol.store.postgres.schema import migrate
from enrol.store.protocol import SCHEMA_VERSION, SchemaTooNew
from enrol.store.schema import REFERENCE_TABLES, metadata, tables
from enrol.store.sqlite.file import connect, prepare, read_revision, read_secret, transaction
from enrol.store.sqlite.keys.identifiers import find
from tests.faults.processes import wait_until
from tests.people import customer, with_claims, with_did, with_wallet
from tests.postgres import Installation, PostgresServer, oldest_and_newest
from tests.revisions import until
from tests.serving import Project, Served

FIRST_SCHEMA = Path(__file__).with_name("schema_0001.sql").read_text("utf-8")
STORE = Path(plan.__file__).parents[1]
VERSIONS = Path(plan.__file__).with_name("versions")
KEY_TABLES = {"identifiers", "identifiers_new"}
VERSION_TABLE = "alembic_version"
FIND_VERSION_TABLE = f"SELECT 1 FROM sqlite_master WHERE name = '{VERSION_TABLE}'"
NEW_KEYS = "PRAGMA main.table_info(identifiers_new)"
# In the order in which they refer to one another; but for keys and events, which later revisions
# keep otherwise.
FIRST_TABLES = [
    name
    for name in re.findall(r"CREATE TABLE (\w+)", FIRST_SCHEMA)
    if name not in KEY_TABLES | {"events"}
]


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


def rows_of(connection: apsw.Connection, query: str) -> list[tuple[Any, ...]]:
    return connection.execute(query).fetchall()


Structure = dict[str, tuple[Any, ...]]


def structure(connection: apsw.Connection) -> Structure:
    """The tables of a file, but for Alembic's: columns, foreign keys and indexes of each.

    Not the statements that made them: ALTER TABLE words the same table otherwise.
    """
    found: Structure = {}
    for _, name, kind, *options in rows_of(connection, "PRAGMA main.table_list"):
        if name.startswith("sqlite_") or name == VERSION_TABLE:
            continue
        columns = [column[1:] for column in rows_of(connection, f"PRAGMA table_xinfo({name})")]
        keys = [key[2:] for key in rows_of(connection, f"PRAGMA foreign_key_list({name})")]
        found[name] = kind, options, columns, keys, _indexes(connection, name)
    return found


def _indexes(connection: apsw.Connection, table: str) -> list[tuple[Any, ...]]:
    found = []
    for _, name, *how in rows_of(connection, f"PRAGMA index_list({table})"):
        columns = [column[2:] for column in rows_of(connection, f"PRAGMA index_xinfo({name})")]
        query = f"SELECT sql FROM sqlite_master WHERE name = '{name}' AND sql LIKE '% WHERE %'"
        condition = [flat(sql).partition(" WHERE ")[2] for (sql,) in rows_of(connection, query)]
        found.append((name, how, columns, condition))
    return sorted(found, key=repr)


def digests(connection: apsw.Connection) -> dict[str, tuple[int, str]]:
    """How many rows each table of the first release holds, and a digest of them all."""
    found = {}
    for name in FIRST_TABLES:
        info = rows_of(connection, f"PRAGMA table_info({name})")
        columns = ", ".join(column[1] for column in info)
        order = ", ".join(column[1] for column in info if column[5])
        values = rows_of(connection, f"SELECT {columns} FROM {name} ORDER BY {order}")
        found[name] = len(values), hashlib.sha256(repr(values).encode()).hexdigest()
    return found


# What is told of each event, with what its link tells of all of them; without the hashes.
TOLD = """
SELECT e.project, e.seq, e.type, e.customer_id, e.fields, e.data, e.salt, e.digest,
  l.first, l.last, l.id, l.key_id, l.batch_id, l.created_at
FROM events AS e JOIN links AS l ON l.project = e.project AND e.seq BETWEEN l.first AND l.last
ORDER BY e.project, e.seq
"""
HEADS = "SELECT project, seq FROM chain_heads ORDER BY project"
LINKS = """
SELECT project, first, last, id, key_id, created_at, hash FROM links ORDER BY project, last
"""
HASHES = "SELECT DISTINCT hash FROM (SELECT hash FROM links UNION ALL SELECT hash FROM chain_heads)"


def assert_events_are_those_of(after: apsw.Connection, source: apsw.Connection) -> None:
    """Numbered as they were when they came, in links that are told from those of the chain."""
    told = rows_of(after, TOLD)
    assert told == rows_of(source, TOLD)
    assert len(told) == after.execute("SELECT count(*) FROM events").get
    assert rows_of(after, HEADS) == rows_of(source, HEADS)
    assert rows_of(after, HASHES) == [(b"",)]


def stored_keys(connection: apsw.Connection) -> dict[tuple[int, bytes], bytes]:
    """Every unique key of a file with its customer, from both tables."""
    rows: Any = connection.execute(
        "SELECT project, hash, customer_id FROM identifiers UNION ALL "
        "SELECT project, hash, customer_id FROM identifiers_new"
    )
    return {(project, key): owner for project, key, owner in rows}


def make_old(path: Path, statements: Iterable[str], source: str, *, user_version: int) -> None:
    """A file with the tables of these statements, and the rows of another file."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = connect(str(path))
    with transaction(connection):
        for statement in statements:
            connection.execute(statement)
    connection.pragma("user_version", user_version)
    connection.execute("ATTACH ? AS source", (source,))
    for name in FIRST_TABLES:
        info = rows_of(connection, f"PRAGMA main.table_info({name})")
        names = ", ".join(column[1] for column in info)
        connection.execute(f"INSERT INTO main.{name} ({names}) SELECT {names} FROM source.{name}")
    connection.execute(
        "INSERT INTO main.events (project, id, type, customer_id, batch_id, created_at) "
        # As the IDs of customers, those of events rose within a batch.
        "SELECT e.project, e.customer_id, e.type, e.customer_id, l.batch_id, l.created_at "
        "FROM source.events AS e JOIN source.links AS l "
        "ON l.project = e.project AND e.seq BETWEEN l.first AND l.last"
    )
    # A part of the keys was filed, a part stood in the small table.
    has_runs = "run" in {column[1] for column in rows_of(connection, NEW_KEYS)}
    runs = [", run", ", 1"] if has_runs else ["", ""]
    for filed, table_name in enumerate(("identifiers_new", "identifiers")):
        name, value = ("", "") if filed else runs
        connection.execute(
            f"INSERT INTO main.{table_name} (project, hash, customer_id{name}) "
            f"SELECT project, hash, customer_id{value} FROM (SELECT * FROM source.identifiers "
            "UNION ALL SELECT project, hash, customer_id FROM source.identifiers_new) "
            "WHERE (unicode(substr(hex(hash), 1, 1)) % 3 = 0) = ?",
            (filed,),
        )
    connection.close()


def make_first(path: Path, source: str) -> None:
    """A file as the first release left it, with the rows of another file."""
    make_old(path, [FIRST_SCHEMA], source, user_version=1)


def make_second(path: Path, source: str) -> None:
    """The same, as it was before there was a chain."""
    make_old(path, until("sqlite", "0002"), source, user_version=SCHEMA_VERSION)


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


@pytest.fixture(params=[make_first, make_second], ids=["first release", "before the chain"])
def old(request: pytest.FixtureRequest, tmp_path: Path, enrolled: Enrolled) -> Path:
    """The same rows in a file of an earlier release."""
    path = tmp_path / "enrol.db"
    request.param(path, enrolled.path)
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
    made = structure(connection)
    memory = apsw.Connection(":memory:")
    for statement in ddl(sqlite.dialect()):
        memory.execute(statement)
    told = structure(memory)
    assert {name: made[name] for name in told} == told
    # SQLAlchemy has no words for a full-text index and the tables beneath it.
    assert {made[name][0] for name in made.keys() - told.keys()} <= {"virtual", "shadow"}
    for table in tables("sqlite"):
        kind, (_, without_rowid, _), columns, *_ = made[table.name]
        assert (kind, without_rowid) == ("table", 1)
        assert all(not_null for _, _, not_null, _, key, _ in columns if key)
    assert connection.pragma("user_version") == SCHEMA_VERSION
    assert read_revision(connection) == plan.head()
    assert len(read_secret(connection)) == 32
    connection.close()


def test_postgresql_keeps_no_new_keys_apart() -> None:
    made = plan.statements("postgresql", None)
    assert not any("identifiers_new" in line for line in made)


def test_the_first_revision_is_the_first_schema() -> None:
    made, first = apsw.Connection(":memory:"), apsw.Connection(":memory:")
    for statement in until("sqlite", "0001"):
        made.execute(statement)
    first.execute(FIRST_SCHEMA)
    assert structure(made) == structure(first)


def test_an_old_file_comes_up_with_all_its_rows(
    old: Path, enrolled: Enrolled, tmp_path: Path
) -> None:
    before = connect(str(old))
    keys, secret = stored_keys(before), read_secret(before)
    counts = [before.execute(f"SELECT count(*) FROM {name}").get for name in sorted(KEY_TABLES)]
    assert all(counts)
    assert sum(counts) == len(keys)
    before.close()

    prepare(str(old))

    after, source = connect(str(old)), connect(enrolled.path)
    rows = digests(after)
    # What the first release had no columns for is as it is after an enrolment of today.
    assert rows == digests(source)
    assert rows["customers"][0] == 2 * len(enrolled.items)
    assert_events_are_those_of(after, source)
    assert stored_keys(after) == keys
    assert read_secret(after) == secret
    for number in {project for project, _ in keys}:
        own = {key: owner for (project, key), owner in keys.items() if project == number}
        assert find(after, number, own) == own
    prepare(str(tmp_path / "new.db"))
    new = connect(str(tmp_path / "new.db"))
    assert structure(after) == structure(new)
    assert read_revision(after) == plan.head()
    # What an Enrol from before the revisions refuses.
    assert after.pragma("user_version") > 1
    assert after.pragma("integrity_check") == "ok"
    for connection in (new, source, after):
        connection.close()


# Two batches that were planned at once: the IDs of their events stand mixed. In project 2 a batch
# whose record is lost, and a file that an old server has filled in two projects in turn.
MIXED = [
    (1, b"\1" * 16, [1, 4, 5]),
    (1, b"\2" * 16, [2, 3]),
    (2, b"\3" * 16, [6]),
    (2, b"\4" * 16, [7, 8]),
]
LOST = b"\3" * 16
NUMBERED = [
    *((1, 1, b"\1"), (1, 2, b"\4"), (1, 3, b"\5"), (1, 4, b"\2"), (1, 5, b"\3")),
    *((2, 1, b"\6"), (2, 2, b"\7"), (2, 3, b"\x08")),
]
LINKED = [
    (1, 1, 3, b"\1" * 16, "key_1", 100, b""),
    (1, 4, 5, b"\2" * 16, "key_1", 100, b""),
    (2, 1, 1, b"\3" * 16, "", 100, b""),
    (2, 2, 3, b"\4" * 16, "key_1", 100, b""),
]


BATCH_COLUMNS = "project, id, key_id, mode, items, created, existing, refused, created_at"
EVENT_COLUMNS = "project, id, type, customer_id, batch_id, created_at"


def old_rows() -> Iterator[str]:
    """Statements that add these batches and their events to tables of revision 0002."""
    for project, batch, numbers in MIXED:
        batch_id = f"{{{batch.hex()}}}"
        if batch != LOST:
            row = f"{project}, {batch_id}, 'key_1', 'all', 0, 0, 0, 0, 100"
            yield f"INSERT INTO batches ({BATCH_COLUMNS}) VALUES ({row})"
        for number in numbers:
            event = f"{{{bytes([number] * 16).hex()}}}"
            row = f"{project}, {event}, 'customer.created', {event}, {batch_id}, 100"
            yield f"INSERT INTO events ({EVENT_COLUMNS}) VALUES ({row})"


def test_old_events_are_numbered_batch_by_batch(path: str) -> None:
    connection = connect(path)
    for statement in until("sqlite", "0002"):
        connection.execute(statement)
    connection.pragma("user_version", SCHEMA_VERSION)
    for statement in old_rows():
        connection.execute(re.sub(r"\{(\w+)\}", r"x'\1'", statement))
    prepare(path)
    query = "SELECT project, seq, substr(customer_id, 1, 1) FROM events ORDER BY project, seq"
    assert rows_of(connection, query) == NUMBERED
    assert rows_of(connection, LINKS) == LINKED
    assert rows_of(connection, HEADS) == [(1, 5), (2, 3)]
    connection.close()


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
    file = tmp_path / "enrol.db"
    path = str(file)
    make_second(file, enrolled.path)
    connection = connect(path)
    connection.execute(f"DROP TABLE {VERSION_TABLE}")
    connection.pragma("user_version", 1)
    # As a server leaves it that ends between the filing of a run and its deletion.
    connection.execute(
        "INSERT INTO identifiers SELECT project, hash, customer_id FROM identifiers_new LIMIT 20"
    )
    keys = stored_keys(connection)
    connection.close()
    prepare(path)
    connection, source = connect(path), connect(enrolled.path)
    assert digests(connection) == digests(source)
    assert_events_are_those_of(connection, source)
    assert stored_keys(connection) == keys
    assert read_revision(connection) == plan.head()
    source.close()
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
    assert connection.execute("SELECT count(*) FROM meta WHERE name = 'secret'").get == 1
    if old:
        source = connect(enrolled.path)
        assert stored_keys(connection) == stored_keys(source)
        assert digests(connection) == digests(source)
        assert_events_are_those_of(connection, source)
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
    tables_before, rows, keys = structure(connection), digests(connection), stored_keys(connection)
    with pytest.raises(apsw.ConstraintError, match="refused"):
        prepare(str(first))
    assert structure(connection) == tables_before
    assert rows_of(connection, FIND_VERSION_TABLE) == []
    assert digests(connection) == rows
    assert stored_keys(connection) == keys
    assert connection.pragma("user_version") == 1
    connection.execute("DROP TRIGGER refuse")
    prepare(str(first))
    assert read_revision(connection) == plan.head()
    assert stored_keys(connection) == keys
    connection.close()


SUMMED = "SELECT count(*), sum(created_at), max(id) FROM events"
NUMBERS = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers LIMIT {})"
MANY_BATCHES = f"""
{NUMBERS.format(300)}
INSERT INTO batches (project, id, key_id, mode, items, created, existing, refused, created_at)
SELECT 1, CAST(printf('%016d', n) AS BLOB), 'key_1', 'all', 1000, 1000, 0, 0, n FROM numbers
"""
MANY_EVENTS = f"""
{NUMBERS.format(300_000)}
INSERT INTO events (project, id, type, customer_id, batch_id, created_at)
SELECT 1, CAST(printf('%016d', n) AS BLOB), 'customer.created', randomblob(16),
  CAST(printf('%016d', (n + 999) / 1000) AS BLOB), n FROM numbers
"""


@pytest.mark.parametrize("written", [1, 8_000_000], ids=["at its start", "midway"])
def test_an_upgrade_that_is_killed_leaves_the_file_as_it_was(path: str, written: int) -> None:
    connection = connect(path)
    connection.pragma("user_version", SCHEMA_VERSION)
    with transaction(connection):
        for statement in (*until("sqlite", "0002"), MANY_BATCHES, MANY_EVENTS):
            connection.execute(statement)
    connection.pragma("wal_checkpoint(truncate)")
    before = structure(connection), rows_of(connection, SUMMED)
    program = "import sys\nfrom enrol.store.sqlite.file import prepare\nprepare(sys.argv[1])\n"
    process = subprocess.Popen([sys.executable, "-c", program, path])
    log = Path(f"{path}-wal")
    wait_until(
        lambda: log.stat().st_size >= written or process.poll() is not None, 30, "no upgrade"
    )
    process.kill()
    assert process.wait() == -signal.SIGKILL, "it was over before it could be killed"
    assert read_revision(connection) == "0002"
    assert (structure(connection), rows_of(connection, SUMMED)) == before
    prepare(path)
    assert read_revision(connection) == plan.head()
    assert rows_of(connection, "SELECT count(*), max(seq) FROM events") == [(300_000, 300_000)]
    assert rows_of(connection, "SELECT count(*), sum(last - first + 1) FROM links") == [
        (300, 300_000)
    ]
    connection.close()


def test_partitions_are_for_postgresql_alone() -> None:
    with pytest.raises(ValueError, match="PostgreSQL"):
        plan.statements("sqlite", None, partitions=2)


def test_every_table_that_leads_with_the_project_is_partitioned_by_it() -> None:
    made = plan.statements("postgresql", None, partitions=64)
    for table in tables("postgresql"):
        # A revision may have made it anew.
        *_, create = [line for line in made if line.startswith(f"CREATE TABLE {table.name} ")]
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


def test_citus_is_told_of_tables_that_come_to_others() -> None:
    spread = {"meta", "projects", "api_keys", "batches", "customers", "identifiers"}
    calls = plan.citus_statements(spread)[1:]
    assert all(call.endswith("colocate_with => 'batches')") for call in calls)
    names = {call.split("'")[1] for call in calls}
    assert names == {table.name for table in tables("postgresql")} - spread


def test_reference_tables_refer_to_one_another_alone_and_nothing_unique_spans_projects() -> None:
    for table in metadata.sorted_tables:
        others = [key.column.table.name for key in table.foreign_keys]
        if table.name in REFERENCE_TABLES:
            assert set(others) <= set(REFERENCE_TABLES[: REFERENCE_TABLES.index(table.name)])
        else:
            assert not others
            unique = [index for index in table.indexes if index.unique]
            assert {next(iter(index.columns)).name for index in unique} <= {"project"}
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


@pytest.mark.parametrize("partitions", [0, 4], ids=["plain", "in partitions"])
async def test_a_real_postgresql_comes_up_from_every_earlier_revision(
    postgres: PostgresServer, partitions: int
) -> None:
    new = postgres.create_database()
    await run(new, plan.statements("postgresql", None, partitions=partitions))
    for revision in plan.REVISIONS[:-1]:
        url = postgres.create_database()
        await run(url, until("postgresql", revision, partitions=partitions))
        has_rows = revision in ("0001", "0002")
        if has_rows:
            await run(url, [re.sub(r"\{(\w+)\}", r"'\\x\1'", line) for line in old_rows()])
        assert postgres.query(f"SELECT * FROM {VERSION_TABLE}", url) == [(revision,)]
        connection = await asyncpg.connect(url)
        await migrate(connection)
        assert postgres.query(f"SELECT * FROM {VERSION_TABLE}", url) == [(plan.head(),)]
        assert catalogue(postgres, url) == catalogue(postgres, new)
        if has_rows:
            query = "SELECT project, seq, substr(customer_id, 1, 1) FROM events ORDER BY 1, 2"
            assert [tuple(row) for row in await connection.fetch(query)] == NUMBERED
            assert [tuple(row) for row in await connection.fetch(LINKS)] == LINKED
            assert [tuple(row) for row in await connection.fetch(HEADS)] == [(1, 5), (2, 3)]
        await connection.close()


async def test_an_upgrade_of_postgresql_that_fails_leaves_all_as_it_was(
    postgres: PostgresServer,
) -> None:
    url = postgres.create_database()
    await run(url, until("postgresql", "0002", partitions=2))
    await run(url, [re.sub(r"\{(\w+)\}", r"'\\x\1'", line) for line in old_rows()])
    # The last table that the revision makes.
    await run(url, ["CREATE TABLE chain_heads (x integer)"])
    before = catalogue(postgres, url)
    connection = await asyncpg.connect(url)
    with pytest.raises(asyncpg.DuplicateTableError):
        await migrate(connection)
    await connection.close()
    assert catalogue(postgres, url) == before
    assert postgres.query(f"SELECT * FROM {VERSION_TABLE}", url) == [("0002",)]
    assert postgres.query("SELECT count(*) FROM events", url) == [("8",)]


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
