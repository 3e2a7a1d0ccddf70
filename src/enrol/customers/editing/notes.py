"""What was noted on the parts of a customer, and which part a finding is of.

The finding of a part that came with the customer's item of a batch has its place in that item;
that of any other names the part by its ID, for a place among many shifts.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from enrol.customers.check import DID_POINTER, WALLET_POINTER
from enrol.customers.dids import check_dids
from enrol.customers.enrolment import DID, WALLET
from enrol.customers.lifecycle.keys import Row, Stored, account_of
from enrol.customers.profiles.fields import EMAIL_POINTER
from enrol.customers.wallets.accounts import canonical_address
from enrol.customers.wallets.forms import AddressError, AddressFinding

OTHER_ACCOUNT: Final = "did.other_account"


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
    """The findings on parts of a kind.

    Of several, the one that came with the customer is that which the code fits and of which no
    finding by its ID has it.
    """
    rows = part.rows(record)
    by_pointer = {part.pointer_at(place): row["id"] for place, row in enumerate(rows)}
    by_pointer |= {part.pointer_of(row["id"]): row["id"] for row in rows}
    found = [(each["pointer"], each["code"]) for each in record.findings]
    named = {(by_pointer[pointer], code) for pointer, code in found if pointer in by_pointer}
    for pointer, code in found:
        if pointer in by_pointer:
            yield Note(pointer, code, by_pointer[pointer])
        elif pointer == part.pointer and rows:
            left = [row for row in rows if (row["id"], code) not in named] or rows
            fitting = (row for row in left if code in fitting_codes(part, row))
            yield Note(pointer, code, next(fitting, left[0])["id"])


def fitting_codes(part: Part, row: Row) -> Collection[str]:
    """The codes that may have been noted on a part; on a right wallet there is none."""
    if part.kind == DID:
        return [*(code for _, code in check_dids([row["did"]])), OTHER_ACCOUNT]
    if part.kind != WALLET:
        return ()
    try:
        canonical_address(row["namespace"], row["address"])
    except (AddressError, AddressFinding) as odd:
        return [odd.code]
    return ()


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
