"""``enrol doctor``: sees each kind of damage and risk, says what to do, and changes nothing."""

import json
import os
import time
from pathlib import Path

import apsw
import pytest

from enrol.maintenance.checks import surroundings
from enrol.maintenance.checks.consistency import RULES
from tests.maintenance.commands import change, enrol, findings, troubles
from tests.postgres import SUPERUSER, PostgresServer
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
    assert len([check for check in found if check.startswith("rows.")]) == len(RULES)
    assert database.read_bytes() == before


def test_people_read_levels_counts_and_a_conclusion(database: Path) -> None:
    done = enrol("doctor", "--database", database)
    assert done.code == 0
    assert "ok      integrity: Every page and index of the file is sound.\n" in done.out
    assert "\ncustomers                 123\n" in done.out
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
            "UPDATE events SET customer_id = randomblob(16)",
            ["rows.orphans.events", "rows.customers.event"],
        ),
        ("DELETE FROM events", ["rows.customers.event"]),
        ("UPDATE batches SET created = created + 1", ["rows.batches.created"]),
        ("DELETE FROM batches", ["rows.customers.batch"]),
        (
            "DELETE FROM projects WHERE id = 'lenient'",
            [
                "rows.orphans.customers.project",
                "rows.orphans.batches.project",
                "rows.orphans.api_keys.project",
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
