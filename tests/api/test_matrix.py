"""Every route, with every scope, without a key, and with another project's key.

The routes are those of the OpenAPI document, which test_openapi.py holds equal to what is served: a
new one is in the matrix by itself, or fails it until `OWNED` says what its path names.
"""

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import quote
from uuid import UUID

import httpx
import pytest

from enrol.access import SCOPES, make_key
from enrol.api.reference.document import openapi_document
from enrol.settings import Settings
from enrol.store.clock import now_ms
from enrol.store.schema import tables
from tests.api.refusals import problem
from tests.conftest import ON_ONE_STORE
from tests.people import customer
from tests.serving import Project, Served
from tests.webhooks.hooks import stored_webhook

pytestmark = ON_ONE_STORE

DOCUMENT = openapi_document(Settings())
# The example of the document stands for the key's project.
EXAMPLE = "token-sale"


class Route(NamedTuple):
    """An operation of the document."""

    method: str
    path: str
    operation: dict[str, Any]

    @property
    def scope(self) -> str | None:
        """The scope that the document says it needs."""
        security = self.operation["security"]
        return security[0]["key"][0] if security else None

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"


ROUTES = [
    Route(method, path, operation)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
]
KEYED = [route for route in ROUTES if route.scope]
OPEN = [route for route in ROUTES if not route.scope]

every_keyed_route = pytest.mark.parametrize("route", KEYED, ids=str)


class Owner:
    """A project with one thing of each kind, made when first needed, and all that tells of them."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.sent = customer(name="Quintessa Fjordsworth")
        answer = project.post(project.body(self.sent))
        (self.customer_id,) = answer.json()
        self.batch_id = answer.headers["enrol-batch-id"]
        self.key = project.server.new_key(project.id)
        self.webhook_id = stored_webhook(project)
        self.wallet = self.sent["customerWallet"]["wallet"]
        self.email = "quintessa@fjordsworth.example"
        added = project.server.http.post(
            f"/customers/{self.customer_id}/emails",
            json={"email": self.email},
            headers=project.headers,
        )
        self.email_id: str = added.json()["id"]
        shown = project.customer(self.customer_id)
        self.wallet_id: str = shown["customerWallets"][0]["id"]
        self.did_id: str = shown["customerDids"][0]["id"]

    @property
    def secrets(self) -> list[str]:
        """What an answer to another project must not hold."""
        sent = self.sent
        texts = [
            self.wallet,
            self.email,
            *(self.email_id, self.wallet_id, self.did_id),
            sent["customerDid"]["did"],
            *sent["customerClaims"].values(),
        ]
        return [self.customer_id, self.batch_id, self.webhook_id, *self.key, *texts]

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """All that the database holds of the project."""
        server = self.project.server
        number = "(SELECT project FROM projects WHERE id = $1)"
        found = {}
        for table in tables("sqlite" if server.on_file else "postgresql"):
            # Meanwhile new keys of a SQLite file are filed, and the index follows the events.
            if "project" in table.columns and not table.name.startswith(("identifiers", "search_")):
                names = ", ".join(f'"{column.name}"' for column in table.columns)
                query = f"SELECT {names} FROM {table.name} WHERE project = {number}"
                found[table.name] = sorted(server.query(query, self.project.id), key=repr)
        return found


# What the parameters of paths name, by the path up to and including them.
OWNED: dict[str, Callable[[Owner], str]] = {
    "/customers/{id}": lambda owner: owner.customer_id,
    "/batches/{id}": lambda owner: owner.batch_id,
    "/keys/{id}": lambda owner: owner.key.id,
    "/customers/{id}/wallets/{walletId}": lambda owner: owner.wallet_id,
    "/customers/{id}/dids/{didId}": lambda owner: owner.did_id,
    "/customers/{id}/emails/{emailId}": lambda owner: owner.email_id,
    "/webhooks/{id}": lambda owner: owner.webhook_id,
    "/webhooks/{id}/messages/{messageId}": lambda owner: f"msg_{UUID(owner.batch_id).hex}",
    "/projects/{projectId}": lambda owner: owner.project.id,
    "/projects/{projectId}/customer-wallets/{address}": lambda owner: owner.wallet,
}


def path_of(route: Route, owner: Owner, project_id: str | None = None) -> str:
    """The path of a route that names the owner's things; ``project_id`` instead of its project."""
    path = template = ""
    for segment in route.path.split("/")[1:]:
        template += f"/{segment}"
        if not segment.startswith("{"):
            path += f"/{segment}"
            continue
        assert template in OWNED, f"OWNED does not say what {template} names"
        own = project_id if segment == "{projectId}" and project_id else OWNED[template](owner)
        path += f"/{quote(own, safe='')}"
    return path


def call(
    route: Route, owner: Owner, key: str | None, *, project_id: str | None = None, **headers: str
) -> httpx.Response:
    """Call a route as its example does, with the owner's things and this key."""
    project = project_id or owner.project.id
    query = {
        parameter["name"]: project if parameter["name"] == "cmsProjectId" else parameter["example"]
        for parameter in route.operation["parameters"]
        if parameter.get("in") == "query" and parameter.get("required")
    }
    sent: dict[str, Any] = {}
    if body := route.operation.get("requestBody"):
        media_type, content = next(iter(body["content"].items()))
        example = next(iter(content["examples"].values()))["value"]
        sent["content"] = re.sub(f'"{EXAMPLE}"', f'"{project}"', json.dumps(example))
        headers["Content-Type"] = media_type
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    path = path_of(route, owner, project_id)
    http = owner.project.server.http
    return http.request(route.method.upper(), path, params=query, headers=headers, **sent)


@pytest.fixture(scope="module")
def owned(server: Served) -> Owner:
    """A project that nothing changes: for calls that are refused."""
    return Owner(server.new_project())


@pytest.fixture
def owner(server: Served) -> Owner:
    """A project for a call that passes."""
    return Owner(server.new_project())


def test_the_matrix_has_every_route() -> None:
    assert len(KEYED) + len(OPEN) == len(ROUTES) == sum(map(len, DOCUMENT["paths"].values()))
    assert {route.scope for route in KEYED} <= set(SCOPES)
    assert all(
        str(route).split()[1].startswith(("/healthz", "/readyz", "/openapi", "/docs"))
        for route in OPEN
    )


class NoKey(NamedTuple):
    """A key that opens nothing."""

    code: str
    make: Callable[[Project], str | None]


def _revoked(project: Project) -> str:
    key = project.server.new_key(project.id, "admin")
    project.server.registry.revoke_key(key.id)
    return key.text


def _expired(project: Project) -> str:
    return project.server.new_key(project.id, "admin", expires_at=now_ms() - 1).text


NO_KEYS = [
    NoKey("access.missing", lambda project: None),
    NoKey("access.malformed", lambda project: "enrol_x"),
    NoKey("access.unknown", lambda project: make_key().key),
    NoKey("access.revoked", _revoked),
    NoKey("access.expired", _expired),
]


@every_keyed_route
@pytest.mark.parametrize("no_key", NO_KEYS, ids=[each.code for each in NO_KEYS])
def test_a_key_that_opens_nothing_is_refused(route: Route, no_key: NoKey, owned: Owner) -> None:
    key = no_key.make(owned.project)
    before = owned.rows()
    answer = call(route, owned, key)
    problem(answer, no_key.code)
    assert answer.status_code == 401
    assert _seen(answer, owned) == []
    assert owned.rows() == before


@every_keyed_route
@pytest.mark.parametrize("scope", SCOPES)
def test_each_scope_opens_what_the_document_says(route: Route, scope: str, owner: Owner) -> None:
    key = owner.project.server.new_key(owner.project.id, scope)
    before = owner.rows()
    answer = call(route, owner, key.text)
    if scope in (route.scope, "admin"):
        assert answer.status_code not in (401, 403), answer.text
        # A route that is not found would pass here whatever it asks for.
        assert answer.status_code < 400 or answer.status_code in (409, 422), answer.text
    else:
        problem(answer, "access.scope")
        assert f'scope="{route.scope}"' in answer.headers["www-authenticate"]
        assert _seen(answer, owner) == []
        assert owner.rows() == before


@every_keyed_route
def test_every_route_keeps_to_the_limit_of_a_key(route: Route, owner: Owner) -> None:
    key = owner.project.server.new_key(owner.project.id, "admin", rate_limit=1)
    first = call(route, owner, key.text)
    assert first.status_code not in (401, 403, 429), first.text
    assert first.headers["ratelimit-policy"] == '"default";q=1;w=60'
    before = owner.rows()
    problem(call(route, owner, key.text), "rate.limited")
    assert owner.rows() == before


@pytest.mark.parametrize("route", OPEN, ids=str)
@pytest.mark.parametrize("key", [None, "enrol_x", make_key().key], ids=["none", "bad", "unknown"])
def test_what_needs_no_key_minds_none(route: Route, key: str | None, owned: Owner) -> None:
    assert call(route, owned, key).status_code == 200


@every_keyed_route
def test_another_projects_key_sees_and_changes_nothing(route: Route, owned: Owner) -> None:
    """Whether it names the project whose things they are, or its own."""
    other = owned.project.server.new_project()
    key = owned.project.server.new_key(other.id, "admin").text
    before = owned.rows()
    for project_id in (owned.project.id, other.id):
        answer = call(route, owned, key, project_id=project_id)
        assert _seen(answer, owned) == []
        named = _names(answer.request, owned)
        if project_id == owned.project.id and owned.project.id in named:
            problem(answer, "access.project")
        elif named:
            assert answer.status_code in (403, 404), answer.text
        else:
            assert answer.status_code not in (401, 403), answer.text
        assert owned.rows() == before


def _names(request: httpx.Request, owner: Owner) -> list[str]:
    """What of the owner a call names."""
    text = f"{request.url} {request.content.decode()}"
    return [name for name in (owner.project.id, *owner.secrets) if name in text]


def _seen(answer: httpx.Response, owner: Owner) -> list[str]:
    """What of the owner an answer tells, in its body or its headers."""
    text = f"{answer.text} {answer.headers}"
    return [secret for secret in owner.secrets if secret in text]
