"""A connection for the command line: one statement at a time."""

from typing import Any

import apsw

from enrol.store.protocol import StoreUnavailable
from enrol.store.registry import Twice
from enrol.store.sqlite.file import connect, prepare, transaction


class SqliteSession:
    """A `Database` on a file, which is made where there is none."""

    def __init__(self, path: str) -> None:
        prepare(path)
        self.connection = connect(path)

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """See `Database.rows`."""
        try:
            with transaction(self.connection):
                return list(self.connection.execute(statement, values))
        except apsw.ConstraintError:
            raise Twice from None
        except apsw.Error as error:
            raise StoreUnavailable(str(error)) from error

    def close(self) -> None:
        """See `Database.close`."""
        self.connection.close()
