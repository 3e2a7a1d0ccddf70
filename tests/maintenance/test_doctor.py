"""``enrol doctor``: sees each kind of damage and risk, says what to do, and changes nothing."""

import json
import os
import re
import time
from pathlib import Path

import apsw
import pytest
from uuid_utils import uuid7

from enrol.customers.lifecycle.change import Applied, Change, Event, Write
from enrol.maintenance.checks import chain, surroundings
from enrol.maintenance.checks.consistency import RULES
from enrol.store.clock import now_ms
from enrol.store.sqlite.enrol import Writer
from enrol.store.sqlite.file import connect
from tests.maintenance.commands import change, enrol, findings, rows, troubles
from tests.postgres import SUPERUSER, PostgresServer
from tests.revisions import until
from tests.serving import Served


@pytest.fixture
def url(postgres: PostgresServer, filled: Path) -> str:
    """The same customers on PostgreSQL."""
    place = postgres.create_database()
    assert enrol("migrate", "--database", place).code == 0
    assert enrol("move", "--from", filled, "--to", place).code == 0
    return place


def test_a_sound_database_has_no_findings(database: Path) -> None:
    before = database.read_bytes()
    found = findings(database)
    assert {level for check, (level, _) in found.items() if check != "disk"} == {"ok"}
    assert len([check for check in found if check.startswith("rows.")]) == len(RULES) + 1
    assert database.read_bytes() == before


def test_people_read_levels_counts_and_a_conclusion(database: Path) -> None:
    done = enrol("doctor", "--database", database)
    assert done.code == 0
    assert "ok      integrity: Every page and index of the file is sound.\n" in done.out
    assert re.search(r"\ncustomers +123\n", done.out)
    assert done.out.splitlines()[-1].startswith("Nothing is wrong")
    database.chmod(0o640)
    done = enrol("doctor", "--database", database)
    assert done.code == 0
    assert "warning modes: Others may read or write enrol.db" in done.out
    assert "\n        chmod 600 enrol.db" in done.out
    assert done.out.endswith("Nothing is wrong, but see the warnings.\n")


def test_programs_read_the_counts_of_every_table(database: Path) -> None:
    told = enrol("doctor", "--database", database, "--json").data
    assert list(told) == ["database", "level", "findings", "rows"]
    assert told["database"] == str(database)
    assert told["rows"]["customers"] == 123
    assert told["rows"]["projects"] == 2


@pytest.mark.parametrize(
    ("statement", "checks"),
    [
        (
            "UPDATE wallets SET customer_id = randomblob(16) WHERE id IN (SELECT id FROM wallets"
            " LIMIT 3)",
            ["rows.orphans.wallets"],
        ),
        ("UPDATE dids SET customer_id = randomblob(16)", ["rows.orphans.dids"]),
        ("UPDATE findings SET customer_id = randomblob(16)", ["rows.orphans.findings"]),
        (
            "UPDATE identifiers_new SET customer_id = randomblob(16)",
            ["rows.orphans.identifiers_new"],
        ),
        (
            "INSERT INTO identifiers VALUES (1, randomblob(16), randomblob(16))",
            ["rows.orphans.identifiers"],
        ),
        (
            "INSERT INTO emails (project, customer_id, id, email, created_at)"
            " VALUES (1, randomblob(16), randomblob(16), 'a@example.com', 1)",
            ["rows.orphans.emails"],
        ),
        (
            "UPDATE events SET customer_id = randomblob(16)",
            ["rows.orphans.events", "rows.customers.event", "rows.chain"],
        ),
        ("UPDATE events SET customer_id = NULL", ["rows.customers.event", "rows.chain"]),
        ("DELETE FROM events", ["rows.customers.event", "rows.links.events", "rows.chain"]),
        (
            "DELETE FROM events WHERE seq = 7",
            ["rows.customers.event", "rows.links.events", "rows.chain"],
        ),
        (
            "INSERT INTO events (project, seq, type) VALUES (1, 121, 'key.created')",
            ["rows.links.events"],
        ),
        ("UPDATE events SET fields = 'name' WHERE seq = 7", ["rows.chain"]),
        ("UPDATE events SET data = '{}' WHERE seq = 7", ["rows.chain"]),
        ("UPDATE links SET hash = zeroblob(32) WHERE last = 80", ["rows.chain"]),
        ("UPDATE links SET hash = x'' WHERE last = 80", ["rows.chain"]),
        ("UPDATE links SET created_at = created_at + 1 WHERE last = 80", ["rows.chain"]),
        (
            "UPDATE links SET hash = zeroblob(32) WHERE last = 120",
            ["rows.links.heads", "rows.chain"],
        ),
        ("UPDATE chain_heads SET hash = zeroblob(32)", ["rows.links.heads"]),
        ("UPDATE chain_heads SET seq = seq + 1", ["rows.links.heads"]),
        ("DELETE FROM chain_heads", ["rows.links.heads"]),
        (
            "DELETE FROM links WHERE last = 80",
            ["rows.batches.events", "rows.links.gaps", "rows.chain"],
        ),
        (
            "DELETE FROM links WHERE last = 120",
            ["rows.batches.events", "rows.links.events", "rows.links.heads"],
        ),
        (
            "UPDATE batches SET created = created + 1",
            ["rows.batches.created", "rows.batches.events"],
        ),
        ("UPDATE customers SET deleted_at = 1", ["rows.deleted.identifiers_new"]),
        (
            "UPDATE customers SET deleted_at = 1; DELETE FROM identifiers_new;"
            "INSERT INTO identifiers SELECT project, randomblob(16), id FROM customers",
            ["rows.deleted.identifiers"],
        ),
        ("DELETE FROM batches", ["rows.customers.batch"]),
        (
            "DELETE FROM projects WHERE id = 'lenient'",
            [
                "rows.orphans.customers.project",
                "rows.orphans.batches.project",
                "rows.orphans.api_keys.project",
                "rows.orphans.events.project",
                "rows.orphans.links.project",
                "rows.orphans.chain_heads.project",
            ],
        ),
    ],
)
def test_rows_that_do_not_fit_are_errors(database: Path, statement: str, checks: list[str]) -> None:
    change(database, statement)
    assert troubles(database) == dict.fromkeys(checks, "error")
    assert enrol("doctor", "--database", database).code == 1


def test_the_number_of_broken_rows_is_told(database: Path) -> None:
    change(database, "UPDATE batches SET created = created + 1 WHERE project = 1")
    told = findings(database)["rows.batches.created"]
    assert told == ("error", "3 batches have another number of customers than they created.")


def test_what_a_change_leaves_is_sound(database: Path) -> None:
    # A customer that is deleted keeps its rows, and its unique keys are free; an event of a key is
    # about nobody; of data that were erased the digest stays.
    ((customer_id,),) = rows(database, "SELECT id FROM customers WHERE project = 1 LIMIT 1")
    keys = rows(
        database,
        f"SELECT hash FROM identifiers_new WHERE customer_id = x'{customer_id.hex()}'",
    )
    deleted = Write(
        "update", "customers", ("deleted_at",), [(9, 1, customer_id)], ("project", "id")
    )
    data = '{"reason":"left"}'
    change_of = Change(
        *(1, uuid7().bytes, "key_1", now_ms()),
        expected=[(customer_id, 0)],
        release=[key for (key,) in keys],
        writes=[deleted],
        events=[
            Event("customer.deleted", customer_id, (), data, bytes(16)),
            Event("key.created", None),
        ],
    )
    connection = connect(str(database))
    assert Writer(connection, 1).write([change_of]) == [Applied(122)]
    connection.close()
    assert troubles(database) == {}
    change(database, "UPDATE events SET data = NULL, salt = NULL WHERE data IS NOT NULL")
    assert troubles(database) == {}


def test_older_links_are_looked_at_when_asked_for(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain, "NEWEST_EVENTS", 50)
    change(database, "UPDATE events SET fields = 'name' WHERE project = 1 AND seq = 7")
    assert troubles(database) == {}
    done = enrol("doctor", "--database", database, "--full")
    assert done.code == 1
    told = "rows.chain: 1 links do not say what their events and the links before them say.\n"
    assert told in done.out
    change(database, "UPDATE events SET fields = 'name' WHERE project = 1 AND seq = 47")
    assert troubles(database) == {"rows.chain": "error"}


def test_links_are_read_some_at_a_time(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "MOST_ROWS", 1)
    assert troubles(database) == {}
    change(database, "DELETE FROM events WHERE project = 1 AND seq > 79")
    assert findings(database)["rows.chain"][1].startswith("2 links do not say")


def test_events_from_before_the_chain_are_sound(database: Path) -> None:
    change(database, "UPDATE links SET hash = x''", "UPDATE chain_heads SET hash = x''")
    assert troubles(database) == {}
    with Served(database.parent) as served:
        served.new_project().enrol({"customerClaims": {"name": "A"}})
    assert troubles(database) == {}


def test_a_database_of_an_older_schema_is_examined(tmp_path: Path) -> None:
    old = tmp_path / "old.db"
    change(old, *until("sqlite", "0002"), "PRAGMA user_version = 2")
    old.chmod(0o600)
    assert troubles(old) == {"schema": "warning"}


def test_a_damaged_file_is_an_error(database: Path) -> None:
    change(database, "PRAGMA journal_mode = delete")
    content = bytearray(database.read_bytes())
    content[-8192:] = os.urandom(8192)
    database.write_bytes(content)
    assert troubles(database)["integrity"] == "error"
    database.write_bytes(b"something else" * 1000)
    assert troubles(database) == {"reachable": "error"}


def test_another_schema_is_told(database: Path, tmp_path: Path) -> None:
    change(database, "UPDATE alembic_version SET version_num = '0001'")
    assert troubles(database) == {"schema": "warning"}
    change(database, "UPDATE alembic_version SET version_num = '9999'")
    assert troubles(database) == {"schema": "error"}
    other = tmp_path / "other.db"
    apsw.Connection(str(other)).execute("CREATE TABLE t (a)")
    other.chmod(0o600)
    assert troubles(other) == {"schema": "error"}


def test_a_clock_that_went_back_is_told(database: Path) -> None:
    later = int(time.time() * 1000) + 3_600_000
    change(database, f"UPDATE batches SET created_at = {later}")
    level, message = findings(database)["clock"]
    assert level == "warning"
    assert "3599 seconds ahead of the clock" in message or "3600 seconds" in message


def test_an_id_from_the_future_is_told(database: Path) -> None:
    later = (int(time.time() * 1000) + 3_600_000).to_bytes(6, "big").hex()
    change(
        database,
        f"UPDATE customers SET id = CAST(x'{later}' || substr(id, 7) AS BLOB)"
        " WHERE id IN (SELECT id FROM customers WHERE project = 1 LIMIT 1)",
    )
    assert findings(database)["clock"][0] == "warning"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("workers", 64),
        ("host", "0.0.0.0"),
        ("idempotency_hours", 0.1),
        ("idempotency_hours", 10_000),
        ("access_cache_seconds", 3600),
    ],
)
def test_a_risky_setting_is_a_warning(database: Path, name: str, value: object) -> None:
    assert f"settings.{name}" in troubles(database, **{name: value})
    assert set(troubles(database, **{name: value}).values()) == {"warning"}


def test_more_memory_than_there_is_is_a_warning(database: Path) -> None:
    found = troubles(database, sqlite_cache_mib=10_000_000)
    assert found == {"settings.memory": "warning"}


def test_a_disk_that_is_nearly_full_is_a_warning(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surroundings, "LEAST_FREE", 1 << 60)
    level, message = findings(database)["disk"]
    assert (level, message.startswith("The disk is nearly full: ")) == ("warning", True)


def test_a_database_in_use_can_be_examined(tmp_path: Path) -> None:
    with Served(tmp_path) as served:
        served.new_project().enrol({"customerClaims": {"name": "A"}})
        assert troubles(served.database) == {}


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    absent = tmp_path / "absent.db"
    done = enrol("doctor", "--database", absent, "--json")
    assert (done.code, done.out, done.err) == (3, "", f"There is no database {absent}.\n")
    assert not absent.exists()


def test_postgres_is_examined_too(url: str, postgres: PostgresServer) -> None:
    # The tests' server is quick, and not durable: that is seen.
    assert troubles(url) == {"durability": "error"}
    assert findings(url)["server"] == ("ok", f"PostgreSQL {postgres.installation.major} answers.")
    assert "rows.orphans.identifiers_new" not in findings(url)
    told = json.loads(enrol("doctor", "--database", url, "--json").out)
    assert told["rows"]["customers"] == 123
    assert told["rows"]["identifiers"] > 300


def test_orphans_on_postgres_are_errors(url: str, postgres: PostgresServer) -> None:
    postgres.query("DELETE FROM events; UPDATE batches SET created = 1", url)
    assert troubles(url) == {
        "durability": "error",
        "rows.customers.event": "error",
        "rows.batches.created": "error",
        "rows.batches.events": "error",
        "rows.links.events": "error",
        "rows.chain": "error",
    }


def test_indexes_on_postgres_are_checked_where_they_can_be(
    url: str, postgres: PostgresServer
) -> None:
    assert findings(url)["integrity"][1].endswith("the extension amcheck is not installed.")
    postgres.query("CREATE EXTENSION amcheck", url)
    assert findings(url)["integrity"] == ("ok", "Indexes were not checked, for this user may not.")
    superuser = postgres.url(url.rpartition("/")[2], SUPERUSER)
    assert findings(superuser)["integrity"] == ("ok", "Every index is sound.")


def test_a_postgres_that_cannot_be_reached_is_an_error(postgres: PostgresServer) -> None:
    assert troubles("postgresql://enrol:x@127.0.0.1:1/enrol") == {"reachable": "error"}
    assert troubles(postgres.url("absent")) == {"reachable": "error"}


def test_a_password_in_the_clear_is_a_warning() -> None:
    found = troubles("postgresql://enrol:x@192.0.2.1:1/enrol?connect_timeout=1")
    assert found["settings.database"] == "warning"


def test_old_rows_of_the_erased_on_postgres_wait_for_a_vacuum(
    url: str, postgres: PostgresServer
) -> None:
    assert findings(url)["erasures"][0] == "ok"
    now = int(time.time() * 1000)
    postgres.query(f"UPDATE customers SET name = NULL, erased_at = {now} WHERE project = 1", url)
    deadline = time.monotonic() + 20
    # A server counts old rows a little later.
    while findings(url)["erasures"][0] == "ok":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    postgres.query("VACUUM customers", url)
    while findings(url)["erasures"][0] == "warning":
        assert time.monotonic() < deadline
        time.sleep(0.2)
