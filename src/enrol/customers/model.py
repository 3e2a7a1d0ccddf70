"""The customers of a batch as they are sent: the wire types of ``POST /customers/batch``.

Claims are OpenID Connect Core 1.0 section 5.1 in camel case; namespaces are those of CAIP-2.
Absent is `UNSET` and null is ``None``: both mean "no value", but only a decode that tells them
apart can count the members of the body, which is how duplicate keys are seen (`decode`).
"""

from typing import Final, Literal, get_args

from msgspec import UNSET, Raw, Struct, UnsetType

CustomerType = Literal["Individual", "Company"]
CUSTOMER_TYPES: Final[tuple[str, ...]] = get_args(CustomerType)

OptionalText = str | None | UnsetType


class CustomerWallet(Struct, forbid_unknown_fields=True, kw_only=True, gc=False, rename="camel"):
    """A blockchain account of the customer."""

    wallet: str
    blockchain_namespace: str
    verified: bool | None | UnsetType = UNSET
    created_by: OptionalText = UNSET


class CustomerClaims(Struct, forbid_unknown_fields=True, kw_only=True, gc=False, rename="camel"):
    """OpenID Connect standard claims, each optional."""

    sub: OptionalText = UNSET
    name: OptionalText = UNSET
    given_name: OptionalText = UNSET
    family_name: OptionalText = UNSET
    middle_name: OptionalText = UNSET
    nickname: OptionalText = UNSET
    preferred_username: OptionalText = UNSET
    profile: OptionalText = UNSET
    picture: OptionalText = UNSET
    picture_base64: OptionalText = UNSET
    website: OptionalText = UNSET
    gender: OptionalText = UNSET
    birthdate: OptionalText = UNSET
    zoneinfo: OptionalText = UNSET
    locale: OptionalText = UNSET
    country_of_residence: OptionalText = UNSET
    nationality: OptionalText = UNSET
    created_by: OptionalText = UNSET
    address: OptionalText = UNSET


class CustomerDid(Struct, forbid_unknown_fields=True, kw_only=True, gc=False, rename="camel"):
    """A decentralized identifier of the customer (DID Core 1.0)."""

    did: str
    created_by: OptionalText = UNSET
    updated_by: OptionalText = UNSET


class CustomerContact(Struct, forbid_unknown_fields=True, kw_only=True, gc=False, rename="camel"):
    """How a customer is reached, each way optional; ``phone`` in E.164."""

    email: OptionalText = UNSET
    phone: OptionalText = UNSET
    twitter: OptionalText = UNSET
    discord: OptionalText = UNSET
    telegram: OptionalText = UNSET


class Customer(Struct, forbid_unknown_fields=True, kw_only=True, gc=False, rename="camel"):
    """One item of ``customerData``. Something in it says who the customer is: a wallet, a claim, a
    DID, a way to reach it, or ``externalCustomerId``.

    ``metadata`` is the JSON text of an object, which is kept as it is.
    """

    customer_wallet: CustomerWallet | None | UnsetType = UNSET
    customer_claims: CustomerClaims | None | UnsetType = UNSET
    customer_did: CustomerDid | None | UnsetType = UNSET
    external_customer_id: OptionalText = UNSET
    status: OptionalText = UNSET
    risk_score: OptionalText = UNSET
    onboarding_level: OptionalText = UNSET
    customer_contact: CustomerContact | None | UnsetType = UNSET
    tags: list[str] | None | UnsetType = UNSET
    metadata: Raw | UnsetType = UNSET


class OneCustomer(Customer, forbid_unknown_fields=True, kw_only=True, gc=False, rename="camel"):
    """The body of ``POST /customers``."""

    customer_type: str
    cms_project_id: str


class Batch(Struct, forbid_unknown_fields=True, kw_only=True, gc=False, rename="camel"):
    """The body of ``POST /customers/batch``."""

    customer_type: str
    customer_data: list[Customer]
    cms_project_id: str


class Limits(Struct, frozen=True, kw_only=True):
    """The limits of a batch: items, characters a text, bytes a decoded picture, JSON levels."""

    items: int = 10_000
    text_chars: int = 4_096
    picture_bytes: int = 1024 * 1024
    json_depth: int = 16


CLAIM_FIELDS: Final[tuple[str, ...]] = CustomerClaims.__struct_fields__
CLAIM_NAMES: Final[tuple[str, ...]] = CustomerClaims.__struct_encode_fields__
CONTACT_FIELDS: Final[tuple[str, ...]] = CustomerContact.__struct_fields__
