"""Where the systems under measurement keep their data: SQLite files, or a PostgreSQL of their own.

Each round gets a database of its own, empty but for what its system put there at first.
"""

import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from tests.postgres import PostgresServer, available

StoreName = Literal["sqlite", "postgresql"]

PROJECT: Final = "bench"
ROOT: Final = Path(__file__).resolve().parents[1]
# As an operator would set a small machine; all else, durability too, is PostgreSQL's default.
POSTGRES: Final[dict[str, Any]] = {
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
}


class Databases(Protocol):
    """The databases of one store."""

    @property
    def store(self) -> StoreName:
        """Which store it is."""
        ...

    @property
    def version(self) -> str:
        """Of the database."""
        ...

    def empty(self) -> "Place":
        """A new database with nothing in it, for the reference and for the raw limit."""
        ...

    def for_enrol(self) -> "Place":
        """A new database with a project and a key to it, made by Enrol's own commands."""
        ...


@dataclass(frozen=True, kw_only=True)
class Place:
    """A database, and how to be rid of it. ``key`` is an API key of Enrol's, if there is one."""

    database: str
    key: str = ""
    databases: "SqliteFiles | PostgresDatabases"

    def __enter__(self) -> "Place":
        return self

    def __exit__(self, *_: object) -> None:
        self.databases.drop(self.database)


@dataclass(kw_only=True)
class SqliteFiles:
    """Files, each in a folder of its own."""

    directory: Path
    store: StoreName = "sqlite"
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _template: tuple[Path, str] | None = None

    @property
    def version(self) -> str:
        import apsw

        return apsw.sqlitelibversion()

    def empty(self) -> Place:
        """See `Databases.empty`."""
        home = self.directory / f"files-{next(self._numbers)}"
        home.mkdir()
        return Place(database=str(home / "customers.db"), databases=self)

    def for_enrol(self) -> Place:
        """See `Databases.for_enrol`."""
        if self._template is None:
            home = self.directory / "template"
            home.mkdir()
            self._template = home, add_project(str(home / "enrol.db"))
        template, key = self._template
        # A copy of the folder, with whatever the commands may have put beside the file.
        home = shutil.copytree(template, self.directory / f"files-{next(self._numbers)}")
        return Place(database=str(home / "enrol.db"), key=key, databases=self)

    def drop(self, database: str) -> None:
        """Remove a file and what lies beside it."""
        shutil.rmtree(Path(database).parent)


@dataclass(kw_only=True)
class PostgresDatabases:
    """Databases of one server."""

    server: PostgresServer
    store: StoreName = "postgresql"
    _template: tuple[str, str] | None = None

    @property
    def version(self) -> str:
        return self.server.version

    def empty(self) -> Place:
        """See `Databases.empty`."""
        place = Place(database=self.server.create_database(), databases=self)
        self._settle()
        return place

    def for_enrol(self) -> Place:
        """See `Databases.for_enrol`."""
        if self._template is None:
            url = self.server.create_database("template")
            self._template = url, add_project(url)
        template, key = self._template
        name = f"enrol_{next(self.server.names)}"
        original = template.rpartition("/")[2]
        self.server.query(f"CREATE DATABASE {name} TEMPLATE {original} OWNER enrol")
        self._settle()
        return Place(database=self.server.url(name), key=key, databases=self)

    def drop(self, database: str) -> None:
        """Drop a database."""
        self.server.drop_database(database)

    def _settle(self) -> None:
        """Let no round pay for the pages of the one before."""
        self.server.query("CHECKPOINT")


@contextmanager
def databases_of(store: StoreName, directory: Path) -> Iterator[Databases | None]:
    """The databases of a store, which are gone afterwards; None where the store is not there."""
    if store == "sqlite":
        yield SqliteFiles(directory=directory)
    elif not available():
        yield None
    else:
        with PostgresServer(available()[-1], **POSTGRES) as server:
            yield PostgresDatabases(server=server)


def environment(database: str) -> dict[str, str]:
    """The environment without the settings that its owner may have made for another server.

    The database stands here and not in a command line, which every user of the machine may read.
    """
    plain = {name: value for name, value in os.environ.items() if not name.startswith("ENROL_")}
    return plain | {"ENROL_DATABASE": database}


def add_project(database: str) -> str:
    """Make Enrol's tables, the project and a key to it."""
    _enrol(database, "project", "create", "Bench", "--id", PROJECT, "--json")
    made = json.loads(_enrol(database, "key", "create", "--project", PROJECT, "--json"))
    return str(made["key"])


def _enrol(database: str, *words: str) -> bytes:
    done = subprocess.run(
        [sys.executable, "-m", "enrol", *words],
        env=environment(database),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    return done.stdout
