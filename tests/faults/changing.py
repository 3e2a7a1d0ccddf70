"""Changes without a pause: ``python -m tests.faults.changing DATABASE NAME``.

Until it is killed it changes the first customers of the project, several at a time, so that changes
meet one another, and prints each before it is sent and what it was told. On a file it has a writer
of its own, as a second server has.
"""

import asyncio
import json
import random
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from hashlib import sha256
from typing import Final

from uuid_utils import uuid7

from enrol.app import open_store
from enrol.customers.enrolment import SUB
from enrol.customers.lifecycle.change import Applied, Change, Event, Write
from enrol.settings import Settings
from enrol.store.clock import now_ms
from enrol.store.protocol import Store, StoreFull, StoreUnavailable
from enrol.store.registry import is_postgres
from enrol.store.sqlite.process import WriterProcess

PROJECT: Final = 1
CUSTOMERS: Final = 6
TASKS: Final = 4
DAY_MS: Final = 86_400_000
PAUSE_SECONDS: Final = 0.05
FIND: Final = f"""
SELECT id, version, metadata FROM customers WHERE project = $1 ORDER BY id LIMIT {CUSTOMERS}
"""
WHERE: Final = ("project", "id")


def key_of(token: str) -> bytes:
    """The unique key that a change takes; it gives up that of the change before."""
    return sha256(token.encode()).digest()[:16]


def change_of(customer_id: bytes, version: int, before: str | None, token: str) -> Change:
    """One of each kind of row: a value, a part, a unique key, an event that tells on what version
    of the customer it was decided."""
    at = now_ms()
    metadata = json.dumps({"token": token})
    parts = ("project", "customer_id", "id", "email", "created_at")
    return Change(
        *(PROJECT, uuid7().bytes, "key_changing", at),
        expected=[(customer_id, version)],
        release=[] if before is None else [key_of(json.loads(before)["token"])],
        take=[(key_of(token), customer_id, SUB)],
        writes=[
            Write("update", "customers", ("metadata",), [(metadata, PROJECT, customer_id)], WHERE),
            Write("insert", "emails", parts, [(PROJECT, customer_id, uuid7().bytes, token, at)]),
        ],
        events=[
            Event(
                "customer.updated",
                customer_id,
                ("emails", "metadata"),
                json.dumps({"token": token, "on": version}),
                random.randbytes(16),
            )
        ],
    )


async def change(store: Store, names: Iterator[str]) -> None:
    """Change one customer after another, for ever."""
    while True:
        try:
            rows = await store.fetch(FIND, PROJECT)
            if not rows:
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            customer_id, version, before = random.choice(rows)
            one = change_of(customer_id, version, before, token := next(names))
            say("sent", token, one.id.hex())
            outcome = await store.apply(one)
        except (StoreUnavailable, StoreFull):
            # Nobody knows whether it was stored.
            await asyncio.sleep(PAUSE_SECONDS)
            continue
        seq = [str(outcome.seq)] if isinstance(outcome, Applied) else []
        say(type(outcome).__name__.lower(), token, *seq)


def say(*words: str) -> None:
    """A line, at once: what comes after may be the end."""
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()


async def run(database: str, name: str, socket: str) -> None:
    store = open_store(Settings(database=database, writer_socket=socket))
    await store.open()
    names = (f"{name}.{number}" for number in range(10**9))
    await asyncio.gather(*(change(store, names) for _ in range(TASKS)))


def main() -> None:
    database, name = sys.argv[1:]
    with ExitStack() as stack:
        socket = ""
        if not is_postgres(database):
            process = WriterProcess(database, cache_mib=16, idempotency_ms=DAY_MS)
            socket = stack.enter_context(process).path
        asyncio.run(run(database, name, socket))


if __name__ == "__main__":
    main()
