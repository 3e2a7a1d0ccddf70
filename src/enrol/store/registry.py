"""Projects and API keys, for the command line: each call one statement, on either database."""

from typing import Any, Final, NamedTuple, Protocol, Self

from enrol.store.clock import now_ms

# Both databases take $1, $2 ...; SQLite counts them as they first come.
ADD_PROJECT: Final = """
INSERT INTO projects (project, id, name, lenient, created_at)
SELECT coalesce(max(project), 0) + 1, $1, $2, $3, $4 FROM projects
"""
LIST_PROJECTS: Final = """
SELECT p.id, p.name, p.lenient, p.created_at, coalesce(b.created, 0)
FROM projects AS p LEFT JOIN
  (SELECT project, CAST(sum(created) AS bigint) AS created FROM batches GROUP BY project) AS b
  ON b.project = p.project
ORDER BY p.project
"""
ADD_KEY: Final = """
INSERT INTO api_keys
  (id, project, hash, hint, name, scopes, created_at, expires_at, revoked_at, rate_limit)
SELECT $1, project, $2, $3, $4, $5, $6, $7, $8, $9 FROM projects WHERE id = $10 RETURNING id
"""
LIST_KEYS: Final = """
SELECT k.id, p.id, k.hint, k.name, k.scopes, k.created_at, k.expires_at, k.revoked_at,
  k.rate_limit
FROM api_keys AS k JOIN projects AS p ON p.project = k.project
ORDER BY k.created_at, k.id
"""
REVOKE_KEY: Final = """
UPDATE api_keys SET revoked_at = coalesce(revoked_at, $1) WHERE id = $2 RETURNING id
"""


class Project(NamedTuple):
    """A project; ``created_at`` in Unix milliseconds."""

    id: str
    name: str
    lenient: bool
    created_at: int
    customers: int = 0


class Key(NamedTuple):
    """An API key without its secret; times in Unix milliseconds, ``rate_limit`` in calls a minute
    (0: any number; None: as the server's setting says)."""

    id: str
    project_id: str
    hint: str
    name: str | None
    scopes: str
    created_at: int
    expires_at: int | None
    revoked_at: int | None
    rate_limit: int | None = None


class ProjectExists(Exception):
    """There is a project with this ID."""


class ProjectUnknown(Exception):
    """There is no project with this ID."""


class KeyUnknown(Exception):
    """There is no key with this ID."""


class Twice(Exception):
    """A unique value is there already."""


class Database(Protocol):
    """One connection on which each statement is a transaction of its own."""

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run a statement. Raises `Twice`, and `StoreUnavailable`."""
        ...

    def close(self) -> None:
        """Disconnect."""
        ...


class Registry:
    """The projects and keys of a database."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Disconnect."""
        self.database.close()

    def add_project(self, project_id: str, name: str, *, lenient: bool) -> Project:
        """Raises `ProjectExists`."""
        project = Project(project_id, name, lenient, now_ms())
        try:
            self.database.rows(ADD_PROJECT, project_id, name, lenient, project.created_at)
        except Twice:
            raise ProjectExists(project_id) from None
        return project

    def list_projects(self) -> list[Project]:
        """All projects, oldest first."""
        rows = self.database.rows(LIST_PROJECTS)
        return [Project(row[0], row[1], bool(row[2]), *row[3:]) for row in rows]

    def add_key(self, key: Key, key_hash: bytes) -> None:
        """Raises `ProjectUnknown`."""
        values = (key.id, key_hash, *key[2:])
        if not self.database.rows(ADD_KEY, *values, key.project_id):
            raise ProjectUnknown(key.project_id)

    def list_keys(self, project_id: str | None = None) -> list[Key]:
        """The keys of one project or of all, oldest first."""
        keys = [Key(*row) for row in self.database.rows(LIST_KEYS)]
        return [key for key in keys if project_id in (None, key.project_id)]

    def revoke_key(self, key_id: str) -> None:
        """Raises `KeyUnknown`. A key that is revoked already stays as it is."""
        if not self.database.rows(REVOKE_KEY, now_ms(), key_id):
            raise KeyUnknown(key_id)


def is_postgres(database: str) -> bool:
    """Whether the setting names a PostgreSQL database and not a file."""
    return database.startswith(("postgresql://", "postgres://"))


def open_registry(database: str) -> Registry:
    """The registry of a database, whose tables are made where there are none.

    Raises `StoreUnavailable`, `SchemaTooNew`, `SchemaTooOld`.
    """
    if is_postgres(database):
        from enrol.store.postgres.session import PostgresSession

        return Registry(PostgresSession(database))
    from enrol.store.sqlite.session import SqliteSession

    return Registry(SqliteSession(database))
