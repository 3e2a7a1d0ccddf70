"""What is examined of a PostgreSQL server: version, durability, damage."""

from collections.abc import Iterator
from typing import Final

from enrol.maintenance import MaintenanceFailed
from enrol.maintenance.checks.findings import Finding
from enrol.maintenance.databases import PostgresDatabase
from enrol.maintenance.programs import server_version

LEAST_VERSION: Final = 15
SETTINGS: Final = """
SELECT name, setting FROM pg_settings
WHERE name IN ('fsync', 'full_page_writes')
"""
DAMAGED_PAGES: Final = """
SELECT coalesce(sum(checksum_failures), 0)::bigint FROM pg_stat_database
WHERE datname = current_database()
"""
AMCHECK: Final = "SELECT 1 FROM pg_extension WHERE extname = 'amcheck'"
INDEXES: Final = """
SELECT c.oid::bigint, c.relname::text FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_am AS a ON a.oid = c.relam JOIN pg_catalog.pg_index AS i ON i.indexrelid = c.oid
WHERE c.relnamespace = current_schema()::regnamespace
AND c.relkind = 'i' AND a.amname = 'btree' AND i.indisvalid ORDER BY 2
"""
CHECK_INDEX: Final = "SELECT bt_index_check($1::bigint::oid::regclass)"

LAST_ERASURE: Final = "SELECT max(erased_at) FROM customers"
# Of a table in partitions, each of them.
NOT_VACUUMED: Final = """
SELECT count(*) FROM pg_stat_user_tables
WHERE schemaname = current_schema() AND n_dead_tup > 0
AND relname ~ '^(customers|wallets|dids|emails|findings|events)(_p[0-9]+)?$'
AND coalesce(greatest(last_vacuum, last_autovacuum), 'epoch') < to_timestamp($1::bigint / 1000.0)
"""


def check_server(database: PostgresDatabase) -> Iterator[Finding]:
    """The server's version, and the settings without which an answer is not durable."""
    version = server_version(database)
    if version < LEAST_VERSION:
        yield Finding(
            "server",
            "error",
            f"PostgreSQL is {version}; Enrol needs {LEAST_VERSION} or newer.",
            "Upgrade the server.",
        )
    else:
        yield Finding("server", "ok", f"PostgreSQL {version} answers.")
    settings: dict[str, str] = dict(database.rows(SETTINGS))
    if settings.get("fsync") == "off":
        yield Finding(
            "durability",
            "error",
            "fsync is off: a power cut can destroy the database.",
            "Set fsync = on in postgresql.conf and reload it.",
        )
    elif settings.get("full_page_writes") == "off":
        yield Finding(
            "durability",
            "warning",
            "full_page_writes is off: a power cut can leave a page half written.",
            "Set full_page_writes = on, unless the file system writes pages whole.",
        )
    else:
        yield Finding("durability", "ok", "A commit is on the server's disk before it is told.")


def check_damage(database: PostgresDatabase) -> Iterator[Finding]:
    """Pages with a wrong checksum, and indexes that do not hold what they should."""
    ((pages,),) = database.rows(DAMAGED_PAGES)
    if pages:
        yield Finding(
            "integrity.pages",
            "error",
            f"{pages} pages had a wrong checksum.",
            "Take a backup, restore it on another disk, and look into the server's log.",
        )
    if not database.rows(AMCHECK):
        yield Finding(
            "integrity",
            "ok",
            "Indexes were not checked, for the extension amcheck is not installed.",
            "CREATE EXTENSION amcheck",
        )
        return
    damaged = []
    for oid, name in database.rows(INDEXES):
        try:
            database.rows(CHECK_INDEX, oid)
        except MaintenanceFailed as error:
            if "permission denied" in str(error):
                yield Finding(
                    "integrity",
                    "ok",
                    "Indexes were not checked, for this user may not.",
                    "GRANT EXECUTE ON FUNCTION bt_index_check(regclass) TO this user",
                )
                return
            damaged.append(name)
    if damaged:
        yield Finding(
            "integrity",
            "error",
            f"Damaged indexes: {', '.join(damaged)}.",
            "REINDEX INDEX each of them; look for the cause, which is often the disk or a "
            "changed sort order of the system.",
        )
    else:
        yield Finding("integrity", "ok", "Every index is sound.")


def check_erasures(database: PostgresDatabase) -> Finding:
    """Whether what was erased is still there as old rows, which no query sees."""
    ((erased_at,),) = database.rows(LAST_ERASURE)
    if erased_at is not None and database.rows(NOT_VACUUMED, erased_at)[0][0]:
        return Finding(
            "erasures",
            "warning",
            "Old rows of erased customers may still be in the files: no vacuum came since.",
            "VACUUM customers, wallets, dids, emails, findings, events",
        )
    return Finding("erasures", "ok", "No old rows of erased customers wait for a vacuum.")
