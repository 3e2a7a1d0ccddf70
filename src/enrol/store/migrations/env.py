"""What Alembic runs to render revisions as SQL (plan.py). It never connects to a database."""

from alembic import context

asked = context.config.attributes
context.configure(
    dialect_name=asked["dialect"],
    # Any style would do that does not double a percent sign.
    dialect_opts={"paramstyle": "named"},
    output_buffer=asked["statements"],
    partitions=asked["partitions"],
)
# No transaction of Alembic's: who runs the statements begins it and commits it.
context.run_migrations()
