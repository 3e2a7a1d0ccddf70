"""``enrol migrate``: brings a database's schema to the revision that this Enrol needs."""

from typing import Final, NamedTuple

from enrol.maintenance import MaintenanceFailed, NotThere
from enrol.maintenance.databases import PostgresDatabase
from enrol.maintenance.places import Place
from enrol.maintenance.tables import revision_of, table_names
from enrol.store.migrations import plan
from enrol.store.protocol import SchemaTooNew, StoreUnavailable

# Calls queue behind a migration that itself waits for a long one: rather fail than stop them all.
LOCK_SETTINGS: Final = {"lock_timeout": "10s"}


class Migration(NamedTuple):
    """``statements`` led from one revision to the other, or would: ``applied`` tells."""

    before: str | None
    after: str
    statements: list[str]
    applied: bool


def migrate(
    place: Place, *, partitions: int = 0, citus: bool = False, dry_run: bool = False
) -> Migration:
    """Run what is missing, all or nothing. Raises `MaintenanceFailed`."""
    if not place.is_postgres and (partitions or citus):
        raise MaintenanceFailed("--partitions and --citus are for PostgreSQL.")
    try:
        if place.is_postgres:
            return _migrate_postgres(place, partitions=partitions, citus=citus, dry_run=dry_run)
        return _migrate_sqlite(place, dry_run=dry_run)
    except SchemaTooNew as error:
        raise MaintenanceFailed(f"{error} It needs the newer Enrol.") from error
    except StoreUnavailable as error:
        raise MaintenanceFailed(str(error)) from error


def _migrate_sqlite(place: Place, *, dry_run: bool) -> Migration:
    from enrol.store.sqlite.file import connect, prepare, read_revision

    if not place.path.exists():
        raise NotThere(f"There is no database {place}; enrol project create makes one.")
    connection = connect(place.text, read_only=True)
    try:
        before = read_revision(connection)
    finally:
        connection.close()
    statements = plan.statements("sqlite", before)
    if not dry_run:
        prepare(place.text)
    return Migration(before, plan.head(), statements, not dry_run)


def _migrate_postgres(place: Place, *, partitions: int, citus: bool, dry_run: bool) -> Migration:
    from enrol.store.postgres import schema

    with PostgresDatabase(place, **LOCK_SETTINGS) as database:
        before = revision_of(database, table_names(database))
        if partitions and before is not None:
            raise MaintenanceFailed(
                f"{place} has its tables already: --partitions is for an empty database."
            )
        if citus:
            _require_citus(database)
        if dry_run:
            planned = schema.plan_statements(
                database.connection, before, partitions=partitions, citus=citus
            )
            statements = database.run(planned)
        else:
            statements = database.run(
                schema.migrate(database.connection, partitions=partitions, citus=citus)
            )
    return Migration(before, plan.head(), statements, not dry_run)


def _require_citus(database: PostgresDatabase) -> None:
    if not database.rows("SELECT 1 FROM pg_extension WHERE extname = 'citus'"):
        raise MaintenanceFailed(
            f"{database.place} has no Citus: run CREATE EXTENSION citus there first."
        )
