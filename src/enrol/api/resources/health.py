"""Whether the process is alive, and whether it can serve."""

from typing import Final, Literal

from litestar import get
from litestar.di import NamedDependency
from msgspec import Struct

from enrol.api.server import Server


class Health(Struct, frozen=True):
    """The answer of both."""

    status: Literal["ok"] = "ok"


@get("/healthz", operation_id="healthz", tags=["operations"])
async def healthz() -> Health:
    """The process answers. No key is needed."""
    return Health()


@get("/readyz", operation_id="readyz", tags=["operations"])
async def readyz(server: NamedDependency[Server]) -> Health:
    """The database answers and its writer is there; else 503. No key is needed."""
    await server.store.ping()
    return Health()


HANDLERS: Final = (healthz, readyz)
