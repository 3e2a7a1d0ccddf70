"""Customers: made, found, changed, removed, merged."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final, Literal, TypedDict, Unpack
from uuid import UUID, uuid4

from msgspec import Raw

from enrol.api.resources.editing.merging import MergeRequest, UnmergeRequest
from enrol.api.views import ClaimsView, CustomerPage, CustomerView
from enrol.client.calls import (
    NOTHING,
    Answer,
    Call,
    Id,
    Page,
    Query,
    asking,
    encoded,
    listing,
    next_cursor,
    nothing,
    reader,
    shown,
    telling,
    uuid_of,
)
from enrol.client.errors import NotEncodable
from enrol.customers.model import CustomerType

MOST_LISTED: Final = 1_000
SHOW: Final = {"Prefer": "return=representation"}
Sort = Literal["-createdAt", "createdAt", "-updatedAt", "updatedAt", "name", "-name"]
ExportFormat = Literal["full", "jsonl", "csv"]
# RFC 3339; a datetime without a zone is UTC.
When = str | date


class CustomerFilters(TypedDict, total=False):
    """Which customers: the filters of ``GET /customers``, which must all be met.

    A time is a date, a datetime or their text in RFC 3339, UTC where no zone is said; the day of a
    ``to_date`` is in. ``search`` is words of names, the last of which may be only begun;
    ``finding`` may be ``any``; ``soft_deleted_before`` finds deleted customers alone.
    """

    search: str | None
    type: CustomerType | None
    status: str | None
    risk_level: str | None
    onboarding_level: str | None
    country_of_residence: str | None
    nationality: str | None
    namespace: str | None
    tag: str | None
    finding: str | None
    from_date: When | None
    to_date: When | None
    soft_deleted_before: When | None
    wallet: str | None
    did: str | None
    sub: str | None
    external_customer_id: str | None


def create_customer(
    project: str,
    customer: object,
    *,
    customer_type: CustomerType = "Individual",
    idempotency_key: str | None = None,
    on_conflict: Literal["refuse", "return"] = "refuse",
    unknown_fields: Literal["refuse", "ignore"] = "refuse",
) -> Call[CustomerView]:
    """Enrol one customer. Tries have an ``Idempotency-Key``, a random one unless given. Raises
    `EnrolProblem` ``body.invalid`` or ``customer.conflict``."""
    given = encoded(customer)
    if not given.startswith(b"{"):
        raise NotEncodable("it is no object", "The customer")
    head = encoded({"customerType": customer_type, "cmsProjectId": project})[:-1]
    body = head + (b"}" if given == b"{}" else b"," + given[1:])
    return telling(
        "POST /customers",
        body=Raw(body),
        query={"onConflict": on_conflict, "unknownFields": unknown_fields},
        headers={**SHOW, "Idempotency-Key": idempotency_key or str(uuid4())},
        parse=shown(CustomerView),
    )


def get_customer(customer_id: Id) -> Call[CustomerView]:
    """One customer, also a deleted one. Raises `EnrolProblem` ``customer.unknown``, or
    ``customer.erased``."""
    return asking("GET /customers/{id}", uuid_of(customer_id), parse=_CUSTOMER)


def get_customer_and_tag(customer_id: Id) -> Call[tuple[CustomerView, str]]:
    """One customer and the entity tag that it has as it is: the ``if_match`` of changes that are
    to be made only if nobody made another. Raises as `get_customer` does."""
    return asking("GET /customers/{id}", uuid_of(customer_id), parse=_tagged)


def get_customer_by_wallet(project: str, address: str) -> Call[CustomerView]:
    """The customer of a wallet, in any spelling. Raises as `get_customer` does."""
    name = "GET /projects/{projectId}/customer-wallets/{address}/customer"
    return asking(name, project, address, parse=_CUSTOMER)


def list_customers(
    project: str,
    *,
    page: int = 1,
    limit: int = 100,
    sort: Sort = "-createdAt",
    count: Literal["exact", "estimated", "none"] = "exact",
    **filters: Unpack[CustomerFilters],
) -> Call[CustomerPage]:
    """A page of customers, newest first unless sorted, and the count of all that are meant."""
    query = {"currentPage": page, "limit": limit, "sort": sort, "count": count}
    return asking("GET /customers", query={**_query(project, filters), **query}, parse=_PAGE)


def iter_customers(
    project: str,
    *,
    sort: Sort = "-createdAt",
    limit: int = MOST_LISTED,
    **filters: Unpack[CustomerFilters],
) -> Call[Page[CustomerView]]:
    """All customers, newest first unless sorted, each once, in pages of ``limit``."""
    if _OF_FEW.intersection(filters):
        # Its answer names no next page, and one page has them all.
        limit = MOST_LISTED
    # The first page waits for the index to have seen all changes before it, which a count does.
    query = {**_query(project, filters), "sort": sort, "limit": limit}
    return listing("GET /customers", query=query, read=_page_and_next)


def export_customers(
    project: str,
    file_format: ExportFormat = "full",
    *,
    spreadsheet: bool = False,
    parameters: Mapping[str, str | bool] = NOTHING,
    **filters: Unpack[CustomerFilters],
) -> Call[None]:
    """The file of an export, piece by piece as it comes: customers in JSON Lines, or in what an
    import takes, which needs a ``type``. ``spreadsheet``: a CSV file to look at. ``parameters`` are
    more of the query, by the names of the API. Raises `NotAnswered` where it breaks off."""
    query = {"format": file_format, "spreadsheet": True if spreadsheet else None, **parameters}
    return asking(
        "GET /customers/export",
        query={**_query(project, filters), **query},
        headers={"Accept": "*/*"},
        parse=nothing,
    )


def count_customers(project: str, **filters: Unpack[CustomerFilters]) -> Call[int]:
    """How many customers there are."""
    query = {**_query(project, filters), "limit": 1}
    # Null only where the call says that it wants none.
    return asking(
        "GET /customers", query=query, parse=lambda answer: _PAGE(answer).total_count or 0
    )


def update_customer(
    customer_id: Id, patch: object, *, if_match: str | None = None
) -> Call[CustomerView]:
    """Change a customer by a merge patch (RFC 7396), and give it as it is then. With ``if_match``
    only while it has this entity tag. Raises `EnrolProblem` ``customer.changed``, ``body.invalid``,
    ``status.transition``, ``customer.conflict``; `ChangeNotShown`."""
    return telling(
        "PATCH /customers/{id}",
        uuid_of(customer_id),
        body=patch,
        headers=matching(if_match, SHOW),
        parse=shown(CustomerView),
    )


def update_claims(
    customer_id: Id, claims: object, *, if_match: str | None = None
) -> Call[ClaimsView]:
    """Merge claims into those of a customer, and give all of them. Raises as `update_customer`."""
    return telling(
        "POST /customers/{id}/claims",
        uuid_of(customer_id),
        body=claims,
        headers=matching(if_match),
        parse=shown(ClaimsView),
    )


def delete_customer(
    customer_id: Id, *, reason: str | None = None, if_match: str | None = None
) -> Call[None]:
    """Delete a customer softly: it can be restored. One that is deleted stays so. The reason stands
    in the URL, which proxies log: let it name nobody."""
    return asking(
        "DELETE /customers/{id}",
        uuid_of(customer_id),
        query={"reason": reason},
        headers=matching(if_match),
        parse=nothing,
    )


def restore_customer(
    customer_id: Id, *, reason: str | None = None, if_match: str | None = None
) -> Call[CustomerView]:
    """Restore a deleted customer, and give it. Raises `EnrolProblem` ``customer.conflict`` where
    others have its wallets or DIDs meanwhile; `ChangeNotShown`."""
    return telling(
        "POST /customers/{id}/restore",
        uuid_of(customer_id),
        body=because(reason),
        headers=matching(if_match, SHOW),
        parse=shown(CustomerView),
    )


def merge_customers(sources: Iterable[Id], target: Id) -> Call[UUID]:
    """Give ``target`` the wallets, DIDs and email addresses of the sources, and delete these
    softly. Sources that are merged into it already stay so. Gives the target's ID. Raises
    `EnrolProblem` ``merge.refused``."""
    body = MergeRequest(
        source_customer_ids=[uuid_of(source) for source in sources],
        target_customer_id=uuid_of(target),
    )
    return telling("POST /customers/merge", body=body, parse=_ID)


def unmerge_customer(target: Id, source: Id) -> Call[UUID]:
    """Take a merge back, within 30 days; gives the ID of the source, which is restored. Raises
    `EnrolProblem` ``merge.refused`` (it is not merged into the target) or ``merge.expired``."""
    return telling(
        "POST /customers/{id}/unmerge",
        uuid_of(target),
        body=UnmergeRequest(source_customer_id=uuid_of(source)),
        parse=_ID,
        # A repeat after all would be refused: the customer is not merged any more.
        repeat="unsent",
    )


def matching(if_match: str | None, headers: Mapping[str, str] = NOTHING) -> dict[str, str]:
    """These headers, and the entity tag that the customer must have."""
    return {**headers, "If-Match": if_match} if if_match is not None else dict(headers)


def because(reason: str | None) -> dict[str, str]:
    """The body that tells why."""
    return {} if reason is None else {"reason": reason}


def _query(project: str, filters: CustomerFilters) -> dict[str, object]:
    unknown = filters.keys() - CustomerFilters.__annotations__
    if unknown:
        raise TypeError(f"no such filter: {', '.join(sorted(unknown))}")
    return {"cmsProjectId": project, **{_NAMES[name]: each for name, each in filters.items()}}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


_NAMES: Final = {name: _camel(name) for name in CustomerFilters.__annotations__} | {
    "onboarding_level": "onBoardingLevel"
}


# What a few customers at most have.
_OF_FEW: Final = frozenset({"wallet", "did", "sub", "external_customer_id"})


def _tagged(answer: Answer) -> tuple[CustomerView, str]:
    return _CUSTOMER(answer), answer.headers.get("etag", "")


def _page_and_next(answer: Answer) -> tuple[list[CustomerView], Query | None]:
    after = next_cursor(answer)
    instead: Query | None = None if after is None else {"after": after, "count": "none"}
    return _PAGE(answer).data, instead


_CUSTOMER: Final = reader(CustomerView)
_PAGE: Final = reader(CustomerPage)
_ID: Final = reader(UUID)
