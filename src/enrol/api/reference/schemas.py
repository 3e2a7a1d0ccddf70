"""The JSON Schemas of the OpenAPI document: those of the wire types, with what types cannot say.

msgspec writes the shapes; the limits of this server, the closed lists and the words for readers
are laid over them. Only what every project enforces is stated as a rule: the formats that a
lenient project lets pass stand in the descriptions.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final, Protocol

import msgspec

from enrol.customers.countries import COUNTRIES
from enrol.customers.faults import FAULTS
from enrol.customers.model import CUSTOMER_TYPES
from enrol.customers.wallets.registry import NAMESPACES
from enrol.settings import MIB, Settings

Json = dict[str, Any]

# A NUL cannot be stored as text everywhere, and no name has one.
NO_NUL: Final = r"^[^\u0000]*$"

QUERY_FAULTS: Final = tuple(code for code in FAULTS if code.startswith("query."))
BODY_FAULTS: Final = tuple(
    code for code, kind in FAULTS.items() if code not in QUERY_FAULTS and not kind.finding
)
# The shape alone; what a resource asks of its values beyond that has codes of its own.
SHAPE_FAULTS: Final = tuple(
    code
    for code, kind in FAULTS.items()
    if code.startswith(("field.", "text.")) and not kind.finding
)
# What no batch is refused for: its closed lists have codes of their own.
_OTHER_BODIES: Final = (
    "webhook.",
    "field.value",
)
BATCH_FAULTS: Final = tuple(code for code in BODY_FAULTS if not code.startswith(_OTHER_BODIES))
FINDINGS: Final = tuple(code for code, kind in FAULTS.items() if kind.in_lenient == "finding")
UNIQUE_FAULTS: Final = tuple(
    code for code in FAULTS if code.startswith(("duplicate.", "conflict."))
)
# The type is the whole call's, so no single item is refused for it.
ITEM_FAULTS: Final = tuple(code for code in BATCH_FAULTS if code != "customer_type.unknown")

URL: Final = "An absolute http or https URL without a user name or password."
SENDER: Final = "Who or what wrote this, in your words."
COUNTRY: Final = "An ISO 3166-1 alpha-3 code in upper case, `ANT` or `XKX`."

# What a field of the wire types means, and a value as an example.
MEANINGS: Final[dict[str, Mapping[str, tuple[str, object]]]] = {
    "Batch": {
        "customerType": ("The type of every customer in the call.", "Individual"),
        "customerData": ("The customers. An empty array is a no-op that answers `[]`.", None),
        "cmsProjectId": ("The project, which must be the key's own.", "token-sale"),
    },
    "CustomerWallet": {
        "wallet": (
            "The address as the namespace writes it, unique in the project.",
            "tz1VSUr8wwNhLAzempoch5d6hLRiTh8Cjcjb",
        ),
        "blockchainNamespace": ("The namespace of the chain (CAIP-2).", "tezos"),
        "verified": ("Whether ownership of the wallet was proved to you.", True),
        "createdBy": (SENDER, "crm-sync"),
    },
    "CustomerClaims": {
        "sub": ("Your own key for the customer, unique in the project.", "crm-000001"),
        "name": ("The full name.", "Amina Karimi"),
        "givenName": ("", "Amina"),
        "familyName": ("", "Karimi"),
        "middleName": ("", None),
        "nickname": ("", None),
        "preferredUsername": ("", "amina"),
        "profile": (URL, "https://example.com/people/amina"),
        "picture": (URL, "https://example.com/people/amina.png"),
        "pictureBase64": (
            "A PNG, JPEG, WebP or GIF image in base64, plain or as a data URL.",
            "data:image/gif;base64,R0lGODlhAQABAAAAACw=",
        ),
        "website": (URL, "https://amina.example"),
        "gender": ("", "female"),
        "birthdate": (
            "`YYYY-MM-DD`, `YYYY`, `0000-MM-DD` or an RFC 3339 date-time, not in the future.",
            "1991-03-08",
        ),
        "zoneinfo": ("A zone of the IANA time zone database.", "Asia/Kabul"),
        "locale": ("A BCP 47 language tag.", "fa-AF"),
        "countryOfResidence": (COUNTRY, "AFG"),
        "nationality": (COUNTRY, "AFG"),
        "createdBy": (SENDER, "crm-sync"),
        "address": ("The postal address as one text.", "12 Flower Street, Kabul"),
    },
    "CustomerDid": {
        "did": (
            "A DID (DID Core 1.0, section 3.1), unique in the project.",
            "did:web:example.com:customers:1",
        ),
        "createdBy": (SENDER, "crm-sync"),
        "updatedBy": (SENDER, "crm-sync"),
    },
}


class Describes(Protocol):
    """What a resource says of its schemas: see `enrol.api.reference.resource.Resource`."""

    @property
    def types(self) -> tuple[type, ...]: ...
    @property
    def meanings(self) -> Mapping[str, Mapping[str, tuple[str, object]]]: ...
    @property
    def schemas(self) -> Callable[[Settings], Json]: ...


def component_schemas(settings: Settings, resources: Collection[Describes]) -> Json:
    """``components.schemas``, by name."""
    types = [one for resource in resources for one in resource.types]
    _, schemas = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    meanings = {**MEANINGS}
    for resource in resources:
        meanings |= resource.meanings
    for name, schema in schemas.items():
        _tidy(schema)
        for field, (description, example) in meanings.get(name, {}).items():
            schema["properties"][field] |= _annotation(description, example)
    _state_the_rules(schemas, settings)
    written = {**schemas, **_texts(settings), **_results(), **_problems(settings)}
    for resource in resources:
        written |= resource.schemas(settings)
    return written


def ref(name: str) -> Json:
    """A reference to a component."""
    return {"$ref": f"#/components/schemas/{name}"}


def array_of(name: str, **rules: int) -> Json:
    """An array of a component."""
    return {"type": "array", "items": ref(name), **rules}


def bytes_in_words(count: int) -> str:
    """A number of bytes, in MiB where it is a whole number of them."""
    return f"{count // MIB} MiB" if count % MIB == 0 else f"{count:,} bytes"


def _tidy(schema: Json) -> None:
    """Markdown for reStructuredText, and no empty list of required members."""
    del schema["title"]
    schema["description"] = schema["description"].replace("``", "`")
    if not schema["required"]:
        del schema["required"]


def _annotation(description: str, example: object) -> Json:
    annotation: Json = {}
    if description:
        annotation["description"] = description
    if example is not None:
        annotation["examples"] = [example]
    return annotation


def _state_the_rules(schemas: Mapping[str, Json], settings: Settings) -> None:
    batch, customer, wallet, claims, did = (
        schemas[name]["properties"]
        for name in ("Batch", "Customer", "CustomerWallet", "CustomerClaims", "CustomerDid")
    )
    for part in (wallet, claims, did):
        for field, schema in part.items():
            if {"type": "string"} in schema.get("anyOf", ()):
                part[field] = {**schema, "anyOf": [ref("Text"), {"type": "null"}]}
    batch["customerType"]["enum"] = list(CUSTOMER_TYPES)
    batch["customerData"]["maxItems"] = settings.max_items
    wallet["wallet"] |= _identifier(settings)
    wallet["blockchainNamespace"]["enum"] = list(NAMESPACES)
    did["did"] |= _identifier(settings)
    claims["sub"]["anyOf"][0] = {"type": "string", **_identifier(settings)}
    claims["pictureBase64"]["anyOf"][0] = ref("Picture")
    for country in ("countryOfResidence", "nationality"):
        claims[country]["anyOf"][0] = ref("Country")
    for name in ("FindingView", "FindingCount"):
        schemas[name]["properties"]["code"] = {
            "enum": list(FINDINGS),
            "description": "Stable: [what each means](/docs/problems#faults).",
        }
    schemas["Customer"]["anyOf"] = [_has_value(part) for part in customer]
    schemas["CustomerView"]["properties"]["metadata"] = {"type": "object"}
    for name in ("CustomerView", "WalletView", "DidView", "EmailView"):
        for field in ("createdAt", "updatedAt"):
            if field in schemas[name]["properties"]:
                schemas[name]["properties"][field]["format"] = "date-time"


def _identifier(settings: Settings) -> Json:
    return {"minLength": 1, "maxLength": settings.max_text_chars, "pattern": NO_NUL}


def _has_value(part: str) -> Json:
    """A customer whose part is there; of claims, one at least that is not null."""
    rule: Json = {"type": "object"}
    if part == "customerClaims":
        rule["not"] = {"additionalProperties": {"type": "null"}}
    return {"required": [part], "properties": {part: rule}}


def _texts(settings: Settings) -> Json:
    # The limit of pictures counts bytes once decoded, which no rule on the text can say.
    size = bytes_in_words(settings.max_picture_bytes)
    return {
        "Text": {
            "description": "Text without the NUL character and lone surrogates, kept as sent.",
            "type": "string",
            "maxLength": settings.max_text_chars,
            "pattern": NO_NUL,
        },
        "Picture": {
            "description": f"Base64, of at most {size} once decoded.",
            "type": "string",
            "pattern": NO_NUL,
        },
        "Country": {"description": COUNTRY, "enum": sorted(COUNTRIES)},
    }


def _object(description: str, properties: Json, optional: Iterable[str] = ()) -> Json:
    return {
        "description": description,
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
    }


def _results() -> Json:
    """One result an item, of a partial call or a dry run."""
    customer = {"type": "string", "format": "uuid", "description": "The customer's ID (UUIDv7)."}
    errors = {"type": "array", "minItems": 1, "items": ref("ItemError")}
    return {
        "Created": _object(
            "The customer is stored; a dry run, which stores none, gives no ID.",
            {"outcome": {"const": "created"}, "id": customer},
            optional=["id"],
        ),
        "Exists": _object(
            "The customer was stored before (`onConflict=return`) and was left as it is.",
            {"outcome": {"const": "exists"}, "id": customer},
        ),
        "Refused": _object(
            "The customer is not stored.", {"outcome": {"const": "refused"}, "errors": errors}
        ),
        "Result": {
            "description": "What became of one item of `customerData`.",
            "oneOf": [ref(name) for name in ("Created", "Exists", "Refused")],
        },
        "Taken": {
            "description": "What became of an item that was not refused.",
            "oneOf": [ref(name) for name in ("Created", "Exists")],
        },
        "ItemError": {
            "description": "Why an item is refused.",
            "allOf": [ref("Error"), {"properties": {"code": {"enum": list(ITEM_FAULTS)}}}],
        },
    }


def _problems(settings: Settings) -> Json:
    text = {"type": "string"}
    return {
        "Error": _object(
            "One fault, without the value that was sent.",
            {
                "pointer": {
                    **text,
                    "description": "JSON Pointer (RFC 6901) into the body; `/name` for a query "
                    "parameter; empty for the whole.",
                    "examples": ["/customerData/3/customerWallet/wallet"],
                },
                "code": {
                    "enum": [*QUERY_FAULTS, *BODY_FAULTS],
                    "description": "Stable: [what each means](/docs/problems#faults).",
                    "examples": ["wallet.checksum"],
                },
                "detail": {**text, "description": "A sentence for people."},
                "customerId": {
                    **text,
                    "format": "uuid",
                    "description": "The stored customer that a conflict is with.",
                },
            },
            optional=["customerId"],
        ),
        "Problem": _object(
            "A refusal: an RFC 9457 problem document.",
            {
                "type": {
                    **text,
                    "format": "uri-reference",
                    "description": "Where it is explained.",
                },
                "title": text,
                "status": {"type": "integer", "description": "The HTTP status code."},
                "code": {
                    **text,
                    "description": "Stable: [what each means](/docs/problems).",
                },
                "detail": {**text, "description": "A sentence for people."},
                "message": {**text, "description": "The same as `detail`."},
                "requestId": {**text, "description": "The same as the X-Request-Id header."},
                "errors": {
                    **array_of("Error", minItems=1, maxItems=settings.max_listed_errors),
                    "description": "Every fault at once: of `query.invalid`, `body.invalid`, "
                    "`batch.invalid` and `batch.conflict`.",
                },
                "errorCount": {
                    "type": "integer",
                    "minimum": 1,
                    "description": "How many faults there are, the list being capped.",
                },
            },
            optional=["errors", "errorCount"],
        ),
    }
