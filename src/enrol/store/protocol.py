"""What a store promises to the API, whichever database is behind it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from enrol.customers.editing.undoing import Undo
from enrol.customers.enrolment import Enrolment, Outcome, Receipt
from enrol.customers.lifecycle.change import Change, ChangeOutcome
from enrol.store.search.steps import Dialect, Steps

T = TypeVar("T")

# The user_version of a SQLite file. It stays as it is: the revisions (migrations/plan.py) tell what
# the schema is, and this keeps out an Enrol from before them, which looks at nothing else.
SCHEMA_VERSION: Final = 2


class StoreUnavailable(Exception):
    """The database cannot be reached or written; what was asked may or may not be stored."""


class StoreFull(Exception):
    """The disk is full; nothing was stored."""


class SchemaTooNew(Exception):
    """The database was migrated by a newer Enrol than this one."""


class SchemaTooOld(Exception):
    """The database is one that `enrol migrate` has to bring up first."""


Row = tuple[Any, ...]


class KeyRecord(NamedTuple):
    """An API key with its project. Times are Unix milliseconds."""

    key_id: str
    scopes: frozenset[str]
    project: int
    project_id: str
    lenient: bool
    expires_at: int | None
    revoked_at: int | None
    rate_limit: int | None = None


def key_record(row: Sequence[Any]) -> KeyRecord:
    """The key of a row: ID, scopes, project, its ID, lenient, expires at, revoked at, limit."""
    key_id, scopes, project, project_id, lenient, *times_and_limit = row
    scopes = frozenset(scopes.split())
    return KeyRecord(key_id, scopes, project, project_id, bool(lenient), *times_and_limit)


class CustomerRecord(NamedTuple):
    """A stored customer with its parts, each a mapping of column to value."""

    customer: Mapping[str, Any]
    wallets: Sequence[Mapping[str, Any]]
    dids: Sequence[Mapping[str, Any]]
    emails: Sequence[Mapping[str, Any]]
    findings: Sequence[Mapping[str, Any]]


class Store(Protocol):
    """The database of one server. Every method can raise `StoreUnavailable`."""

    @property
    def dialect(self) -> Dialect:
        """Which of the databases it is."""
        ...

    @property
    def secret(self) -> bytes:
        """The key of the keyed hashes of this database (32 bytes)."""
        ...

    async def open(self) -> None:
        """Connect; the schema is there after this."""
        ...

    async def close(self) -> None:
        """Finish what was taken in, and disconnect."""
        ...

    async def ping(self) -> None:
        """Return when the database answers reads and its writer is there."""
        ...

    async def enrol(self, enrolment: Enrolment) -> Outcome:
        """Store a batch, all or nothing; returns when it is durable. Also `StoreFull`."""
        ...

    async def apply(self, change: Change | Undo) -> ChangeOutcome:
        """Store a change, all or nothing; returns when it is durable. Also `StoreFull`.

        The undoing of a batch leaves out whoever has been changed, and is never `Stale`.
        """
        ...

    async def fetch(self, statement: str, *values: Any) -> list[Row]:
        """The rows that a reading statement finds.

        It is written in PostgreSQL's words, as `enrol.store.statements` says: places are ``$1``,
        ``$2`` ..., and ``= ANY($2)`` takes a list of bytes or of whole numbers. SQLite gives
        booleans as 0 and 1.
        """
        ...

    async def fetch_together(self, *asked: tuple[Any, ...]) -> list[list[Row]]:
        """The same for several statements, each with its values, from one snapshot."""
        ...

    async def find_receipt(self, project: int, key_hash: bytes) -> tuple[bytes, Receipt] | None:
        """The fingerprint and the receipt that an Idempotency-Key stands for."""
        ...

    async def find_identifiers(self, project: int, hashes: Sequence[bytes]) -> dict[bytes, bytes]:
        """Which of the hashes are stored, with the customer each belongs to."""
        ...

    async def find_key(self, key_hash: bytes) -> KeyRecord | None:
        """The API key with this hash."""
        ...

    async def find_customers(self, project: int, ids: Sequence[bytes]) -> list[CustomerRecord]:
        """The customers with these IDs, in their order, without those that are not there."""
        ...

    async def list_customers(
        self, project: int, *, offset: int, limit: int
    ) -> tuple[list[CustomerRecord], int]:
        """A page of customers, newest first, and how many there are."""
        ...

    async def run(self, steps: Callable[[], Steps[T]]) -> T:
        """Do steps that read, on one snapshot, and give their result. What they raise comes out."""
        ...

    async def catch_up(self, project: int, seconds: float) -> int:
        """Let the search index take in what is committed, or as much as it can in some seconds;
        a slice that fails is not tried again.

        How many events it has still not seen then.
        """
        ...

    async def count_findings(self, project: int) -> dict[str, int]:
        """How many findings of each code the customers have."""
        ...
