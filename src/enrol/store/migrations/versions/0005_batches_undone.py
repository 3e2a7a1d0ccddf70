"""A batch can be undone."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the columns; nobody has undone anything."""
    op.add_column("batches", sa.Column("undone_at", sa.BigInteger))
    op.add_column("batches", sa.Column("undone_by", sa.Text))
    op.add_column("batches", sa.Column("removed", sa.Integer, nullable=False, server_default="0"))
