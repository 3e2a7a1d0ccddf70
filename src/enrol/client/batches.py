"""An import: any number of customers cut into calls of ``POST /customers/batch``."""

import gzip
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, Literal, TypedDict, TypeVar
from urllib.parse import urlencode
from uuid import UUID, uuid4

import msgspec
from msgspec import Struct

from enrol.client.calls import Call
from enrol.client.errors import ITEMS, CustomerNotEncodable, ErrorDocument, ItemError
from enrol.customers.model import CustomerType

T = TypeVar("T")
Mode = Literal["atomic", "partial", "dryRun"]
Outcome = Literal["created", "exists", "refused"]

MIB: Final = 1024 * 1024
BATCH_HEADER: Final = "Enrol-Batch-Id"
MULTI_STATUS: Final = frozenset({200, 207})
_IMPORT_ID: Final = re.compile(r"[\x21\x23-\x7e]{1,200}")
# Pictures apart, text shrinks as much at the first level as at the last, in a tenth of the time.
_GZIP_LEVEL: Final = 1


class ImportOptions(TypedDict, total=False):
    """How an import is to be done: the keywords of all three.

    ``import_id`` names it (a random one unless given): the same import repeated under the same ID
    within 24 hours, with the same options and the customers in the same places, creates nobody
    twice. ``skip`` leaves out the first so many: the ``done`` of an import that ended early, and no
    other number, for calls cut elsewhere are other calls.
    A call has ``batch_size`` customers at most, and ``batch_bytes`` of JSON; ``in_flight`` are
    under way at once. ``gzip`` packs them.
    """

    customer_type: CustomerType
    import_id: str
    skip: int
    batch_size: int
    batch_bytes: int
    in_flight: int
    gzip: bool
    on_conflict: Literal["refuse", "return"]
    unknown_fields: Literal["refuse", "ignore"]


class ImportSettings(Struct, frozen=True, kw_only=True):
    """`ImportOptions` with every default."""

    customer_type: CustomerType = "Individual"
    import_id: str = msgspec.field(default_factory=lambda: str(uuid4()))
    skip: int = 0
    batch_size: int = 1_000
    batch_bytes: int = 8 * MIB
    in_flight: int = 4
    gzip: bool = False
    on_conflict: Literal["refuse", "return"] = "refuse"
    unknown_fields: Literal["refuse", "ignore"] = "refuse"

    def __post_init__(self) -> None:
        if not _IMPORT_ID.fullmatch(self.import_id):
            raise ValueError("import_id has 1 to 200 visible ASCII characters, and no quote")
        if min(self.batch_size, self.batch_bytes, self.in_flight) < 1 or self.skip < 0:
            raise ValueError(
                "batch_size, batch_bytes and in_flight are at least 1, skip at least 0"
            )


class ItemResult(Struct, frozen=True, kw_only=True):
    """What became of one customer: ``index`` counts in the caller's iterable. ``id`` is None
    where the customer was refused, or would be created by a call that stores nothing."""

    index: int
    outcome: Outcome
    id: UUID | None
    errors: tuple[ItemError, ...]


@dataclass(frozen=True)
class Batch:
    """Consecutive customers, the first of them at ``first`` of the caller's iterable."""

    first: int
    count: int
    body: bytes = field(repr=False)

    @property
    def end(self) -> int:
        """The place behind the last."""
        return self.first + self.count


@dataclass(frozen=True)
class Plan(Generic[T]):
    """One kind of import, and how the answers of its calls are read."""

    project: str
    mode: Mode
    parse: Callable[[bytes, Batch], list[T]]
    settings: ImportSettings
    # By the place of their first customers.
    batch_ids: dict[int, UUID] = field(default_factory=dict)

    def call(self, batch: Batch) -> Call[list[T]]:
        """The call that sends a batch.

        Its key is made of the import's ID and the place of its first customer, not of the number
        of calls before: who goes on from there has the same keys.
        """
        headers = {"Content-Type": "application/json"}
        headers["Idempotency-Key"] = f"{self.settings.import_id}-{batch.first}"
        content = batch.body
        if self.settings.gzip:
            headers["Content-Encoding"] = "gzip"
            content = gzip.compress(content, _GZIP_LEVEL, mtime=0)
        query = {
            "mode": self.mode,
            "onConflict": self.settings.on_conflict,
            "unknownFields": self.settings.unknown_fields,
        }
        return Call(
            name="POST /customers/batch",
            path=f"/customers/batch?{urlencode(query)}",
            headers=headers,
            content=content,
            parse=lambda answer: _counted(self.parse(answer, batch), batch),
            first=batch.first,
            statuses=MULTI_STATUS,
            note=lambda headers: self._note(batch, headers),
        )

    def _note(self, batch: Batch, headers: Mapping[str, str]) -> None:
        # Nothing was stored where there is none.
        if (batch_id := headers.get(BATCH_HEADER)) is not None:
            self.batch_ids[batch.first] = UUID(batch_id)

    def batches(self) -> list[UUID]:
        """The IDs of the batches that were answered, in the order of the customers."""
        return [batch_id for _, batch_id in sorted(self.batch_ids.items())]


def creating(project: str, options: ImportOptions) -> Plan[UUID]:
    """Each call all or nothing; the answers are IDs."""
    return Plan(project, "atomic", _read_ids, ImportSettings(**options))


def enrolling(project: str, options: ImportOptions) -> Plan[ItemResult]:
    """What is right is stored, and each customer has a result."""
    return Plan(project, "partial", _read_results, ImportSettings(**options))


def checking(project: str, options: ImportOptions) -> Plan[ItemResult]:
    """The same results, and nothing is stored."""
    return Plan(project, "dryRun", _read_results, ImportSettings(**options))


class Cutter:
    """Takes customers one by one, and gives a batch whenever one is full."""

    def __init__(self, project: str, settings: ImportSettings) -> None:
        parts = {"customerType": settings.customer_type, "cmsProjectId": project}
        self.head = msgspec.json.encode(parts)[:-1] + f',"{ITEMS}":['.encode()
        self.settings = settings
        self.taken = 0
        self._begin()

    def _begin(self) -> None:
        self.items: list[bytes] = []
        self.bytes = len(self.head) + len("]}")

    def add(self, customer: object) -> Batch | None:
        """Take a customer. Raises `CustomerNotEncodable`."""
        if self.taken < self.settings.skip:
            self.taken += 1
            return None
        item = _encode(customer, self.taken)
        size = len(item) + len(",")
        # One that is too large alone is sent alone, and the server says what it thinks of it.
        overfull = bool(self.items) and self.bytes + size > self.settings.batch_bytes
        full = self.cut() if overfull else None
        self.items.append(item)
        self.bytes += size
        self.taken += 1
        # Never both: a batch that has just begun is full only if all are of one, and then none
        # waits that could be overfull.
        return self.cut() if len(self.items) == self.settings.batch_size else full

    def cut(self) -> Batch | None:
        """What has been taken since the last batch, if any."""
        if not self.items:
            return None
        count = len(self.items)
        body = self.head + b",".join(self.items) + b"]}"
        self._begin()
        return Batch(self.taken - count, count, body)


def _encode(customer: object, index: int) -> bytes:
    try:
        return msgspec.json.encode(customer)
    except TypeError as error:
        # msgspec names the type.
        raise CustomerNotEncodable(index, str(error)) from None
    except (ValueError, RecursionError) as error:
        # These may show the text that cannot be encoded.
        raise CustomerNotEncodable(index, type(error).__name__) from None


def _counted(results: list[T], batch: Batch) -> list[T]:
    if len(results) != batch.count:
        raise msgspec.ValidationError
    return results


class _Result(Struct, frozen=True):
    outcome: Outcome
    id: UUID | None = None
    errors: list[ErrorDocument] = []


_IDS: Final = msgspec.json.Decoder(list[UUID])
_RESULTS: Final = msgspec.json.Decoder(list[_Result])


def _read_ids(content: bytes, batch: Batch) -> list[UUID]:
    return _IDS.decode(content)


def _read_results(content: bytes, batch: Batch) -> list[ItemResult]:
    return [
        ItemResult(
            index=index,
            outcome=result.outcome,
            id=result.id,
            errors=tuple(error.in_iterable(batch.first) for error in result.errors),
        )
        for index, result in enumerate(_RESULTS.decode(content), batch.first)
    ]
