"""What was noted on the parts of a customer, and which part a finding is of.

The finding of a part that came with the customer's item of a batch has its place in that item;
that of any other names the part by its ID, for a place among many shifts. So do all findings of
who gets parts of others by a merge: these came with items of batches too.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from enrol.customers.check import DID_POINTER, WALLET_POINTER
from enrol.customers.enrolment import DID, WALLET
from enrol.customers.lifecycle.keys import Row, Stored, account_of
from enrol.customers.profiles.fields import EMAIL_POINTER


class Whole(Stored, Protocol):
    """A stored customer with all that is moved or noted with its parts."""

    @property
    def emails(self) -> Sequence[Row]:
        """Its email addresses."""
        ...

    @property
    def findings(self) -> Sequence[Row]:
        """What was noted."""
        ...


class Part(NamedTuple):
    """A kind of part: its table, the kind of its unique key, its field in the API's customer, and
    the pointer of a finding on the one that a batch brought."""

    table: str
    kind: int | None
    field: str
    pointer: str

    @property
    def member(self) -> str:
        """What the part is called in its own object."""
        return self.pointer.rpartition("/")[2]

    def rows(self, record: Whole) -> Sequence[Row]:
        """The parts of this kind that a customer has."""
        return {"wallets": record.wallets, "dids": record.dids, "emails": record.emails}[self.table]

    def value(self, row: Row) -> str:
        """What is unique of a part."""
        value: str = account_of(row) if self.kind == WALLET else row[self.member]
        return value

    def pointer_of(self, part_id: bytes) -> str:
        """The pointer of a finding on the part with this ID."""
        return f"/{self.field}/{UUID(bytes=part_id)}/{self.member}"

    def pointer_at(self, place: int) -> str:
        """The pointer to the part at a place of the customer as it is answered."""
        return f"/{self.field}/{place}/{self.member}"


WALLETS: Final = Part("wallets", WALLET, "customerWallets", WALLET_POINTER)
DIDS: Final = Part("dids", DID, "customerDids", DID_POINTER)
EMAILS: Final = Part("emails", None, "customerEmails", EMAIL_POINTER)
PARTS: Final = (WALLETS, DIDS, EMAILS)


class Note(NamedTuple):
    """A finding, and the part that it is of."""

    pointer: str
    code: str
    part_id: bytes


def notes(record: Whole, part: Part) -> Iterator[Note]:
    """The findings on parts of a kind."""
    rows = part.rows(record)
    if not rows:
        return
    by_pointer = {part.pointer_at(place): row["id"] for place, row in enumerate(rows)}
    by_pointer |= {part.pointer_of(row["id"]): row["id"] for row in rows}
    by_pointer[part.pointer] = _first(record, rows)["id"]
    for finding in record.findings:
        pointer = finding["pointer"]
        if pointer in by_pointer:
            yield Note(pointer, finding["code"], by_pointer[pointer])


def _first(record: Whole, rows: Sequence[Row]) -> Row:
    """The part that came with the customer: by the time, for clocks that mint IDs may differ."""
    at = record.customer["created_at"]
    return next((row for row in rows if row["created_at"] == at), rows[0])


def shown_pointers(record: Whole) -> Mapping[str, str]:
    """The pointers of findings that name a part by its ID, as they lead into the customer as it is
    answered."""
    pointers = [finding["pointer"] for finding in record.findings]
    return {
        part.pointer_of(row["id"]): part.pointer_at(place)
        for part in PARTS
        if any(pointer.startswith(f"/{part.field}/") for pointer in pointers)
        for place, row in enumerate(part.rows(record))
    }
