"""How a connection to PostgreSQL is opened, and which of its errors mean what."""

from __future__ import annotations

from typing import Any, Final

import asyncpg
from asyncpg import Connection

from enrol.store.protocol import StoreUnavailable

CONNECT_SECONDS: Final = 5.0
COMMAND_SECONDS: Final = 30.0
# The server gives up before this side does, so that nothing goes on behind a caller's back.
SERVER_SETTINGS: Final = {
    "application_name": "enrol",
    "statement_timeout": "25s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s",
    # An answer is durable, whatever the server's own default is.
    "synchronous_commit": "on",
}
# CockroachDB and YugabyteDB ask for a repeat as PostgreSQL does: SQLSTATE 40001 and 40P01.
REPEATABLE: Final = (
    asyncpg.UniqueViolationError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
)
# The connection is gone, or the server is going, coming or has no room for one more.
LOST: Final = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
)


async def connect(url: str) -> Connection[Any]:
    """A connection. Raises `StoreUnavailable`."""
    try:
        return await asyncpg.connect(
            url,
            timeout=CONNECT_SECONDS,
            command_timeout=COMMAND_SECONDS,
            server_settings=SERVER_SETTINGS,
        )
    except (*LOST, asyncpg.PostgresError) as error:
        raise StoreUnavailable(type(error).__name__) from error
    except ValueError:
        # From None: the text may hold a part of the password.
        raise StoreUnavailable("the URL cannot be read: escape what stands in it") from None
