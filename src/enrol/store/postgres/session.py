"""A connection for the command line: one statement at a time, without a loop of one's own."""

import asyncio
from typing import Any

import asyncpg

from enrol.store.postgres.connections import LOST, connect
from enrol.store.postgres.schema import prepare
from enrol.store.protocol import StoreUnavailable
from enrol.store.registry import Twice


class PostgresSession:
    """A `Database` on PostgreSQL, whose tables are made where there are none."""

    def __init__(self, url: str) -> None:
        self.runner = asyncio.Runner()
        try:
            self.connection = self.runner.run(connect(url))
            self.runner.run(prepare(self.connection))
        except asyncpg.PostgresError as error:
            self.runner.close()
            raise StoreUnavailable(type(error).__name__) from error
        except BaseException:
            self.runner.close()
            raise

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """See `Database.rows`."""
        try:
            found = self.runner.run(self.connection.fetch(statement, *values))
        except asyncpg.UniqueViolationError:
            raise Twice from None
        except (*LOST, asyncpg.PostgresError) as error:
            raise StoreUnavailable(type(error).__name__) from error
        return [tuple(row) for row in found]

    def close(self) -> None:
        """See `Database.close`."""
        self.runner.run(self.connection.close())
        self.runner.close()
