"""The rows of the same customers as Enrol stores them, made beforehand: what a raw limit writes."""

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, NamedTuple

from uuid_utils import uuid7

from benchmarks.databases import PROJECT
from benchmarks.load import percentile
from benchmarks.people import bodies
from enrol.customers.batch import plan_batch, read_batch
from enrol.customers.enrolment import Enrolment, Row
from enrol.customers.lifecycle.chain import Head
from enrol.customers.model import Limits
from enrol.customers.plan import Call
from enrol.customers.uniqueness import Decision, decide
from enrol.store.changes import CREATED_COLUMNS, LINK_COLUMNS
from enrol.store.group import TABLES, chain_group, keys_of, rows_of

KEY_COLUMNS: Final = ("project", "hash", "customer_id")


class TableRows(NamedTuple):
    """All that one call adds to a table."""

    table: str
    columns: tuple[str, ...]
    rows: list[Row]


def _enrolment(body: bytes) -> Enrolment:
    today = datetime.now(UTC)
    call = Call(1, b"benchmark", "key_benchmark", int(today.timestamp() * 1000), uuid7)
    planned = plan_batch(read_batch(body, Limits()), call, Limits(), today.date(), lenient=False)
    if planned.faults:
        raise SystemExit(f"the generator made a fault: {planned.faults[0].code}")
    return planned.enrolment


def _table_rows(
    enrolment: Enrolment, heads: dict[int, Head]
) -> tuple[list[TableRows], dict[int, Head]]:
    """What a call adds behind the ends of the chains, and where they end then."""
    decision = decide(enrolment, {})
    if not isinstance(decision, Decision):
        raise SystemExit("the generator repeated a customer")
    accepted = [(enrolment, decision)]
    keys = [
        (project, key, owner)
        for project, owned in keys_of(accepted).items()
        for key, owner in owned
    ]
    found = [TableRows("identifiers", KEY_COLUMNS, keys)]
    found += [TableRows(t.name, t.columns, list(rows_of(t, accepted))) for t in TABLES]
    chained = chain_group(accepted, heads)
    found.append(TableRows("events", CREATED_COLUMNS, list(chained.events)))
    found.append(TableRows("links", LINK_COLUMNS, [*chained.links]))
    return [each for each in found if each.rows], chained.heads


def calls_of(size: int, calls: int) -> Iterator[list[TableRows]]:
    """What each of ``calls`` calls of ``size`` customers stores, unique keys first."""
    heads = {1: Head(0, b"")}
    for body in bodies(calls, size, PROJECT, start=1):
        rows, heads = _table_rows(_enrolment(body), heads)
        yield rows


def options(description: str | None) -> Namespace:
    """What a raw limit is asked for."""
    parser = ArgumentParser(description=description)
    parser.add_argument("--size", type=int, default=1000, help="customers a transaction")
    parser.add_argument("--calls", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--connections", type=int, default=1, help="PostgreSQL's alone")
    return parser.parse_args()


def tell(size: int, latencies: list[float], took: float) -> None:
    """Print one round as a line of JSON, with the same figures as the load client's."""
    calls = len(latencies)
    figures = {
        "customers_per_s": size * calls / took,
        "calls_per_s": calls / took,
        "p50_ms": percentile(latencies, 0.5) * 1e3,
        "p99_ms": percentile(latencies, 0.99) * 1e3,
        "seconds": took,
        "calls": calls,
        "customers": size * calls,
    }
    print(json.dumps(figures))
