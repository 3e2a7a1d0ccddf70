"""Customers as the API answers them: the hosted API's shapes, with null for what is not known."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from uuid import UUID

from msgspec import Meta, Struct

from enrol.customers.formats.locales import canonical_locale
from enrol.customers.formats.names import nfc
from enrol.customers.formats.zones import canonical_zone
from enrol.customers.model import CLAIM_FIELDS, CustomerType
from enrol.customers.wallets.accounts import describe_account
from enrol.customers.wallets.forms import Network
from enrol.store.protocol import CustomerRecord

Timestamp = Annotated[str, Meta(description="RFC 3339, UTC, with milliseconds")]


class WalletView(Struct, frozen=True, kw_only=True, rename="camel"):
    """A wallet of a customer: ``wallet`` as it was sent, ``canonical`` its one spelling,
    ``chainId`` (CAIP-2) and ``accountId`` (CAIP-10) where its chain is known."""

    id: UUID
    customer_id: UUID
    wallet: str
    canonical: str
    network: Network | None
    chain_id: str | None
    account_id: str | None
    blockchain_namespace: str
    verified: bool
    created_at: Timestamp
    updated_at: Timestamp
    created_by: str | None
    updated_by: str | None = None


class DidView(Struct, frozen=True, kw_only=True, rename="camel"):
    """A DID of a customer."""

    id: UUID
    customer_id: UUID
    did: str
    created_at: Timestamp
    created_by: str | None
    updated_by: str | None


class CanonicalClaimsView(Struct, frozen=True, kw_only=True, rename="camel"):
    """Canonical forms, null where the claim has none or is in it already: names in Unicode's
    Normalization Form C, the locale as RFC 5646 section 4.5 writes it, the zone an alias is of."""

    name: str | None
    given_name: str | None
    family_name: str | None
    middle_name: str | None
    nickname: str | None
    zoneinfo: str | None
    locale: str | None


class ClaimsView(Struct, frozen=True, kw_only=True, rename="camel"):
    """The OpenID Connect claims of a customer, as they were sent."""

    sub: str | None
    name: str | None
    given_name: str | None
    family_name: str | None
    middle_name: str | None
    nickname: str | None
    preferred_username: str | None
    profile: str | None
    picture: str | None
    picture_base64: str | None
    website: str | None
    gender: str | None
    birthdate: str | None
    zoneinfo: str | None
    locale: str | None
    country_of_residence: str | None
    nationality: str | None
    created_by: str | None
    address: str | None
    canonical: CanonicalClaimsView


class EmailView(Struct, frozen=True, kw_only=True, rename="camel"):
    """An email address of a customer."""

    email: str


class FindingView(Struct, frozen=True, kw_only=True, rename="camel"):
    """What was noted when the customer was stored: a contradiction, say, or a value that a lenient
    project took although its format is not right."""

    pointer: str
    code: str


class CustomerView(Struct, frozen=True, kw_only=True, rename="camel"):
    """A customer with all its parts."""

    id: UUID
    cms_project_id: str
    type: CustomerType
    status: str = "No status"
    risk_score: str = "No risk"
    onboarding_level: str | None = None
    batch_id: UUID
    created_at: Timestamp
    customer_claims: list[ClaimsView]
    customer_emails: list[EmailView] = []
    customer_wallets: list[WalletView]
    customer_dids: list[DidView]
    findings: list[FindingView]


class CustomerPage(Struct, frozen=True, kw_only=True, rename="camel"):
    """A page of customers, newest first, and the count of all."""

    data: list[CustomerView]
    total_count: int


CANONICAL: Final[dict[str, Callable[[str], str | None]]] = {
    **dict.fromkeys(("name", "given_name", "family_name", "middle_name", "nickname"), nfc),
    "zoneinfo": canonical_zone,
    "locale": canonical_locale,
}


def customer_view(record: CustomerRecord, project_id: str) -> CustomerView:
    """A stored customer in the shape of the API."""
    row = record.customer
    return CustomerView(
        id=UUID(bytes=row["id"]),
        cms_project_id=project_id,
        type=row["type"],
        batch_id=UUID(bytes=row["batch_id"]),
        created_at=timestamp(row["created_at"]),
        customer_claims=_claims(row),
        customer_wallets=[_wallet(wallet) for wallet in record.wallets],
        customer_dids=[_did(did) for did in record.dids],
        findings=[FindingView(pointer=f["pointer"], code=f["code"]) for f in record.findings],
    )


def timestamp(milliseconds: int) -> str:
    """Unix milliseconds as RFC 3339."""
    at = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _claims(row: Mapping[str, Any]) -> list[ClaimsView]:
    claims = {field: row[field] for field in CLAIM_FIELDS if field != "created_by"}
    claims["created_by"] = row["claims_created_by"]
    if all(claim is None for claim in claims.values()):
        return []
    return [ClaimsView(**claims, canonical=_canonical(claims))]


def _canonical(claims: Mapping[str, str | None]) -> CanonicalClaimsView:
    forms = {
        field: None if (text := claims[field]) is None else canonical(text)
        for field, canonical in CANONICAL.items()
    }
    return CanonicalClaimsView(**forms)


def _wallet(row: Mapping[str, Any]) -> WalletView:
    account = describe_account(row["namespace"], row["address"])
    return WalletView(
        id=UUID(bytes=row["id"]),
        customer_id=UUID(bytes=row["customer_id"]),
        wallet=row["address"],
        canonical=row["canonical"] or row["address"],
        network=account and account.network,
        chain_id=account and account.chain_id,
        account_id=account and account.account_id,
        blockchain_namespace=row["namespace"],
        verified=bool(row["verified"]),
        created_at=timestamp(row["created_at"]),
        updated_at=timestamp(row["created_at"]),
        created_by=row["created_by"],
    )


def _did(row: Mapping[str, Any]) -> DidView:
    return DidView(
        id=UUID(bytes=row["id"]),
        customer_id=UUID(bytes=row["customer_id"]),
        did=row["did"],
        created_at=timestamp(row["created_at"]),
        created_by=row["created_by"],
        updated_by=row["updated_by"],
    )
