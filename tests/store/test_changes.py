"""A change on either database: all or nothing, on the versions it was decided on, and chained."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from uuid_utils import uuid7

from enrol.app import open_store
from enrol.customers.batch import plan_batch, read_batch
from enrol.customers.editing.undoing import Undo
from enrol.customers.enrolment import EXTERNAL, WALLET, Enrolment, Stored
from enrol.customers.lifecycle.chain import EventColumns, Link, link_hash
from enrol.customers.lifecycle.change import Applied, Change, Conflict, Event, Stale, Write
from enrol.customers.model import Limits
from enrol.customers.plan import Call, key_hash
from enrol.settings import Settings
from enrol.store.clock import now_ms
from enrol.store.protocol import Store
from enrol.store.queries.erasure import FIND_TOLD
from enrol.store.queries.events import (
    FIND_BATCHES,
    FIND_CHANGES,
    READ_CUSTOMER,
    find_head,
    read_feed,
    read_history,
)
from enrol.store.queries.lookup import find_by_did, find_by_external_id, find_by_sub
from enrol.store.queries.merging import FIND_MERGED, FIND_MOVED, find_merged, find_moved
from enrol.store.queries.webhooks import Lease, find_work, take_lease
from enrol.store.registry import is_postgres, open_registry
from enrol.store.sqlite.process import WriterProcess
from tests.conftest import NewDatabase
from tests.people import customer

PROJECT = 1
DAY_MS = 86_400_000


@pytest.fixture
def database(tmp_path: Path, new_database: NewDatabase) -> str:
    url = new_database() or str(tmp_path / "enrol.db")
    with open_registry(url) as registry:
        registry.add_project("p", "Test", lenient=False)
    return url


@pytest.fixture
async def store(database: str) -> AsyncIterator[Store]:
    with ExitStack() as stack:
        path = ""
        if not is_postgres(database):
            process = WriterProcess(database, cache_mib=16, idempotency_ms=DAY_MS)
            path = stack.enter_context(process).path
        opened = open_store(Settings(database=database, writer_socket=path))
        await opened.open()
        yield opened
        await opened.close()


def planned(store: Store, *items: object) -> Enrolment:
    call = Call(PROJECT, store.secret, "key_1", now_ms(), uuid7)
    reading = read_batch(
        _json({"customerType": "Individual", "cmsProjectId": "p", "customerData": items}), Limits()
    )
    return plan_batch(reading, call, Limits(), date(2030, 1, 1), lenient=False).enrolment


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def changed(*events: Event, **parts: Any) -> Change:
    return Change(PROJECT, uuid7().bytes, "key_1", now_ms(), events=events, **parts)


def renamed(customer_id: bytes, name: str, *, exact: bool = False) -> Write:
    rows = [(name, PROJECT, customer_id)]
    return Write("update", "customers", ("name",), rows, ("project", "id"), exact)


async def enrolled(store: Store, count: int = 3) -> list[bytes]:
    outcome = await store.enrol(planned(store, *(customer() for _ in range(count))))
    assert isinstance(outcome, Stored)
    ids = outcome.receipt.ids
    return [ids[start : start + 16] for start in range(0, len(ids), 16)]


async def links_of(store: Store) -> list[Link]:
    names = ", ".join(Link._fields)
    rows = await store.fetch(f"SELECT {names} FROM links WHERE project = $1 ORDER BY last", PROJECT)
    return [Link(*row) for row in rows]


async def verified(store: Store) -> int:
    """The last event's number, once every link was seen to follow from the one before."""
    before, last = b"", 0
    for link in await links_of(store):
        assert link.first == last + 1
        rows = await store.fetch(
            "SELECT type, customer_id, fields, digest FROM events "
            "WHERE project = $1 AND seq BETWEEN $2 AND $3 ORDER BY seq",
            *(PROJECT, link.first, link.last),
        )
        assert len(rows) == link.last - link.first + 1
        types, customers, fields, digests = zip(*rows, strict=True)
        assert link_hash(before, link, EventColumns(types, customers, fields, digests)) == link.hash
        before, last = link.hash, link.last
    assert await store.fetch("SELECT seq, hash FROM chain_heads") == (
        [(last, before)] if last else []
    )
    return last


async def test_a_change_is_written_with_its_event_and_version(store: Store) -> None:
    one, two, _ = await enrolled(store)
    data, salt = '{"reason":"moved"}', bytes(16)
    event = Event("customer.updated", one, ("name",), data, salt)
    outcome = await store.apply(changed(event, expected=[(one, 0)], writes=[renamed(one, "New")]))
    assert outcome == Applied(4)
    rows = await store.fetch(
        "SELECT id, name, version FROM customers WHERE project = $1 AND id = ANY($2) ORDER BY id",
        *(PROJECT, [one, two]),
    )
    assert rows[0] == (one, "New", 4)
    assert rows[1][2] == 0
    (told,) = await store.fetch(
        "SELECT type, customer_id, fields, data, salt, digest FROM events WHERE seq = $1", 4
    )
    assert told == ("customer.updated", one, "name", data, salt, event.digest)
    assert await verified(store) == 4


async def test_a_change_on_an_old_version_stores_nothing(store: Store) -> None:
    one, *_ = await enrolled(store)
    change = changed(
        Event("customer.updated", one, ("name",)), expected=[(one, 0)], writes=[renamed(one, "A")]
    )
    assert isinstance(await store.apply(change), Applied)
    late = changed(
        Event("customer.updated", one, ("name",)), expected=[(one, 0)], writes=[renamed(one, "B")]
    )
    assert await store.apply(late) == Stale()
    assert await store.fetch("SELECT name FROM customers WHERE id = $1", one) == [("A",)]
    assert await verified(store) == 4


async def test_a_row_that_an_exact_write_does_not_find_undoes_the_whole(store: Store) -> None:
    one, *_ = await enrolled(store)
    change = changed(
        Event("customer.updated", one, ("name",)),
        writes=[renamed(one, "A"), renamed(bytes(16), "B", exact=True)],
    )
    assert await store.apply(change) == Stale()
    assert await store.fetch("SELECT count(*) FROM customers WHERE name = $1", "A") == [(0,)]
    assert await verified(store) == 3


async def test_of_two_exact_puts_of_one_key_the_second_finds_it_taken(store: Store) -> None:
    leases = [Lease(holder, 1) for holder in ("first", "second")]
    outcomes = [await store.apply(changed(writes=[take_lease(None, one)])) for one in leases]
    assert [type(one) for one in outcomes] == [Applied, Stale]
    found, _ = await find_work(store)
    assert found == leases[0]


async def test_keys_are_taken_released_and_taken_again(store: Store) -> None:
    one, two, three = await enrolled(store)
    key = b"k" * 16
    take = [(key, one, WALLET)]
    assert isinstance(await store.apply(changed(take=take)), Applied)
    assert await store.find_identifiers(PROJECT, [key]) == {key: one}
    other = changed(take=[(key, two, WALLET)])
    assert await store.apply(other) == Conflict([(key, WALLET, one)])
    moved = changed(release=[key], take=[(key, two, WALLET)])
    assert isinstance(await store.apply(moved), Applied)
    assert await store.find_identifiers(PROJECT, [key]) == {key: two}
    assert isinstance(await store.apply(changed(release=[key])), Applied)
    assert await store.find_identifiers(PROJECT, [key]) == {}
    assert isinstance(await store.apply(changed(take=[(key, three, WALLET)])), Applied)
    assert await store.find_identifiers(PROJECT, [key]) == {key: three}


async def test_of_many_at_once_one_takes_a_key_and_the_chain_holds(store: Store) -> None:
    ids = await enrolled(store, 8)
    key = b"r" * 16
    changes = [
        changed(Event("customer.updated", each, ("name",)), take=[(key, each, WALLET)])
        for each in ids
    ]
    batches = [planned(store, customer(), customer()) for _ in range(8)]
    outcomes = await asyncio.gather(
        *(store.apply(change) for change in changes), *(store.enrol(batch) for batch in batches)
    )
    applied = [outcome for outcome in outcomes if isinstance(outcome, Applied)]
    assert len(applied) == 1
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 7
    assert sum(isinstance(outcome, Stored) for outcome in outcomes) == 8
    assert await verified(store) == 8 + 1 + 16


async def undo_of(store: Store, ids: list[bytes], keys: list[bytes], *, left: int = 0) -> Undo:
    """The undoing of the only batch, as it looks before anything else happens."""
    ((batch,),) = await store.fetch("SELECT id FROM batches WHERE project = $1", PROJECT)
    customers = [(one, [key]) for one, key in zip(ids, keys, strict=True)]
    return Undo(
        PROJECT, uuid7().bytes, "key_2", now_ms(), bytes(16), batch, "Wrong", customers, left
    )


@pytest.mark.parametrize("count", [3, 40])
async def test_an_undo_leaves_out_who_was_changed_after_it_was_decided(
    store: Store, count: int
) -> None:
    ids = await enrolled(store, count)
    keys = [bytes([place]) * 16 for place in range(count)]
    take = [(key, one, WALLET) for key, one in zip(keys, ids, strict=True)]
    assert isinstance(await store.apply(changed(take=take)), Applied)
    undo = await undo_of(store, ids, keys, left=1)
    event = Event("customer.updated", ids[1], ("name",))
    change = changed(event, expected=[(ids[1], 0)], writes=[renamed(ids[1], "Kept")])
    assert isinstance(await store.apply(change), Applied)
    assert await store.apply(undo) == Applied(2 * count + 1)
    rows = await store.fetch("SELECT id, name, deleted_by, version FROM customers ORDER BY id")
    assert rows[1] == (ids[1], "Kept", None, count + 1)
    others = [row for row in rows if row[0] != ids[1]]
    assert {row[2] for row in others} == {"key_2"}
    # Each has its own event, in the order of the batch.
    assert [row[3] for row in others] == [*range(count + 2, 2 * count + 1)]
    assert await store.find_identifiers(PROJECT, keys) == {keys[1]: ids[1]}
    ((data,),) = await store.fetch("SELECT data FROM events WHERE type = $1", "batch.undone")
    assert json.loads(data) == {"removed": count - 1, "left": 2, "reason": "Wrong"}
    (batch,) = await store.fetch("SELECT undone_at, undone_by, removed FROM batches")
    assert batch == (undo.at, "key_2", count - 1)
    assert await verified(store) == 2 * count + 1


async def test_an_undo_of_which_nobody_is_left_writes_nothing(store: Store) -> None:
    ids = await enrolled(store)
    keys = [bytes([place]) * 16 for place in range(3)]
    assert await store.apply(await undo_of(store, ids, keys)) == Applied(7)
    assert await store.apply(await undo_of(store, ids, keys)) == Applied(7)
    assert await store.fetch("SELECT removed FROM batches") == [(3,)]
    assert await verified(store) == 7


async def test_several_statements_see_one_moment(store: Store) -> None:
    await enrolled(store)
    counted = "SELECT count(*) FROM customers WHERE project = $1"
    listed = "SELECT id FROM customers WHERE project = $1 AND id = ANY($2)"
    assert await store.fetch_together((counted, PROJECT), (listed, PROJECT, [])) == [[(3,)], []]


async def test_who_was_merged_is_found_from_the_last_target(store: Store) -> None:
    one, two, three = await enrolled(store)
    for source, target in ((one, two), (two, three)):
        row = (target, PROJECT, source)
        marked = Write("update", "customers", ("merged_into",), [row], ("project", "id"))
        assert isinstance(await store.apply(changed(writes=[marked])), Applied)
    assert await find_merged(store, PROJECT, three) == [one, two]
    assert await find_merged(store, PROJECT, two) == [one]
    assert await find_merged(store, PROJECT, one) == []
    assert await find_merged(store, PROJECT + 1, three) == []


async def test_the_history_of_many_is_read_in_few_questions(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many were merged into a customer, and however many batches they are of."""
    batches = [await enrolled(store, 5) for _ in range(20)]
    ids = [customer_id for batch in batches for customer_id in batch[:4]]
    for turn in range(3):
        for customer_id in ids[turn::7]:
            await store.apply(changed(Event("customer.updated", customer_id, ("tags",))))
    head = (await find_head(store, PROJECT)).seq
    feed = await read_feed(store, PROJECT, 0, 1_000, head)
    expected = [event for event in feed.events if event.customer_id in ids]
    assert len(expected) > 80 + 30
    asked: list[str] = []
    fetch = store.fetch

    async def counted(statement: str, *values: Any) -> list[Any]:
        asked.append(statement)
        return await fetch(statement, *values)

    monkeypatch.setattr(store, "fetch", counted)
    for limit in (1, 7, 1_000):
        read, after, full = [], 0, True
        while full:
            asked.clear()
            page = await read_history(store, PROJECT, ids, after, limit, head)
            # The batches that a page comes from, and the one behind it.
            assert len(asked) <= 3 + min(limit, 20) + 1
            assert len(page.events) <= limit
            read += page.events
            after, full = page.read_to, page.full
        assert read == expected
        assert after == head
    only = await read_history(store, PROJECT, ids, 0, 90, head, "customer.updated")
    assert only.events == [each for each in expected[:90] if each.type == "customer.updated"]
    assert only.read_to == expected[89].seq
    for one in ids[:9]:
        page = await read_history(store, PROJECT, [one], 0, 1_000, head)
        assert page.events == [event for event in expected if event.customer_id == one]


async def test_what_moved_is_told_by_the_last_merge(store: Store) -> None:
    one, two, _ = await enrolled(store)
    assert await find_moved(store, PROJECT, one) is None
    ids = {"customerWallets": [str(UUID(bytes=one))], "customerDids": [], "customerEmails": []}
    data = json.dumps({"mergedInto": str(UUID(bytes=two)), **ids, "findings": []})
    for text in ('{"sources":[]}', data):
        await store.apply(changed(Event("customer.merged", one, (), text, bytes(16))))
    moved = await find_moved(store, PROJECT, one)
    assert moved is not None
    assert moved.customer_wallets == [str(UUID(bytes=one))]
    await store.apply(changed(Event("customer.merged", one, (), '{"sources":[]}', bytes(16))))
    assert await find_moved(store, PROJECT, one) is None


async def test_one_is_found_by_did_sub_and_the_hosts_id(store: Store) -> None:
    sent = customer()
    outcome = await store.enrol(planned(store, sent))
    assert isinstance(outcome, Stored)
    one = outcome.receipt.ids
    assert await find_by_did(store, PROJECT, sent["customerDid"]["did"]) == one
    assert await find_by_sub(store, PROJECT, sent["customerClaims"]["sub"]) == one
    key = key_hash(store.secret, PROJECT, EXTERNAL, "host-1")
    await store.apply(changed(take=[(key, one, EXTERNAL)]))
    assert await find_by_external_id(store, PROJECT, "host-1") == one
    for find in (find_by_did, find_by_sub, find_by_external_id):
        assert await find(store, PROJECT, "nobody's") is None


def test_merged_customers_are_found_through_their_index(database: str) -> None:
    explain = "EXPLAIN" if is_postgres(database) else "EXPLAIN QUERY PLAN"
    with open_registry(database) as registry:
        if is_postgres(database):
            # A table without rows is read whole.
            registry.database.rows("SET enable_seqscan = off")
        plan = str(registry.database.rows(f"{explain} {FIND_MERGED}", PROJECT, bytes(16)))
    assert len(re.findall("customers_by_target|merged_into_idx", plan)) == 2, plan
    assert "SCAN customers" not in plan


async def test_events_of_customers_are_found_through_their_index(
    store: Store, database: str
) -> None:
    """SQLite, which knows nothing of how many there are, would look through all of a project."""
    one, *_ = await enrolled(store, 5)
    for _ in range(10):
        await store.apply(changed(*(Event("customer.updated", uuid7().bytes) for _ in range(500))))
    if is_postgres(database):
        await asyncio.to_thread(_analyze, database)
    explain = "EXPLAIN" if is_postgres(database) else "EXPLAIN QUERY PLAN"
    both = [one, bytes(16)]
    asked: list[tuple[str, tuple[Any, ...]]] = [
        (FIND_CHANGES, (PROJECT, both, 0, 10_000, 10)),
        (FIND_TOLD, (PROJECT, both)),
        (FIND_MOVED, (PROJECT, one)),
        (READ_CUSTOMER, (PROJECT, 0, 10_000, 10, one)),
    ]
    for statement, values in asked:
        plan = str(await store.fetch(f"{explain} {statement}", *values))
        assert re.search("events_by_customer|customer_id_seq_idx", plan), plan
    if not is_postgres(database):
        plan = str(await store.fetch(f"{explain} {FIND_BATCHES}", PROJECT, both, 0, 10_000))
        assert "links_by_id" in plan, plan


def _analyze(database: str) -> None:
    with open_registry(database) as registry:
        registry.database.rows("ANALYZE events")
