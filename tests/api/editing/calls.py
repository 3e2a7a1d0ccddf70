"""Calls about one customer, as the tests of its routes make them."""

import json
from typing import Any

import httpx

from enrol.customers.model import CLAIM_NAMES
from tests.serving import Project

MERGE_PATCH = "application/merge-patch+json"
REPRESENTATION = {"Prefer": "return=representation"}


def call(
    project: Project, method: str, path: str, body: object = None, /, **headers: str
) -> httpx.Response:
    """A call with the project's key: bytes go as they are, all else as JSON."""
    sent = project.headers | {name.replace("_", "-"): text for name, text in headers.items()}
    if body is not None:
        sent.setdefault("Content-Type", "application/json")
    content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    return project.server.http.request(method, path, content=content, headers=sent)


def patch(project: Project, customer_id: str, body: object, /, **headers: str) -> httpx.Response:
    """``PATCH /customers/{id}``."""
    return call(project, "PATCH", f"/customers/{customer_id}", body, **headers)


def patched(project: Project, customer_id: str, body: object) -> dict[str, Any]:
    """The customer after a patch that is taken."""
    answer = patch(project, customer_id, body, Prefer="return=representation")
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def create(project: Project, body: dict[str, Any], /, **headers: str) -> httpx.Response:
    """``POST /customers``: a person of this project unless the body says otherwise."""
    whole = {"customerType": "Individual", "cmsProjectId": project.id} | body
    return call(project, "POST", "/customers", whole, **headers)


def claims_of(shown: dict[str, Any]) -> dict[str, Any]:
    """The claims of a customer that have a value."""
    (claims,) = shown["customerClaims"] or [{}]
    return {name: claims[name] for name in CLAIM_NAMES if claims.get(name) is not None}


def events_of(project: Project, customer_id: str) -> list[tuple[str, list[str], Any]]:
    """The events of a customer after its creation: type, names of fields, data."""
    rows = project.server.query(
        "SELECT type, fields, data FROM events WHERE project = "
        "(SELECT project FROM projects WHERE id = $1) AND customer_id = $2 "
        "AND type <> 'customer.created' ORDER BY seq",
        *(project.id, bytes.fromhex(customer_id.replace("-", ""))),
    )
    return [
        (kind, (fields or "").split(), None if data is None else json.loads(data))
        for kind, fields, data in rows
    ]


def reader(project: Project) -> Project:
    """The project with a key that reads alone."""
    return with_scopes(project, "customers:read")


def with_scopes(project: Project, *scopes: str) -> Project:
    """The project with a key of these scopes."""
    return project._replace(key=project.server.new_key(project.id, *scopes).text)
