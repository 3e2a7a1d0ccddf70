"""Every answer that the tests of the API get is held against the OpenAPI document."""

import pytest

from tests.api.conformance import Description
from tests.serving import Served


@pytest.fixture(scope="session", autouse=True)
def described(server: Served) -> Description:
    """The description of the shared server, which its client asks about every answer."""
    description = Description(server.http.get("/openapi.json").json())
    server.http.event_hooks["response"].append(description)
    return description
