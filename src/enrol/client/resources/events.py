"""Events of a project and of one customer, and what is held on a person."""

from collections.abc import Callable
from typing import Final

from enrol.api.resources.dossier import DossierView
from enrol.api.resources.erasure import TombstoneView
from enrol.api.resources.events import EventPage, EventView, HeadView
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
from enrol.client.resources.customers import because

MOST_EVENTS: Final = 1_000
# A server where many wait already answers at once.
LEAST_SECONDS: Final = 1.0
_PAGE: Final = reader(EventPage)


def iter_events(
    after: int = 0,
    *,
    type: str | None = None,
    customer_id: Id | None = None,
    limit: int = MOST_EVENTS,
    wait: int = 0,
) -> Call[Page[EventView]]:
    """The events of the project behind a cursor, oldest first: to go on later, give the ``seq`` of
    the last one that you are through with as ``after``. With ``wait``, 1 to 20 seconds that each
    call waits at the server, it does not end, and goes on when something happens. Raises
    `EnrolProblem` ``events.ahead``."""
    query = {
        "after": after,
        "type": type,
        "customerId": None if customer_id is None else uuid_of(customer_id),
        "limit": limit,
        "wait": wait or None,
    }
    least = LEAST_SECONDS if wait else 0.0
    return listing("GET /events", query=query, read=_events(follow=wait > 0), least=least)


def iter_customer_events(
    customer_id: Id, after: int = 0, *, type: str | None = None, limit: int = MOST_EVENTS
) -> Call[Page[EventView]]:
    """The history of one customer, deleted or erased ones included, oldest first. Raises
    `EnrolProblem` ``customer.unknown``, ``events.ahead``."""
    query = {"after": after, "type": type, "limit": limit}
    name = "GET /customers/{id}/events"
    return listing(name, uuid_of(customer_id), query=query, read=_events(follow=False))


def get_events_head() -> Call[HeadView]:
    """Where the chain of events ends: the number and the hash of the last one."""
    return asking("GET /events/head", parse=reader(HeadView))


def get_dossier(customer_id: Id) -> Call[DossierView]:
    """All that is held on a person. Raises `EnrolProblem` ``customer.unknown``."""
    return asking("GET /customers/{id}/dossier", uuid_of(customer_id), parse=reader(DossierView))


def erase_customer(customer_id: Id, *, reason: str | None = None) -> Call[TombstoneView]:
    """Remove the personal data of a customer everywhere, for good, and give what is left. One that
    is erased stays so. The reason is kept: let it name nobody. The key needs the scope ``admin``.
    Raises `EnrolProblem` ``customer.unknown``, ``customer.merged``."""
    return telling(
        "POST /customers/{id}/erase",
        uuid_of(customer_id),
        body=because(reason),
        parse=reader(TombstoneView),
    )


def _events(*, follow: bool) -> Callable[[Answer], tuple[list[EventView], Query | None]]:
    def read(answer: Answer) -> tuple[list[EventView], Query | None]:
        page = _PAGE(answer)
        more = follow or next_cursor(answer) is not None
        return page.data, {"after": page.next_after} if more else None

    return read
