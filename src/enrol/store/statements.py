"""SQL that is written once, in PostgreSQL's words, and what SQLite needs said otherwise."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from enrol.customers.lifecycle.change import Write

_PLACE: Final = re.compile(r"\$(\d+)")
_INDEXED: Final = re.compile(r"/\* (INDEXED BY \w+) \*/")
_HAS_BIT: Final = re.compile(r"get_bit\(\$(\d+), (\w+)\) = 1")
_AMONG: Final = re.compile(r"= ANY\(\$(\d+)\)")


@lru_cache(maxsize=1_000)
def to_sqlite(statement: str) -> str:
    """The statement for SQLite: places by number, a list as a table of its values, bits as digits,
    for it can cut one byte out of many but no bit; and an index where a comment names it. SQLite
    knows nothing of how many rows there are, and would rather look through all that a project has
    by their key."""
    statement = _INDEXED.sub(r"\1", statement)
    statement = _HAS_BIT.sub(r"substr($\1, \2 + 1, 1) = x'31'", statement)
    listed = _AMONG.sub(r"IN (SELECT value FROM carray($\1))", statement)
    return _PLACE.sub(r"?\1", listed)


def statement_of(write: Write, *, among: bool = False) -> str:
    """The statement that writes one row; a put names its key in ``where``. ``among``: that updates
    or deletes all whose last column of the key is in a list."""
    statement = _statement(write.verb, write.table, write.columns, write.where, write.exact)
    if not among:
        return statement
    *before, last = statement.rpartition(" = ")
    return f"{''.join(before)}ANY({last})"


def insert_into(table: str, columns: Sequence[str]) -> str:
    """The INSERT of one row."""
    places = ", ".join(_places(1, len(columns)))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608 - names of ours


@lru_cache(maxsize=1_000)
def _statement(
    verb: str, table: str, columns: tuple[str, ...], where: tuple[str, ...], exact: bool
) -> str:
    if verb in ("insert", "put"):
        insert = insert_into(table, columns)
        if verb == "insert":
            return insert
        kept = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in where)
        doing = f"UPDATE SET {kept}" if kept and not exact else "NOTHING"
        return f"{insert} ON CONFLICT ({', '.join(where)}) DO {doing}"
    found = " AND ".join(_pairs(where, 1 + len(columns)))
    if verb == "update":
        return f"UPDATE {table} SET {', '.join(_pairs(columns, 1))} WHERE {found}"  # noqa: S608 - names of ours
    return f"DELETE FROM {table} WHERE {found}"  # noqa: S608 - names of ours


def _places(start: int, count: int) -> list[str]:
    return [f"${number}" for number in range(start, start + count)]


def _pairs(names: tuple[str, ...], start: int) -> list[str]:
    places = _places(start, len(names))
    return [f"{name} = {place}" for name, place in zip(names, places, strict=True)]
