"""The raw limit: the rows of the same customers into the same tables, by bare ``executemany``.

One transaction a call, durable like Enrol's (WAL, synchronous=FULL), in one process and without
HTTP, decoding, checks or questions about what is stored: the unique keys go straight into one
table. Only the transactions are timed; the rows are made beforehand.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import apsw
from uuid_utils import uuid7

from benchmarks.load import percentile
from benchmarks.people import bodies
from enrol.collector import collect_seldom
from enrol.customers.batch import plan_batch, read_batch
from enrol.customers.enrolment import Enrolment, Row
from enrol.customers.model import Limits
from enrol.customers.plan import Call
from enrol.customers.uniqueness import Decision, decide
from enrol.store.sqlite.enrol import INSERTS, owned_keys
from enrol.store.sqlite.file import connect, prepare

CACHE_MIB: Final = 256
PROJECT: Final = "bench"
ADD_KEY: Final = "INSERT INTO identifiers (project, hash, customer_id) VALUES (?, ?, ?)"


class Insert(NamedTuple):
    """One statement and all its rows."""

    statement: str
    rows: list[Row]


def _enrolment(body: bytes) -> Enrolment:
    today = datetime.now(UTC)
    call = Call(1, b"benchmark", "key_benchmark", int(today.timestamp() * 1000), uuid7)
    planned = plan_batch(read_batch(body, Limits()), call, Limits(), today.date(), lenient=False)
    if planned.faults:
        raise SystemExit(f"the generator made a fault: {planned.faults[0].code}")
    return planned.enrolment


def _inserts(enrolment: Enrolment) -> list[Insert]:
    decision = decide(enrolment, {})
    if not isinstance(decision, Decision):
        raise SystemExit("the generator repeated a customer")
    inserts = [Insert(statement, list(rows(enrolment, decision))) for statement, rows in INSERTS]
    project = enrolment.project
    keys = [(project, key, owner) for key, owner in owned_keys(enrolment, decision)]
    return [*inserts, Insert(ADD_KEY, keys)]


def _calls(size: int, calls: int) -> Iterator[list[Insert]]:
    for body in bodies(calls, size, PROJECT, start=1):
        yield _inserts(_enrolment(body))


def _insert(connection: apsw.Connection, inserts: list[Insert]) -> float:
    """Seconds of one durable transaction."""
    began = time.perf_counter()
    connection.execute("BEGIN IMMEDIATE")
    for insert in inserts:
        connection.executemany(insert.statement, insert.rows)
    connection.execute("COMMIT")
    return time.perf_counter() - began


def measure(size: int, calls: int, seconds: float) -> dict[str, Any]:
    """Insert ``calls`` times ``size`` customers, or as many as ``seconds`` allow."""
    with tempfile.TemporaryDirectory(prefix="enrol-raw-") as folder:
        path = str(Path(folder) / "raw.db")
        prepare(path)
        connection = connect(path, cache_mib=CACHE_MIB)
        collect_seldom()
        latencies: list[float] = []
        for inserts in _calls(size, calls):
            latencies.append(_insert(connection, inserts))
            if sum(latencies) > seconds:
                break
        connection.close()
    total = sum(latencies)
    return {
        "customers_per_s": size * len(latencies) / total,
        "calls_per_s": len(latencies) / total,
        "p50_ms": percentile(latencies, 0.5) * 1e3,
        "p99_ms": percentile(latencies, 0.99) * 1e3,
        "seconds": total,
        "calls": len(latencies),
        "customers": size * len(latencies),
    }


def main() -> None:
    """Print one round as a line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.raw_limit", description=__doc__)
    parser.add_argument("--size", type=int, default=1000, help="customers a transaction")
    parser.add_argument("--calls", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=6.0)
    ask = parser.parse_args()
    print(json.dumps(measure(ask.size, ask.calls, ask.seconds)))


if __name__ == "__main__":
    main()
