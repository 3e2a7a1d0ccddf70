"""The tables as a move sees them: rows in the order of their keys, the same on both databases."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Boolean, Table, Text

from enrol.customers.enrolment import Row
from enrol.maintenance.databases import MOST_ROWS, Database, Step
from enrol.store.schema import SEARCH_TABLES, tables

# Copied last, by itself.
META: Final = "meta"
WAITING: Final = "waiting_identifiers"
# A key may stand in both tables while it is being filed.
GATHER_RUNS: Final = f"""
CREATE TEMP TABLE {WAITING} (
  project INTEGER NOT NULL, hash BLOB NOT NULL, customer_id BLOB NOT NULL,
  PRIMARY KEY (project, hash)
) WITHOUT ROWID;
INSERT OR IGNORE INTO {WAITING}
SELECT project, hash, customer_id FROM identifiers_new AS new WHERE NOT EXISTS (
  SELECT 1 FROM identifiers AS filed
  WHERE filed.project = new.project AND filed.hash = new.hash
) ORDER BY project, hash
"""  # noqa: S608
# In both, the order of the bytes; PostgreSQL's own order is that of a language.
BYTE_ORDER: Final = {"sqlite": "", "postgresql": ' COLLATE "C"'}


class MovedTable:
    """A table of `schema.py`. ``needs`` are the tables that it refers to."""

    def __init__(self, table: Table) -> None:
        self.name = table.name
        self.columns = [column.name for column in table.columns]
        self.key = [column.name for column in table.primary_key.columns]
        self.places = [self.columns.index(name) for name in self.key]
        self.texts = {column.name for column in table.columns if isinstance(column.type, Text)}
        self.flags = [
            place for place, column in enumerate(table.columns) if isinstance(column.type, Boolean)
        ]
        self.needs = {key.column.table.name for key in table.foreign_keys}

    def key_of(self, row: Row) -> Row:
        """The row's key."""
        return tuple(row[place] for place in self.places)

    def count(self, database: Database) -> int:
        """How many rows there are to move."""
        queries = (f"SELECT count(*) FROM {source}" for source in self._sources(database))  # noqa: S608
        return sum(database.rows(query)[0][0] for query in queries)

    def chunks(self, database: Database, after: Sequence[Any] | None) -> Iterator[list[Row]]:
        """The rows behind a key (None: all), in the order of keys, as many at once as fit."""
        while rows := self._next(database, after):
            yield rows
            after = self.key_of(rows[-1])

    def _next(self, database: Database, after: Sequence[Any] | None) -> list[Row]:
        where = "" if after is None else f" WHERE {self._behind(database)}"
        columns = self._selected(database)
        arms = [f"SELECT {columns} FROM {name}{where}" for name in self._sources(database)]  # noqa: S608
        order = ", ".join(self._compared(database))
        # The limit is for PostgreSQL, which otherwise plans to sort the whole table.
        query = f"{' UNION ALL '.join(arms)} ORDER BY {order} LIMIT {MOST_ROWS}"
        return database.first_rows(query, *(after or ()))

    def _behind(self, database: Database) -> str:
        marks = [f"${number}" for number in range(1, len(self.key) + 1)]
        behind = f"({', '.join(self._compared(database))}) > ({', '.join(marks)})"
        lead = [name for name in self.key if name not in self.texts]
        if not lead or len(lead) == len(self.key):
            return behind
        # Said twice, so that the index is entered where the columns before the texts say.
        return f"{behind} AND ({_listed(lead)}) >= ({', '.join(marks[: len(lead)])})"

    def _compared(self, database: Database) -> list[str]:
        # A text has no place in an index that is in a language's order: PostgreSQL takes the
        # columns before it from the index, and sorts what little is equal there.
        collate = BYTE_ORDER[database.dialect]
        return [f'"{name}"{collate if name in self.texts else ""}' for name in self.key]

    def _selected(self, database: Database) -> str:
        if database.dialect == "sqlite":
            return _listed(self.columns)
        # SQLite has numbers for them.
        flags = {self.columns[place] for place in self.flags}
        casts = ("::integer" if name in flags else "" for name in self.columns)
        return ", ".join(f'"{name}"{cast}' for name, cast in zip(self.columns, casts, strict=True))

    def _sources(self, database: Database) -> list[str]:
        if self.name == "identifiers" and database.dialect == "sqlite":
            return [self.name, f"temp.{WAITING}"]
        return [self.name]

    def adding(self, rows: list[Row], database: Database) -> Step:
        """The step that adds rows as `chunks` gave them."""
        added: Sequence[Row] = rows
        if self.flags and database.dialect == "postgresql":
            added = [self._with_flags(row) for row in rows]
        return Step(table=self.name, columns=self.columns, rows=added)

    def _with_flags(self, row: Row) -> Row:
        values = list(row)
        for place in self.flags:
            values[place] = None if values[place] is None else bool(values[place])
        return tuple(values)


def moved_tables() -> list[MovedTable]:
    """All tables that both databases have, each after those it refers to; but not the search
    index, which a server makes anew."""
    left = {META, *SEARCH_TABLES}
    return [MovedTable(table) for table in tables("postgresql") if table.name not in left]


def gather_runs(database: Database) -> None:
    """Sort the keys that wait in runs, once, so that they are read in order with the others."""
    if database.dialect == "sqlite":
        database.rows(GATHER_RUNS)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
