"""Empty databases as earlier revisions made them."""

from enrol.store.migrations import plan


def until(dialect: plan.Dialect, revision: str, *, partitions: int = 0) -> list[str]:
    """What makes an empty database of an earlier revision."""
    made = plan.statements(dialect, None, partitions=partitions)
    after = plan.statements(dialect, revision, partitions=partitions)
    return made[: len(made) - len(after)]
