"""The first tables."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

CLAIMS = (
    *("sub", "name", "given_name", "family_name", "middle_name", "nickname"),
    *("preferred_username", "profile", "picture", "picture_base64", "website", "gender"),
    *("birthdate", "zoneinfo", "locale", "country_of_residence", "nationality"),
    *("claims_created_by", "address"),
)


def upgrade() -> None:
    """Make all tables."""
    _make_reference_tables()
    _make_customers()
    _make_unique_keys()


def _make_reference_tables() -> None:
    op.create_table(
        "meta",
        sa.Column("name", sa.Text, primary_key=True, nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "projects",
        _project(),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("lenient", sa.Boolean, nullable=False),
        _at(),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Text, primary_key=True, nullable=False),
        sa.Column("project", sa.Integer, sa.ForeignKey("projects.project"), nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column(
            "hint", sa.Text, nullable=False, comment="the last characters, to tell keys apart"
        ),
        sa.Column("name", sa.Text),
        sa.Column("scopes", sa.Text, nullable=False, comment="separated by spaces"),
        _at(),
        sa.Column("expires_at", sa.BigInteger),
        sa.Column("revoked_at", sa.BigInteger),
        sqlite_with_rowid=False,
    )


def _make_customers() -> None:
    _make(
        "batches",
        _id("id"),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("mode", sa.Text, nullable=False),
        *(
            sa.Column(name, sa.Integer, nullable=False)
            for name in ("items", "created", "existing", "refused")
        ),
        _at(),
    )
    _make(
        "customers",
        _id("id"),
        _id("batch_id", key=False),
        sa.Column("type", sa.Text, nullable=False),
        _at(),
        *(sa.Column(name, sa.Text) for name in CLAIMS),
    )
    _make(
        "wallets",
        _id("customer_id"),
        _id("id"),
        sa.Column("namespace", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False, comment="as sent"),
        sa.Column("canonical", sa.Text, comment="NULL: the same as the address"),
        sa.Column("verified", sa.Boolean),
        sa.Column("created_by", sa.Text),
        _at(),
    )
    _make(
        "dids",
        _id("customer_id"),
        _id("id"),
        sa.Column("did", sa.Text, nullable=False),
        sa.Column("created_by", sa.Text),
        sa.Column("updated_by", sa.Text),
        _at(),
    )
    _make(
        "events",
        _id("id"),
        sa.Column("type", sa.Text, nullable=False),
        _id("customer_id", key=False),
        _id("batch_id", key=False),
        _at(),
    )
    _make(
        "findings",
        _id("customer_id"),
        sa.Column("pointer", sa.Text, primary_key=True, nullable=False),
        sa.Column("code", sa.Text, primary_key=True, nullable=False),
    )


def _make_unique_keys() -> None:
    names = ["identifiers"]
    if op.get_context().dialect.name == "sqlite":
        names.append("identifiers_new")
    for name in names:
        _make(
            name,
            sa.Column("hash", sa.LargeBinary(16), primary_key=True, nullable=False),
            _id("customer_id", key=False),
        )
    _make(
        "idempotency",
        sa.Column("key_hash", sa.LargeBinary(32), primary_key=True, nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(32), nullable=False),
        sa.Column("receipt", sa.LargeBinary, nullable=False),
        _at(),
    )
    op.create_index("idempotency_by_age", "idempotency", ["created_at"])


def _make(name: str, *columns: sa.Column[Any]) -> None:
    """A table whose key leads with the project, in partitions where they were asked for."""
    partitions: int = op.get_context().opts["partitions"]
    op.create_table(
        name,
        _project(),
        *columns,
        sqlite_with_rowid=False,
        postgresql_partition_by="HASH (project)" if partitions else None,
    )
    for number in range(partitions):
        op.execute(
            f"CREATE TABLE {name}_p{number} PARTITION OF {name} "
            f"FOR VALUES WITH (MODULUS {partitions}, REMAINDER {number})"
        )


def _project() -> sa.Column[Any]:
    return sa.Column("project", sa.Integer, primary_key=True, nullable=False, autoincrement=False)


def _id(name: str, *, key: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary(16), primary_key=key, nullable=False)


def _at() -> sa.Column[Any]:
    return sa.Column("created_at", sa.BigInteger, nullable=False)
