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
        "SELECT 1 FROM customers AS c WHERE c.project = part.project AND c.id = part.customer_id)"
        # What is not about a customer, as some events are.
        " AND part.customer_id IS NOT NULL",
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


def _given_up(table: str) -> Rule:
    return Rule(
        f"deleted.{table}",
        # Before there were links nobody could be deleted.
        (table, "customers", "links"),
        f"SELECT count(*) FROM {table} AS part JOIN customers AS c"  # noqa: S608
        " ON c.project = part.project AND c.id = part.customer_id WHERE c.deleted_at IS NOT NULL",
        f"No row of {table} is of a customer that is deleted.",
        f"rows of {table} are of customers that are deleted",
    )


OF_PROJECTS: Final = (
    *("customers", "batches", "api_keys", "idempotency", "events", "links", "chain_heads"),
)
OF_CUSTOMERS: Final = (
    *("wallets", "dids", "emails", "events", "findings", "identifiers", "identifiers_new"),
)

RULES: Final = (
    *map(_of_project, OF_PROJECTS),
    *map(_owned, OF_CUSTOMERS),
    *map(_given_up, ("identifiers", "identifiers_new")),
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
        " SELECT project, customer_id FROM events WHERE type = 'customer.created') AS silent",
        "Every customer has its event.",
        "customers have no event",
    ),
    Rule(
        "batches.events",
        ("batches", "links"),
        "SELECT count(*) FROM batches AS b LEFT JOIN links AS l ON l.project = b.project"
        " AND l.id = b.id WHERE b.created <> coalesce(l.last - l.first + 1, 0)",
        "Every batch has an event for each customer that it created.",
        "batches have another number of events than of customers that they created",
    ),
    Rule(
        "links.gaps",
        ("links",),
        "SELECT count(*) FROM (SELECT first, last,"
        " coalesce(lag(last) OVER (PARTITION BY project ORDER BY last), 0) + 1 AS next FROM links"
        ") AS l WHERE first <> next OR last < first",
        "Every link goes on where the one before it ends.",
        "links do not go on where the one before them ends",
    ),
    Rule(
        "links.events",
        ("links", "events"),
        "SELECT count(*) FROM (SELECT project, count(*) AS number, min(seq) AS first,"
        " max(seq) AS last FROM events GROUP BY project) AS e FULL JOIN ("
        "SELECT project, max(last) AS last FROM links GROUP BY project) AS l"
        " ON l.project = e.project"
        " WHERE e.first IS NULL OR e.first <> 1 OR e.number <> e.last"
        " OR l.last IS NULL OR l.last <> e.last",
        "The events of every project are numbered without a gap, and all are in links.",
        "projects have events that are missing, or that are in no link",
    ),
    Rule(
        "links.heads",
        ("links", "chain_heads"),
        "SELECT count(*) FROM (SELECT project, max(last) AS last FROM links GROUP BY project) AS l"
        " FULL JOIN chain_heads AS h ON h.project = l.project"
        " LEFT JOIN links AS newest ON newest.project = l.project AND newest.last = l.last"
        " WHERE coalesce(h.seq, 0) <> coalesce(l.last, 0)"
        " OR newest.hash IS NOT NULL AND newest.hash IS DISTINCT FROM h.hash",
        "Every chain ends with its last link.",
        "chains do not end with their last link",
    ),
)
