"""What a group of batches does to the tables of a SQLite file."""

import json
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any, cast

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from uuid_utils import uuid7

from enrol.customers.batch import plan_batch, read_batch
from enrol.customers.enrolment import Enrolment, Outcome, Refused, Stored
from enrol.customers.lifecycle.change import ChangeOutcome
from enrol.customers.model import Limits
from enrol.customers.plan import Call
from enrol.customers.uniqueness import Decision, decide
from enrol.store.clock import now_ms
from enrol.store.columns import PROFILE_COLUMNS
from enrol.store.group import TABLES as TABLES_WRITTEN
from enrol.store.group import _profiled
from enrol.store.group import rows_of as rows_added
from enrol.store.schema import metadata
from enrol.store.sqlite.enrol import INSERTS, Writer
from enrol.store.sqlite.file import connect, prepare
from enrol.store.sqlite.keys import identifiers
from tests.people import CHECKSUMMED, customer, did, wallet

SECRET = bytes(32)
DAY_MS = 86_400_000
LIMITS = Limits()
# What a customer has only once it was changed, or where the batch says so.
LATER = {
    *("status", "risk_score", "onboarding_level", "external_customer_id", "phone", "twitter"),
    *("discord", "telegram", "tags", "metadata", "reason", "updated_at", "version"),
    *("deleted_at", "deleted_by", "merged_into", "erased_at"),
}
PROFILED = {
    "externalCustomerId": "x",
    "status": "Active",
    "riskScore": "High",
    "onboardingLevel": "KYB",
    "customerContact": {
        "email": "a@example.com",
        "phone": "+12025550100",
        "twitter": "t",
        "discord": "d",
        "telegram": "g",
    },
    "tags": ["a", "b"],
    "metadata": {"a": 1},
}
HEAD = "SELECT hash FROM chain_heads"
TABLES = ("customers", "wallets", "dids", "events", "links", "findings", "batches")


class Counting:
    """A connection that counts the statements it is asked for."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection
        self.statements: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection, name)

    def execute(self, statement: str, *bindings: Any) -> Any:
        self.statements.append(statement)
        return self.connection.execute(statement, *bindings)

    def executemany(self, statement: str, rows: Any) -> Any:
        self.statements.append(statement)
        return self.connection.executemany(statement, rows)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[apsw.Connection]:
    path = str(tmp_path / "enrol.db")
    prepare(path)
    connection = connect(path)
    yield connection
    connection.close()


@pytest.fixture
def writer(file: apsw.Connection) -> Writer:
    return Writer(file, DAY_MS)


def planned(
    items: Sequence[object],
    *,
    project: int = 1,
    mode: str = "atomic",
    lenient: bool = False,
    **call: Any,
) -> Enrolment:
    """The enrolment of a batch, by the whole way from its bytes."""
    body = {"customerType": "Company", "cmsProjectId": "p", "customerData": items}
    around = Call(project, SECRET, "key_1", now_ms(), uuid7, mode, **call)
    reading = read_batch(json.dumps(body).encode(), LIMITS)
    return plan_batch(reading, around, LIMITS, date(2030, 1, 1), lenient=lenient).enrolment


def rows_of(file: apsw.Connection, table: str, **where: object) -> list[dict[str, Any]]:
    """The rows of a table, each a mapping of column to value."""
    columns = [column.name for column in metadata.tables[table].columns]
    chosen = " AND ".join(f"{name} = ?" for name in where) or "1"
    found = file.execute(
        f"SELECT {', '.join(columns)} FROM {table} WHERE {chosen}", [*where.values()]
    )
    return [dict(zip(columns, row, strict=True)) for row in found]


def test_an_insert_fills_every_column_of_its_table() -> None:
    for insert, table in INSERTS:
        columns = metadata.tables[table.name].columns
        later = set(LATER) if table.name == "customers" else {"updated_at"}
        if table.rows is _profiled:
            later -= set(PROFILE_COLUMNS)
        later |= {"updated_by"} if table.name == "wallets" else set()
        if table.name == "batches":
            later |= {"undone_at", "undone_by", "removed"}
        if table.name == "emails":
            # Whoever sends an address in a batch says nothing of it.
            later |= {"verified", "created_by", "updated_by"}
        filled = [column.name for column in columns if column.name not in later]
        assert list(table.columns) == filled
        assert insert.count("?") == len(filled)


def test_a_batch_without_profiles_writes_no_more_than_it_did(
    writer: Writer, file: apsw.Connection
) -> None:
    """Nearly all batches: their rows are short, and each table is written by one statement."""
    plain, profiled = planned([customer(), customer()]), planned([customer(), PROFILED])
    assert (plain.profile, plain.emails) == (None, None)
    wide = [table for table in TABLES_WRITTEN if table.rows is _profiled]
    assert [len(list(rows_added(table, [(plain, decided(plain))]))) for table in wide] == [0]
    added = {
        (table.name, len(table.columns)): len(list(rows_added(table, accepted)))
        for accepted in [[(plain, decided(plain)), (profiled, decided(profiled))]]
        for table in TABLES_WRITTEN
    }
    short, long = sorted(columns for name, columns in added if name == "customers")
    assert (added["customers", short], added["customers", long]) == (2, 2)
    writer.write([plain, profiled])
    stored = rows_of(file, "customers")
    assert [one["id"] for one in stored] == [*plain.ids, *profiled.ids]
    assert [one["status"] for one in stored] == [None, None, None, "Active"]
    (email,) = rows_of(file, "emails")
    assert (email["customer_id"], email["email"]) == (profiled.ids[1], "a@example.com")


def test_a_profile_is_stored_in_its_columns(writer: Writer, file: apsw.Connection) -> None:
    enrolment = planned([PROFILED])
    writer.write([enrolment])
    (stored,) = rows_of(file, "customers")
    assert {name: stored[name] for name in PROFILE_COLUMNS} == {
        "status": "Active",
        "risk_score": "High",
        "onboarding_level": "KYB",
        "external_customer_id": "x",
        "phone": "+12025550100",
        "twitter": "t",
        "discord": "d",
        "telegram": "g",
        "tags": '["a","b"]',
        "metadata": '{"a": 1}',
    }
    (email,) = rows_of(file, "emails")
    told = {name: value for name, value in email.items() if value is not None}
    assert enrolment.emails is not None
    assert told == {
        "project": 1,
        "customer_id": enrolment.ids[0],
        "id": enrolment.emails[1][0],
        "email": "a@example.com",
        "created_at": enrolment.at,
    }


def decided(enrolment: Enrolment) -> Decision:
    decision = decide(enrolment, {})
    assert isinstance(decision, Decision)
    return decision


def test_a_customer_is_stored_with_all_its_parts(writer: Writer, file: apsw.Connection) -> None:
    claims = {"sub": "s", "name": "N", "birthdate": "1991", "address": "A", "createdBy": "b"}
    item = {
        "customerWallet": wallet(CHECKSUMMED, verified=True, createdBy="a"),
        "customerClaims": claims,
        "customerDid": did("did:example:x", createdBy="c", updatedBy="d"),
    }
    enrolment = planned([item])
    writer.write([enrolment])
    shared = {"project": 1, "created_at": enrolment.at}
    owner = {"customer_id": enrolment.ids[0]} | shared
    unchanged = {"updated_at": None}
    (stored,) = rows_of(file, "customers")
    told = {name: value for name, value in stored.items() if value is not None}
    assert told == shared | {
        "version": 0,
        "id": enrolment.ids[0],
        "batch_id": enrolment.batch_id,
        "type": "Company",
        "sub": "s",
        "name": "N",
        "birthdate": "1991",
        "address": "A",
        "claims_created_by": "b",
    }
    assert rows_of(file, "wallets") == [
        owner
        | {
            "id": enrolment.wallets[1][0],
            "namespace": "eip155",
            "address": CHECKSUMMED,
            "canonical": CHECKSUMMED.lower(),
            "verified": 1,
            "created_by": "a",
            "updated_by": None,
        }
        | unchanged
    ]
    assert rows_of(file, "dids") == [
        owner
        | unchanged
        | {"id": enrolment.dids[1][0], "did": "did:example:x", "created_by": "c", "updated_by": "d"}
    ]
    nothing = dict.fromkeys(("fields", "data", "salt", "digest"))
    event = {"project": 1, "seq": 1, "type": "customer.created", "customer_id": enrolment.ids[0]}
    assert rows_of(file, "events") == [event | nothing]
    ((link,), hashes) = rows_of(file, "links"), {"hash": file.execute(HEAD).get}
    shown = {"batch_id": enrolment.batch_id, "id": enrolment.batch_id, "key_id": "key_1"}
    assert link == shared | shown | hashes | {"first": 1, "last": 1}
    counts: dict[str, int | None] = {"items": 1, "created": 1, "existing": 0, "refused": 0}
    counts |= {"undone_at": None, "undone_by": None, "removed": 0}
    assert rows_of(file, "batches") == [
        shared | counts | {"id": enrolment.batch_id, "key_id": "key_1", "mode": "atomic"}
    ]


def test_an_address_that_is_canonical_is_stored_once(writer: Writer, file: apsw.Connection) -> None:
    writer.write([planned([{"customerWallet": wallet(CHECKSUMMED.lower())}])])
    assert rows_of(file, "wallets")[0]["canonical"] is None


def test_findings_are_stored_with_their_customer(writer: Writer, file: apsw.Connection) -> None:
    items = [customer(), {"customerClaims": {"locale": "?", "zoneinfo": "?"}}]
    enrolment = planned(items, lenient=True)
    writer.write([enrolment])
    shared = {"project": 1, "customer_id": enrolment.ids[1]}
    assert rows_of(file, "findings") == [
        shared | {"pointer": "/customerClaims/locale", "code": "locale.syntax"},
        shared | {"pointer": "/customerClaims/zoneinfo", "code": "zoneinfo.unknown"},
    ]


def statements(file: apsw.Connection, *group: Enrolment) -> int:
    """How many statements it takes to write a group."""
    counting = Counting(file)
    writer = Writer(cast(apsw.Connection, counting), DAY_MS)
    outcomes = writer.write(group)
    assert all(isinstance(outcome, Stored) for outcome in outcomes)
    return len(counting.statements)


@pytest.mark.parametrize("mode", ["atomic", "partial"])
def test_the_number_of_statements_does_not_grow_with_the_batch(
    file: apsw.Connection, mode: str
) -> None:
    counts = {
        size: statements(file, planned([customer() for _ in range(size)], mode=mode))
        for size in (1, 10, 900)
    }
    assert len(set(counts.values())) == 1, counts


def test_the_number_of_statements_does_not_grow_with_the_group(file: apsw.Connection) -> None:
    one = statements(file, planned([customer()]))
    many = statements(file, *(planned([customer()]) for _ in range(50)))
    assert one == many


def test_a_refused_batch_writes_no_row(writer: Writer, file: apsw.Connection) -> None:
    known = customer()
    writer.write([planned([known])])
    before = file.total_changes()
    (outcome,) = writer.write([planned([customer(), known])])
    assert isinstance(outcome, Refused)
    assert file.total_changes() == before


def test_a_group_that_fails_leaves_nothing(writer: Writer, file: apsw.Connection) -> None:
    broken = planned([customer()])._replace(customer_type=cast(str, None))
    with pytest.raises(apsw.ConstraintError):
        writer.write([planned([customer()]), broken])
    assert {table: len(rows_of(file, table)) for table in TABLES} == dict.fromkeys(TABLES, 0)
    assert not file.in_transaction


SUBS = st.sampled_from("abcdef")
CALLS = st.builds(
    lambda subs, mode, project, returned: (subs, mode, project, returned),
    st.lists(SUBS, min_size=1, max_size=3),
    st.sampled_from(["atomic", "partial"]),
    st.integers(1, 2),
    st.booleans(),
)


# Runs, slices and the filter, at the size of a test.
SMALL = {
    "RUN_KEYS": 3,
    "KEYS_PER_SLICE": 2,
    "FEWEST_TOGETHER": 6,
    "MOST_TOGETHER": 6,
    "FEWEST_FILTERED": 1,
}


def outcome_of(outcome: Outcome | ChangeOutcome, names: dict[bytes, tuple[int, int]]) -> object:
    """An outcome with the place of each customer in the run instead of its ID."""
    if isinstance(outcome, Refused):
        conflicts = outcome.conflicts
        return [
            (item, kind, owner if isinstance(owner, int) else names[owner])
            for item, kind, owner in conflicts
        ]
    assert isinstance(outcome, Stored)
    ids = outcome.receipt.ids
    told = [names.get(ids[start : start + 16]) for start in range(0, len(ids), 16)]
    faults = [fault[:3] for fault in outcome.receipt.refused]
    return told, outcome.receipt.existing, faults


def keys_of(file: apsw.Connection, project: int) -> list[bytes]:
    """Whose the keys of a project are; one that is just filed may stand in its run as well."""
    tables = ("identifiers", "identifiers_new")
    rows = [row for table in tables for row in rows_of(file, table, project=project)]
    return sorted({row["hash"]: row["customer_id"] for row in rows}.values())


def subs_of(file: apsw.Connection, project: int) -> list[bytes]:
    """The customers of a project, each of which has one key: its sub."""
    return sorted(row["id"] for row in rows_of(file, "customers", project=project))


@given(st.lists(st.lists(CALLS, min_size=1, max_size=4), min_size=1, max_size=4))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_call_in_a_group_fares_as_it_would_alone(
    file: apsw.Connection, monkeypatch: pytest.MonkeyPatch, groups: list[list[Any]]
) -> None:
    """Also where its keys are on their way from the runs to the large table."""
    for name, value in SMALL.items():
        monkeypatch.setattr(identifiers, name, value)
    last: Any = file.execute("SELECT coalesce(max(project), 0) FROM batches").fetchall()
    fared = []
    for offset, as_groups in ((last[0][0], True), (last[0][0] + 2, False)):
        writer, names, seen = Writer(file, DAY_MS), dict[bytes, tuple[int, int]](), list[object]()
        for group in groups:
            enrolments = [
                planned(
                    [{"customerClaims": {"sub": sub}} for sub in subs],
                    project=offset + project,
                    mode=mode,
                    return_existing=returned,
                )
                for subs, mode, project, returned in group
            ]
            for enrolment in enrolments:
                call = len(names)
                names |= {one: (call, place) for place, one in enumerate(enrolment.ids)}
            runs = [enrolments] if as_groups else [[enrolment] for enrolment in enrolments]
            outcomes = [outcome for run in runs for outcome in writer.write(run)]
            seen += [outcome_of(outcome, names) for outcome in outcomes]
        fared.append(seen)
        assert keys_of(file, offset + 1) == subs_of(file, offset + 1)
    assert fared[0] == fared[1]
