"""A database with a project, for tests of the store alone."""

import pytest

from enrol.store.registry import open_registry
from tests.postgres import PostgresServer


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    """Of a PostgreSQL database with project 1."""
    url = postgres.create_database()
    with open_registry(url) as registry:
        registry.add_project("p", "Test", lenient=False)
    return url
