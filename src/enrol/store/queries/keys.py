"""The API keys of a project, for the API; `registry` has them for the command line."""

import json
from secrets import token_bytes
from typing import Any, Final

from enrol.customers.lifecycle.change import Applied, Change, Event, Write
from enrol.store.protocol import Store
from enrol.store.registry import Key

COLUMNS: Final = (
    *("id", "hint", "name", "scopes", "created_at", "expires_at", "revoked_at", "rate_limit"),
)
FIND_KEY: Final = """
SELECT id, hint, name, scopes, created_at, expires_at, revoked_at, rate_limit
FROM api_keys WHERE project = $1 AND id = $2
"""
# The newest first, and those of one moment always in the same order.
LIST_KEYS: Final = """
SELECT id, hint, name, scopes, created_at, expires_at, revoked_at, rate_limit
FROM api_keys WHERE project = $1 AND revoked_at IS NULL
ORDER BY created_at DESC, id LIMIT $2
"""
LIST_REVOKED: Final = """
SELECT id, hint, name, scopes, created_at, expires_at, revoked_at, rate_limit
FROM api_keys WHERE project = $1 AND revoked_at IS NOT NULL
ORDER BY revoked_at DESC, id LIMIT $2
"""
COUNT_KEYS: Final = """
SELECT count(*) FROM api_keys WHERE project = $1 AND revoked_at IS NULL
"""


async def find_key(store: Store, project: int, project_id: str, key_id: str) -> Key | None:
    """One key of a project, revoked or not."""
    rows = await store.fetch(FIND_KEY, project, key_id)
    return Key(rows[0][0], project_id, *rows[0][1:]) if rows else None


async def list_keys(
    store: Store, project: int, project_id: str, *, revoked: bool, most: int
) -> list[Key]:
    """The newest keys of a project that are not revoked, or those revoked last."""
    rows = await store.fetch(LIST_REVOKED if revoked else LIST_KEYS, project, most)
    return [Key(row[0], project_id, *row[1:]) for row in rows]


async def count_keys(store: Store, project: int) -> int:
    """How many keys of a project are not revoked."""
    ((count,),) = await store.fetch(COUNT_KEYS, project)
    return int(count)


async def add_key(store: Store, change: Change, key: Key, key_hash: bytes) -> None:
    """Store a new key with its event, on a change that holds the project, actor and time."""
    columns = ("project", "hash", *COLUMNS)
    values = (change.project, key_hash, *(getattr(key, column) for column in COLUMNS))
    data = {
        "keyId": key.id,
        "scopes": key.scopes.split(),
        "expiresAt": key.expires_at,
        "rateLimit": key.rate_limit,
    }
    await store.apply(
        change._replace(
            writes=[Write("insert", "api_keys", columns, [values])],
            events=[_event("key.created", data)],
        )
    )


async def revoke_key(store: Store, change: Change, key_id: str) -> bool:
    """Revoke a key at the time of the change, with its event. False: there is none."""
    row = (change.at, key_id, change.project)
    outcome = await store.apply(
        change._replace(
            writes=[
                Write("update", "api_keys", ("revoked_at",), [row], ("id", "project"), exact=True)
            ],
            events=[_event("key.revoked", {"keyId": key_id})],
        )
    )
    return isinstance(outcome, Applied)


def _event(kind: str, data: dict[str, Any]) -> Event:
    return Event(kind, data=json.dumps(data), salt=token_bytes(16))
