"""Batches: who enrolled whom, and how a wrong one is undone."""

from typing import Final

from enrol.api.resources.batches import BatchCustomers, BatchPage, BatchView, UndoView
from enrol.api.views import CustomerView
from enrol.client.calls import (
    Answer,
    Call,
    Id,
    Page,
    Query,
    asking,
    listing,
    next_cursor,
    reader,
    telling,
    uuid_of,
)
from enrol.client.resources.customers import When, because

MOST_LISTED: Final = 1_000


def iter_batches(
    *,
    from_date: When | None = None,
    to_date: When | None = None,
    created_by: str | None = None,
    limit: int = 100,
) -> Call[Page[BatchView]]:
    """The batches of the project, newest first, in pages of ``limit``: those made from one time to
    another, as `CustomerFilters` has them, and by the API key with the ID ``created_by``."""
    query = {"fromDate": from_date, "toDate": to_date, "createdBy": created_by, "limit": limit}
    return listing("GET /batches", query=query, read=_batches)


def get_batch(batch_id: Id) -> Call[BatchView]:
    """One batch. Raises `EnrolProblem` ``batch.unknown``."""
    return asking("GET /batches/{id}", uuid_of(batch_id), parse=reader(BatchView))


def iter_batch_customers(batch_id: Id, *, limit: int = MOST_LISTED) -> Call[Page[CustomerView]]:
    """The customers that a batch created, as they are now, deleted ones too, in the order of the
    call. Raises `EnrolProblem` ``batch.unknown``."""
    name = "GET /batches/{id}/customers"
    return listing(name, uuid_of(batch_id), query={"limit": limit}, read=_customers)


def undo_batch(batch_id: Id, reason: str | None = None, *, dry_run: bool = False) -> Call[UndoView]:
    """Delete, softly, the customers that a batch created and that nobody has changed since; tells
    how many that were, and whom it left. ``dry_run`` tells it and does nothing. Done a second time,
    or repeated after an answer was lost, it removes nobody and tells so: ``undone`` of `get_batch`
    has the number. Raises `EnrolProblem` ``batch.unknown``."""
    return telling(
        "POST /batches/{id}/undo",
        uuid_of(batch_id),
        query={"dryRun": True if dry_run else None},
        body=because(reason),
        parse=reader(UndoView),
    )


def _batches(answer: Answer) -> tuple[list[BatchView], Query | None]:
    return _PAGE(answer).data, _next(next_cursor(answer))


def _customers(answer: Answer) -> tuple[list[CustomerView], Query | None]:
    page = _CUSTOMERS(answer)
    return page.data, _next(page.next_after)


def _next(after: str | None) -> Query | None:
    return None if after is None else {"after": after}


_PAGE: Final = reader(BatchPage)
_CUSTOMERS: Final = reader(BatchCustomers)
