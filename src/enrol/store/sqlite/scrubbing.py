"""What an erasure leaves of its rows in a SQLite file and its log: nothing.

A row that is deleted is overwritten (``secure_delete``, without which its bytes stay). But when
SQLite shares the rows of full pages out anew, it leaves the old bytes in the room between a
page's pointers and its rows. That room is cleared when a row needs more room in one piece than
there is; so rows beside the erased ones are made to need it, longer by and by, and then put back.
"""

import os
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import apsw

from enrol.customers.editing.undoing import Undo
from enrol.customers.enrolment import Enrolment
from enrol.customers.lifecycle.change import Change, Write
from enrol.logs import log_error
from enrol.store.sqlite.file import BUSY_MILLISECONDS

# A page has 4,096 bytes, and a row of more than 1,002 goes elsewhere with the rest.
LENGTHS: Final = (60, 160, 320, 520, 740)
# How many rows at once, one number after the other: together they are longer than a page, whatever
# room it has, and where one number just fills a page without a rest, the other does not.
AT_ONCE: Final = (6, 4)


class Scrubbed(NamedTuple):
    """A table: its key within the project, a text that may be of any length, and how many rows to
    either side may lie on the same page or on the two beside it."""

    key: tuple[str, ...]
    text: str
    reach: int


TABLES: Final = {
    "customers": Scrubbed(("id",), "reason", 48),
    "wallets": Scrubbed(("customer_id", "id"), "updated_by", 84),
    "dids": Scrubbed(("customer_id", "id"), "updated_by", 84),
    "emails": Scrubbed(("customer_id", "id"), "updated_by", 84),
    "events": Scrubbed(("seq",), "fields", 96),
}


# What follows the events (a search index) writes a little later than an erasure.
OVERWRITE_SECONDS: Final = 60.0
# Between two tries to empty the log, which whoever reads for long keeps from its end.
PAUSE_SECONDS: Final = 5.0
TRY_MILLISECONDS: Final = 200
# The row of `meta` that stands while the log may hold what was erased, for the writer that erased
# may end before it could empty it. Each erasure gives it another value.
MARK: Final = "erased"
MARK_BYTES: Final = 8
READ_MARK: Final = "SELECT value FROM meta WHERE name = ?"
SET_MARK: Final = "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)"
# Whether the search index of a project is still behind an erasure: its words are there until then.
IS_UNFOLLOWED: Final = """
SELECT EXISTS (
  SELECT 1 FROM chain_heads AS head
  LEFT JOIN search_progress AS at ON at.project = head.project
  CROSS JOIN events AS event INDEXED BY events_of_changes
  ON event.project = head.project AND event.seq > coalesce(at.seq, 0)
  WHERE event.type <> 'customer.created' AND event.type = 'customer.erased'
)
"""
CLEAR_MARK: Final = "DELETE FROM meta WHERE name = ? AND value = ?"


class Overwriting:
    """Pages that changes free are overwritten. For a while after an erasure so are all others, and
    the log is emptied, for it holds the pages as they were before.

    Every writer of the file does so, whoever of them has erased.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection
        self.mark: bytes | None = None
        self.until = 0.0
        self.next_try = 0.0
        self.is_due = False
        self.is_on = False
        self.look()

    @property
    def patience(self) -> float | None:
        """How many seconds the writer may wait for work until there is more to do here."""
        return max(0.0, self.next_try - time.monotonic()) if self.is_due else None

    def look(self) -> None:
        """Learn of an erasure by another writer, or by one before this. In the transaction that
        does away with what is left of it nothing can come between."""
        mark: Any = self.connection.execute(READ_MARK, (MARK,)).get
        if mark is not None and mark != self.mark:
            self._owe(mark)
        if self.is_due:
            self._overwrite(wanted=True)

    def begin(self, group: Sequence[Enrolment | Change | Undo]) -> None:
        """A group is about to be written, in the transaction that is open."""
        self.look()
        changes = [each for each in group if isinstance(each, Change)]
        if any(change.erases for change in changes):
            mark = os.urandom(MARK_BYTES)
            self.connection.execute(SET_MARK, (MARK, mark))
            self._owe(mark)
        # A batch frees pages of hashes alone, and many.
        self._overwrite(wanted=self.is_due or bool(changes))

    def go_on(self) -> None:
        """Empty the log where it is time to; between transactions. Raises nothing: what was
        committed stays so, whatever becomes of the log, and the writer goes on."""
        now = time.monotonic()
        if not self.is_due or now < self.next_try:
            return
        self.next_try = now + PAUSE_SECONDS
        self.is_due = not self._empty_log(for_good=now >= self.until)

    def _owe(self, mark: bytes) -> None:
        self.mark = mark
        self.until = time.monotonic() + OVERWRITE_SECONDS
        self.next_try = 0.0
        self.is_due = True

    def _overwrite(self, *, wanted: bool) -> None:
        if wanted is not self.is_on:
            self.connection.pragma("secure_delete", "on" if wanted else "fast")
            self.is_on = wanted

    def _empty_log(self, *, for_good: bool) -> bool:
        """Whether nothing is left to do after this."""
        self.connection.set_busy_timeout(TRY_MILLISECONDS)
        try:
            for_good = for_good and not self.connection.execute(IS_UNFOLLOWED).get
            self.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            if for_good:
                # Where the mark is another by now, somebody has erased since.
                self.connection.execute(CLEAR_MARK, (MARK, self.mark))
        except (apsw.BusyError, apsw.LockedError):
            return False
        except apsw.Error as error:
            # The disk is full, say: the pages of the log have no room in the file.
            log_error("log not emptied", error)
            return False
        finally:
            self.connection.set_busy_timeout(BUSY_MILLISECONDS)
        return for_good


def scrub(connection: apsw.Connection, change: Change) -> None:
    """Clear the pages of the rows that a change has erased, within its transaction."""
    for write in change.writes:
        table = TABLES.get(write.table)
        if table is not None:
            for run in _runs(connection, write, table):
                for some in AT_ONCE:
                    for start in range(0, len(run), some):
                        _stretch(connection, write.table, table, run[start : start + some])


def _runs(
    connection: apsw.Connection, write: Write, table: Scrubbed
) -> Iterator[list[tuple[Any, ...]]]:
    """The texts and keys of rows around those that a write erased, in their order: each row once,
    however many erased ones are near it, and a list for all that stand in one line."""
    run: list[tuple[Any, ...]] = []
    for key in sorted({row[len(write.columns) :][:2] for row in write.rows}):
        near = _near(connection, write.table, table, key)
        fresh = [row for row in near if not run or row[1:] > run[-1][1:]]
        if len(fresh) == len(near):
            yield run
            run = near
        else:
            run += fresh
    yield run


def _near(
    connection: apsw.Connection, name: str, table: Scrubbed, key: tuple[Any, ...]
) -> list[tuple[Any, ...]]:
    """The texts and keys of rows around this key, which is that of a row or of a customer; those of
    another project may be on the same page."""
    columns = ", ".join((table.text, "project", *table.key))
    near: list[tuple[Any, ...]] = []
    for beside, order in (("<", "DESC"), (">=", "ASC")):
        query = (
            f"SELECT {columns} FROM {name} WHERE (project, {table.key[0]}) {beside} (?, ?) "  # noqa: S608
            f"ORDER BY {', '.join(f'{column} {order}' for column in ('project', *table.key))} "
            f"LIMIT {table.reach}"
        )
        found: Any = connection.execute(query, key).fetchall()
        near += found[::-1] if beside == "<" else found
    return near


def _stretch(
    connection: apsw.Connection, name: str, table: Scrubbed, rows: Sequence[tuple[Any, ...]]
) -> None:
    where = " AND ".join(f"{column} = ?" for column in ("project", *table.key))
    update = f"UPDATE {name} SET {table.text} = ? WHERE {where}"  # noqa: S608
    for length in LENGTHS:
        connection.executemany(update, [("-" * length, *key) for _, *key in rows])
    connection.executemany(update, rows)
