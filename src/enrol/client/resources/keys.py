"""API keys of the project. All of these need a key with the scope ``admin``."""

from collections.abc import Iterable
from datetime import datetime

from enrol.api.resources.keys import KeyList, KeyView, NewKeyRequest, NewKeyView, Scope
from enrol.client.calls import Call, asking, reader, telling


def create_key(
    name: str,
    scopes: Iterable[Scope],
    *,
    expires_at: datetime | None = None,
    rate_limit: int | None = None,
) -> Call[NewKeyView]:
    """Make a key, whose text is shown this once: ``key``. ``expires_at`` has a zone; ``rate_limit``
    is calls a minute (None: the server's, 0: none). Raises `EnrolProblem` ``body.invalid``,
    ``key.too_many``."""
    return telling(
        "POST /keys",
        body=NewKeyRequest(
            name=name, scopes=[*scopes], expires_at=expires_at, rate_limit=rate_limit
        ),
        parse=reader(NewKeyView),
        # Another key would be made.
        repeat="unsent",
    )


def list_keys(*, revoked: bool = False) -> Call[list[KeyView]]:
    """The keys of the project, newest first; or those that were revoked, the last first."""
    read = reader(KeyList)
    return asking("GET /keys", query={"revoked": revoked}, parse=lambda answer: read(answer).data)


def get_key(key_id: str) -> Call[KeyView]:
    """One key, revoked or not. Raises `EnrolProblem` ``key.unknown``."""
    return asking("GET /keys/{id}", key_id, parse=reader(KeyView))


def revoke_key(key_id: str) -> Call[KeyView]:
    """Revoke a key; one that is revoked stays so. Raises `EnrolProblem` ``key.unknown``."""
    return asking("POST /keys/{id}/revoke", key_id, parse=reader(KeyView))
