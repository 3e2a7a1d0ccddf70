"""The wallets and the DIDs of a customer."""

from typing import Final, NamedTuple

from enrol.api.bodies import JSON_OR_PATCH
from enrol.api.reference import examples
from enrol.api.reference.answers import refusals, success
from enrol.api.reference.paths.customer import CHANGE, customer_id, if_match, prefer
from enrol.api.reference.resource import BODY, PATH, Resource, operation, parameter, small_body
from enrol.api.reference.schemas import Json, array_of, ref
from enrol.api.views import DidView, WalletView
from enrol.customers.editing.parts import MOST_PARTS, DidPatch, WalletPatch
from enrol.customers.faults import FAULTS
from enrol.settings import Settings

WALLET: Final = examples.CUSTOMER["customerWallets"][0]
DID: Final = {
    "id": "019a91f2-6c00-7a37-8c2d-4b6e0f9a1d75",
    "customerId": examples.IDS[1],
    "did": "did:web:example.com:customers:2",
    "createdAt": examples.AT,
    "updatedAt": examples.AT,
    "createdBy": "crm-sync",
    "updatedBy": None,
}
GONE: Final = ("customer.deleted", "customer.merged")


class Kind(NamedTuple):
    """What the words of one kind of part are."""

    one: str
    many: str
    name: str
    view: Json
    sent: Json
    patch: Json
    wording: str

    @property
    def schema(self) -> str:
        """The name of the component that is answered."""
        return f"{self.name}View"

    @property
    def faults(self) -> tuple[str, ...]:
        """What its value is refused for."""
        heads = (f"{self.one.lower()}.", "namespace.") if self is WALLETS else ("did.", "wallet.")
        return tuple(
            code for code, kind in FAULTS.items() if code.startswith(heads) and not kind.finding
        )


WALLETS: Final = Kind(
    "wallet",
    "wallets",
    "Wallet",
    WALLET,
    {"wallet": WALLET["wallet"], "blockchainNamespace": "eip155", "verified": True},
    {"verified": True, "updatedBy": "compliance-desk"},
    "Says whether ownership of a wallet was proved, as a JSON Merge Patch (RFC 7396). Another "
    "address is another wallet.",
)
DIDS: Final = Kind(
    "DID",
    "dids",
    "Did",
    DID,
    {"did": DID["did"], "createdBy": "crm-sync"},
    {"updatedBy": "compliance-desk"},
    "Says who wrote a DID last, as a JSON Merge Patch (RFC 7396). Another DID is another part.",
)


def _paths(settings: Settings) -> Json:
    paths: Json = {}
    for kind in (WALLETS, DIDS):
        paths[f"/customers/{{id}}/{kind.many}"] = {"get": _list(kind), "post": _add(kind)}
        paths[f"/customers/{{id}}/{kind.many}/{{{kind.name.lower()}Id}}"] = {
            "get": _get(kind),
            "patch": _update(kind),
            "delete": _remove(kind),
        }
    return paths


def _list(kind: Kind) -> Json:
    shown = {kind.many: (f"One {kind.one}", [kind.view])}
    return operation(
        "customers",
        f"list{kind.name}s",
        f"List {kind.one}s",
        f"All {kind.one}s of a customer, in the order of their IDs.",
        {
            "200": success(f"The {kind.one}s.", array_of(kind.schema), shown, headers=("ETag",)),
            **refusals(*PATH, "customer.erased"),
        },
        parameters=[customer_id()],
        scope="customers:read",
    )


def _get(kind: Kind) -> Json:
    shown = {kind.name.lower(): (f"A {kind.one}", kind.view)}
    return operation(
        "customers",
        f"get{kind.name}",
        f"Read a {kind.one}",
        f"One {kind.one} of a customer.",
        {
            "200": success(f"The {kind.one}.", ref(kind.schema), shown, headers=("ETag",)),
            **refusals(*PATH, "customer.erased", f"{kind.name.lower()}.unknown"),
        },
        parameters=[customer_id(), _part_id(kind)],
        scope="customers:read",
    )


def _add(kind: Kind) -> Json:
    return operation(
        "customers",
        f"add{kind.name}",
        f"Add a {kind.one}",
        f"Adds a {kind.one}, checked as in a batch, to a customer; one that it has already stays "
        f"as it is. A customer has at most {MOST_PARTS:,}.",
        {
            "200": _answer(kind, f"The {kind.one}, or its ID, as of `POST /customers`."),
            **refusals(
                *(*CHANGE, *BODY, *GONE, "customer.erased", "customer.conflict"),
                f"{kind.name.lower()}.too_many",
                faults=kind.faults,
            ),
        },
        parameters=[customer_id(), if_match(), prefer("return=minimal")],
        scope="customers:write",
        requestBody=small_body(f"Customer{kind.name}", f"A {kind.one}", kind.sent),
    )


def _update(kind: Kind) -> Json:
    return operation(
        "customers",
        f"update{kind.name}",
        f"Change a {kind.one}",
        kind.wording,
        {
            "200": _answer(kind, f"The ID of the {kind.one}, or the {kind.one}, as preferred."),
            **refusals(*CHANGE, *BODY, *GONE, "customer.erased", f"{kind.name.lower()}.unknown"),
        },
        parameters=[customer_id(), _part_id(kind), if_match(), prefer("return=representation")],
        scope="customers:write",
        requestBody=small_body(
            f"{kind.name}Patch", "What changes", kind.patch, media_types=JSON_OR_PATCH
        ),
    )


def _remove(kind: Kind) -> Json:
    return operation(
        "customers",
        f"remove{kind.name}",
        f"Remove a {kind.one}",
        f"Takes a {kind.one} from a customer, be it the last; another customer may have it then.",
        {
            "200": _answer(kind, f"The ID of the {kind.one}, or the {kind.one}, as preferred."),
            **refusals(*CHANGE, *GONE, "customer.erased", f"{kind.name.lower()}.unknown"),
        },
        parameters=[customer_id(), _part_id(kind), if_match(), prefer("return=representation")],
        scope="customers:write",
    )


def _part_id(kind: Kind) -> Json:
    schema = {"type": "string", "format": "uuid"}
    words = f"The ID of the {kind.one}."
    return parameter("path", f"{kind.name.lower()}Id", words, schema, kind.view["id"])


def _answer(kind: Kind, description: str) -> Json:
    return success(
        description,
        {"anyOf": [ref(kind.schema), {"type": "string", "format": "uuid"}]},
        {kind.name.lower(): (f"The {kind.one}", kind.view), "id": ("Its ID", kind.view["id"])},
        headers=("ETag", "Preference-Applied"),
    )


_UPDATED_BY: Final = ("Who or what wrote this, in your words.", "compliance-desk")

RESOURCE: Final = Resource(
    _paths,
    types=(WalletPatch, DidPatch, WalletView, DidView),
    meanings={
        "WalletPatch": {
            "verified": ("Whether ownership of the wallet was proved to you.", True),
            "updatedBy": _UPDATED_BY,
        },
        "DidPatch": {"updatedBy": _UPDATED_BY},
    },
)
