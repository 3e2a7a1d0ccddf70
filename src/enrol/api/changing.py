"""How a route changes customers: read, decide, write, and again where another was quicker."""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple
from uuid import UUID

from enrol.api.server import Server
from enrol.api.views import entity_tag
from enrol.customers.editing.acting import Plan
from enrol.customers.enrolment import KINDS
from enrol.customers.faults import Fault
from enrol.customers.lifecycle.change import Change, Conflict, Event, Stale, Write
from enrol.problems import Problem
from enrol.store.changes import record_after
from enrol.store.protocol import CustomerRecord, KeyRecord

# Whoever is second reads again, and of those who meet one always gets on: however many processes
# there are, as many attempts are enough as others have changes in line.
ATTEMPTS: Final = 100
# Seconds, at most, before another attempt. Long ones would leave the customer to who is quick.
FIRST_WAIT: Final = 0.002
LAST_WAIT: Final = 0.02


class Decided(NamedTuple):
    """What a route wants written; without events, writes and keys nothing is. ``places`` are the
    pointers in the body of the keys that are taken, for the answer when others have them. ``at`` is
    when, in Unix milliseconds; None: now."""

    writes: Sequence[Write] = ()
    events: Sequence[Event] = ()
    take: Sequence[tuple[bytes, bytes, int]] = ()
    release: Sequence[bytes] = ()
    places: Mapping[bytes, str] = MappingProxyType({})
    batch_id: bytes | None = None
    at: int | None = None


class Done(NamedTuple):
    """What became of a decision: the customers that it was made on, and the change that was stored
    of it with the seq of its last event; None: there was nothing to store."""

    records: Sequence[CustomerRecord]
    change: Change | None = None
    seq: int = 0


Decide = Callable[[list[CustomerRecord]], Decided]


def customer_bytes(text: str) -> bytes:
    """The ID of a path. Raises `Problem` ``customer.unknown`` for what is none."""
    try:
        return UUID(text).bytes
    except ValueError:
        raise Problem("customer.unknown") from None


async def find_customer(server: Server, key: KeyRecord, customer_id: bytes) -> CustomerRecord:
    """One customer, also a deleted one. Raises `Problem` where there is none, or no more."""
    records = await server.store.find_customers(key.project, [customer_id])
    if not records:
        raise Problem("customer.unknown")
    if records[0].customer["erased_at"] is not None:
        raise Problem("customer.erased")
    return records[0]


async def change_customer(
    server: Server, key: KeyRecord, customer_id: bytes, decide: Decide, if_match: str | None = None
) -> CustomerRecord:
    """Change one customer, and give it as this change left it, of the version that it made: also
    where another change came right behind. ``if_match``: the header of this name."""

    def decide_one(records: list[CustomerRecord]) -> Decided:
        if not records:
            raise Problem("customer.unknown")
        if records[0].customer["erased_at"] is not None:
            raise Problem("customer.erased")
        require_match(records[0], if_match)
        return decide(records)

    (record,), change, seq = await change_customers(server, key, [customer_id], decide_one)
    return record if change is None else record_after(record, change, seq)


async def change_customers(
    server: Server, key: KeyRecord, ids: Sequence[bytes], decide: Decide
) -> Done:
    """Change what ``decide`` says of the customers with these IDs, which come in the order of the
    IDs without those that are not there. It is asked again when one of them changed meanwhile."""
    async with server.turns.of(key.project, ids):
        for attempt in range(ATTEMPTS):
            records = await server.store.find_customers(key.project, ids)
            decided = decide(records)
            done = await store_decided(server, key, records, decided)
            if done is not None:
                return done
            # Another process was quicker: those that were not are not to meet again.
            await asyncio.sleep(random.uniform(0, min(FIRST_WAIT * (1 + attempt), LAST_WAIT)))
    raise Problem("customer.busy")


async def store_decided(
    server: Server, key: KeyRecord, records: Sequence[CustomerRecord], decided: Decided
) -> Done | None:
    """Store what was decided on these records. None: one of them changed meanwhile."""
    if not (decided.writes or decided.events or decided.take or decided.release):
        return Done(records)
    change = Change(
        project=key.project,
        id=server.mint().bytes,
        key_id=key.key_id,
        at=int(server.clock() * 1000) if decided.at is None else decided.at,
        expected=[(record.customer["id"], record.customer["version"]) for record in records],
        release=decided.release,
        take=decided.take,
        writes=decided.writes,
        events=decided.events,
        batch_id=decided.batch_id,
    )
    outcome = await server.store.apply(change)
    if isinstance(outcome, Conflict):
        raise conflict_problem(outcome, decided.places)
    return None if isinstance(outcome, Stale) else Done(records, change, outcome.seq)


def decided_of(plan: Plan) -> Decided:
    """A plan that no fault stands against."""
    return Decided(plan.writes, plan.events, plan.take, plan.release, plan.places, at=plan.at)


def require_match(record: CustomerRecord, if_match: str | None) -> None:
    """RFC 9110 section 13.1.1. Raises `Problem` ``customer.changed``."""
    if if_match is None or if_match.strip() == "*":
        return
    tags = [tag.strip() for tag in if_match.split(",")]
    if entity_tag(record) not in tags:
        raise Problem("customer.changed")


def conflict_problem(conflict: Conflict, places: Mapping[bytes, str]) -> Problem:
    """The problem of keys that other customers have; hosted-API clients look for the sentence of
    a wallet."""
    faults = [
        Fault(None, places.get(key, ""), f"conflict.{KINDS[kind]}", "", str(UUID(bytes=owner)))
        for key, kind, owner in conflict.taken
    ]
    wallet = next((fault for fault in faults if fault.code == "conflict.wallet"), None)
    return Problem("customer.conflict", wallet.detail if wallet else None, faults=faults)
