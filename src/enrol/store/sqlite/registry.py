"""Projects and API keys of a SQLite file, for the command line: each call one transaction."""

from typing import Any, Final, NamedTuple

import apsw

from enrol.store.sqlite.file import connect, now_ms, prepare, transaction

ADD_PROJECT: Final = """
INSERT INTO projects (project, id, name, lenient, created_at)
SELECT coalesce(max(project), 0) + 1, ?, ?, ?, ? FROM projects
"""
LIST_PROJECTS: Final = """
SELECT p.id, p.name, p.lenient, p.created_at,
  (SELECT coalesce(sum(b.created), 0) FROM batches AS b WHERE b.project = p.project)
FROM projects AS p ORDER BY p.project
"""
ADD_KEY: Final = """
INSERT INTO api_keys (id, project, hash, hint, name, scopes, created_at, expires_at)
SELECT ?, project, ?, ?, ?, ?, ?, ? FROM projects WHERE id = ?
"""
LIST_KEYS: Final = """
SELECT k.id, p.id, k.hint, k.name, k.scopes, k.created_at, k.expires_at, k.revoked_at
FROM api_keys AS k JOIN projects AS p ON p.project = k.project
WHERE ?1 IS NULL OR p.id = ?1 ORDER BY k.created_at, k.id
"""
REVOKE_KEY: Final = """
UPDATE api_keys SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?
"""


class Project(NamedTuple):
    """A project; ``created_at`` in Unix milliseconds."""

    id: str
    name: str
    lenient: bool
    created_at: int
    customers: int = 0


class Key(NamedTuple):
    """An API key without its secret; times in Unix milliseconds."""

    id: str
    project_id: str
    hint: str
    name: str | None
    scopes: str
    created_at: int
    expires_at: int | None
    revoked_at: int | None


class ProjectExists(Exception):
    """There is a project with this ID."""


class ProjectUnknown(Exception):
    """There is no project with this ID."""


class KeyUnknown(Exception):
    """There is no key with this ID."""


class Registry:
    """Opens the file, and makes it where there is none."""

    def __init__(self, database: str) -> None:
        prepare(database)
        self.connection = connect(database)

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    def add_project(self, project_id: str, name: str, *, lenient: bool) -> Project:
        """Raises `ProjectExists`."""
        project = Project(project_id, name, lenient, now_ms())
        row = (project_id, name, lenient, project.created_at)
        try:
            with transaction(self.connection):
                self.connection.execute(ADD_PROJECT, row)
        except apsw.ConstraintError:
            raise ProjectExists(project_id) from None
        return project

    def list_projects(self) -> list[Project]:
        """All projects, oldest first."""
        rows: Any = self.connection.execute(LIST_PROJECTS)
        return [Project(row[0], row[1], bool(row[2]), *row[3:]) for row in rows]

    def add_key(self, key: Key, key_hash: bytes) -> None:
        """Raises `ProjectUnknown`."""
        row = (
            key.id,
            key_hash,
            key.hint,
            key.name,
            key.scopes,
            key.created_at,
            key.expires_at,
            key.project_id,
        )
        with transaction(self.connection):
            before = self.connection.total_changes()
            self.connection.execute(ADD_KEY, row)
            if self.connection.total_changes() == before:
                raise ProjectUnknown(key.project_id)

    def list_keys(self, project_id: str | None = None) -> list[Key]:
        """The keys of one project or of all, oldest first."""
        rows: Any = self.connection.execute(LIST_KEYS, (project_id,))
        return [Key(*row) for row in rows]

    def revoke_key(self, key_id: str) -> None:
        """Raises `KeyUnknown`. A key that is revoked already stays as it is."""
        with transaction(self.connection):
            before = self.connection.total_changes()
            self.connection.execute(REVOKE_KEY, (now_ms(), key_id))
            if self.connection.total_changes() == before:
                raise KeyUnknown(key_id)
