"""A key may have a limit of its own, and the keys of a project are found by it."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column, NULL for the keys there are, and the index."""
    op.add_column("api_keys", sa.Column("rate_limit", sa.BigInteger))
    op.create_index("api_keys_by_project", "api_keys", ["project"])
