"""What a schema cannot say of a call, put right before schemathesis sends it."""

import itertools
import os
from typing import Any

import httpx
import schemathesis
from schemathesis import Case, HookContext

PROJECT = os.environ["FUZZED_PROJECT"]
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
    if positive and case.path == "/customers/batch" and isinstance(case.body, dict):
        put_levels_right(case.body)
    # What is drawn never was the customer's tag.
    case.headers.pop("If-Match", None)
    if positive and case.path.startswith("/customers/{id}"):
        put_path_right(case)
    if positive and "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = f"key-{next(_numbers)}"


def put_key_right(body: dict[str, Any]) -> None:
    """A key ends in the future, and a terminal shows its name."""
    if body.get("expiresAt") is not None:
        body["expiresAt"] = "2099-12-31T23:59:59Z"
    body["name"] = "".join(filter(str.isprintable, body["name"])).strip() or "a key"


def put_levels_right(batch: dict[str, Any]) -> None:
    """The one level that customers of both types have."""
    for customer in batch["customerData"]:
        if customer.get("onboardingLevel") is not None:
            customer["onboardingLevel"] = "Onboarded"


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
