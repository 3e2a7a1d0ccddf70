"""The raw limit on PostgreSQL: the same rows into the same tables by bare binary COPY.

One transaction a call, durable, by asyncpg's ``copy_records_to_table`` from records that were made
beforehand, without HTTP, decoding, checks or questions about what is stored. While one connection
waits for the disk a second may send: ``--connections`` says how many share the calls.
``ENROL_DATABASE`` is the URL of an empty database.
"""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections.abc import Iterator
from typing import Any

import asyncpg
import uvloop

from benchmarks.raw_rows import TableRows, calls_of, options, tell
from enrol.store.postgres.schema import migrate


async def _copy(connection: asyncpg.Connection[Any], call: list[TableRows]) -> float:
    """Seconds of one durable transaction."""
    began = time.perf_counter()
    async with connection.transaction():
        for table, columns, rows in call:
            await connection.copy_records_to_table(table, records=rows, columns=columns)
    return time.perf_counter() - began


async def _copy_all(
    connection: asyncpg.Connection[Any], calls: Iterator[list[TableRows]], deadline: float
) -> list[float]:
    latencies = []
    for call in calls:
        latencies.append(await _copy(connection, call))
        if time.perf_counter() > deadline:
            break
    return latencies


async def measure(
    url: str, calls: list[list[TableRows]], connections: int, seconds: float
) -> tuple[list[float], float]:
    """The seconds of each call, and of all together."""
    lines = [await asyncpg.connect(url) for _ in range(connections)]
    await migrate(lines[0])
    shared = iter(calls)
    gc.freeze()
    gc.disable()
    began = time.perf_counter()
    found = await asyncio.gather(*(_copy_all(line, shared, began + seconds) for line in lines))
    took = time.perf_counter() - began
    for line in lines:
        await line.close()
    return [latency for latencies in found for latency in latencies], took


def main() -> None:
    """Copy so many calls of so many customers, or as many as the seconds allow."""
    ask = options(__doc__)
    calls = list(calls_of(ask.size, ask.calls))
    url = os.environ["ENROL_DATABASE"]
    latencies, took = uvloop.run(measure(url, calls, ask.connections, ask.seconds))
    tell(ask.size, latencies, took)


if __name__ == "__main__":
    main()
