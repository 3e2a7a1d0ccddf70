"""What must hold between the rows of an Enrol database, as queries that count what breaks it.

Each is one statement, so that it sees one moment of a database that is being written.
"""

from typing import Final, NamedTuple


class Rule(NamedTuple):
    """``query`` counts the rows that break it; ``tables`` must be there for it to be asked."""

    name: str
    tables: tuple[str, ...]
    query: str
    holds: str
    broken: str


def _owned(table: str) -> Rule:
    return Rule(
        f"orphans.{table}",
        (table, "customers"),
        # The names are this module's own.
        f"SELECT count(*) FROM {table} AS part WHERE NOT EXISTS ("  # noqa: S608
        "SELECT 1 FROM customers AS c WHERE c.project = part.project AND c.id = part.customer_id)",
        f"Every row of {table} has its customer.",
        f"rows of {table} have no customer",
    )


def _of_project(table: str) -> Rule:
    return Rule(
        f"orphans.{table}.project",
        (table, "projects"),
        f"SELECT count(*) FROM {table} WHERE project NOT IN (SELECT project FROM projects)",  # noqa: S608
        f"Every row of {table} has its project.",
        f"rows of {table} have no project",
    )


RULES: Final = (
    *map(_of_project, ("customers", "batches", "api_keys", "idempotency")),
    *map(_owned, ("wallets", "dids", "events", "findings", "identifiers", "identifiers_new")),
    Rule(
        "customers.batch",
        ("customers", "batches"),
        "SELECT count(*) FROM customers AS c WHERE NOT EXISTS ("
        "SELECT 1 FROM batches AS b WHERE b.project = c.project AND b.id = c.batch_id)",
        "Every customer has its batch.",
        "customers have no batch",
    ),
    Rule(
        "batches.created",
        ("customers", "batches"),
        "SELECT count(*) FROM batches AS b LEFT JOIN ("
        "SELECT project, batch_id, count(*) AS number FROM customers GROUP BY project, batch_id"
        ") AS c ON c.project = b.project AND c.batch_id = b.id"
        " WHERE b.created <> coalesce(c.number, 0)",
        "Every batch has the customers that it created.",
        "batches have another number of customers than they created",
    ),
    Rule(
        "customers.event",
        ("customers", "events"),
        "SELECT count(*) FROM (SELECT project, id FROM customers EXCEPT"
        " SELECT project, customer_id FROM events) AS silent",
        "Every customer has its event.",
        "customers have no event",
    ),
)
