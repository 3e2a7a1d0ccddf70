"""What the tests of single operations share: a key that may do all, and each client with it."""

from collections.abc import Iterator

import pytest

from tests.client.callers import Caller, caller_to
from tests.serving import Project


@pytest.fixture
def owner(own: Project) -> Project:
    """A project without customers, and a key that may do all."""
    return own._replace(key=own.server.new_key(own.id, "admin").text)


@pytest.fixture
def admin(kind: str, owner: Project) -> Iterator[Caller]:
    """Each client with the key of ``owner``."""
    with caller_to(kind, owner) as given:
        yield given


@pytest.fixture
def writer(kind: str, own: Project) -> Iterator[Caller]:
    """Each client with a key that may write and not read."""
    key = own.server.new_key(own.id, "customers:write").text
    with caller_to(kind, own._replace(key=key)) as given:
        yield given
