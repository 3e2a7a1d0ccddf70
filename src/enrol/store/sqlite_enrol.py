"""The write itself: a group of enrolments in one transaction of one SQLite file.

Ask once, decide in memory, write once: the number of statements depends neither on the size of
a batch nor on the size of the group, and an enrolment that is refused leaves no row to undo.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Final

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
from enrol.customers.uniqueness import Decision, decide
from enrol.store.sqlite_file import now_ms, transaction
from enrol.store.sqlite_identifiers import Shelf, find

TABLES: Final = (("customers", 24), ("wallets", 9), ("dids", 7), ("events", 6), ("findings", 4))
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
ADD_BATCH: Final = "INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"

encode_receipt: Final = msgspec.msgpack.Encoder().encode
decode_receipt: Final = msgspec.msgpack.Decoder(Receipt).decode


def insert_into(table: str, columns: int) -> str:
    """The INSERT of whole rows."""
    return f"INSERT INTO {table} VALUES ({', '.join('?' * columns)})"  # noqa: S608


INSERTS: Final = {table: insert_into(table, columns) for table, columns in TABLES}


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
        accepted: list[tuple[Enrolment, Decision]] = []
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
            asked[enrolment.project] += map(itemgetter(0), enrolment.keys)
        return {
            project: find(self.connection, project, sorted(hashes))
            for project, hashes in asked.items()
        }

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

    def _insert(self, accepted: Sequence[tuple[Enrolment, Decision]]) -> None:
        if not accepted:
            return
        execute_many = self.connection.executemany
        rows = _chosen_rows(accepted)
        for table, statement in INSERTS.items():
            if rows[table]:
                execute_many(statement, rows[table])
        keys: dict[int, list[tuple[int, bytes, bytes]]] = defaultdict(list)
        for enrolment, decision in accepted:
            keys[enrolment.project] += _key_rows(enrolment, decision)
        for project, project_keys in keys.items():
            shelf = self.shelves.get(project) or Shelf(self.connection, project)
            self.shelves[project] = shelf
            if len(accepted) > 1:
                project_keys.sort()
            shelf.add(self.connection, project_keys)
            shelf.file_slice(self.connection)
        execute_many(ADD_BATCH, [_batch_row(*pair) for pair in accepted])


def find_receipt(
    connection: apsw.Connection, project: int, key_hash: bytes, newer_than: int
) -> tuple[bytes, Receipt] | None:
    """The fingerprint and receipt of an Idempotency-Key that has not aged out."""
    row = connection.execute(FIND_RECEIPT, (project, key_hash, newer_than)).fetchone()
    if row is None:
        return None
    fingerprint, receipt = row
    return fingerprint, decode_receipt(receipt)


def _is_whole(enrolment: Enrolment, decision: Decision) -> bool:
    return len(decision.create) == len(enrolment.ids)


def _chosen_rows(accepted: Iterable[tuple[Enrolment, Decision]]) -> dict[str, list[Row]]:
    """The rows of all customers that are to be created, by table."""
    rows: dict[str, list[Row]] = {table: [] for table, _ in TABLES}
    customer_id_at = {"customers": 1, "wallets": 1, "dids": 1, "events": 3, "findings": 1}
    for enrolment, decision in accepted:
        whole = _is_whole(enrolment, decision)
        chosen = set() if whole else {enrolment.ids[place] for place in decision.create}
        for table, column in customer_id_at.items():
            table_rows: list[Row] = getattr(enrolment, table)
            rows[table] += (
                table_rows if whole else [row for row in table_rows if row[column] in chosen]
            )
    return rows


def _key_rows(enrolment: Enrolment, decision: Decision) -> list[tuple[int, bytes, bytes]]:
    project, ids = enrolment.project, enrolment.ids
    if _is_whole(enrolment, decision):
        return [(project, key, ids[mark >> KIND_BITS]) for key, mark in enrolment.keys]
    chosen = set(decision.create)
    return [
        (project, key, ids[mark >> KIND_BITS])
        for key, mark in enrolment.keys
        if mark >> KIND_BITS in chosen
    ]


def _new_keys(enrolment: Enrolment, decision: Decision) -> dict[bytes, bytes]:
    return {key: customer_id for _, key, customer_id in _key_rows(enrolment, decision)}


def _batch_row(enrolment: Enrolment, decision: Decision) -> Row:
    created, existing = len(decision.create), len(decision.receipt.existing)
    refused = enrolment.items - created - existing
    return (
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
