"""The raw limit on SQLite: the same rows into the same tables by bare ``executemany``.

One transaction a call, durable like Enrol's (WAL, synchronous=FULL), in one process and without
HTTP, decoding, checks or questions about what is stored: the unique keys go straight into one
table. Only the transactions are timed; the rows are made beforehand. ``ENROL_DATABASE`` names the
file.
"""

import os
import time
from typing import Final

import apsw

from benchmarks.raw_rows import TableRows, calls_of, options, tell
from enrol.collector import collect_seldom
from enrol.store.sqlite.file import connect, prepare

CACHE_MIB: Final = 256


def _insert(connection: apsw.Connection, call: list[TableRows]) -> float:
    """Seconds of one durable transaction."""
    began = time.perf_counter()
    connection.execute("BEGIN IMMEDIATE")
    for table, columns, rows in call:
        places = ", ".join("?" * len(columns))
        insert = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})"
        connection.executemany(insert, rows)
    connection.execute("COMMIT")
    return time.perf_counter() - began


def main() -> None:
    """Insert so many calls of so many customers, or as many as the seconds allow."""
    ask = options(__doc__)
    path = os.environ["ENROL_DATABASE"]
    prepare(path)
    connection = connect(path, cache_mib=CACHE_MIB)
    collect_seldom()
    latencies: list[float] = []
    for call in calls_of(ask.size, ask.calls):
        latencies.append(_insert(connection, call))
        if sum(latencies) > ask.seconds:
            break
    connection.close()
    tell(ask.size, latencies, sum(latencies))


if __name__ == "__main__":
    main()
