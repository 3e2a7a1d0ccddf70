"""``enrol audit``: a whole chain is whole, and what is done to one is told, on both databases."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from uuid_utils import uuid7

from enrol.app import open_store
from enrol.customers.enrolment import Stored
from enrol.customers.lifecycle.change import Applied, Change, Event
from enrol.settings import Settings
from enrol.store.clock import now_ms
from enrol.store.registry import Registry, is_postgres, open_registry
from enrol.store.sqlite.process import WriterProcess
from tests.conftest import ON_TWO_STORES, NewDatabase
from tests.maintenance.chain_reference import verify
from tests.maintenance.commands import enrol
from tests.people import customer
from tests.store.test_changes import DAY_MS, planned

PROJECT = 1
DATA = '{"status":{"from":"No status","to":"Active"},"reason":"checked"}'


class Chained(NamedTuple):
    """A database with a chain: events 1 to 3 of a batch, 4 to 6 of changes, 7 and 8 of a batch;
    2 has been erased by 6, which leaves the data of 5 out."""

    place: str
    registry: Registry
    customers: list[bytes]

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.registry.database.rows(statement, *values)

    def verified(self, *arguments: str, code: int = 0) -> Any:
        """What the command finds of the one project."""
        done = enrol("audit", "verify", "--database", self.place, "--json", *arguments)
        assert done.code == code, done
        told = json.loads(done.out)
        (found,) = told["projects"]
        assert told["whole"] is (found["broken"] is None) is (code == 0)
        return found

    def broken(self, *arguments: str) -> tuple[str, int]:
        """Where the command finds the chain broken."""
        found = self.verified(*arguments, code=1)["broken"]
        assert found["message"].endswith(".")
        return found["kind"], found["seq"]


@pytest.fixture
def chained(tmp_path: Path, new_database: NewDatabase) -> Iterator[Chained]:
    place = new_database() or str(tmp_path / "enrol.db")
    with open_registry(place) as registry:
        registry.add_project("p", "Test", lenient=False)
        customers = asyncio.run(_fill(place))
        yield Chained(place, registry, customers)


async def _fill(place: str) -> list[bytes]:
    with ExitStack() as stack:
        path = ""
        if not is_postgres(place):
            process = WriterProcess(place, cache_mib=16, idempotency_ms=DAY_MS)
            path = stack.enter_context(process).path
        store = open_store(Settings(database=place, writer_socket=path))
        await store.open()
        customers = []
        for count in (3, 2):
            outcome = await store.enrol(planned(store, *(customer() for _ in range(count))))
            assert isinstance(outcome, Stored)
            ids = outcome.receipt.ids
            customers += [ids[start : start + 16] for start in range(0, len(ids), 16)]
            if count == 3:
                for event in (
                    Event("customer.updated", customers[0], ("status",), DATA, b"s" * 16),
                    Event("customer.updated", customers[1], ("status",), DATA, b"t" * 16),
                    Event("customer.erased", customers[1]),
                ):
                    change = Change(PROJECT, uuid7().bytes, "key_2", now_ms(), events=[event])
                    assert isinstance(await store.apply(change), Applied)
        await store.close()
        return customers


def test_a_whole_chain_is_whole(chained: Chained) -> None:
    last, head = verify(chained.rows, PROJECT)
    assert last == 8
    assert chained.verified() == {
        "project": "p",
        "seq": 8,
        "hash": head.hex(),
        "links": 5,
        "events": 8,
        "beforeChain": 0,
        "erased": 0,
        "broken": None,
    }
    told = enrol("audit", "verify", "--database", chained.place)
    assert told.code == 0
    assert told.out == (
        f"whole   p: 8 events in 5 links; the head is 8:{head.hex()}\nEvery chain is whole.\n"
    )


def test_erased_data_do_not_break_it_and_are_counted(chained: Chained) -> None:
    chained.rows("UPDATE events SET data = NULL, salt = NULL WHERE seq = 5")
    assert chained.verified()["erased"] == 1
    verify(chained.rows, PROJECT)
    told = enrol("audit", "verify", "--database", chained.place)
    assert "the data of 1 erased" in told.out


def test_events_from_before_the_chain_are_counted(chained: Chained) -> None:
    empty = "UPDATE links SET hash = $1 WHERE last <= 4"
    chained.rows(empty, b"")
    # Those behind follow from what was there: the chain would have to be begun anew.
    assert chained.broken() == ("link.hash", 5)
    chained.rows("UPDATE links SET hash = $1", b"")
    chained.rows("UPDATE chain_heads SET hash = $1", b"")
    found = chained.verified()
    assert (found["events"], found["beforeChain"], found["hash"]) == (8, 8, None)
    assert verify(chained.rows, PROJECT) == (8, b"")
    told = enrol("audit", "verify", "--database", chained.place)
    assert "8 of them from before the chain" in told.out


# What is done, and where it is seen.
TAMPERED: dict[str, tuple[str, str, int]] = {
    "an event removed": ("DELETE FROM events WHERE seq = 2", "event.missing", 2),
    "the last event removed": ("DELETE FROM events WHERE seq = 8", "event.missing", 8),
    "an event given another number": (
        "UPDATE events SET seq = 20 WHERE seq = 4",
        "event.missing",
        4,
    ),
    "a type changed": ("UPDATE events SET type = 'customer.read' WHERE seq = 4", "link.hash", 4),
    "two types in one": (
        "UPDATE events SET type = 'a' || chr(10) || 'b' WHERE seq = 4",
        "event.damaged",
        4,
    ),
    "another's customer": (
        "UPDATE events SET customer_id = (SELECT customer_id FROM events WHERE seq = 3) "
        "WHERE seq = 4",
        "link.hash",
        4,
    ),
    "fields changed": ("UPDATE events SET fields = 'name' WHERE seq = 4", "link.hash", 4),
    "data changed": ("UPDATE events SET data = '{}' WHERE seq = 4", "event.data", 4),
    "data with a digest of their own": (
        "UPDATE events SET data = (SELECT data FROM events WHERE seq = 5), "
        "salt = (SELECT salt FROM events WHERE seq = 5), "
        "digest = (SELECT digest FROM events WHERE seq = 5) WHERE seq = 4",
        "link.hash",
        4,
    ),
    "data removed without an erasure": (
        "UPDATE events SET data = NULL, salt = NULL WHERE seq = 4",
        "event.data",
        4,
    ),
    "a salt removed": ("UPDATE events SET salt = NULL WHERE seq = 4", "event.data", 4),
    "data and their digest removed": (
        "UPDATE events SET data = NULL, salt = NULL, digest = NULL WHERE seq = 4",
        "link.hash",
        4,
    ),
    "an event behind the head": (
        "INSERT INTO events (project, seq, type) VALUES (1, 9, 'customer.read')",
        "head",
        9,
    ),
    "an event before the first": (
        "INSERT INTO events (project, seq, type) VALUES (1, 0, 'customer.read')",
        "link.number",
        0,
    ),
    "a link removed": ("DELETE FROM links WHERE last = 4", "link.missing", 4),
    "the last link removed": ("DELETE FROM links WHERE last = 8", "link.missing", 7),
    "a link that covers another's events": (
        "UPDATE links SET first = 3 WHERE last = 4",
        "link.number",
        4,
    ),
    "another actor": ("UPDATE links SET key_id = 'key_9' WHERE last = 4", "link.hash", 4),
    "another time": ("UPDATE links SET created_at = created_at + 1 WHERE last = 3", "link.hash", 1),
    "another batch": ("UPDATE links SET batch_id = id WHERE last = 4", "link.hash", 4),
    "no batch": ("UPDATE links SET batch_id = NULL WHERE last = 3", "link.hash", 1),
    "another hash": (
        "UPDATE links SET hash = (SELECT hash FROM links WHERE last = 3) WHERE last = 4",
        "link.hash",
        4,
    ),
    "the head behind": (
        "UPDATE chain_heads SET seq = 4, hash = (SELECT hash FROM links WHERE last = 4)",
        "head",
        5,
    ),
    "the head ahead": ("UPDATE chain_heads SET seq = 9", "link.missing", 9),
    "the head's hash": (
        "UPDATE chain_heads SET hash = (SELECT hash FROM links WHERE last = 4)",
        "head",
        8,
    ),
    "no head": ("DELETE FROM chain_heads", "head", 1),
}


@ON_TWO_STORES
@pytest.mark.parametrize("what", TAMPERED)
def test_what_was_done_to_a_chain_is_told(chained: Chained, what: str) -> None:
    statement, kind, seq = TAMPERED[what]
    if not is_postgres(chained.place):
        statement = statement.replace("chr(10)", "char(10)")
    chained.rows(statement)
    assert chained.broken() == (kind, seq)
    done = enrol("audit", "verify", "--database", chained.place)
    assert done.code == 1
    assert done.out.startswith(f"broken  p: {kind} at event {seq}. ")
    # The program of somebody else, too, sees that something was done.
    if what != "data removed without an erasure":
        with pytest.raises((AssertionError, KeyError, TypeError)):
            verify(chained.rows, PROJECT)


def test_every_kind_is_in_the_document_and_told_by_a_test() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs/events.md").read_text()
    kinds = {kind for _, kind, _ in TAMPERED.values()} | {"link.damaged", "published"}
    table = text[text.index("| `kind` |") : text.index("Whoever can write")]
    assert {word for word in table.split("`") if "." in word and " " not in word} | {
        "head",
        "published",
    } == kinds


def test_a_value_of_another_length_is_told(chained: Chained) -> None:
    """One that would be hashed to the same bytes: sixteen moved from a column to the next."""
    ((link, batch),) = chained.rows("SELECT id, batch_id FROM links WHERE last = 3")
    chained.rows("UPDATE links SET id = $1, batch_id = $2 WHERE last = 3", b"", link + batch)
    assert chained.broken() == ("link.damaged", 1)


def test_a_head_that_was_kept_is_in_the_chain(chained: Chained) -> None:
    done = enrol("audit", "head", "--database", chained.place, "--project", "p")
    head = done.out.strip()
    assert chained.verified("--head", head)["broken"] is None
    ((seq, hashed),) = chained.rows("SELECT last, hash FROM links WHERE last = 4")
    earlier = f"{seq}:{hashed.hex()}"
    assert chained.verified("--head", earlier, "--project", "p")["broken"] is None
    assert chained.broken("--head", f"{seq}:{'0' * 64}") == ("published", 4)
    assert chained.broken("--head", f"2:{hashed.hex()}") == ("published", 2)
    assert chained.broken("--head", f"99:{hashed.hex()}") == ("published", 99)
    # Cut off behind event 3, and whole again.
    for statement in (
        "DELETE FROM events WHERE seq > 3",
        "DELETE FROM links WHERE last > 3",
        "UPDATE chain_heads SET seq = 3, hash = (SELECT hash FROM links WHERE last = 3)",
    ):
        chained.rows(statement)
    assert chained.verified()["broken"] is None
    assert chained.broken("--head", earlier) == ("published", 4)


def test_heads_are_shown(chained: Chained) -> None:
    ((seq, hashed),) = chained.rows("SELECT seq, hash FROM chain_heads")
    chained.registry.add_project("q", "Empty", lenient=False)
    place = ("--database", chained.place)
    assert enrol("audit", "head", *place).out == f"p  {seq}:{hashed.hex()}\nq  0:\n"
    assert enrol("audit", "head", *place, "--json").data == [
        {"project": "p", "seq": seq, "hash": hashed.hex()},
        {"project": "q", "seq": 0, "hash": None},
    ]
    told = enrol("audit", "verify", *place, "--json").data
    assert [each["project"] for each in told["projects"]] == ["p", "q"]
    done = enrol("audit", "verify", *place, "--head", f"{seq}:{hashed.hex()}")
    assert (done.code, "--project" in done.err) == (2, True)


@pytest.mark.parametrize("head", ["8", "8:", "x:" + "0" * 64, "8:" + "0" * 63, "-1:" + "0" * 64])
def test_a_head_that_is_none_is_refused(head: str, database: Path) -> None:
    done = enrol("audit", "verify", "--database", database, "--head", head)
    assert (done.code, done.out) == (2, "")


def test_what_is_not_there_is_told(database: Path, tmp_path: Path) -> None:
    for command in ("verify", "head"):
        assert enrol("audit", command, "--database", tmp_path / "no.db").code == 3
        assert enrol("audit", command, "--database", database, "--project", "no").code == 3
        assert enrol("audit", command, "--database", "mysql://x/y").code == 1


def test_a_database_that_a_server_filled_is_whole(database: Path) -> None:
    before = database.read_bytes()
    told = enrol("audit", "verify", "--database", database, "--json").data
    assert told["whole"]
    assert [(each["project"], each["events"]) for each in told["projects"]] == [
        ("strict", 120),
        ("lenient", 3),
    ]
    assert database.read_bytes() == before


def test_the_help_shows_an_example() -> None:
    for command in ("verify", "head"):
        done = enrol("audit", command, "--help")
        assert f"Example: enrol audit {command} " in done.out
