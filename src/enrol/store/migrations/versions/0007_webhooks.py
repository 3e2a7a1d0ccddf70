"""Endpoints of webhooks, the messages that wait, the attempts, and the lease of who delivers."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the tables."""
    _make(
        "webhook_endpoints",
        _id("id"),
        *(_text(name) for name in ("url", "event_types", "secrets", "created_by")),
        *(sa.Column(name, sa.Text) for name in ("description", "updated_by", "disabled_reason")),
        *(_number(name) for name in ("created_at", "generation", "epoch", "cursor")),
        *(sa.Column(name, sa.BigInteger) for name in ("updated_at", "disabled_at", "delivered_at")),
    )
    _make(
        "webhook_pending",
        _id("endpoint_id"),
        _number("seq", primary_key=True),
        _text("type", primary_key=True),
        _bytes("lane", nullable=False),
        _bytes("behind", nullable=True),
        _bytes("message_key", nullable=False),
        _text("actor"),
        *(_number(name) for name in ("at", "attempts", "next_at")),
        sa.Column("data", sa.Text),
        sa.Column("first_at", sa.BigInteger),
        sa.Column("unreached", sa.Boolean, nullable=False),
    )
    _make(
        "webhook_attempts",
        _id("endpoint_id"),
        _id("id"),
        *(_text(name) for name in ("message_id", "type")),
        *(_number(name) for name in ("number", "at", "ms")),
        sa.Column("status", sa.BigInteger),
        sa.Column("error", sa.Text),
    )
    op.create_index(
        "webhook_attempts_by_message",
        "webhook_attempts",
        ["project", "endpoint_id", "message_id", "id"],
    )
    _make("webhook_leases", _text("holder"), _number("until"))


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


def _text(name: str, *, primary_key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, primary_key=primary_key, nullable=False)


def _bytes(name: str, *, nullable: bool) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary(16), nullable=nullable)


def _id(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary(16), primary_key=True, nullable=False)
