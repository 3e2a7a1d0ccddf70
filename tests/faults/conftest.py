"""The stores that faults are tested on, and a PostgreSQL that may be killed."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest

from tests.faults.processes import Serving, make_project
from tests.postgres import Installation, PostgresServer, oldest_and_newest

# What the two ends of PostgreSQL's versions share is tested on the newest alone: faults take time.
NEWEST: list[Installation | None] = [*oldest_and_newest()[-1:]]


@pytest.fixture(scope="session")
def durable_servers() -> Iterator[Callable[[Installation], PostgresServer]]:
    """The durable server of an installation, which tests kill and start again."""
    with ExitStack() as stack:
        yield cache(lambda one: stack.enter_context(PostgresServer(one)))


@pytest.fixture(params=NEWEST, ids=str)
def durable(
    request: pytest.FixtureRequest,
    durable_servers: Callable[[Installation], PostgresServer],
) -> Iterator[PostgresServer]:
    """A PostgreSQL to be killed: durable, and running again for whoever comes next."""
    server = durable_servers(request.param)
    yield server
    if server.process.poll() is not None:
        server.start()


# For what is the same whatever the store is.
ON_A_FILE = pytest.mark.parametrize("database", [None], indirect=True, ids=["sqlite"])


@pytest.fixture(params=[None, *NEWEST], ids=lambda one: str(one or "sqlite"))
def database(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    postgres_servers: Callable[[Installation], PostgresServer],
) -> str:
    """A new database of either kind."""
    installation: Installation | None = request.param
    if installation is None:
        return str(tmp_path / "enrol.db")
    return postgres_servers(installation).create_database()


@pytest.fixture
def key(database: str) -> str:
    """A key to the database's one project."""
    return make_project(database)


@pytest.fixture
def serving(tmp_path: Path, database: str, key: str) -> Iterator[Serving]:
    """A server on it."""
    with Serving(tmp_path, database) as serving:
        yield serving
