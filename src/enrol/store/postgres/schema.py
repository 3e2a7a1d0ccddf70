"""The schema of a PostgreSQL database: whether it fits, and how it is made."""

from __future__ import annotations

import os
from typing import Any, Final

import asyncpg
from asyncpg import Connection

from enrol.store.migrations import plan
from enrol.store.protocol import SchemaTooOld, StoreUnavailable

# "enrol" in ASCII: two that migrate at once take turns.
LOCK: Final = 0x656E726F6C
FIND_REVISION: Final = "SELECT version_num FROM alembic_version"
ADD_SECRET: Final = "INSERT INTO meta (name, value) VALUES ('secret', $1)"
COUNT_PARTITIONS: Final = """
SELECT count(*) FROM pg_inherits WHERE inhparent = to_regclass('customers')
"""
# Of Citus: which tables are spread over its nodes.
FIND_SPREAD: Final = "SELECT logicalrelid::regclass::text FROM pg_dist_partition"
FIND_SECRET: Final = "SELECT value FROM meta WHERE name = 'secret'"


async def read_revision(connection: Connection[Any]) -> str | None:
    """The revision of the schema; None where there is none yet."""
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        return None
    revision: str | None = await connection.fetchval(FIND_REVISION)
    return revision


async def check_schema(connection: Connection[Any]) -> None:
    """Raises `SchemaTooOld` and `SchemaTooNew` unless the schema is this Enrol's own."""
    revision = await read_revision(connection)
    if plan.is_behind(revision):
        at = "no schema yet" if revision is None else f"schema {revision}"
        raise SchemaTooOld(f"The database has {at}, this Enrol needs {plan.head()}.")


async def migrate(
    connection: Connection[Any], *, partitions: int = 0, citus: bool = False
) -> list[str]:
    """Bring the schema to the newest revision in one transaction, and give the statements run.

    Tables that come to others are partitioned and spread over nodes as those are. Raises
    `SchemaTooNew`.
    """
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        revision = await read_revision(connection)
        statements = await plan_statements(connection, revision, partitions=partitions, citus=citus)
        for statement in statements:
            await connection.execute(statement)
        if revision is None:
            await connection.execute(ADD_SECRET, os.urandom(32))
    return statements


async def plan_statements(
    connection: Connection[Any], revision: str | None, *, partitions: int = 0, citus: bool = False
) -> list[str]:
    """What `migrate` runs on a database at this revision."""
    spread: list[str] = []
    if revision is not None:
        partitions = await connection.fetchval(COUNT_PARTITIONS)
        if await connection.fetchval("SELECT to_regclass('pg_dist_partition')") is not None:
            spread = [name for (name,) in await connection.fetch(FIND_SPREAD)]
    statements = plan.statements("postgresql", revision, partitions=partitions)
    if citus or (statements and "customers" in spread):
        # A table that is made anew is not yet spread, whatever bore its name before.
        made = {line.split()[2] for line in statements if line.startswith("CREATE TABLE ")}
        statements += plan.citus_statements(set(spread) - made)
    return statements


async def prepare(connection: Connection[Any]) -> None:
    """Make the tables of an empty database; what is there already has to fit.

    A database that others use is migrated when its operator says so: see docs/operations.md.
    """
    if await read_revision(connection) is None:
        await migrate(connection)
    await check_schema(connection)


async def read_secret(connection: Connection[Any]) -> bytes:
    """The key of the keyed hashes."""
    try:
        secret: bytes | None = await connection.fetchval(FIND_SECRET)
    except asyncpg.PostgresError as error:
        raise StoreUnavailable(type(error).__name__) from error
    if secret is None:
        raise StoreUnavailable("The database has no secret: it is not an Enrol database.")
    return secret
