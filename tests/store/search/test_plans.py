"""Every query of a list goes by an index: its plan is read, on a database with customers."""

import re
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

from enrol.customers.search.entry import BY_CREATED, BY_NAME, BY_UPDATED, facet
from enrol.customers.search.words import search_terms
from enrol.store.search.indexing import index_slice
from enrol.store.search.listing import find_listed, find_newest
from enrol.store.search.matching import Filters
from enrol.store.search.on_postgres import SETTINGS
from enrol.store.search.on_sqlite import bound
from enrol.store.search.paging import WALK_DOWN, WALK_UP, Order
from enrol.store.search.steps import Ask, Steps
from enrol.store.statements import to_sqlite
from tests.conftest import NewDatabase
from tests.store.search.database import PROJECT, Base, SqliteBase, index_all, open_base
from tests.store.search.test_oracle import START, World

KEY = bytes(24)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, new_database: NewDatabase) -> Iterator[World]:
    base = open_base(tmp_path_factory.mktemp("plans"), new_database())
    made = World(base)
    made.add(7_300)
    made.add(200, late=True)
    made.change(300)
    index_all(base)
    yield made
    base.close()


def asked(base: Base, steps: Steps[Any]) -> dict[str, tuple[Any, ...]]:
    """The statements of steps, each with its values; the steps are done meanwhile."""
    found: dict[str, tuple[Any, ...]] = {}

    def listening() -> Steps[None]:
        rows: Any = None
        while True:
            try:
                step = steps.send(rows)
            except StopIteration:
                return
            if isinstance(step, Ask):
                found[step.statement] = step.values
            rows = yield step

    base.run(listening())
    return found


def plan(base: Base, statement: str, values: tuple[Any, ...]) -> list[str]:
    """The steps of the database's plan."""
    if isinstance(base, SqliteBase):
        explained = f"EXPLAIN QUERY PLAN {to_sqlite(statement)}"
        rows: Any = base.connection.execute(explained, [bound(value) for value in values])
        return [row[3] for row in rows]

    async def explain() -> list[str]:
        async with base.connection.transaction():
            await base.connection.execute(SETTINGS)
            found = await base.connection.fetch(f"EXPLAIN {statement}", *values)
            return [row[0] for row in found]

    return base.runner.run(explain())


# What SQLite scans rightly: values that are handed in, and what FTS5 has found.
SCANNED = re.compile(r"SCAN (carray|CONSTANT ROW|search_words VIRTUAL TABLE INDEX \d+:M)")


def scans(steps: list[str]) -> list[str]:
    """What looks at a whole table, or at a whole index."""
    # What another step of the plan hands on is no table.
    handed = {f"SCAN {step.split()[1]}" for step in steps if step.startswith("CO-ROUTINE ")}
    found = [
        step
        for step in steps
        if step.startswith("SCAN ") and not SCANNED.match(step) and step not in handed
    ]
    for node in re.split(r"\n(?=.*->)", "\n".join(steps)):
        if "Seq Scan" in node or ("Index" in node and "Index Cond" not in node):
            found.append(node)
    return found


FILTERS = [
    Filters(),
    Filters((facet(b"t", "Company"), facet(b"c", "DEU"))),
    Filters(terms=tuple(search_terms("anna mar"))),
    Filters(terms=tuple(search_terms("rare12"))),
    Filters(created=(START, START + 4_000)),
    Filters(deleted_before=START + 9_000_000),
    Filters(ids=(bytes(16),)),
]
ORDERS = [
    Order(sort, down, after, skip)
    for sort, down, after, skip in product(
        (BY_CREATED, BY_UPDATED, BY_NAME), (True, False), (None, KEY), (0, 200)
    )
]


def test_no_query_of_a_list_scans_a_table(world: World) -> None:
    base = world.base
    statements: dict[str, tuple[Any, ...]] = {}
    for filters, order in product(FILTERS, ORDERS):
        statements |= asked(base, find_listed(base.dialect, PROJECT, filters, order, 10))
    world.change(3)
    for order in (Order(), Order(after=KEY)):
        statements |= asked(base, find_newest(PROJECT, order, 10))
    statements |= asked(base, index_slice(base.dialect, PROJECT, 10))
    assert len(statements) >= 20
    for statement, values in statements.items():
        steps = plan(base, statement, values)
        assert steps
        assert not scans(steps), (statement, steps)
    for statement in (WALK_UP, WALK_DOWN):
        steps = plan(base, statement, statements[statement])
        assert not any("Sort" in step or "TEMP B-TREE" in step for step in steps), steps


def test_a_scan_would_be_seen(world: World) -> None:
    base = world.base
    for statement in (
        "SELECT ordinal FROM search_entries WHERE words LIKE $1",
        "SELECT ordinal FROM search_numbers WHERE ordinal = $1",
    ):
        value: Any = "%x%" if "LIKE" in statement else 4
        assert scans(plan(base, statement, (value,)))
