"""Every operation of the API's document has its methods, and they ask what the document says."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest

from enrol.api.reference.document import openapi_document
from enrol.client import AsyncClient, Client, CustomerFilters, EnrolProblem
from enrol.settings import Settings
from tests.client.answering import Asked, problem
from tests.client.callers import KINDS, Caller, caller_told
from tests.people import with_claims

A, B = UUID(int=1), UUID(int=2)
# Pages for people, and the document itself.
FOR_PEOPLE = frozenset({"openapi", "docs", "problems"})
# What begins and ends a client.
OWN = frozenset({"close", "aclose"})


class Use(NamedTuple):
    """A method of the clients, and arguments for it."""

    method: str
    args: tuple[Any, ...]
    options: dict[str, Any]


def use(method: str, *args: Any, **options: Any) -> Use:
    return Use(method, args, options)


PEOPLE = [with_claims(name="A")]
AT = datetime(2026, 1, 2, tzinfo=UTC)
USES: dict[str, list[Use]] = {
    "enrolCustomers": [
        use("create_customers", PEOPLE),
        use("enrol_customers", PEOPLE),
        use("check_customers", PEOPLE),
    ],
    "listCustomers": [use("list_customers"), use("iter_customers"), use("count_customers")],
    "exportCustomers": [
        use("export_customers", "csv", type="Company", spreadsheet=True, parameters={"tag": "a"})
    ],
    "createCustomer": [use("create_customer", PEOPLE[0])],
    "getCustomer": [use("get_customer", A), use("get_customer_and_tag", A)],
    "updateCustomer": [use("update_customer", A, {})],
    "deleteCustomer": [use("delete_customer", A, reason="r", if_match='"1"')],
    "getCustomerByWallet": [use("get_customer_by_wallet", "a/b")],
    "lookUpCustomers": [use("look_up_customers", subs=["a"], include_customers=True)],
    "restoreCustomer": [use("restore_customer", A)],
    "updateClaims": [use("update_claims", A, {})],
    "listWallets": [use("list_wallets", A)],
    "addWallet": [use("add_wallet", A, "a", "eip155")],
    "getWallet": [use("get_wallet", A, B)],
    "updateWallet": [use("update_wallet", A, B, verified=True)],
    "removeWallet": [use("remove_wallet", A, B)],
    "listDids": [use("list_dids", A)],
    "addDid": [use("add_did", A, "did:a:b")],
    "getDid": [use("get_did", A, B)],
    "updateDid": [use("update_did", A, B, updated_by="u")],
    "removeDid": [use("remove_did", A, B)],
    "listEmails": [use("list_emails", A)],
    "addEmail": [use("add_email", A, "a@example.com")],
    "getEmail": [use("get_email", A, B)],
    "updateEmail": [use("update_email", A, B, verified=True)],
    "removeEmail": [use("remove_email", A, B)],
    "listBatches": [use("iter_batches", from_date=AT, to_date="2026-01-03", created_by="k")],
    "getBatch": [use("get_batch", A)],
    "listBatchCustomers": [use("iter_batch_customers", A)],
    "undoBatch": [use("undo_batch", A, dry_run=True)],
    "mergeCustomers": [use("merge_customers", [A], B)],
    "unmergeCustomer": [use("unmerge_customer", A, B)],
    "countFindings": [use("count_findings")],
    "listEvents": [use("iter_events", 7, type="customer.created", customer_id=A, wait=1)],
    "getEventsHead": [use("get_events_head")],
    "listCustomerEvents": [use("iter_customer_events", A, 7, type="customer.created")],
    "eraseCustomer": [use("erase_customer", A, reason="r")],
    "getDossier": [use("get_dossier", A)],
    "createKey": [use("create_key", "n", ["admin"])],
    "listKeys": [use("list_keys", revoked=True)],
    "getKey": [use("get_key", "key_1")],
    "revokeKey": [use("revoke_key", "key_1")],
    "createWebhook": [use("create_webhook", "https://example.com")],
    "listWebhooks": [use("list_webhooks")],
    "getWebhook": [use("get_webhook", A)],
    "changeWebhook": [use("change_webhook", A, disabled=True)],
    "deleteWebhook": [use("delete_webhook", A)],
    "enableWebhook": [use("enable_webhook", A, skip_missed=True)],
    "getWebhookSecret": [use("get_webhook_secret", A)],
    "rotateWebhookSecret": [use("rotate_webhook_secret", A)],
    "pingWebhook": [use("ping_webhook", A)],
    "listWebhookAttempts": [use("iter_webhook_attempts", A, message_id="m", failed=True)],
    "redeliverWebhookMessage": [use("redeliver_webhook_message", A, "msg_1")],
    "healthz": [use("is_alive")],
    "readyz": [use("is_ready")],
}


class Operation(NamedTuple):
    """An operation as the document has it."""

    method: str
    path: str
    parameters: dict[str, str]
    media_types: frozenset[str]

    def answers_to(self, asked: Asked) -> bool:
        """Whether this is what was asked."""
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(self.path))
        path = urlsplit(asked.path).path
        return asked.method == self.method and re.fullmatch(pattern, path) is not None


@cache
def operations() -> dict[str, Operation]:
    document: Any = openapi_document(Settings())
    return {
        each["operationId"]: Operation(
            method.upper(),
            path,
            {one["name"]: one["in"] for one in each.get("parameters", []) if "name" in one},
            frozenset(each.get("requestBody", {}).get("content", ())),
        )
        for path, item in document["paths"].items()
        for method, each in item.items()
        if "operationId" in each
    }


def queries(name: str) -> set[str]:
    """The parameters of an operation's query."""
    return {n for n, place in operations()[name].parameters.items() if place == "query"}


def used(caller: Caller, one: Use) -> None:
    """Use a method at a server that refuses all."""
    walks = one.method.startswith("iter_") or one.method.endswith("_customers")
    alone = {"look_up_customers", "list_customers", "count_customers", "merge_customers"}
    if walks and one.method not in alone:
        list(caller.each(one.method, *one.args, **one.options))
    else:
        caller.call(one.method, *one.args, **one.options)


def test_every_operation_has_a_method() -> None:
    """A route that was added comes here, and to the clients."""
    assert USES.keys() == operations().keys() - FOR_PEOPLE


@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_every_method_is_an_operation(client: type) -> None:
    public = {name for name in vars(client) if not name.startswith("_")}
    assert public - OWN == {one.method for uses in USES.values() for one in uses}


@pytest.mark.parametrize("name", USES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_method_asks_what_the_document_says(kind: str, name: str) -> None:
    operation = operations()[name]
    for one in USES[name]:
        with caller_told(kind, problem(404, "some.code")) as (server, caller):
            if name in ("healthz", "readyz"):
                assert caller.call(one.method) is False
            else:
                with pytest.raises(EnrolProblem) as caught:
                    used(caller, one)
                assert caught.value.code == "some.code"
        (asked,) = server.asked
        assert operation.answers_to(asked), (asked.method, asked.path)
        assert parse_qs(urlsplit(asked.path).query).keys() <= queries(name)
        sent = asked.headers.get("content-type")
        assert sent is None or sent in operation.media_types
        assert bool(asked.body) == (sent is not None)
        if "Idempotency-Key" in operation.parameters:
            assert asked.headers["idempotency-key"]


def test_a_path_is_told_from_others() -> None:
    """The test above can fail."""
    told = operations()["getCustomer"].answers_to
    ask: Callable[[str, str], Asked] = lambda method, path: Asked(0, method, path, {}, b"")  # noqa: E731
    assert told(ask("GET", f"/customers/{A}?x=1"))
    assert not told(ask("DELETE", f"/customers/{A}"))
    assert not told(ask("GET", f"/customers/{A}/events"))


def test_every_filter_of_the_list_is_there(kind: str) -> None:
    """In the document's names, with what is said of the page beside."""
    filters: dict[str, Any] = {
        name: AT if name.endswith("date") else "x" for name in CustomerFilters.__annotations__
    }
    with (
        caller_told(kind, problem(404, "some.code")) as (server, caller),
        pytest.raises(EnrolProblem),
    ):
        caller.call("list_customers", **filters)
    query = parse_qs(urlsplit(server.asked[0].path).query)
    # The cursor is the iterator's own.
    assert query.keys() == queries("listCustomers") - {"after"}
    assert query["fromDate"] == ["2026-01-02T00:00:00+00:00"]
    with (
        caller_told(kind, problem(404, "some.code")) as (server, caller),
        pytest.raises(EnrolProblem),
    ):
        list(caller.each("export_customers", "csv", spreadsheet=True, **filters))
    query = parse_qs(urlsplit(server.asked[0].path).query)
    assert query.keys() == queries("exportCustomers")
    with (
        caller_told(kind, problem(404, "some.code")) as (_, caller),
        pytest.raises(TypeError, match="no such filter: colour"),
    ):
        caller.call("list_customers", colour="blue")
