"""What all tests share: a served product, and a project of one's own on it."""

import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.serving import Project, Served

# Machines differ, and a slow one is no fault of the code.
settings.register_profile("enrol", deadline=None)
settings.load_profile("enrol")

# A shell starts what runs in its background with Ctrl-C ignored, and the processes that the tests
# start and interrupt would inherit that.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server as it is by default; each process of the suite has its own."""
    with Served(tmp_path_factory.mktemp("served")) as served:
        yield served


@pytest.fixture
def project(server: Served) -> Project:
    """A strict project without customers."""
    return server.new_project()


@pytest.fixture
def lenient(server: Served) -> Project:
    """A lenient project without customers."""
    return server.new_project(lenient=True)
