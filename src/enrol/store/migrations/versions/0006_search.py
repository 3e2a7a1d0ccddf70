"""The search index: empty tables, which a server fills from the events."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

revision = "0006"
down_revision = "0005"

# No copy of the words is kept (content=''), nor where in a name they stand; and what is deleted is
# deleted at once, not when segments are merged one day.
MAKE_FTS5 = """
CREATE VIRTUAL TABLE search_words USING fts5(
  words, content='', detail=none, columnsize=0, tokenize="ascii tokenchars '_'"
)
"""
SECURE_DELETE = "INSERT INTO search_words (search_words, rank) VALUES ('secure-delete', 1)"


def upgrade() -> None:
    """Make the tables."""
    _make(
        "search_progress",
        _number("seq"),
        _number("size"),
        _number("last_at"),
        _bytes("last_id", 16),
    )
    _make("search_numbers", _bytes("id", 16, primary_key=True), _number("ordinal"))
    _make(
        "search_entries",
        _number("ordinal", primary_key=True),
        _bytes("id", 16),
        _number("created_at"),
        _bytes("facets"),
        _bytes("orders"),
        sa.Column("words", sa.Text, nullable=False),
    )
    _make(
        "search_sets",
        _bytes("facet", primary_key=True),
        _number("chunk", kind=sa.Integer, primary_key=True),
        _bytes("bits"),
    )
    _make(
        "search_chunks",
        _number("chunk", kind=sa.Integer, primary_key=True),
        _number("first_at"),
        _bytes("first_id", 16),
        _number("filed", kind=sa.Integer),
    )
    _make(
        "search_orders",
        _number("sort", kind=sa.SmallInteger, primary_key=True),
        _bytes("key", primary_key=True),
        _number("ordinal"),
    )
    _make_words()
    created = sa.text("type <> 'customer.created'")
    op.create_index(
        "events_of_changes",
        "events",
        ["project", "seq"],
        sqlite_where=created,
        postgresql_where=created,
    )


def _make_words() -> None:
    if op.get_context().dialect.name == "sqlite":
        op.execute(MAKE_FTS5)
        op.execute(SECURE_DELETE)
        return
    _make(
        "search_words",
        _number("ordinal", primary_key=True),
        sa.Column("words", TSVECTOR, nullable=False),
    )
    op.create_index("search_words_by_word", "search_words", ["words"], postgresql_using="gin")


def _make(name: str, *columns: sa.Column[Any]) -> None:
    """A table whose key leads with the project, in partitions where they were asked for."""
    partitions: int = op.get_context().opts["partitions"]
    op.create_table(
        name,
        _number("project", kind=sa.Integer, primary_key=True),
        *columns,
        sqlite_with_rowid=False,
        postgresql_partition_by="HASH (project)" if partitions else None,
    )
    for number in range(partitions):
        op.execute(
            f"CREATE TABLE {name}_p{number} PARTITION OF {name} "
            f"FOR VALUES WITH (MODULUS {partitions}, REMAINDER {number})"
        )


def _number(
    name: str, *, kind: type[sa.Integer] = sa.BigInteger, primary_key: bool = False
) -> sa.Column[Any]:
    return sa.Column(name, kind, primary_key=primary_key, nullable=False, autoincrement=False)


def _bytes(name: str, length: int | None = None, *, primary_key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary(length), primary_key=primary_key, nullable=False)
