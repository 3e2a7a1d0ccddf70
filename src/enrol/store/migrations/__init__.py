"""The revisions of the schema, for SQLite and PostgreSQL, as Alembic keeps them."""
