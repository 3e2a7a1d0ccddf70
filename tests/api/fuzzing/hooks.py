"""What a schema cannot say of a call, put right before schemathesis sends it."""

import itertools
import os
from typing import Any

import httpx
import schemathesis
from schemathesis import Case, HookContext

PROJECT = os.environ["FUZZED_PROJECT"]
# Of a network that is not given to anybody.
NOBODYS = "https://[2fff::1]:9/"
SECRET = "whsec_" + "c2VjcmV0" * 4
_numbers = itertools.count()


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    # The key's own project, wherever the body names one at all.
    if isinstance(case.body, dict) and isinstance(case.body.get("cmsProjectId"), str):
        case.body["cmsProjectId"] = PROJECT
    # schemathesis does not compress what it sends; other tests send gzip.
    if case.headers.get("Content-Encoding") == "gzip":
        del case.headers["Content-Encoding"]
    # A key that was used with another body is refused, rightly, however valid both are.
    positive = case.meta is None or case.meta.generation.mode.is_positive
    if positive and case.path == "/keys" and isinstance(case.body, dict):
        put_key_right(case.body)
    if positive and case.path == "/customers" and case.query and case.method == "GET":
        put_list_right(case.query)
    if positive and case.path == "/customers/batch" and isinstance(case.body, dict):
        put_levels_right(case.body["customerData"])
    if positive and case.path in ("/customers", "/customers/{id}") and isinstance(case.body, dict):
        put_levels_right([case.body])
    if positive and case.path.startswith("/webhooks"):
        put_webhook_right(case)
        put_levels_right(case.body)
    # What is drawn never was the customer's tag.
    case.headers.pop("If-Match", None)
    if positive and case.path.startswith("/customers/{id}"):
        put_path_right(case)
    if positive and "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = f"key-{next(_numbers)}"


def put_list_right(query: dict[str, Any]) -> None:
    """A cursor comes out of an answer, and what is searched for has a letter or a digit."""
    query.pop("after", None)
    if "search" in query:
        query["search"] = "anna"


def put_key_right(body: dict[str, Any]) -> None:
    """A key ends in the future, and a terminal shows its name."""
    if body.get("expiresAt") is not None:
        body["expiresAt"] = "2099-12-31T23:59:59Z"
    body["name"] = "".join(filter(str.isprintable, body["name"])).strip() or "a key"


def put_levels_right(customers: Any) -> None:
    """The one level that customers of both types have."""
    for customer in customers:
        if customer.get("onboardingLevel") is not None:
            customer["onboardingLevel"] = "Onboarded"


def put_webhook_right(case: Case[Any]) -> None:
    """The webhooks that are called are there, and nobody is at their addresses: no check of a body
    sees whether a host has an address, nor whether base64 stands for enough bytes."""
    if isinstance(case.body, dict):
        if case.body.get("url") is not None:
            case.body["url"] = NOBODYS
        if case.body.get("secret") is not None:
            case.body["secret"] = SECRET
        types = case.body.get("eventTypes")
        if isinstance(types, list):
            case.body["eventTypes"] = [*dict.fromkeys(map(str, types))]
    if "id" in case.path_parameters:
        changed = os.environ["FUZZED_CHANGED"]
        case.path_parameters["id"] = {"PATCH": changed}.get(
            case.method, os.environ["FUZZED_WEBHOOK"]
        )
        if case.method == "DELETE":
            case.path_parameters["id"] = _new_webhook() or changed
    if "messageId" in case.path_parameters:
        case.path_parameters["messageId"] = os.environ["FUZZED_MESSAGE"]


def _new_webhook() -> str | None:
    """One more, to be deleted; None where there are too many."""
    headers = {"Authorization": f"Bearer {os.environ['FUZZED_KEY']}"}
    url = f"{os.environ['FUZZED_URL']}/webhooks"
    made = httpx.post(url, json={"url": NOBODYS}, headers=headers)
    return str(made.json()["id"]) if made.status_code == 200 else None


def put_path_right(case: Case[Any]) -> None:
    """A customer with one part of each kind, new for each call: nobody can guess their IDs."""
    names = {"walletId": "customerWallets", "didId": "customerDids", "emailId": "customerEmails"}
    base, headers = case.operation.base_url, {"Authorization": f"Bearer {os.environ['FUZZED_KEY']}"}
    number = next(_numbers)
    one = {
        "customerType": "Individual",
        "cmsProjectId": PROJECT,
        "customerWallet": {"wallet": f"wallet {number}", "blockchainNamespace": "eip155"},
        "customerDid": {"did": f"did:example:{number}"},
        "customerContact": {"email": f"n{number}@example.com"},
    }
    made = httpx.post(f"{base}/customers", json=one, headers=headers).json()
    case.path_parameters["id"] = made["id"]
    for name in names.keys() & case.path_parameters.keys():
        case.path_parameters[name] = made[names[name]][0]["id"]
