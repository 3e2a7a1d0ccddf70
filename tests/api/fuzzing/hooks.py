"""What a schema cannot say of a call, put right before schemathesis sends it."""

import itertools
import os
from typing import Any

import httpx
import schemathesis
from schemathesis import Case, HookContext

PROJECT = os.environ["FUZZED_PROJECT"]
WEBHOOK = os.environ["FUZZED_WEBHOOK"]
CHANGED_WEBHOOK = os.environ["FUZZED_CHANGED"]
MESSAGE = os.environ["FUZZED_MESSAGE"]
# Of a network that is not given to anybody.
NOBODYS = "https://[2fff::1]:9/"
SECRET = "whsec_" + "c2VjcmV0" * 4
# The parts that a path may name, and where a customer shows them.
PARTS = {"walletId": "customerWallets", "didId": "customerDids", "emailId": "customerEmails"}

_numbers = itertools.count()
_enrol = httpx.Client(
    base_url=os.environ["FUZZED_URL"],
    headers={"Authorization": f"Bearer {os.environ['FUZZED_KEY']}"},
)


@schemathesis.hook
def before_load_schema(context: HookContext, raw_schema: dict[str, Any]) -> None:
    """Each word of a closed list is sent in a call of its own, twice for countries: two thousand
    calls that differ in nothing else. A few countries do, of which the server takes all."""
    asked = [raw_schema["components"]["schemas"]["Country"]]
    for path in ("/customers", "/customers/export"):
        parameters = raw_schema["paths"][path]["get"]["parameters"]
        asked += [one["schema"] for one in parameters if "enum" in one.get("schema", ())]
    for schema in asked:
        schema["enum"] = schema["enum"][:8]


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    # A call that is to be refused stays as it is: schemathesis looks at what became of it, and
    # would send the header again that was left out. (Its kind is read before anything is changed.)
    if case.meta is not None and not case.meta.generation.mode.is_positive:
        put_project_right(case.body)
        return
    put_project_right(case.body)
    put_headers_right(case)
    if case.path == "/customers" and case.method == "GET":
        put_list_right(case.query or {})
    elif case.path.startswith("/customers/{id}"):
        put_customer_right(case)
    elif case.path.startswith("/webhooks"):
        put_webhook_right(case)
    if isinstance(case.body, dict):
        put_body_right(case.path, case.body)


def put_project_right(body: Any) -> None:
    """The key's own project, wherever the body names one at all."""
    if isinstance(body, dict) and isinstance(body.get("cmsProjectId"), str):
        body["cmsProjectId"] = PROJECT


def put_headers_right(case: Case[Any]) -> None:
    """schemathesis does not compress what it sends (other tests send gzip), what it draws never
    was the customer's tag, and a key that was used with another body is refused, rightly."""
    case.headers.pop("Content-Encoding", None)
    case.headers.pop("If-Match", None)
    if "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = f"key-{next(_numbers)}"


def put_list_right(query: dict[str, Any]) -> None:
    """A cursor comes out of an answer, and what is searched for has a letter or a digit."""
    query.pop("after", None)
    if "search" in query:
        query["search"] = "anna"


def put_body_right(path: str, body: dict[str, Any]) -> None:
    """The values that must fit others, or the day."""
    if path == "/keys":
        put_key_right(body)
    elif path == "/customers/batch":
        for customer in body["customerData"]:
            put_level_right(customer)
    elif path in ("/customers", "/customers/{id}"):
        put_level_right(body)
    elif path.startswith("/webhooks"):
        put_address_right(body)


def put_key_right(body: dict[str, Any]) -> None:
    """A key ends in the future, and a terminal shows its name."""
    if body.get("expiresAt") is not None:
        body["expiresAt"] = "2099-12-31T23:59:59Z"
    body["name"] = "".join(filter(str.isprintable, body["name"])).strip() or "a key"


def put_level_right(customer: dict[str, Any]) -> None:
    """The one level that customers of both types have."""
    if customer.get("onboardingLevel") is not None:
        customer["onboardingLevel"] = "Onboarded"


def put_address_right(body: dict[str, Any]) -> None:
    """Nobody is at a webhook's address: no check of a body sees whether a host has one, nor whether
    base64 stands for enough bytes."""
    if body.get("url") is not None:
        body["url"] = NOBODYS
    if body.get("secret") is not None:
        body["secret"] = SECRET
    if isinstance(body.get("eventTypes"), list):
        body["eventTypes"] = [*dict.fromkeys(map(str, body["eventTypes"]))]


def put_webhook_right(case: Case[Any]) -> None:
    """The webhooks that are called are there."""
    if "id" in case.path_parameters:
        webhook = CHANGED_WEBHOOK if case.method == "PATCH" else WEBHOOK
        case.path_parameters["id"] = new_webhook() if case.method == "DELETE" else webhook
    if "messageId" in case.path_parameters:
        case.path_parameters["messageId"] = MESSAGE


def new_webhook() -> str:
    """One more, to be deleted; the changed one where there are too many."""
    made = _enrol.post("/webhooks", json={"url": NOBODYS})
    return str(made.json()["id"]) if made.status_code == 200 else CHANGED_WEBHOOK


def put_customer_right(case: Case[Any]) -> None:
    """A customer with one part of each kind, new for each call: nobody can guess their IDs."""
    number = next(_numbers)
    one = {
        "customerType": "Individual",
        "cmsProjectId": PROJECT,
        "customerWallet": {"wallet": f"wallet {number}", "blockchainNamespace": "eip155"},
        "customerDid": {"did": f"did:example:{number}"},
        "customerContact": {"email": f"n{number}@example.com"},
    }
    made = _enrol.post("/customers", json=one).json()
    case.path_parameters["id"] = made["id"]
    for name in PARTS.keys() & case.path_parameters.keys():
        case.path_parameters[name] = made[PARTS[name]][0]["id"]
