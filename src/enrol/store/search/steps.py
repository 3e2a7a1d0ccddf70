"""Queries that depend on one another, written once for both databases.

A step function is a generator: it yields what it asks for, is sent the rows, and returns its
result. Who runs it has one transaction open, so that all its steps see one snapshot.
"""

from collections.abc import Generator, Sequence
from typing import Any, Literal, NamedTuple, TypeVar

Dialect = Literal["sqlite", "postgresql"]
Rows = Sequence[tuple[Any, ...]]
T = TypeVar("T")


class Ask(NamedTuple):
    """One statement in PostgreSQL's words, with its values."""

    statement: str
    values: tuple[Any, ...]


class Many(NamedTuple):
    """One statement that changes something, once for each of the rows of values."""

    statement: str
    rows: Sequence[tuple[Any, ...]]


class Add(NamedTuple):
    """Rows that are new to a table."""

    table: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]


Steps = Generator[Ask | Many | Add, Rows, T]
