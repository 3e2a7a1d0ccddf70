"""What all tests share: a served product, and a project of one's own on it."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.serving import Project, Served

# Machines differ, and a slow one is no fault of the code.
settings.register_profile("enrol", deadline=None)
settings.load_profile("enrol")


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
