"""What a schema cannot say of a call, put right before schemathesis sends it."""

import itertools
import os
from functools import cache
from typing import Any
from uuid import UUID

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
PATCH = "application/merge-patch+json"
MOST_WORDS = 20
# What calls a webhook's address, and waits for an answer, or for as long as one may take.
CALLING = ("/webhooks/{id}/ping", "/webhooks/{id}/messages/{messageId}/redeliver")

_numbers = itertools.count()
_enrol = httpx.Client(
    base_url=os.environ["FUZZED_URL"],
    headers={"Authorization": f"Bearer {os.environ['FUZZED_KEY']}"},
)


@schemathesis.hook
def before_load_schema(context: HookContext, raw_schema: dict[str, Any]) -> None:
    """Leaves out calls that differ from others in a word alone, which are half of all.

    Each word of a closed list is sent in a call of its own, and each body once more where it may
    be called JSON or a patch: there are few countries here, and patches where patches may be.
    """
    operations = [one for item in raw_schema["paths"].values() for one in item.values()]
    lists = [raw_schema["components"]["schemas"]["Country"]]
    for operation in operations:
        lists += [one["schema"] for one in operation["parameters"] if "schema" in one]
        contents = operation.get("requestBody", {}).get("content", {})
        if PATCH in contents:
            contents.pop("application/json")
    for schema in lists:
        if len(schema.get("enum", ())) > MOST_WORDS:
            schema["enum"] = schema["enum"][:3]


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    positive = case.meta is None or case.meta.generation.mode.is_positive
    if isinstance(case.body, dict):
        put_names_right(case.body)
    # The rest of a call that is to be refused stays as it is: with another header in it, it would
    # count as one to be taken, and would get the key that it was to lack.
    if not positive:
        put_refused_right(case)
        return
    put_headers_right(case)
    if case.method == "GET" and case.path in ("/customers", "/customers/export"):
        put_list_right(case.query or {})
    elif case.path.startswith("/customers/{id}"):
        put_customer_right(case)
    elif case.path.startswith("/webhooks"):
        put_webhook_right(case)
    elif "address" in case.path_parameters:
        case.path_parameters["address"] = read_customer()["customerWallets"][0]["wallet"]
    if isinstance(case.body, dict):
        put_body_right(case.path, case.body)


def put_names_right(body: dict[str, Any]) -> None:
    """The key's own project wherever one is named, and nobody's address wherever there is one: what
    is to be refused may be taken all the same, and would be sent into the world."""
    if isinstance(body.get("cmsProjectId"), str):
        body["cmsProjectId"] = PROJECT
    if str(body.get("url")).startswith("https://"):
        body["url"] = NOBODYS


def put_refused_right(case: Case[Any]) -> None:
    """A call that is to be refused is so for its own sake, not because nothing has its ID: where
    that is well-formed, it becomes that of a customer, or of a webhook that nobody has to wait for.
    Each customer is new, for what is taken all the same (with an unknown header) may erase it."""
    if not is_id(case.path_parameters.get("id")):
        return
    if case.path.startswith("/customers/{id}"):
        customer = read_customer() if case.method == "GET" else new_customer()
        case.path_parameters["id"] = customer["id"]
    elif case.path in CALLING:
        case.path_parameters["id"] = WEBHOOK


def is_id(value: object) -> bool:
    """Whether an ID may be this one; what is drawn to be refused may be anything."""
    try:
        UUID(str(value))
    except ValueError:
        return False
    return True


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
    """A customer that is there, with one part of each kind: nobody can guess their IDs. What only
    reads has one together, and each change its own, for not all of them may follow on another."""
    stays = case.method == "GET" or case.path.endswith("/claims")
    customer = read_customer() if stays else new_customer()
    case.path_parameters["id"] = customer["id"]
    for name in PARTS.keys() & case.path_parameters.keys():
        case.path_parameters[name] = customer[PARTS[name]][0]["id"]


@cache
def read_customer() -> dict[str, Any]:
    """The customer of all calls after which it is as good as before."""
    return new_customer()


def new_customer() -> dict[str, Any]:
    """One more customer, as it is shown."""
    number = next(_numbers)
    one = {
        "customerType": "Individual",
        "cmsProjectId": PROJECT,
        "customerWallet": {"wallet": f"wallet {number}", "blockchainNamespace": "eip155"},
        "customerDid": {"did": f"did:example:{number}"},
        "customerContact": {"email": f"n{number}@example.com"},
    }
    made: dict[str, Any] = _enrol.post("/customers", json=one).json()
    return made
