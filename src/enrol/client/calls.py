"""Every operation of the API, once: what is asked, and how the answer is read.

Both clients send these; nothing here waits or connects.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, Literal, TypeVar
from urllib.parse import quote, urlencode
from uuid import UUID, uuid4

import msgspec
from msgspec import Struct

from enrol.api.views import CustomerPage, CustomerView

T = TypeVar("T")
OK: Final = frozenset({200})
MOST_LISTED: Final = 1_000
ExportFormat = Literal["full", "jsonl", "csv"]


@dataclass(frozen=True, kw_only=True)
class Call(Generic[T]):
    """A request and the reader of its answer.

    ``name`` stands for it in logs and errors: path, query and body hold personal data, and are
    no part of the repr. Only what may be sent twice is ``repeated`` when it fails.
    """

    name: str
    path: str = field(repr=False)
    parse: Callable[[bytes], T] = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = field(default=None, repr=False)
    first: int = 0
    repeated: bool = True
    statuses: frozenset[int] = OK
    request_id: str = field(default_factory=lambda: str(uuid4()))
    # Told the headers of the answer that is read.
    note: Callable[[Mapping[str, str]], None] | None = field(default=None, repr=False)

    @property
    def method(self) -> str:
        """The HTTP method."""
        return self.name.partition(" ")[0]


def get_customer(customer_id: UUID | str) -> Call[CustomerView]:
    """``GET /customers/{id}``."""
    customer_id = UUID(str(customer_id))
    return Call(name="GET /customers/{id}", path=f"/customers/{customer_id}", parse=_CUSTOMER)


def get_customer_by_wallet(project: str, address: str) -> Call[CustomerView]:
    """``GET /projects/{project}/customer-wallets/{address}/customer``."""
    return Call(
        name="GET /projects/{project}/customer-wallets/{address}/customer",
        path=f"/projects/{_segment(project)}/customer-wallets/{_segment(address)}/customer",
        parse=_CUSTOMER,
    )


def list_customers(
    project: str, wallet: str | None = None, *, page: int = 1, limit: int = 100
) -> Call[CustomerPage]:
    """``GET /customers``: one page, newest first."""
    query = {"cmsProjectId": project, "currentPage": page, "limit": limit}
    if wallet is not None:
        query["wallet"] = wallet
    return Call(name="GET /customers", path=f"/customers?{urlencode(query)}", parse=_PAGE)


def export_customers(
    project: str, file_format: str, filters: Mapping[str, str | bool]
) -> Call[None]:
    """``GET /customers/export``, whose answer is not read here: it may be of any length."""
    texts = {True: "true", False: "false"}
    sent = {
        name: texts[value] if isinstance(value, bool) else value for name, value in filters.items()
    }
    query = {"cmsProjectId": project, "format": file_format, **sent}
    return Call(
        name="GET /customers/export",
        path=f"/customers/export?{urlencode(query)}",
        headers={"Accept": "*/*"},
        parse=_nothing,
    )


class LeftCustomer(Struct, frozen=True, kw_only=True, rename="camel"):
    """A customer that an undo left: it was ``changed``, ``deleted``, ``merged`` or ``erased``."""

    id: UUID
    reason: str


class UndoneBatch(Struct, frozen=True, kw_only=True, rename="camel"):
    """What an undo did, or would do: how many customers it ``removed``, and whom it ``left``."""

    batch_id: UUID
    removed: int
    left: list[LeftCustomer]


def undo_batch(
    batch_id: UUID | str, reason: str | None = None, *, dry_run: bool = False
) -> Call[UndoneBatch]:
    """``POST /batches/{id}/undo``."""
    query = "?dryRun=true" if dry_run else ""
    return Call(
        name="POST /batches/{id}/undo",
        path=f"/batches/{UUID(str(batch_id))}/undo{query}",
        headers={"Content-Type": "application/json"},
        content=msgspec.json.encode({"reason": reason}),
        parse=_UNDONE,
    )


def count_findings(project: str) -> Call[dict[str, int]]:
    """``GET /projects/{project}/findings``."""
    return Call(
        name="GET /projects/{project}/findings",
        path=f"/projects/{_segment(project)}/findings",
        parse=_findings,
    )


def healthz() -> Call[None]:
    """``GET /healthz``: asked once, for a second try would hide what it is asked for."""
    return Call(name="GET /healthz", path="/healthz", parse=_nothing, repeated=False)


def readyz() -> Call[None]:
    """``GET /readyz``, asked once."""
    return Call(name="GET /readyz", path="/readyz", parse=_nothing, repeated=False)


class Pages:
    """All customers, page by page, each of them once.

    Customers who are enrolled meanwhile push others on to the next page, where they come again.
    IDs are UUIDv7s and pages run from the newest down, so one that is not below all before it has
    been there.
    """

    def __init__(self, project: str, wallet: str | None, limit: int) -> None:
        self.project = project
        self.wallet = wallet
        self.limit = limit
        self.page = 1
        self.lowest: UUID | None = None
        self.more = True

    def next_call(self) -> Call[CustomerPage]:
        """The call for the next page."""
        return list_customers(self.project, self.wallet, page=self.page, limit=self.limit)

    def take(self, answer: CustomerPage) -> list[CustomerView]:
        """The page's customers who are new; after it ``more`` says whether to go on."""
        self.page += 1
        self.more = len(answer.data) == self.limit
        if self.wallet is not None:
            # The owners of a few spellings, in the order of the spellings.
            return answer.data
        last = self.lowest
        new = [customer for customer in answer.data if last is None or customer.id < last]
        self.lowest = new[-1].id if new else last
        return new


class _Finding(Struct, frozen=True):
    code: str
    count: int


class _Findings(Struct, frozen=True):
    data: list[_Finding]


_CUSTOMER: Final = msgspec.json.Decoder(CustomerView).decode
_UNDONE: Final = msgspec.json.Decoder(UndoneBatch).decode
_PAGE: Final = msgspec.json.Decoder(CustomerPage).decode


def _findings(content: bytes) -> dict[str, int]:
    found = msgspec.json.decode(content, type=_Findings)
    return {finding.code: finding.count for finding in found.data}


def _nothing(content: bytes) -> None:
    return None


def _segment(text: str) -> str:
    """Text as one segment of a path; dots too, for ``..`` would be another path."""
    return quote(text, safe="").replace(".", "%2E")
