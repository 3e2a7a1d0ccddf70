"""The write itself: a group of enrolments in one transaction of one SQLite file."""

from collections.abc import Sequence
from typing import Final

import apsw

from enrol.customers.editing.undoing import Undo
from enrol.customers.enrolment import Enrolment, Outcome, Receipt
from enrol.customers.lifecycle.change import Change, ChangeOutcome
from enrol.store.changes import CREATED_COLUMNS
from enrol.store.clock import now_ms
from enrol.store.group import (
    TABLES,
    Accepted,
    Receipts,
    TableRows,
    chain_group,
    decide_group,
    decode_receipt,
    hashes_of,
    idempotency_keys_of,
    keys_of,
    rows_of,
)
from enrol.store.sqlite.apply import add_links, apply, find_head
from enrol.store.sqlite.file import transaction
from enrol.store.sqlite.keys.shelves import Shelves
from enrol.store.sqlite.scrubbing import Overwriting
from enrol.store.statements import insert_into, to_sqlite

FIND_RECEIPT: Final = """
SELECT fingerprint, receipt FROM idempotency
WHERE project = ? AND key_hash = ? AND created_at > ?
"""
FORGET_RECEIPTS: Final = """
DELETE FROM idempotency WHERE project = ?1 AND key_hash IN (
  SELECT key_hash FROM idempotency WHERE project = ?1 AND created_at <= ?2
  ORDER BY created_at LIMIT 100
)
"""


def insert_of(table: TableRows) -> str:
    """The INSERT of one row. The receipt of a key that has aged out gives way to the new one."""
    names, places = ", ".join(table.columns), ", ".join("?" * len(table.columns))
    verb = "INSERT OR REPLACE" if table.name == "idempotency" else "INSERT"
    return f"{verb} INTO {table.name} ({names}) VALUES ({places})"


ADD_CREATED: Final = to_sqlite(insert_into("events", CREATED_COLUMNS))
INSERTS: Final = tuple((insert_of(table), table) for table in TABLES)


class Writer:
    """The one that writes. Holds what it learned of the file between transactions."""

    def __init__(self, connection: apsw.Connection, idempotency_ms: int) -> None:
        self.connection = connection
        self.idempotency_ms = idempotency_ms
        self.shelves = Shelves(connection)
        self.overwriting = Overwriting(connection)

    def write(self, group: Sequence[Enrolment | Change | Undo]) -> list[Outcome | ChangeOutcome]:
        """Store a group: one transaction, one commit, one outcome each, in order.

        Raises whatever apsw raises; then nothing of the group is stored.
        """
        try:
            with transaction(self.connection):
                self.overwriting.begin(group)
                outcomes = self._write(group)
        except BaseException:
            # What the shelves counted was rolled back.
            self.shelves.clear()
            raise
        self.overwriting.go_on()
        return outcomes

    def _write(self, group: Sequence[Enrolment | Change | Undo]) -> list[Outcome | ChangeOutcome]:
        enrolments = [each for each in group if isinstance(each, Enrolment)]
        enrolled = iter(self._enrol(enrolments)) if enrolments else iter(())
        return [
            next(enrolled)
            if isinstance(each, Enrolment)
            else apply(self.connection, self.shelves.of(each.project), each)
            for each in group
        ]

    def _enrol(self, group: Sequence[Enrolment]) -> list[Outcome]:
        taken = {
            project: self.shelves.of(project).find(self.connection, hashes)
            for project, hashes in hashes_of(group).items()
        }
        outcomes, accepted = decide_group(group, taken, self._receipts(group))
        if accepted:
            self._insert(accepted)
        return outcomes

    def _receipts(self, group: Sequence[Enrolment]) -> Receipts:
        oldest = now_ms() - self.idempotency_ms
        found = {
            key: find_receipt(self.connection, *key, oldest) for key in idempotency_keys_of(group)
        }
        for project in {project for project, _ in found}:
            self.connection.execute(FORGET_RECEIPTS, (project, oldest))
        return {key: receipt for key, receipt in found.items() if receipt is not None}

    def _insert(self, accepted: Sequence[Accepted]) -> None:
        for insert, table in INSERTS:
            self.connection.executemany(insert, rows_of(table, accepted))
        heads = {enrolment.project for enrolment, _ in accepted}
        chained = chain_group(accepted, {each: find_head(self.connection, each) for each in heads})
        self.connection.executemany(ADD_CREATED, chained.events)
        add_links(self.connection, chained.links)
        for project, keys in keys_of(accepted).items():
            shelf = self.shelves.of(project)
            shelf.add(self.connection, keys)
            self.shelves.file_slice(shelf)
        self.shelves.forget_some()


def find_receipt(
    connection: apsw.Connection, project: int, key_hash: bytes, newer_than: int
) -> tuple[bytes, Receipt] | None:
    """The fingerprint and receipt of an Idempotency-Key that has not aged out."""
    row = connection.execute(FIND_RECEIPT, (project, key_hash, newer_than)).fetchone()
    if row is None:
        return None
    fingerprint, receipt = row
    return fingerprint, decode_receipt(receipt)
