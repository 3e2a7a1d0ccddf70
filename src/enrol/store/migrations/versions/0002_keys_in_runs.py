"""New unique keys of a SQLite file stand in runs; no index spans projects."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

# A key may stand in both tables, with the same owner: some files got the new table before there
# were revisions, and hold keys that are filed and whose run is not yet deleted.
FILE_ALL = """
INSERT OR IGNORE INTO identifiers (project, hash, customer_id)
SELECT project, hash, customer_id FROM identifiers_new ORDER BY project, hash
"""


def upgrade() -> None:
    """File what is in the old table, and make the new one."""
    op.drop_index("idempotency_by_age", table_name="idempotency")
    op.create_index("idempotency_by_age", "idempotency", ["project", "created_at"])
    if op.get_context().dialect.name != "sqlite":
        return
    op.execute(FILE_ALL)
    op.drop_table("identifiers_new")
    op.create_table(
        "identifiers_new",
        *(
            sa.Column(name, sa.Integer, primary_key=True, nullable=False, autoincrement=False)
            for name in ("project", "run")
        ),
        sa.Column("hash", sa.LargeBinary(16), primary_key=True, nullable=False),
        sa.Column("customer_id", sa.LargeBinary(16), nullable=False),
        sqlite_with_rowid=False,
    )
