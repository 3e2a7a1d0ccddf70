"""A project with webhooks on a running server, as its tests use it."""

from typing import Any, NamedTuple
from uuid import uuid4

import httpx

from enrol.webhooks.signing import make_secret
from tests.people import customer
from tests.serving import Project, Served
from tests.webhooks.receivers import Receiver


class Hooked(NamedTuple):
    """A project with a key that may do all."""

    project: Project

    @property
    def server(self) -> Served:
        return self.project.server

    def call(self, method: str, path: str, body: object = None, **query: str) -> httpx.Response:
        sent: dict[str, Any] = {} if body is None else {"json": body}
        return self.server.http.request(
            method, path, headers=self.project.headers, params=query, **sent
        )

    def get(self, path: str, **query: str) -> Any:
        return told(self.call("GET", path, **query))

    def post(self, path: str, body: object = None, **query: str) -> Any:
        return told(self.call("POST", path, body, **query))

    def patch(self, path: str, body: object) -> Any:
        return told(self.call("PATCH", path, body))

    def hook(self, receiver: Receiver | str, **fields: Any) -> str:
        """The ID of a new webhook."""
        url = receiver if isinstance(receiver, str) else receiver.url
        made: dict[str, Any] = self.post("/webhooks", {"url": url, **fields})
        return str(made["id"])

    def secret(self, webhook_id: str) -> str:
        return str(self.get(f"/webhooks/{webhook_id}/secret")["secret"])

    def attempts(self, webhook_id: str, **query: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get(f"/webhooks/{webhook_id}/attempts", **query)["data"]
        return found

    def enrol(self, count: int = 1) -> list[str]:
        return self.project.enrol(*(customer() for _ in range(count)))


ADD_WEBHOOK = """
INSERT INTO webhook_endpoints (project, id, url, event_types, secrets, created_by, created_at,
  generation, epoch, cursor, disabled_at, disabled_reason)
SELECT project, $1, $2, '', $3, 'key_test', 1, 0, 0, 0, 1, 'requested' FROM projects WHERE id = $4
"""


def stored_webhook(project: Project) -> str:
    """The ID of a webhook that is disabled, and whose address is one that is never called: with
    it nothing leaves this machine."""
    made = uuid4()
    secrets = f'[{{"secret":"{make_secret()}"}}]'
    values = (made.bytes, "https://127.0.0.1/", secrets, project.id)
    project.server.registry.database.rows(ADD_WEBHOOK, *values)
    return str(made)


def told(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()


def hooked(server: Served) -> Hooked:
    """A new project."""
    project = server.new_project()
    return Hooked(project._replace(key=server.new_key(project.id, "admin").text))
