"""Webhooks as they are stored: endpoints, messages that wait, attempts, and who delivers."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from enrol.customers.lifecycle.change import Write
from enrol.store.protocol import Row, Store

# The row of the lease belongs to no project; projects count from 1.
NO_PROJECT: Final = 0
MOST_LINKS: Final = 64
MOST_EVENTS: Final = 500

KEY: Final = ("project", "id")
EPOCH_KEY: Final = (*KEY, "epoch")
PENDING_KEY: Final = ("project", "endpoint_id", "seq", "type")
ATTEMPT_KEY: Final = ("project", "endpoint_id", "id")


class Secret(msgspec.Struct, frozen=True):
    """A secret that signs, the newest without an end, the others until they run out (Unix ms)."""

    secret: str
    until: int | None = None


class Endpoint(NamedTuple):
    """An endpoint. Times are Unix milliseconds.

    ``cursor`` is the last event that was read, all up to it being delivered or pending.
    ``generation`` rises with each change over the API, ``epoch`` when it is disabled or enabled:
    whoever delivered until then must not write any more. ``delivered_at`` is the time of the last
    delivery.
    """

    project: int
    id: bytes
    project_id: str
    url: str
    description: str | None
    event_types: tuple[str, ...]
    secrets: tuple[Secret, ...]
    created_at: int
    created_by: str
    updated_at: int | None
    updated_by: str | None
    disabled_at: int | None
    disabled_reason: str | None
    generation: int
    epoch: int
    cursor: int
    delivered_at: int | None


class Work(NamedTuple):
    """An endpoint that is enabled, and the last event of its project."""

    project: int
    id: bytes
    generation: int
    head: int


class Lease(NamedTuple):
    """Who delivers, and until when (Unix milliseconds) if nobody renews it."""

    holder: str
    until: int


class FeedLink(NamedTuple):
    """The events of one call, from ``first`` to ``last``."""

    last: int
    first: int
    id: bytes
    actor: str
    batch_id: bytes | None
    at: int


class FeedEvent(NamedTuple):
    """An event as the feed has it."""

    seq: int
    type: str
    customer_id: bytes | None
    data: str | None


class Pending(NamedTuple):
    """A message that was read and not delivered: see `enrol.webhooks.lanes.Message`."""

    seq: int
    type: str
    lane: bytes
    behind: bytes | None
    message_key: bytes
    actor: str
    at: int
    data: str | None
    attempts: int
    first_at: int | None
    next_at: int
    unreached: bool


class Attempt(NamedTuple):
    """One attempt of the delivery log; ``number`` from 1, 0 for one that was asked for by hand."""

    id: bytes
    message_id: str
    type: str
    number: int
    at: int
    ms: int
    status: int | None
    error: str | None


_COLUMNS: Final = (
    *("url", "description", "event_types", "secrets", "created_at", "created_by"),
    *("updated_at", "updated_by", "disabled_at", "disabled_reason", "generation", "epoch"),
    *("cursor", "delivered_at"),
)
_NAMES: Final = ", ".join(f"w.{name}" for name in _COLUMNS)
_SELECT: Final = f"""
SELECT w.project, w.id, p.id, {_NAMES}
FROM webhook_endpoints AS w JOIN projects AS p ON p.project = w.project
"""  # noqa: S608 - names of ours
FIND_ENDPOINT: Final = f"{_SELECT} WHERE w.project = $1 AND w.id = $2"
LIST_ENDPOINTS: Final = f"{_SELECT} WHERE w.project = $1 ORDER BY w.id"
FIND_WORK: Final = """
SELECT w.project, w.id, w.generation, coalesce(h.seq, 0)
FROM webhook_endpoints AS w LEFT JOIN chain_heads AS h ON h.project = w.project
WHERE w.disabled_at IS NULL ORDER BY w.project, w.id
"""
FIND_LEASE: Final = "SELECT holder, until FROM webhook_leases WHERE project = $1"
FIND_HEAD: Final = "SELECT seq FROM chain_heads WHERE project = $1"
READ_LINKS: Final = """
SELECT last, first, id, key_id, batch_id, created_at FROM links
WHERE project = $1 AND last > $2 ORDER BY last LIMIT $3
"""
READ_EVENTS: Final = """
SELECT seq, type, customer_id, data FROM events
WHERE project = $1 AND seq > $2 ORDER BY seq LIMIT $3
"""
FIND_LINK: Final = """
SELECT last, first, id, key_id, batch_id, created_at FROM links
WHERE project = $1 AND id <= $2 ORDER BY id DESC LIMIT 1
"""
FIND_BATCHES: Final = "SELECT id, batch_id FROM customers WHERE project = $1 AND id = ANY($2)"
FIND_CUSTOMERS: Final = """
SELECT c.id, c.external_customer_id, b.key_id,
  (SELECT l.key_id FROM links AS l
   WHERE c.version > 0 AND l.project = c.project AND l.last >= c.version
   ORDER BY l.last LIMIT 1),
  c.risk_score, c.type, c.onboarding_level, c.status, c.created_at, c.updated_at, c.reason,
  c.deleted_by, c.deleted_at, c.merged_into
FROM customers AS c JOIN batches AS b ON b.project = c.project AND b.id = c.batch_id
WHERE c.project = $1 AND c.id = ANY($2)
"""
CUSTOMER_COLUMNS: Final = (
    *("id", "external_customer_id", "created_by", "updated_by", "risk_score", "type"),
    *("onboarding_level", "status", "created_at", "updated_at", "reason", "deleted_by"),
    *("deleted_at", "merged_into"),
)
LIST_PENDING: Final = f"""
SELECT {", ".join(Pending._fields)} FROM webhook_pending
WHERE project = $1 AND endpoint_id = $2 ORDER BY seq, type
"""  # noqa: S608 - names of ours
_ATTEMPTS: Final = f"SELECT {', '.join(Attempt._fields)} FROM webhook_attempts"  # noqa: S608 - names of ours
LIST_ATTEMPTS: Final = f"""{_ATTEMPTS}
WHERE project = $1 AND endpoint_id = $2 AND id < $3 ORDER BY id DESC LIMIT $4
"""
LIST_ATTEMPTS_OF: Final = f"""{_ATTEMPTS}
WHERE project = $1 AND endpoint_id = $2 AND message_id = $5 AND id < $3 ORDER BY id DESC LIMIT $4
"""
LIST_FAILURES: Final = f"""{_ATTEMPTS}
WHERE project = $1 AND endpoint_id = $2 AND id < $3 AND (status IS NULL OR status > 299
  OR status < 200) ORDER BY id DESC LIMIT $4
"""
FIND_OLD_ATTEMPTS: Final = """
SELECT id FROM webhook_attempts WHERE project = $1 AND endpoint_id = $2 AND id < $3
ORDER BY id LIMIT $4
"""
LAST_ID: Final = b"\xff" * 16

_secrets: Final = msgspec.json.Decoder(tuple[Secret, ...])


async def find_endpoint(store: Store, project: int, endpoint_id: bytes) -> Endpoint | None:
    """The endpoint with this ID."""
    rows = await store.fetch(FIND_ENDPOINT, project, endpoint_id)
    return _endpoint(rows[0]) if rows else None


async def list_endpoints(store: Store, project: int) -> list[Endpoint]:
    """The endpoints of a project, the oldest first."""
    return [_endpoint(row) for row in await store.fetch(LIST_ENDPOINTS, project)]


async def find_work(store: Store) -> tuple[Lease | None, list[Work]]:
    """Who delivers, and the endpoints of all projects that are enabled."""
    leases, work = await store.fetch_together((FIND_LEASE, NO_PROJECT), (FIND_WORK,))
    return Lease(*leases[0]) if leases else None, [Work(*row) for row in work]


async def last_seq(store: Store, project: int) -> int:
    """The number of a project's last event, 0 when there is none."""
    rows = await store.fetch(FIND_HEAD, project)
    return rows[0][0] if rows else 0


async def read_feed(
    store: Store, project: int, after: int
) -> tuple[list[FeedLink], list[FeedEvent]]:
    """The next calls and the next events after the event ``after``; either list may end first."""
    links, events = await store.fetch_together(
        (READ_LINKS, project, after, MOST_LINKS), (READ_EVENTS, project, after, MOST_EVENTS)
    )
    return [FeedLink(*row) for row in links], [FeedEvent(*row) for row in events]


async def find_link_before(store: Store, project: int, id: bytes) -> FeedLink | None:
    """The call with this ID, or with the greatest that is less."""
    rows = await store.fetch(FIND_LINK, project, id)
    return FeedLink(*rows[0]) if rows else None


async def find_event(store: Store, project: int, seq: int) -> FeedEvent:
    """The event with this number, which is there: numbers have no gap."""
    rows = await store.fetch(READ_EVENTS, project, seq - 1, 1)
    return FeedEvent(*rows[0])


async def find_batches_of(store: Store, project: int, ids: Sequence[bytes]) -> dict[bytes, bytes]:
    """The batch that created each of these customers."""
    rows = await store.fetch(FIND_BATCHES, project, list(ids)) if ids else []
    return {row[0]: row[1] for row in rows}


async def find_customer(store: Store, project: int, id: bytes) -> Mapping[str, Any] | None:
    """What a message tells of a customer, by column; ``updated_by`` is the key of the last
    change."""
    rows = await store.fetch(FIND_CUSTOMERS, project, [id])
    return dict(zip(CUSTOMER_COLUMNS, rows[0], strict=True)) if rows else None


async def list_pending(store: Store, project: int, endpoint_id: bytes) -> list[Pending]:
    """The messages of an endpoint that wait, in the order of their events."""
    rows = await store.fetch(LIST_PENDING, project, endpoint_id)
    return [Pending._make(row)._replace(unreached=bool(row[-1])) for row in rows]


async def list_attempts(
    store: Store,
    project: int,
    endpoint_id: bytes,
    *,
    before: bytes | None,
    limit: int,
    message_id: str | None = None,
    failed: bool = False,
) -> list[Attempt]:
    """Attempts before one with the ID ``before``, the newest first; all of them, or those of a
    message, or those that failed."""
    values = (project, endpoint_id, before or LAST_ID, limit)
    if message_id is not None:
        rows = await store.fetch(LIST_ATTEMPTS_OF, *values, message_id)
        found = [Attempt(*row) for row in rows]
        return [one for one in found if not failed or not is_delivered(one.status)]
    rows = await store.fetch(LIST_FAILURES if failed else LIST_ATTEMPTS, *values)
    return [Attempt(*row) for row in rows]


def is_delivered(status: int | None) -> bool:
    """Whether the receiver answered that it took the message."""
    return status is not None and 200 <= status < 300


async def find_old_attempts(
    store: Store, project: int, endpoint_id: bytes, *, before_ms: int, limit: int
) -> list[bytes]:
    """The IDs of attempts from before a time (Unix milliseconds), the oldest first."""
    first = before_ms.to_bytes(6, "big") + bytes(10)
    rows = await store.fetch(FIND_OLD_ATTEMPTS, project, endpoint_id, first, limit)
    return [row[0] for row in rows]


def insert_endpoint(endpoint: Endpoint) -> Write:
    """The write of a new endpoint."""
    values = endpoint._asdict()
    row = (endpoint.project, endpoint.id, *(_stored(name, values[name]) for name in _COLUMNS))
    return Write("insert", "webhook_endpoints", (*KEY, *_COLUMNS), [row])


def update_endpoint(endpoint: Endpoint, **values: Any) -> Write:
    """The write of a change over the API, on the generation that ``endpoint`` was read at."""
    values["generation"] = endpoint.generation + 1
    stored = (_stored(name, value) for name, value in values.items())
    row = (*stored, endpoint.project, endpoint.id, endpoint.generation)
    where = (*KEY, "generation")
    return Write("update", "webhook_endpoints", tuple(values), [row], where, exact=True)


def delete_endpoint(endpoint: Endpoint) -> list[Write]:
    """The writes that remove an endpoint with all that is its own."""
    key = (endpoint.project, endpoint.id)
    return [
        Write("delete", "webhook_endpoints", (), [key], KEY, exact=True),
        forget_pending(endpoint),
        Write("delete", "webhook_attempts", (), [key], ("project", "endpoint_id")),
    ]


def forget_pending(endpoint: Endpoint) -> Write:
    """The write that drops the messages that wait."""
    key = (endpoint.project, endpoint.id)
    return Write("delete", "webhook_pending", (), [key], ("project", "endpoint_id"))


def renew_pending(endpoint: Endpoint, now: int) -> Write:
    """The write that lets the messages that wait begin anew."""
    row = (0, None, now, False, endpoint.project, endpoint.id)
    columns = ("attempts", "first_at", "next_at", "unreached")
    return Write("update", "webhook_pending", columns, [row], ("project", "endpoint_id"))


def move_cursor(endpoint: Endpoint, cursor: int, delivered_at: int | None) -> Write:
    """The write of how far delivery is; `Stale` when the endpoint began another epoch."""
    row = (cursor, delivered_at, endpoint.project, endpoint.id, endpoint.epoch)
    columns = ("cursor", "delivered_at")
    return Write("update", "webhook_endpoints", columns, [row], EPOCH_KEY, exact=True)


def disable_endpoint(endpoint: Endpoint, now: int, reason: str) -> Write:
    """The write of a deliverer that disables an endpoint in its epoch."""
    columns = ("disabled_at", "disabled_reason", "epoch")
    row = (now, reason, endpoint.epoch + 1, endpoint.project, endpoint.id, endpoint.epoch)
    return Write("update", "webhook_endpoints", columns, [row], EPOCH_KEY, exact=True)


def put_pending(endpoint: Endpoint, pending: Iterable[Pending]) -> Write:
    """The write of messages that wait, new or as they are now."""
    columns = ("project", "endpoint_id", *Pending._fields)
    rows = [(endpoint.project, endpoint.id, *each) for each in pending]
    return Write("put", "webhook_pending", columns, rows, PENDING_KEY)


def drop_pending(endpoint: Endpoint, keys: Iterable[tuple[int, str]]) -> Write:
    """The write that drops messages by the number and type of their events."""
    rows = [(endpoint.project, endpoint.id, *key) for key in keys]
    return Write("delete", "webhook_pending", (), rows, PENDING_KEY)


def put_attempts(endpoint: Endpoint, attempts: Iterable[Attempt]) -> Write:
    """The write of attempts; a put, for what a broken connection left unknown is written again."""
    columns = ("project", "endpoint_id", *Attempt._fields)
    rows = [(endpoint.project, endpoint.id, *each) for each in attempts]
    return Write("put", "webhook_attempts", columns, rows, ATTEMPT_KEY)


def drop_attempts(endpoint: Endpoint, ids: Iterable[bytes]) -> Write:
    """The write that drops attempts."""
    rows = [(endpoint.project, endpoint.id, id) for id in ids]
    return Write("delete", "webhook_attempts", (), rows, ATTEMPT_KEY)


def take_lease(before: Lease | None, lease: Lease) -> Write:
    """The write that takes a lease that ran out, or that nobody ever had."""
    if before is None:
        first: Row = (NO_PROJECT, *lease)
        columns = ("project", "holder", "until")
        return Write("put", "webhook_leases", columns, [first], ("project",), exact=True)
    where = ("project", "holder", "until")
    row = (*lease, NO_PROJECT, *before)
    return Write("update", "webhook_leases", ("holder", "until"), [row], where, exact=True)


def renew_lease(lease: Lease) -> Write:
    """The write that goes with all others of a deliverer: `Stale` when another took over."""
    row, where = (lease.until, NO_PROJECT, lease.holder), ("project", "holder")
    return Write("update", "webhook_leases", ("until",), [row], where, exact=True)


def _endpoint(row: Row) -> Endpoint:
    project, id, project_id, *rest = row
    values = dict(zip(_COLUMNS, rest, strict=True))
    values["event_types"] = tuple(values["event_types"].split())
    values["secrets"] = _secrets.decode(values["secrets"])
    return Endpoint(project, id, project_id, **values)


def _stored(name: str, value: Any) -> Any:
    if name == "event_types":
        return " ".join(value)
    return msgspec.json.encode(value).decode() if name == "secrets" else value
