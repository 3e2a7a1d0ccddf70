"""What a customer has after enrolment, and events that form a chain."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

CUSTOMER_TEXTS = (
    *("status", "risk_score", "onboarding_level", "external_customer_id", "phone", "twitter"),
    *("discord", "telegram", "tags", "metadata", "reason"),
)

# One number after another in a project, the events of a batch next to one another: IDs rise with
# time.
NUMBER_EVENTS = """
INSERT INTO events (project, seq, type, customer_id)
SELECT project, row_number() OVER (PARTITION BY project ORDER BY batch_id, id), type, customer_id
FROM old_events ORDER BY project, batch_id, id
"""
# Nobody kept their hashes, so that these stand before the chain. Counted up batch by batch, and not
# sorted once more; without a gap, whatever has become of a batch.
LINK_BATCHES = """
INSERT INTO links (project, last, first, id, key_id, batch_id, created_at, hash)
SELECT e.project, e.last, e.last - e.number + 1, e.batch_id, coalesce(b.key_id, ''), e.batch_id,
  e.created_at, {empty}
FROM (
  SELECT project, batch_id, number, created_at,
    CAST(sum(number) OVER (PARTITION BY project ORDER BY batch_id) AS bigint) AS last
  FROM (
    SELECT project, batch_id, count(*) AS number, min(created_at) AS created_at
    FROM old_events GROUP BY project, batch_id
  ) AS counted
) AS e LEFT JOIN batches AS b ON b.project = e.project AND b.id = e.batch_id
"""
SET_HEADS = """
INSERT INTO chain_heads (project, seq, hash)
SELECT project, max(last), {empty} FROM links GROUP BY project
"""


def upgrade() -> None:
    """Add columns and tables, and number the events there are."""
    _extend_customers()
    _make_emails()
    _chain_events()


def _extend_customers() -> None:
    for name in CUSTOMER_TEXTS:
        op.add_column("customers", sa.Column(name, sa.Text))
    op.add_column("customers", sa.Column("updated_at", sa.BigInteger))
    op.add_column(
        "customers", sa.Column("version", sa.BigInteger, nullable=False, server_default="0")
    )
    op.add_column("customers", sa.Column("deleted_at", sa.BigInteger))
    op.add_column("customers", sa.Column("deleted_by", sa.Text))
    op.add_column("customers", sa.Column("merged_into", sa.LargeBinary(16)))
    op.add_column("customers", sa.Column("erased_at", sa.BigInteger))
    merged = sa.text("merged_into IS NOT NULL")
    op.create_index(
        "customers_by_target",
        "customers",
        ["project", "merged_into"],
        sqlite_where=merged,
        postgresql_where=merged,
    )
    op.add_column("wallets", sa.Column("updated_at", sa.BigInteger))
    op.add_column("wallets", sa.Column("updated_by", sa.Text))
    op.add_column("dids", sa.Column("updated_at", sa.BigInteger))


def _make_emails() -> None:
    _make(
        "emails",
        _id("customer_id", primary_key=True),
        _id("id", primary_key=True),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("verified", sa.Boolean),
        sa.Column("created_by", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger),
        sa.Column("updated_by", sa.Text),
    )


def _chain_events() -> None:
    _set_events_aside()
    _make_events()
    empty = "X''" if op.get_context().dialect.name == "sqlite" else "''::bytea"
    op.execute(NUMBER_EVENTS)
    op.execute(LINK_BATCHES.format(empty=empty))
    op.execute(SET_HEADS.format(empty=empty))
    op.drop_table("old_events")
    # Last, so that they are made of rows that are there, and not row by row.
    created = sa.text("type <> 'customer.created'")
    op.create_index(
        "events_by_customer",
        "events",
        ["project", "customer_id", "seq"],
        sqlite_where=created,
        postgresql_where=created,
    )
    op.create_index("links_by_id", "links", ["project", "id"], unique=True)


def _set_events_aside() -> None:
    names = ["events", *(f"events_p{number}" for number in range(_partitions()))]
    for name in names:
        op.rename_table(name, f"old_{name}")
        if op.get_context().dialect.name != "sqlite":
            # The index of the old key keeps its name, which the new one needs.
            op.execute(f"ALTER INDEX {name}_pkey RENAME TO old_{name}_pkey")


def _make_events() -> None:
    _make(
        "events",
        _number("seq", primary_key=True),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("customer_id", sa.LargeBinary(16)),
        sa.Column("fields", sa.Text),
        sa.Column("data", sa.Text),
        sa.Column("salt", sa.LargeBinary(16)),
        sa.Column("digest", sa.LargeBinary(32)),
    )
    _make(
        "links",
        _number("last", primary_key=True),
        _number("first"),
        _id("id"),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("batch_id", sa.LargeBinary(16)),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
    )
    _make("chain_heads", _number("seq"), sa.Column("hash", sa.LargeBinary(32), nullable=False))


def _partitions() -> int:
    partitions: int = op.get_context().opts["partitions"]
    return partitions


def _make(name: str, *columns: sa.Column[Any]) -> None:
    """A table whose key leads with the project, in partitions where they were asked for."""
    partitions = _partitions()
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


def _id(name: str, *, primary_key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary(16), primary_key=primary_key, nullable=False)
