"""The commands of an operator: migrate, backup, restore, doctor, move."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from enrol.cli.databases import Database, read_settings
from enrol.cli.output import FAILED, NAMED, USAGE, Json, fail, progress_bar

if TYPE_CHECKING:
    from enrol.maintenance.checks.findings import Finding, Level

COLOURS = {"ok": typer.colors.GREEN, "warning": typer.colors.YELLOW, "error": typer.colors.RED}


def add_to(app: typer.Typer) -> None:
    """Give the command line these commands."""
    for command in (migrate, backup, restore, doctor, move):
        app.command()(command)


@contextmanager
def failures_told() -> Iterator[None]:
    """End the command in words, and with the code that the failure has."""
    import apsw

    from enrol.maintenance import AlreadyThere, MaintenanceFailed, NotThere

    try:
        yield
    except (AlreadyThere, NotThere) as error:
        fail(str(error), NAMED)
    except MaintenanceFailed as error:
        fail(str(error))
    except apsw.FullError:
        fail("The disk is full.")
    except apsw.Error as error:
        fail(f"The database cannot be used: {error}.")
    except OSError as error:
        fail(f"{error.filename or 'The file'} cannot be used: {error.strerror}.")


def migrate(
    database: Database = None,
    partitions: Annotated[
        int,
        typer.Option(
            min=0, max=1024, help="PostgreSQL, empty: make each table of this many partitions."
        ),
    ] = 0,
    citus: Annotated[
        bool, typer.Option("--citus", help="Spread the tables over the nodes of Citus.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the statements and run none.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Bring the database's schema to what this Enrol needs, all or nothing.

    Example: enrol migrate --database postgresql://enrol@db.example/enrol
    """
    from enrol.maintenance.migrate import migrate as run
    from enrol.maintenance.places import Place

    settings = read_settings(database=database)
    with failures_told():
        place = Place(settings.database)
        if not place.is_postgres and (partitions or citus):
            fail("--partitions and --citus are for PostgreSQL.", USAGE)
        done = run(place, partitions=partitions, citus=citus, dry_run=dry_run)
    if as_json:
        typer.echo(json.dumps(done._asdict()))
        return
    if dry_run:
        for statement in done.statements:
            typer.echo(f"{statement};")
    elif done.statements:
        typer.echo(f"{place} is at schema {done.after} ({len(done.statements)} statements).")
    else:
        typer.echo(f"{place} is at schema {done.after} already.")


def backup(
    file: Annotated[Path, typer.Argument(help="Where the backup goes: one file.")],
    database: Database = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    as_json: Json = False,
) -> None:
    """Back up the database as it is at this moment, while it is used, into one checked file.

    PostgreSQL is backed up by pg_dump, which must be in the PATH.

    Example: enrol backup /backups/enrol-monday.db --database /var/lib/enrol/enrol.db
    """
    from enrol.maintenance.backup import back_up
    from enrol.maintenance.places import Place

    settings = read_settings(database=database)
    with failures_told(), progress_bar(as_json=as_json) as progress:
        done = back_up(Place(settings.database), file, progress, force=force)
    if as_json:
        typer.echo(json.dumps(done._asdict()))
    else:
        typer.echo(f"{done.file}: {done.bytes:,} bytes, checked, schema {done.schema}.")


def restore(
    file: Annotated[Path, typer.Argument(help="A backup that `enrol backup` made.")],
    database: Database = None,
    force: Annotated[
        bool, typer.Option("--force", help="SQLite: set a file aside that is there.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Restore a backup into a database that is not there, or that is empty.

    PostgreSQL is restored by pg_restore, which must be in the PATH.

    Example: enrol restore /backups/enrol-monday.db --database /var/lib/enrol/enrol.db
    """
    from enrol.maintenance.places import Place
    from enrol.maintenance.restore import restore as run

    settings = read_settings(database=database)
    with failures_told(), progress_bar(as_json=as_json) as progress:
        done = run(file, Place(settings.database), progress, force=force)
    if as_json:
        typer.echo(json.dumps(done._asdict()))
        return
    typer.echo(f"{done.database} is restored, schema {done.schema}.")
    if done.set_aside:
        typer.echo(f"The database before it is now {done.set_aside}.")
    _print_rows(done.rows)


def doctor(
    database: Database = None,
    full: Annotated[
        bool, typer.Option("--full", help="Look at all events, not at the newest of each project.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Examine the database and what surrounds it, and say what to do. Changes nothing.

    Exit code 1 when there is an error; a warning is none.

    Example: enrol doctor --database /var/lib/enrol/enrol.db
    """
    from enrol.maintenance.checks.findings import worst
    from enrol.maintenance.doctor import examine
    from enrol.maintenance.places import Place

    settings = read_settings(database=database)
    with failures_told(), progress_bar(as_json=as_json) as progress:
        place = Place(settings.database)
        found = examine(place, settings, progress, full=full)
    level = worst(found.findings)
    if as_json:
        findings = [finding._asdict() for finding in found.findings]
        told = {"database": str(place), "level": level, "findings": findings, "rows": found.rows}
        typer.echo(json.dumps(told))
    else:
        for finding in found.findings:
            _print_finding(finding)
        _print_rows(found.rows)
        typer.echo(_conclusion(level))
    if level == "error":
        raise typer.Exit(FAILED)


def _print_finding(finding: "Finding") -> None:
    typer.secho(f"{finding.level:8}", fg=COLOURS[finding.level], nl=False)
    typer.echo(f"{finding.check}: {finding.message}")
    if finding.advice:
        typer.echo(f"        {finding.advice}")


def _print_rows(rows: dict[str, int]) -> None:
    width = max(map(len, rows), default=0)
    for table, number in rows.items():
        typer.echo(f"{table:{width}}  {number:>12,}")


def _conclusion(level: "Level") -> str:
    if level == "error":
        return "Something is wrong: see above."
    return "Nothing is wrong." if level == "ok" else "Nothing is wrong, but see the warnings."


def move(
    source: Annotated[
        str, typer.Option("--from", help="The database that is moved: a file or a URL.")
    ],
    target: Annotated[
        str, typer.Option("--to", help="An empty database with Enrol's schema, or a new file.")
    ],
    as_json: Json = False,
) -> None:
    """Move everything from SQLite to PostgreSQL or back, and compare both sides.

    Stop the servers of the source first. After an interruption, the same command goes on.

    Example: enrol move --from enrol.db --to postgresql://enrol@db.example/enrol
    """
    from enrol.maintenance.move import move as run
    from enrol.maintenance.places import Place

    with failures_told(), progress_bar(as_json=as_json) as progress:
        origin, goal = Place(source), Place(target)
        done = run(origin, goal, progress)
    if as_json:
        tables = {name: rows._asdict() for name, rows in done.tables.items()}
        typer.echo(json.dumps({**done._asdict(), "tables": tables}))
        return
    width = max(map(len, done.tables))
    for name, rows in done.tables.items():
        typer.echo(f"{name:{width}}  {rows.rows:>12,}  {rows.digest}")
    typer.echo(f"{origin} is now in {goal}: every row is the same on both sides.")
    typer.echo("Next: serve the new one, and keep the old one until you trust it.")
