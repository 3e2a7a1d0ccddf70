"""API keys, made and revoked over the API."""

from typing import Final

from enrol.api.reference import examples
from enrol.api.reference.answers import refusals, success
from enrol.api.reference.resource import (
    BODY,
    KEY,
    UNKNOWN_PARAMETERS,
    Resource,
    operation,
    parameter,
    small_body,
)
from enrol.api.reference.schemas import Json, ref
from enrol.api.resources.keys import LISTED, MOST_KEYS, KeyList, KeyView, NewKeyRequest, NewKeyView
from enrol.settings import Settings

KEY_ID: Final = "key_3f9a0c5be81d4276"
REQUEST: Final = {
    "name": "crm-sync",
    "scopes": ["customers:write"],
    "expiresAt": "2099-12-31T23:59:59Z",
    "rateLimit": 600,
}
VIEW: Final = {
    "id": KEY_ID,
    "hint": "x4Tq",
    "name": "crm-sync",
    "scopes": ["customers:write"],
    "rateLimit": 600,
    "createdAt": examples.AT,
    "expiresAt": "2099-12-31T23:59:59.000Z",
    "revokedAt": None,
}
REVOKED: Final = {**VIEW, "revokedAt": "2025-11-18T08:00:00.000Z"}
# No key: its checksum is wrong, so that no scanner of secrets takes it for one.
SECRET: Final = "enrol_" + 32 * "0" + "000000"


def _paths(settings: Settings) -> Json:
    return {
        "/keys": {"post": _create(), "get": _list()},
        "/keys/{id}": {"get": _get()},
        "/keys/{id}/revoke": {"post": _revoke()},
    }


def _create() -> Json:
    made = {"key": ("The key", {**VIEW, "key": SECRET})}
    return operation(
        "keys",
        "createKey",
        "Create a key",
        "A new key of the caller's project. It is shown this once, for only its hash is kept. A "
        f"project has at most {MOST_KEYS:,} keys that are not revoked.",
        {
            "200": success("The key, durable and valid.", ref("NewKeyView"), made),
            **refusals(*KEY, *BODY, "key.too_many", "store.full"),
        },
        scope="admin",
        requestBody=small_body("NewKeyRequest", "A key that writes", REQUEST),
    )


def _list() -> Json:
    words = f"`true`: the {MOST_KEYS:,} keys that were revoked last, instead of those in force."
    schema = {"enum": list(LISTED["revoked"]), "default": "false"}
    return operation(
        "keys",
        "listKeys",
        "List keys",
        f"The keys of the caller's project, newest first, without their secrets. "
        f"{UNKNOWN_PARAMETERS}",
        {
            "200": success("The keys.", ref("KeyList"), {"keys": ("One key", {"data": [VIEW]})}),
            **refusals(*KEY, "query.invalid"),
        },
        parameters=[parameter("query", "revoked", words, schema)],
        scope="admin",
    )


def _get() -> Json:
    return operation(
        "keys",
        "getKey",
        "Read a key",
        "One key of the caller's project, in force or revoked, without its secret.",
        {
            "200": success("The key.", ref("KeyView"), {"key": ("A key", VIEW)}),
            **refusals(*KEY, "key.unknown", "route.unknown"),
        },
        parameters=[_key_id()],
        scope="admin",
    )


def _revoke() -> Json:
    return operation(
        "keys",
        "revokeKey",
        "Revoke a key",
        "Ends a key of the caller's project, be it the caller's own: within "
        "`ENROL_ACCESS_CACHE_SECONDS` no process takes it any more. A key that is revoked stays "
        "as it is.",
        {
            "200": success("The key, revoked.", ref("KeyView"), {"key": ("The key", REVOKED)}),
            **refusals(*KEY, "key.unknown", "route.unknown", "store.full"),
        },
        parameters=[_key_id()],
        scope="admin",
    )


def _key_id() -> Json:
    text = {"type": "string", "minLength": 1}
    return parameter("path", "id", "The key's ID.", text, KEY_ID)


_LIMIT: Final = (
    "Calls a minute, instead of the server's `ENROL_RATE_LIMIT`; 0: any number; null: as the "
    "server says.",
    600,
)
_EXPIRY: Final = ("When it ends; null: never.", "2099-12-31T23:59:59Z")
_SCOPES: Final = ("What it may do; `admin` may do all.", ["customers:write"])
_VIEW: Final = {
    "id": ("What names it in a path.", KEY_ID),
    "hint": ("Its last characters, to tell keys apart.", "x4Tq"),
    "name": ("A note of whose it is.", "crm-sync"),
    "scopes": _SCOPES,
    "rateLimit": _LIMIT,
    "expiresAt": _EXPIRY,
    "revokedAt": ("Since when it is refused; null: it is in force.", None),
}

RESOURCE: Final = Resource(
    _paths,
    tags=(("keys", "API keys of the caller's project."),),
    types=(NewKeyRequest, NewKeyView, KeyList, KeyView),
    meanings={
        "NewKeyRequest": {
            "name": ("A note of whose it is, in one line.", "crm-sync"),
            "scopes": _SCOPES,
            "expiresAt": _EXPIRY,
            "rateLimit": _LIMIT,
        },
        "KeyView": _VIEW,
        "NewKeyView": {**_VIEW, "key": ("The key: keep it now.", None)},
    },
)
