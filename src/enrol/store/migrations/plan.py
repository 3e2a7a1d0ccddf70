"""Which revisions there are, and the SQL that leads from one of them to the newest.

Alembic renders text for a dialect and connects to nothing: apsw and asyncpg run it.
"""

import io
from collections.abc import Collection
from typing import Final, Literal

from enrol.store.protocol import SchemaTooNew

Dialect = Literal["sqlite", "postgresql"]

# Said here as well, and held equal by a test: to ask Alembic takes a third of a second.
REVISIONS: Final = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008")
SCRIPTS: Final = "enrol.store:migrations"


class _Statements(io.StringIO):
    """Takes what Alembic writes: each statement at once, and remarks between them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def write(self, text: str) -> int:
        if not text.startswith("--"):
            self.found.append(text.strip().removesuffix(";"))
        return len(text)


def head() -> str:
    """The revision that this Enrol reads and writes."""
    return REVISIONS[-1]


def known() -> frozenset[str]:
    """The revisions that `statements` leads on from."""
    return frozenset(REVISIONS)


def is_behind(current: str | None) -> bool:
    """Whether a database at this revision (None: an empty one) has to be migrated.

    Raises `SchemaTooNew` for a revision that is not known.
    """
    if current is not None and current not in REVISIONS:
        raise SchemaTooNew(f"The database has schema {current}, this Enrol {head()}.")
    return current != head()


def statements(dialect: Dialect, current: str | None, *, partitions: int = 0) -> list[str]:
    """The statements from a revision (None: an empty database) to `head`, in their order.

    They keep Alembic's own `alembic_version`, and are to be run in one transaction. With
    ``partitions`` what they make on PostgreSQL are that many hash partitions by project: as many
    as the tables have that are there. Raises `SchemaTooNew` for a revision that is not known.
    """
    if partitions and dialect != "postgresql":
        raise ValueError("Only PostgreSQL has partitions.")
    if not is_behind(current):
        return []
    from alembic import command
    from alembic.config import Config

    rendered = _Statements()
    config = Config(
        attributes={"dialect": dialect, "partitions": partitions, "statements": rendered}
    )
    config.set_main_option("script_location", SCRIPTS)
    command.upgrade(config, "head" if current is None else f"{current}:head", sql=True)
    return rendered.found


def citus_statements(spread: Collection[str] = ()) -> list[str]:
    """The calls that spread the tables of a migrated database over the nodes of Citus, but for
    those that are ``spread`` already.

    They are to be run in one transaction, which may be that of `statements`.
    """
    from enrol.store.schema import REFERENCE_TABLES, tables

    # Through one connection a node: Citus refuses to touch all nodes in a transaction that has
    # used several.
    calls = ["SET LOCAL citus.multi_shard_modify_mode TO 'sequential'"]
    calls += [
        f"SELECT create_reference_table('{name}')"
        for name in REFERENCE_TABLES
        if name not in spread
    ]
    names = [table.name for table in tables("postgresql") if table.name not in REFERENCE_TABLES]
    # A group of its own, whatever else the cluster holds: its shards move together.
    first = next((name for name in names if name in spread), names[0])
    for name in sorted(set(names) - set(spread), key=[first, *names].index):
        group = "none" if name == first else first
        calls.append(
            f"SELECT create_distributed_table('{name}', 'project', colocate_with => '{group}')"
        )
    return calls
