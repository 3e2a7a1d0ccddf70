"""The write itself: a group of enrolments in one transaction of one SQLite file.

Ask once, decide in memory, write once: the number of statements depends neither on the size of
a batch nor on the size of the group, and an enrolment that is refused leaves no row to undo.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, compress, repeat
from typing import Final, TypeVar

import apsw
import msgspec

from enrol.customers.enrolment import (
    KIND_BITS,
    Enrolment,
    KeyReused,
    Outcome,
    Receipt,
    Refused,
    Row,
    Stored,
)
from enrol.customers.plan import CREATED
from enrol.customers.uniqueness import Decision, decide
from enrol.store.sqlite.file import now_ms, transaction
from enrol.store.sqlite.identifiers import Shelf

FIND_RECEIPT: Final = """
SELECT fingerprint, receipt FROM idempotency
WHERE project = ? AND key_hash = ? AND created_at > ?
"""
KEEP_RECEIPT: Final = """
INSERT OR REPLACE INTO idempotency (project, key_hash, fingerprint, receipt, created_at)
VALUES (?, ?, ?, ?, ?)
"""
FORGET_RECEIPTS: Final = """
DELETE FROM idempotency WHERE (project, key_hash) IN (
  SELECT project, key_hash FROM idempotency WHERE created_at <= ? ORDER BY created_at LIMIT 100
)
"""

# The keys of all projects that the writer holds in memory, of about 100 bytes each.
MOST_KEYS_KNOWN: Final = 1_000_000

T = TypeVar("T")
Accepted = tuple[Enrolment, Decision]
Rows = Callable[[Enrolment, Decision], Iterable[Row]]

encode_receipt: Final = msgspec.msgpack.Encoder().encode
decode_receipt: Final = msgspec.msgpack.Decoder(Receipt).decode


def insert_into(table: str, columns: int) -> str:
    """The INSERT of whole rows."""
    return f"INSERT INTO {table} VALUES ({', '.join('?' * columns)})"  # noqa: S608


class Writer:
    """The one that writes. Holds what it learned of the file between transactions."""

    def __init__(self, connection: apsw.Connection, idempotency_ms: int) -> None:
        self.connection = connection
        self.idempotency_ms = idempotency_ms
        self.shelves: dict[int, Shelf] = {}

    def write(self, group: Sequence[Enrolment]) -> list[Outcome]:
        """Store a group: one transaction, one commit, one outcome an enrolment, in order.

        Raises whatever apsw raises; then nothing of the group is stored.
        """
        try:
            with transaction(self.connection):
                return self._write(group)
        except BaseException:
            # What the shelves counted was rolled back.
            self.shelves.clear()
            raise

    def _write(self, group: Sequence[Enrolment]) -> list[Outcome]:
        taken = self._ask(group)
        outcomes: list[Outcome] = []
        accepted: list[Accepted] = []
        for enrolment in group:
            outcome = self._replay(enrolment)
            if outcome is None:
                decision = decide(enrolment, taken[enrolment.project])
                if isinstance(decision, Refused):
                    outcome = decision
                else:
                    outcome = Stored(decision.receipt, replayed=False)
                    accepted.append((enrolment, decision))
                    self._keep_receipt(enrolment, decision.receipt)
                    if len(group) > 1:
                        taken[enrolment.project].update(_new_keys(enrolment, decision))
            outcomes.append(outcome)
        self._insert(accepted)
        return outcomes

    def _ask(self, group: Sequence[Enrolment]) -> dict[int, dict[bytes, bytes]]:
        asked: dict[int, list[bytes]] = defaultdict(list)
        for enrolment in group:
            asked[enrolment.project] += enrolment.keys
        return {
            project: self._shelf(project).find(self.connection, sorted(hashes))
            for project, hashes in asked.items()
        }

    def _shelf(self, project: int) -> Shelf:
        shelf = self.shelves.pop(project, None) or Shelf(self.connection, project)
        # The one used last stands last.
        self.shelves[project] = shelf
        return shelf

    def _replay(self, enrolment: Enrolment) -> Outcome | None:
        if enrolment.idempotency is None:
            return None
        key_hash, fingerprint = enrolment.idempotency
        row = find_receipt(
            self.connection, enrolment.project, key_hash, now_ms() - self.idempotency_ms
        )
        if row is None:
            return None
        if row[0] != fingerprint:
            return KeyReused()
        return Stored(row[1], replayed=True)

    def _keep_receipt(self, enrolment: Enrolment, receipt: Receipt) -> None:
        if enrolment.idempotency is None:
            return
        key_hash, fingerprint = enrolment.idempotency
        row = (enrolment.project, key_hash, fingerprint, encode_receipt(receipt), enrolment.at)
        self.connection.execute(KEEP_RECEIPT, row)
        self.connection.execute(FORGET_RECEIPTS, (now_ms() - self.idempotency_ms,))

    def _insert(self, accepted: Sequence[Accepted]) -> None:
        if not accepted:
            return
        for insert, rows_of in INSERTS:
            rows = chain.from_iterable(rows_of(*pair) for pair in accepted)
            self.connection.executemany(insert, rows)
        keys: dict[int, list[tuple[bytes, bytes]]] = defaultdict(list)
        for enrolment, decision in accepted:
            keys[enrolment.project] += owned_keys(enrolment, decision)
        for project, project_keys in keys.items():
            if len(accepted) > 1:
                project_keys.sort()
            shelf = self._shelf(project)
            shelf.add(self.connection, project_keys)
            shelf.file_slice(self.connection)
        while sum(len(shelf.new) for shelf in self.shelves.values()) > MOST_KEYS_KNOWN:
            del self.shelves[next(iter(self.shelves))]


def find_receipt(
    connection: apsw.Connection, project: int, key_hash: bytes, newer_than: int
) -> tuple[bytes, Receipt] | None:
    """The fingerprint and receipt of an Idempotency-Key that has not aged out."""
    row = connection.execute(FIND_RECEIPT, (project, key_hash, newer_than)).fetchone()
    if row is None:
        return None
    fingerprint, receipt = row
    return fingerprint, decode_receipt(receipt)


def _customer_rows(enrolment: Enrolment, decision: Decision) -> Iterable[Row]:
    shared = repeat(enrolment.batch_id), repeat(enrolment.customer_type), repeat(enrolment.at)
    rows = zip(repeat(enrolment.project), enrolment.ids, *shared, *enrolment.claims)
    return _created(enrolment, decision, rows)


def _wallet_rows(enrolment: Enrolment, decision: Decision) -> Iterable[Row]:
    places, *columns = enrolment.wallets
    rows = _part_rows(enrolment, places, columns)
    return _created(enrolment, decision, rows, places)


def _did_rows(enrolment: Enrolment, decision: Decision) -> Iterable[Row]:
    places, *columns = enrolment.dids
    rows = _part_rows(enrolment, places, columns)
    return _created(enrolment, decision, rows, places)


def _part_rows(
    enrolment: Enrolment, places: Sequence[int], columns: Sequence[Sequence[object]]
) -> Iterable[Row]:
    ids = enrolment.ids
    customer_ids = ids if len(places) == len(ids) else [ids[place] for place in places]
    return zip(repeat(enrolment.project), customer_ids, *columns, repeat(enrolment.at))


def _event_rows(enrolment: Enrolment, decision: Decision) -> Iterable[Row]:
    rows = zip(
        repeat(enrolment.project),
        enrolment.event_ids,
        repeat(CREATED),
        enrolment.ids,
        repeat(enrolment.batch_id),
        repeat(enrolment.at),
    )
    return _created(enrolment, decision, rows)


def _finding_rows(enrolment: Enrolment, decision: Decision) -> Iterable[Row]:
    project, ids = enrolment.project, enrolment.ids
    rows = [(project, ids[place], pointer, code) for place, pointer, code in enrolment.findings]
    return _created(enrolment, decision, rows, [place for place, _, _ in enrolment.findings])


def owned_keys(enrolment: Enrolment, decision: Decision) -> Iterable[tuple[bytes, bytes]]:
    """The unique keys that are to be stored, sorted by hash, each with its customer's ID."""
    places = [mark >> KIND_BITS for mark in enrolment.marks]
    owners = map(enrolment.ids.__getitem__, places)
    return _created(enrolment, decision, zip(enrolment.keys, owners, strict=True), places)


def _created(
    enrolment: Enrolment,
    decision: Decision,
    rows: Iterable[T],
    places: Sequence[int] | None = None,
) -> Iterable[T]:
    """The rows of the customers that are to be created; ``places`` says whose each row is."""
    if len(decision.create) == len(enrolment.ids):
        return rows
    chosen = set(decision.create)
    if places is None:
        places = range(len(enrolment.ids))
    return compress(rows, [place in chosen for place in places])


def _new_keys(enrolment: Enrolment, decision: Decision) -> dict[bytes, bytes]:
    return dict(owned_keys(enrolment, decision))


def _batch_rows(enrolment: Enrolment, decision: Decision) -> Iterable[Row]:
    created, existing = len(decision.create), len(decision.receipt.existing)
    refused = enrolment.items - created - existing
    return [
        (
            enrolment.project,
            enrolment.batch_id,
            enrolment.key_id,
            enrolment.mode,
            enrolment.items,
            created,
            existing,
            refused,
            enrolment.at,
        )
    ]


INSERTS: Final[tuple[tuple[str, Rows], ...]] = (
    (insert_into("customers", 24), _customer_rows),
    (insert_into("wallets", 9), _wallet_rows),
    (insert_into("dids", 7), _did_rows),
    (insert_into("events", 6), _event_rows),
    (insert_into("findings", 4), _finding_rows),
    (insert_into("batches", 9), _batch_rows),
)
