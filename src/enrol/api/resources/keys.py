"""API keys over the API: an ``admin`` key makes, lists and revokes those of its own project."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal
from urllib.parse import unquote
from uuid import uuid4

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Meta, Struct

from enrol.access import make_key
from enrol.api.bodies import edge_request, read_json
from enrol.api.resources.customers import Reads
from enrol.api.server import Server
from enrol.api.views import EPOCH, Timestamp, timestamp
from enrol.customers.faults import Fault
from enrol.customers.lifecycle.change import Change
from enrol.problems import Problem
from enrol.rates import MOST_LIMIT
from enrol.store.protocol import KeyRecord
from enrol.store.queries.keys import add_key, count_keys, find_key, list_keys, revoke_key
from enrol.store.registry import Key

ADMIN = "admin"
MOST_KEYS = 1_000
MOST_NAME_CHARS = 200
# The last millisecond that RFC 3339 can write.
LATEST_MS: Final = 253_402_300_799_999
LISTED = {"revoked": ("false", "true")}

Scope = Literal["customers:write", "customers:read", "admin"]
RateLimit = Annotated[int, Meta(ge=0, le=MOST_LIMIT)]


class NewKeyRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """The key to make."""

    name: Annotated[str, Meta(min_length=1, max_length=MOST_NAME_CHARS)]
    scopes: Annotated[
        list[Scope], Meta(min_length=1, max_length=3, extra_json_schema={"uniqueItems": True})
    ]
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None
    rate_limit: RateLimit | None = None


class KeyView(Struct, frozen=True, kw_only=True, rename="camel"):
    """An API key, without its secret."""

    id: str
    hint: str
    name: str | None
    scopes: list[Scope]
    rate_limit: int | None
    created_at: Timestamp
    expires_at: Timestamp | None
    revoked_at: Timestamp | None


class NewKeyView(KeyView, frozen=True, kw_only=True, rename="camel"):
    """An API key that was just made, with its secret, which is shown this once."""

    key: str


class KeyList(Struct, frozen=True, kw_only=True, rename="camel"):
    """Keys of a project."""

    data: list[KeyView]


@post("/keys", status_code=200, operation_id="createKey", tags=["keys"])
async def create_key(server: NamedDependency[Server], request: Reads) -> NewKeyView:
    """Make a key of the caller's project."""
    caller = await _admin(server, request)
    asked = await read_json(server, request, NewKeyRequest)
    change = _change(server, caller)
    if faults := _faults(asked, change.at):
        raise Problem("body.invalid", faults=faults)
    # One after another, or many at once would each find room for one more.
    async with server.turns.of(caller.project, [b"keys"]):
        if await count_keys(server.store, caller.project) >= MOST_KEYS:
            raise Problem("key.too_many", f"A project has at most {MOST_KEYS} keys: revoke some.")
        new = make_key()
        key = Key(
            id=f"key_{uuid4().hex[:16]}",
            project_id=caller.project_id,
            hint=new.hint,
            name=asked.name,
            scopes=" ".join(asked.scopes),
            created_at=change.at,
            expires_at=_milliseconds(asked.expires_at),
            revoked_at=None,
            rate_limit=asked.rate_limit,
        )
        await add_key(server.store, change, key, new.hash)
    return NewKeyView(key=new.key, **_fields(key))


@get("/keys", operation_id="listKeys", tags=["keys"])
async def list_project_keys(server: NamedDependency[Server], request: Reads) -> KeyList:
    """The keys of the caller's project, newest first; or those revoked last."""
    caller = await _admin(server, request)
    revoked = edge_request(request).query(LISTED).get("revoked") == "true"
    keys = await list_keys(
        server.store, caller.project, caller.project_id, revoked=revoked, most=MOST_KEYS
    )
    return KeyList(data=[KeyView(**_fields(key)) for key in keys])


@get("/keys/{key_id:str}", operation_id="getKey", tags=["keys"])
async def get_key(
    server: NamedDependency[Server], request: Reads, key_id: FromPath[str]
) -> KeyView:
    """One key of the caller's project, revoked or not."""
    caller = await _admin(server, request)
    return KeyView(**_fields(await _found(server, caller, unquote(key_id))))


@post("/keys/{key_id:str}/revoke", status_code=200, operation_id="revokeKey", tags=["keys"])
async def revoke_project_key(
    server: NamedDependency[Server], request: Reads, key_id: FromPath[str]
) -> KeyView:
    """Revoke a key of the caller's project; one that is revoked stays as it is."""
    caller = await _admin(server, request)
    key = await _found(server, caller, unquote(key_id))
    if key.revoked_at is None and await revoke_key(server.store, _change(server, caller), key.id):
        # Another call may have been first.
        key = await _found(server, caller, key.id)
    return KeyView(**_fields(key))


async def _admin(server: Server, request: Reads) -> KeyRecord:
    return await server.access.key_of(request.headers.get("authorization"), ADMIN)


def _change(server: Server, caller: KeyRecord) -> Change:
    """A change of the caller's, without its rows and events."""
    at = int(server.clock() * 1000)
    return Change(caller.project, server.mint().bytes, caller.key_id, at)


async def _found(server: Server, caller: KeyRecord, key_id: str) -> Key:
    # No ID has one, and PostgreSQL takes no text that does.
    if "\0" not in key_id:
        key = await find_key(server.store, caller.project, caller.project_id, key_id)
        if key is not None:
            return key
    raise Problem("key.unknown")


def _faults(asked: NewKeyRequest, now: int) -> list[Fault]:
    """What the shape of a key does not say."""
    faults = []
    expires_at = _milliseconds(asked.expires_at)
    if expires_at is not None and expires_at <= now:
        faults.append(Fault(None, "/expiresAt", "field.value", "It lies in the past."))
    if expires_at is not None and expires_at > LATEST_MS:
        faults.append(Fault(None, "/expiresAt", "field.value", "In UTC it is no time any more."))
    if not asked.name.isprintable() or asked.name.isspace():
        faults.append(Fault(None, "/name", "field.value", "Visible characters in one line."))
    if len(set(asked.scopes)) != len(asked.scopes):
        faults.append(Fault(None, "/scopes", "field.value", "Each scope once."))
    return faults


def _milliseconds(at: datetime | None) -> int | None:
    # In whole numbers: a float would round the last moment of a year into the next.
    return None if at is None else (at - EPOCH) // timedelta(milliseconds=1)


def _fields(key: Key) -> dict[str, Any]:
    """The fields of a key's view."""
    return {
        "id": key.id,
        "hint": key.hint,
        "name": key.name,
        "scopes": key.scopes.split(),
        "rate_limit": key.rate_limit,
        "created_at": timestamp(key.created_at),
        "expires_at": key.expires_at and timestamp(key.expires_at),
        "revoked_at": key.revoked_at and timestamp(key.revoked_at),
    }


HANDLERS: Final = (create_key, list_project_keys, get_key, revoke_project_key)
