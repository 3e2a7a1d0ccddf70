"""The JSON Schemas of the OpenAPI document: those of the wire types, with what types cannot say.

msgspec writes the shapes; the limits of this server, the closed lists and the words for readers
are laid over them. Only what every project enforces is stated as a rule: the formats that a
lenient project lets pass stand in the descriptions.
"""

from collections.abc import Callable, Collection, Mapping
from itertools import chain
from typing import Any, Final, Protocol

import msgspec

from enrol.customers.countries import COUNTRIES
from enrol.customers.faults import FAULTS
from enrol.customers.lifecycle.statuses import STATUSES
from enrol.customers.model import CUSTOMER_TYPES
from enrol.customers.profiles.check import LONGEST_TAG, MOST_TAGS
from enrol.customers.profiles.fields import ONBOARDING_LEVELS, RISK_SCORES
from enrol.customers.profiles.metadata import LONGEST_NAME, LONGEST_VALUE, MOST_MEMBERS
from enrol.customers.wallets.registry import NAMESPACES
from enrol.settings import MIB, Settings

Json = dict[str, Any]

# What `tags.text` refuses.
NO_CONTROL: Final = r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$"
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
    *("field.value", "status.cannot_follow", "email.twice", "merge.", "webhook."),
)
BATCH_FAULTS: Final = tuple(code for code in BODY_FAULTS if not code.startswith(_OTHER_BODIES))
# What a customer's values are refused for, wherever they are sent.
VALUE_FAULTS: Final = tuple(
    code for code in BATCH_FAULTS if not code.startswith(("field.", "text.", "duplicate."))
)
FINDINGS: Final = tuple(code for code, kind in FAULTS.items() if kind.in_lenient == "finding")
UNIQUE_FAULTS: Final = tuple(
    code for code in FAULTS if code.startswith(("duplicate.", "conflict."))
)
MERGE_FAULTS: Final = tuple(code for code in FAULTS if code.startswith("merge."))
TAKEN_FAULTS: Final = tuple(code for code in FAULTS if code.startswith("conflict."))
# The type is the whole call's, so no single item is refused for it.
ITEM_FAULTS: Final = tuple(code for code in BATCH_FAULTS if code != "customer_type.unknown")

# Each of these is enough to be a customer.
IDENTIFYING: Final = (
    *("customerWallet", "customerClaims", "customerDid", "customerContact", "externalCustomerId"),
)
URL: Final = "An absolute http or https URL without a user name or password."
SENDER: Final = "Who or what wrote this, in your words."
HANDLE: Final = "A name of 1 to 128 characters, none a control character."
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
    "Customer": {
        "externalCustomerId": (
            "Your own key for the customer, unique in the project: at most 255 characters.",
            "crm-000001",
        ),
        "status": ("`No status` is the same as null.", "Active"),
        "riskScore": ("`No risk` is the same as null.", "Low"),
        "onboardingLevel": (
            "; ".join(
                f"{customer_type}: {', '.join(f'`{level}`' for level in levels)}"
                for customer_type, levels in ONBOARDING_LEVELS.items()
            ),
            "KYC",
        ),
        "tags": ("At most 32 words of yours, none twice.", ["vip", "eu"]),
        "metadata": (
            "A flat object of yours, of at most 16 KiB, kept byte for byte. No name may stand "
            "twice, and a double must hold each number.",
            {"segment": "gold", "visits": 3},
        ),
    },
    "CustomerContact": {
        "email": (
            "An email address as HTML's `<input type=email>` takes it, or in other scripts.",
            "amina@example.com",
        ),
        "phone": ("A phone number in E.164: `+`, country code, number.", "+93701234567"),
        "twitter": (HANDLE, "amina"),
        "discord": (HANDLE, "amina#0042"),
        "telegram": (HANDLE, "@amina"),
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


# The free texts of the small bodies, which may be null.
_TEXTS: Final = {
    "CustomerPatch": ("reason",),
    "Reason": ("reason",),
    "NewEmail": ("createdBy",),
    "WalletPatch": ("updatedBy",),
    "DidPatch": ("updatedBy",),
}
_AROUND: Final = ("customerType", "cmsProjectId")
_NESTED: Final = {"customerContact", "customerClaims"}


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
    written = {**schemas, **_texts(settings)}
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
    batch, wallet, claims, did, contact = (
        schemas[name]["properties"]
        for name in ("Batch", "CustomerWallet", "CustomerClaims", "CustomerDid", "CustomerContact")
    )
    for part in (wallet, claims, did, contact):
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
    schemas["Customer"]["anyOf"] = [*map(_has_value, IDENTIFYING)]
    _state_the_profile(schemas["Customer"]["properties"], settings)
    _state_one_customer(schemas, settings)
    schemas["CustomerView"]["properties"]["metadata"] = {"type": "object"}
    for name in ("CustomerView", "WalletView", "DidView", "EmailView"):
        for field in ("createdAt", "updatedAt"):
            if field in schemas[name]["properties"]:
                schemas[name]["properties"][field]["format"] = "date-time"


def _state_one_customer(schemas: Mapping[str, Json], settings: Settings) -> None:
    """One customer is created and changed by what a batch has of each."""
    customer, contact = schemas["Customer"], schemas["CustomerContact"]["properties"]
    one, patch = (schemas[name]["properties"] for name in ("OneCustomer", "CustomerPatch"))
    around = schemas["Batch"]["properties"]
    one |= {**customer["properties"], **{name: around[name] for name in _AROUND}}
    schemas["OneCustomer"]["anyOf"] = customer["anyOf"]
    for name in customer["properties"].keys() & patch.keys() - _NESTED:
        patch[name] = customer["properties"][name]
    patch["metadata"] = patch["metadata"] | _members(min(LONGEST_VALUE, settings.max_text_chars))
    patch["tags"] = patch["tags"] | _tags(min(LONGEST_TAG, settings.max_text_chars))
    patch["type"] = {"anyOf": [around["customerType"], {"type": "null"}]}
    patched = schemas["ContactPatch"]["properties"]
    patched |= {name: contact[name] for name in patched}
    for name in ("NewEmail", "EmailPatch"):
        schemas[name]["properties"]["email"] |= _identifier(settings)
    for name, fields in _TEXTS.items():
        for field in fields:
            schemas[name]["properties"][field]["anyOf"][0] = ref("Text")


def _state_the_profile(customer: Json, settings: Settings) -> None:
    words = {
        "status": STATUSES,
        "riskScore": RISK_SCORES,
        "onboardingLevel": dict.fromkeys(chain(*ONBOARDING_LEVELS.values())),
    }
    for field, known in words.items():
        customer[field]["anyOf"][0] = {"enum": list(known)}
    customer["externalCustomerId"]["anyOf"][0] = {"type": "string", **_identifier(settings)}
    customer["tags"] |= _tags(LONGEST_TAG)
    customer["metadata"] |= _members(LONGEST_VALUE)


def _tags(longest: int) -> Json:
    """Tags, which have so many characters at most."""
    tag = {"type": "string", "minLength": 1, "maxLength": longest, "pattern": NO_CONTROL}
    tags = {"type": "array", "items": tag, "maxItems": MOST_TAGS, "uniqueItems": True}
    return {"anyOf": [tags, {"type": "null"}]}


def _members(longest: int) -> Json:
    """The metadata, whose texts have so many characters at most."""
    text = {"type": "string", "maxLength": longest, "pattern": NO_NUL}
    scalars = [text, {"type": "number"}, {"type": "boolean"}, {"type": "null"}]
    members = {
        "type": "object",
        "maxProperties": MOST_MEMBERS,
        "propertyNames": {"minLength": 1, "maxLength": LONGEST_NAME, "pattern": NO_NUL},
        "additionalProperties": {"anyOf": scalars},
    }
    return {"anyOf": [members, {"type": "null"}]}


def _identifier(settings: Settings) -> Json:
    return {"minLength": 1, "maxLength": settings.max_text_chars, "pattern": NO_NUL}


def _has_value(part: str) -> Json:
    """A customer whose part is there; of claims and contacts, one at least that is not null."""
    rule: Json = {"type": "string" if part == "externalCustomerId" else "object"}
    if part in ("customerClaims", "customerContact"):
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
