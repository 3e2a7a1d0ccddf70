"""What the tests of the client share: each kind of client, and a server on a SQLite file."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.client.callers import KINDS, Caller, caller_to
from tests.serving import Project, Served


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of client."""
    kind: str = request.param
    return kind


@pytest.fixture(scope="session")
def on_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server for what does not depend on the store."""
    with Served(tmp_path_factory.mktemp("client")) as served:
        yield served


@pytest.fixture
def own(on_file: Served) -> Project:
    """A strict project without customers, on a SQLite file."""
    return on_file.new_project()


@pytest.fixture
def caller(kind: str, own: Project) -> Iterator[Caller]:
    """Each client with the key of ``own``."""
    given: Any
    with caller_to(kind, own) as given:
        yield given
