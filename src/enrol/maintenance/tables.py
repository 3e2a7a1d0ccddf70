"""What an open database holds: its tables, their rows, its schema's revision."""

from typing import Final

from enrol.maintenance import MaintenanceFailed
from enrol.maintenance.databases import Database
from enrol.store.migrations import plan

# Asked of the database and not of schema.py, so that a file of another revision is counted too.
LIST_TABLES: Final = {
    # Without virtual tables, whose rows cannot be counted, and those that these keep data in.
    "sqlite": "SELECT name FROM pragma_table_list"
    " WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%'",
    "postgresql": "SELECT relname::text FROM pg_catalog.pg_class"
    " WHERE relnamespace = current_schema()::regnamespace"
    " AND relkind IN ('r', 'p') AND NOT relispartition",
}
REVISIONS: Final = "alembic_version"
# Any Enrol has these, from the first on.
ENROL_TABLES: Final = frozenset({"meta", "projects", "api_keys", "batches", "customers"})
# A database that nobody has used: the schema and the secret are all there is.
NOT_DATA: Final = frozenset({"meta", REVISIONS})
# The first files named no revision.
FIRST_REVISION: Final = "0001"


def table_names(database: Database) -> list[str]:
    """The tables, by name, Alembic's own among them."""
    return sorted(name for (name,) in database.rows(LIST_TABLES[database.dialect]))


def is_enrol(tables: list[str]) -> bool:
    """True for the tables of an Enrol database."""
    return set(tables) >= ENROL_TABLES


def count_rows(database: Database, tables: list[str]) -> dict[str, int]:
    """How many rows each of the tables holds."""
    return {table: count(database, table) for table in tables if table != REVISIONS}


def count(database: Database, table: str) -> int:
    """How many rows a table holds."""
    ((number,),) = database.rows(f"SELECT count(*) FROM {table}")  # noqa: S608
    return int(number)


def is_empty(database: Database, tables: list[str]) -> bool:
    """True where no table holds a row of its users."""
    used = (f"SELECT 1 FROM {table} LIMIT 1" for table in tables if table not in NOT_DATA)  # noqa: S608
    return not any(database.rows(query) for query in used)


def revision_of(database: Database, tables: list[str]) -> str | None:
    """The revision of the schema; None where there is none."""
    if REVISIONS in tables:
        rows = database.rows(f"SELECT version_num FROM {REVISIONS}")  # noqa: S608
        return str(rows[0][0]) if rows else None
    return FIRST_REVISION if is_enrol(tables) else None


def require_known(revision: str | None) -> str:
    """Raises `MaintenanceFailed` for a schema that a newer Enrol has made, or for none at all."""
    if revision is None:
        raise MaintenanceFailed("It is not an Enrol database.")
    if revision not in plan.known():
        raise MaintenanceFailed(f"Its schema {revision} needs a newer Enrol than this one.")
    return revision
