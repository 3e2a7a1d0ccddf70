"""Customers as the API answers them: the hosted API's shapes, with null for what is not known."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from operator import itemgetter
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from enrol.customers.editing.notes import shown_pointers
from enrol.customers.formats.locales import canonical_locale
from enrol.customers.formats.names import nfc
from enrol.customers.formats.zones import canonical_zone
from enrol.customers.model import CLAIM_FIELDS, CustomerType
from enrol.customers.wallets.accounts import describe_account
from enrol.customers.wallets.forms import Network
from enrol.store.columns import CLAIM_COLUMNS
from enrol.store.protocol import CustomerRecord

Timestamp = Annotated[str, Meta(description="RFC 3339, UTC, with milliseconds")]


# A page has thousands of them, which the garbage collector need not go through: none is in a cycle.
class _View(Struct, frozen=True, gc=False):
    pass


class WalletView(_View, frozen=True, kw_only=True, rename="camel"):
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
    updated_by: str | None


class DidView(_View, frozen=True, kw_only=True, rename="camel"):
    """A DID of a customer."""

    id: UUID
    customer_id: UUID
    did: str
    created_at: Timestamp
    updated_at: Timestamp
    created_by: str | None
    updated_by: str | None


class CanonicalClaimsView(_View, frozen=True, kw_only=True, rename="camel"):
    """Canonical forms, null where the claim has none or is in it already: names in Unicode's
    Normalization Form C, the locale as RFC 5646 section 4.5 writes it, the zone an alias is of."""

    name: str | None
    given_name: str | None
    family_name: str | None
    middle_name: str | None
    nickname: str | None
    zoneinfo: str | None
    locale: str | None


class ClaimsView(_View, frozen=True, rename="camel"):
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


class EmailView(_View, frozen=True, kw_only=True, rename="camel"):
    """An email address of a customer."""

    id: UUID
    customer_id: UUID
    email: str
    verified: bool
    created_at: Timestamp
    updated_at: Timestamp
    created_by: str | None
    updated_by: str | None


class ContactView(_View, frozen=True, kw_only=True, rename="camel"):
    """How else a customer is reached; ``phone`` in E.164."""

    phone: str | None
    twitter: str | None
    discord: str | None
    telegram: str | None


class FindingView(_View, frozen=True, kw_only=True, rename="camel"):
    """What was noted when the customer was stored: a contradiction, say, or a value that a lenient
    project took although its format is not right."""

    pointer: str
    code: str


class CustomerView(_View, frozen=True, kw_only=True, rename="camel"):
    """A customer with all its parts. ``deletedAt`` and ``mergedInto`` are set on one that lists and
    lookups leave out."""

    id: UUID
    cms_project_id: str
    external_customer_id: str | None
    type: CustomerType
    status: str
    reason: str | None
    risk_score: str
    onboarding_level: str | None
    batch_id: UUID
    created_at: Timestamp
    updated_at: Timestamp
    deleted_at: Timestamp | None
    deleted_by: str | None
    merged_into: UUID | None
    tags: list[str]
    metadata: Raw
    customer_contact: ContactView
    customer_claims: list[ClaimsView]
    customer_emails: list[EmailView]
    customer_wallets: list[WalletView]
    customer_dids: list[DidView]
    findings: list[FindingView]


class CustomerPage(Struct, frozen=True, kw_only=True, rename="camel"):
    """A page of customers, and the count of all that match: null where it was not asked for.
    ``totalCountEstimated`` stands beside a count that changes just made may not be in."""

    data: list[CustomerView]
    total_count: int | None
    total_count_estimated: bool | UnsetType = UNSET


EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
NO_STATUS: Final = "No status"
NO_RISK: Final = "No risk"
NO_METADATA: Final = Raw(b"{}")
decode_tags: Final = msgspec.json.Decoder(list[str]).decode
CANONICAL: Final[dict[str, Callable[[str], str | None]]] = {
    **dict.fromkeys(("name", "given_name", "family_name", "middle_name", "nickname"), nfc),
    "zoneinfo": canonical_zone,
    "locale": canonical_locale,
}
NO_FORMS: Final = dict.fromkeys(CANONICAL)
ALL_CANONICAL: Final = CanonicalClaimsView(**NO_FORMS)
_claims: Final = itemgetter(*CLAIM_COLUMNS)
NO_CLAIMS: Final = (None,) * len(CLAIM_COLUMNS)
assert ClaimsView.__struct_fields__ == (*CLAIM_FIELDS, "canonical")


def customer_view(record: CustomerRecord, project_id: str) -> CustomerView:
    """A stored customer in the shape of the API."""
    row = record.customer
    merged_into = row["merged_into"]
    return CustomerView(
        id=_uuid(row["id"]),
        cms_project_id=project_id,
        external_customer_id=row["external_customer_id"],
        type=row["type"],
        status=row["status"] or NO_STATUS,
        reason=row["reason"],
        risk_score=row["risk_score"] or NO_RISK,
        onboarding_level=row["onboarding_level"],
        batch_id=_uuid(row["batch_id"]),
        created_at=timestamp(row["created_at"]),
        updated_at=_updated_at(row),
        deleted_at=None if row["deleted_at"] is None else timestamp(row["deleted_at"]),
        deleted_by=row["deleted_by"],
        merged_into=None if merged_into is None else _uuid(merged_into),
        tags=[] if row["tags"] is None else decode_tags(row["tags"]),
        metadata=NO_METADATA if row["metadata"] is None else Raw(row["metadata"]),
        customer_contact=ContactView(
            phone=row["phone"],
            twitter=row["twitter"],
            discord=row["discord"],
            telegram=row["telegram"],
        ),
        customer_claims=_claims_views(row),
        customer_emails=[email_view(email) for email in record.emails],
        customer_wallets=[wallet_view(wallet) for wallet in record.wallets],
        customer_dids=[did_view(did) for did in record.dids],
        findings=_findings(record),
    )


def _findings(record: CustomerRecord) -> list[FindingView]:
    if not record.findings:
        return []
    shown = shown_pointers(record)
    return [
        FindingView(pointer=shown.get(each["pointer"], each["pointer"]), code=each["code"])
        for each in record.findings
    ]


def entity_tag(record: CustomerRecord) -> str:
    """The strong entity tag of a customer as it is now (RFC 9110 section 8.8.3)."""
    return f'"{record.customer["version"]}"'


# Each part of a customer names it, and each customer its batch.
@lru_cache(maxsize=4_096)
def _uuid(value: bytes) -> UUID:
    return UUID(bytes=value)


# Those of a batch have a time in common, and each is told of every part of a customer.
@lru_cache(maxsize=4_096)
def timestamp(milliseconds: int) -> str:
    """Unix milliseconds as RFC 3339."""
    # In whole numbers: a float would round the last moment of a year into the next.
    at = EPOCH + timedelta(milliseconds=milliseconds)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def claims_view(row: Mapping[str, Any]) -> ClaimsView:
    """The claims of a stored customer in the shape of the API."""
    values: Any = (*_claims(row), _canonical(row))
    return ClaimsView(*values)


def _claims_views(row: Mapping[str, Any]) -> list[ClaimsView]:
    return [] if _claims(row) == NO_CLAIMS else [claims_view(row)]


def _canonical(row: Mapping[str, Any]) -> CanonicalClaimsView:
    forms = {
        field: form
        for field, canonical in CANONICAL.items()
        if (text := row[field]) is not None and (form := canonical(text)) is not None
    }
    return CanonicalClaimsView(**(NO_FORMS | forms)) if forms else ALL_CANONICAL


def wallet_view(row: Mapping[str, Any]) -> WalletView:
    """A stored wallet in the shape of the API."""
    account = describe_account(row["namespace"], row["address"])
    return WalletView(
        id=_uuid(row["id"]),
        customer_id=_uuid(row["customer_id"]),
        wallet=row["address"],
        canonical=row["canonical"] or row["address"],
        network=account and account.network,
        chain_id=account and account.chain_id,
        account_id=account and account.account_id,
        blockchain_namespace=row["namespace"],
        verified=bool(row["verified"]),
        created_at=timestamp(row["created_at"]),
        updated_at=_updated_at(row),
        created_by=row["created_by"],
        updated_by=row["updated_by"],
    )


def did_view(row: Mapping[str, Any]) -> DidView:
    """A stored DID in the shape of the API."""
    return DidView(
        id=_uuid(row["id"]),
        customer_id=_uuid(row["customer_id"]),
        did=row["did"],
        created_at=timestamp(row["created_at"]),
        updated_at=_updated_at(row),
        created_by=row["created_by"],
        updated_by=row["updated_by"],
    )


def email_view(row: Mapping[str, Any]) -> EmailView:
    """A stored email address in the shape of the API."""
    return EmailView(
        id=_uuid(row["id"]),
        customer_id=_uuid(row["customer_id"]),
        email=row["email"],
        verified=bool(row["verified"]),
        created_at=timestamp(row["created_at"]),
        updated_at=_updated_at(row),
        created_by=row["created_by"],
        updated_by=row["updated_by"],
    )


def _updated_at(row: Mapping[str, Any]) -> str:
    at = row["updated_at"]
    return timestamp(row["created_at"] if at is None else at)
