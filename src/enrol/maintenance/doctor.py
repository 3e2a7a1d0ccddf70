"""``enrol doctor``: examines a database and what surrounds it, and says what to do."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import apsw

from enrol.maintenance import MaintenanceFailed, NotThere, Progress
from enrol.maintenance.checks.chain import count_broken_links
from enrol.maintenance.checks.consistency import RULES
from enrol.maintenance.checks.findings import Finding
from enrol.maintenance.checks.postgres import check_damage, check_erasures, check_server
from enrol.maintenance.checks.surroundings import (
    check_clock,
    check_disk,
    check_modes,
    check_settings,
)
from enrol.maintenance.copies import integrity_problems
from enrol.maintenance.databases import Database, PostgresDatabase, SqliteDatabase, open_database
from enrol.maintenance.places import Place
from enrol.maintenance.tables import count_rows, is_enrol, revision_of, table_names
from enrol.settings import Settings
from enrol.store.clock import now_ms
from enrol.store.migrations import plan

EXAMINING: Final = "Examining"
# With the rules: integrity, schema, clock, chain.
STEPS: Final = len(RULES) + 4
CHAINED_TABLES: Final = frozenset({"links", "events"})
BACKUP: Final = (
    "Enrol never leaves such rows: find out who else wrote to the database. Take a backup before "
    "any repair."
)
SERVER_CLOCK: Final = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"
RESTORE: Final = "Stop the server, and restore the newest sound backup: enrol restore."
CONNECT: Final = "Start the server, or correct ENROL_DATABASE."
TIMED_TABLES: Final = ("projects", "batches")


class Examination(NamedTuple):
    """All findings, and how many rows each table holds."""

    findings: list[Finding]
    rows: dict[str, int]


def examine(
    place: Place, settings: Settings, progress: Progress, *, full: bool = False
) -> Examination:
    """Examine a database while it is used; ``full``: each link of the chains, not the newest alone.

    Raises `NotThere` for a file that is not there.
    """
    findings = [*check_settings(settings, place)]
    rows: dict[str, int] = {}
    try:
        with open_database(place, read_only=True) as database:
            if not place.is_postgres:
                path = place.path.resolve()
                findings += [check_disk(path), check_modes(path)]
            for step, finding in enumerate(_look(database, rows, full=full)):
                findings.append(finding)
                progress(EXAMINING, min(step + 1, STEPS), STEPS)
    except NotThere:
        raise
    except MaintenanceFailed as error:
        advice = CONNECT if place.is_postgres else RESTORE
        findings.append(Finding("reachable", "error", str(error), advice))
    except apsw.Error as error:
        findings.append(Finding("integrity", "error", f"Reading stopped: {error}.", RESTORE))
    return Examination(findings, rows)


def _look(
    database: SqliteDatabase | PostgresDatabase, rows: dict[str, int], *, full: bool
) -> Iterator[Finding]:
    """What is found in the database, as it is found; ``rows`` are filled with counts."""
    yield from _damage(database)
    tables = table_names(database)
    yield _schema(database, tables)
    if is_enrol(tables):
        rows |= count_rows(database, tables)
        yield _clock(database, rows)
        yield from _consistency(database, tables)
        if isinstance(database, PostgresDatabase) and revision_of(database, tables) == plan.head():
            yield check_erasures(database)
        if set(tables) >= CHAINED_TABLES:
            yield _chain(database, full=full)


def _damage(database: SqliteDatabase | PostgresDatabase) -> Iterator[Finding]:
    if isinstance(database, PostgresDatabase):
        yield from check_server(database)
        yield from check_damage(database)
        return
    problems = integrity_problems(database.connection)
    for problem in problems:
        yield Finding("integrity", "error", f"The file is damaged: {problem}.", RESTORE)
    if not problems:
        yield Finding("integrity", "ok", "Every page and index of the file is sound.")


def _schema(database: Database, tables: list[str]) -> Finding:
    revision, head = revision_of(database, tables), plan.head()
    if revision is None:
        advice = "Name another; an empty one gets its tables from enrol migrate."
        return Finding("schema", "error", "This is not an Enrol database.", advice)
    if revision not in plan.known():
        return Finding(
            "schema",
            "error",
            f"The schema is {revision}; this Enrol knows up to {head}.",
            "Use the newer Enrol that has migrated it.",
        )
    if revision != head:
        return Finding(
            "schema", "warning", f"The schema is {revision}, not {head}.", "enrol migrate"
        )
    return Finding("schema", "ok", f"The schema is {revision}, as this Enrol wants it.")


def _clock(database: Database, rows: dict[str, int]) -> Finding:
    times = [
        database.rows(f"SELECT max(created_at) FROM {table}")[0][0]  # noqa: S608
        for table in TIMED_TABLES
        if table in rows
    ]
    newest = max((time for time in times if time is not None), default=None)
    # Of each project the last: the key leads with the project.
    query = "SELECT id FROM customers WHERE project = $1 ORDER BY id DESC LIMIT 1"
    ids = [
        bytes(row[0])
        for (project,) in database.rows("SELECT project FROM projects")
        for row in database.rows(query, project)
    ]
    server = database.rows(SERVER_CLOCK)[0][0] if database.dialect == "postgresql" else None
    return check_clock(now_ms(), newest, max(ids, default=None), server)


def _consistency(database: Database, tables: list[str]) -> Iterator[Finding]:
    for rule in RULES:
        if not set(rule.tables) <= set(tables):
            continue
        ((number,),) = database.rows(rule.query)
        if number:
            yield Finding(f"rows.{rule.name}", "error", f"{number} {rule.broken}.", BACKUP)
        else:
            yield Finding(f"rows.{rule.name}", "ok", rule.holds)


def _chain(database: Database, *, full: bool) -> Finding:
    if broken := count_broken_links(database, full=full):
        message = f"{broken} links do not say what their events and the links before them say."
        return Finding("rows.chain", "error", message, BACKUP)
    which = "Every" if full else "Every newer"
    return Finding("rows.chain", "ok", f"{which} link of the chains of events is right.")
