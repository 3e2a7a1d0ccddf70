"""The routes of webhooks: what they take, what they refuse, and what they leave behind."""

import json
from typing import Any

import pytest

from enrol.api.resources.webhooks import MOST_SECRETS, MOST_WEBHOOKS
from enrol.webhooks.messages import EVENT_TYPES, USUAL_TYPES
from tests.api.refusals import faults, problem
from tests.conftest import ON_TWO_STORES
from tests.serving import Served
from tests.webhooks.hooks import Hooked, hooked, stored_webhook

pytestmark = ON_TWO_STORES

# Of a network that is not given to anybody: it is public, and nobody is there.
URL = "https://[2fff::1]:9/hook?token=canary-4711"
SECRET = "whsec_" + "c2VjcmV0" * 4


@pytest.fixture
def owner(server: Served) -> Hooked:
    return hooked(server)


def made(owner: Hooked, **fields: Any) -> dict[str, Any]:
    webhook: dict[str, Any] = owner.post("/webhooks", {"url": URL, **fields})
    return webhook


def events(owner: Hooked) -> list[tuple[str, str | None, dict[str, Any]]]:
    rows = owner.server.query(
        "SELECT e.type, e.fields, e.data FROM events AS e JOIN projects AS p"
        " ON p.project = e.project WHERE p.id = $1 AND e.type LIKE 'webhook.%' ORDER BY e.seq",
        owner.project.id,
    )
    return [(kind, fields, json.loads(data)) for kind, fields, data in rows]


def test_a_webhook_is_made_shown_changed_and_deleted(owner: Hooked) -> None:
    webhook = made(owner, description="CRM", eventTypes=["customers.created"])
    path = f"/webhooks/{webhook['id']}"
    assert (webhook["url"], webhook["description"]) == (URL, "CRM")
    assert webhook["eventTypes"] == ["customers.created"]
    assert webhook["createdBy"].startswith("key_")
    assert (webhook["disabledAt"], webhook["updatedAt"]) == (None, None)
    assert owner.get("/webhooks") == {"data": [webhook]}
    assert owner.get(path) == webhook
    changed = owner.patch(path, {"description": None, "eventTypes": None})
    assert (changed["description"], changed["eventTypes"]) == (None, [*USUAL_TYPES])
    assert changed["updatedBy"] == webhook["createdBy"]
    assert owner.patch(path, {}) == changed == owner.get(path)
    off = owner.patch(path, {"disabled": True})
    assert off["disabledReason"] == "requested"
    assert owner.patch(path, {"disabled": False})["disabledAt"] is None
    assert owner.call("DELETE", path).status_code == 200
    problem(owner.call("GET", path), "webhook.unknown")
    assert owner.get("/webhooks") == {"data": []}
    of = {"webhookId": webhook["id"]}
    assert events(owner) == [
        ("webhook.created", None, of),
        ("webhook.updated", "description eventTypes", of),
        ("webhook.disabled", None, {**of, "reason": "requested"}),
        ("webhook.updated", "disabledAt", of),
        ("webhook.deleted", None, of),
    ]
    for table in ("webhook_endpoints", "webhook_pending"):
        query = f"SELECT count(*) FROM {table} WHERE project = (SELECT project FROM projects"
        assert owner.server.query(f"{query} WHERE id = $1)", owner.project.id) == [(0,)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, [("/url", "field.missing")]),
        ({"url": "http://example.com"}, [("/url", "webhook.url")]),
        ({"url": "https://u:p@example.com"}, [("/url", "webhook.url")]),
        ({"url": "https://127.0.0.1/"}, [("/url", "webhook.address")]),
        ({"url": "https://[::ffff:10.0.0.1]/"}, [("/url", "webhook.address")]),
        ({"url": "https://169.254.169.254/"}, [("/url", "webhook.address")]),
        ({"url": "https://localhost/"}, [("/url", "webhook.address")]),
        ({"url": "https://nobody.invalid/"}, [("/url", "webhook.host")]),
        ({"url": "https://2130706433/"}, [("/url", "webhook.url")]),
        (
            {"url": 7, "secrt": "x", "eventTypes": ["customer.madeup"]},
            [("/url", "field.type"), ("/secrt", "field.unknown"), ("/eventTypes/0", "field.value")],
        ),
        (
            {"url": "ftp://x", "secret": "whsec_short", "eventTypes": ["customer.created"] * 2},
            [
                ("/url", "webhook.url"),
                ("/secret", "webhook.secret"),
                ("/eventTypes", "field.value"),
            ],
        ),
        ({"url": URL, "eventTypes": []}, [("/eventTypes", "field.empty")]),
    ],
)
def test_what_is_not_right_is_refused_all_at_once(
    owner: Hooked, body: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    document = problem(owner.call("POST", "/webhooks", body), "body.invalid")
    assert sorted(faults(document)) == sorted(expected)
    assert owner.get("/webhooks") == {"data": []}
    webhook = stored_webhook(owner.project)
    if "secret" not in body and "url" in body and "eventTypes" not in body:
        answer = owner.call("PATCH", f"/webhooks/{webhook}", body)
        assert faults(problem(answer, "body.invalid")) == expected


def test_every_type_can_be_chosen(owner: Hooked) -> None:
    webhook = made(owner, eventTypes=[*EVENT_TYPES])
    assert webhook["eventTypes"] == [*EVENT_TYPES]


def test_a_project_has_so_many_webhooks_at_most(owner: Hooked) -> None:
    for _ in range(MOST_WEBHOOKS):
        stored_webhook(owner.project)
    problem(owner.call("POST", "/webhooks", {"url": URL}), "webhook.too_many")
    assert len(owner.get("/webhooks")["data"]) == MOST_WEBHOOKS


def test_a_secret_is_shown_by_its_own_route_alone(owner: Hooked) -> None:
    webhook = made(owner, secret=SECRET)
    path = f"/webhooks/{webhook['id']}"
    shown = owner.get(f"{path}/secret")
    assert shown == {"secret": SECRET, "previous": []}
    rotated = owner.post(f"{path}/secret/rotate", {})
    secrets = [SECRET, rotated["secret"]]
    for answer in (owner.get("/webhooks"), owner.get(path), events(owner)):
        assert not any(secret in json.dumps(answer) for secret in secrets)
    owner.post(f"{path}/enable")
    log = owner.server.whole_log()
    assert not any(secret in log for secret in (*secrets, "canary-4711"))


def test_no_more_than_so_many_secrets_sign(owner: Hooked) -> None:
    path = f"/webhooks/{made(owner)['id']}/secret"
    order = [owner.get(path)["secret"]]
    for _ in range(MOST_SECRETS + 1):
        order.append(owner.post(f"{path}/rotate", {"overlapHours": 1})["secret"])
    shown = owner.get(path)
    kept = [shown["secret"], *(one["secret"] for one in shown["previous"])]
    assert kept == order[::-1][:MOST_SECRETS]


def test_a_webhook_of_another_project_is_not_there(owner: Hooked, server: Served) -> None:
    webhook = made(owner)["id"]
    other = hooked(server)
    for path in (f"/webhooks/{webhook}", f"/webhooks/{webhook}/secret", "/webhooks/x"):
        problem(other.call("GET", path), "webhook.unknown")
    # Nor can one's own send what belongs to another project.
    batch_id = owner.project.post(owner.project.body({"customerClaims": {"sub": "a"}})).headers[
        "enrol-batch-id"
    ]
    message = f"msg_{batch_id.replace('-', '')}"
    own = stored_webhook(owner.project)
    assert owner.post(f"/webhooks/{own}/messages/{message}/redeliver")["error"]
    theirs = stored_webhook(other.project)
    answer = other.call("POST", f"/webhooks/{theirs}/messages/{message}/redeliver")
    problem(answer, "message.unknown")


@pytest.mark.parametrize("message", ["msg_x", "msg_" + "0" * 32, "msg_" + "f" * 32, "batch_x"])
def test_a_message_that_is_not_there(owner: Hooked, message: str) -> None:
    webhook = made(owner)["id"]  # which is an event, and none that is sent
    answer = owner.call("POST", f"/webhooks/{webhook}/messages/{message}/redeliver")
    problem(answer, "message.unknown")


def test_the_log_comes_by_pages(owner: Hooked) -> None:
    webhook = stored_webhook(owner.project)
    sent = [owner.post(f"/webhooks/{webhook}/ping") for _ in range(5)]
    assert {one["error"] for one in sent} == {"address.refused"}
    path = f"/webhooks/{webhook}/attempts"
    found: list[dict[str, Any]] = []
    query: dict[str, str] = {}
    while True:
        page = owner.get(path, limit="2", **query)
        found += page["data"]
        if page["next"] is None:
            break
        query = {"before": page["next"]}
    assert found == sent[::-1]
    one = owner.get(path, messageId=sent[0]["messageId"])
    assert one["data"] == [sent[0]]
    assert owner.get(path, outcome="failed")["data"] == found


@pytest.mark.parametrize("query", ["limit=0", "before=x", "outcome=ok", "x=1", "messageId="])
def test_a_query_that_is_not_right(owner: Hooked, query: str) -> None:
    webhook = stored_webhook(owner.project)
    name, _, value = query.partition("=")
    answer = owner.call("GET", f"/webhooks/{webhook}/attempts", **{name: value})
    problem(answer, "query.invalid")
