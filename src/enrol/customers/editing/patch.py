"""What a merge patch of a customer may send, and what the customer is then (RFC 7396).

A stored customer is a row of column to value. Null takes a value away; what is not sent stays.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from enrol.customers.model import CLAIM_FIELDS, CLAIM_NAMES, CustomerClaims, OptionalText
from enrol.customers.profiles.fields import POINTERS, stored_tags, stored_value

# Its limit is one of bytes, once it is decoded: see `Limits`.
MOST_PICTURE_CHARS: Final = 2**31


class ClaimsPatch(CustomerClaims, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """OpenID Connect standard claims, each optional; null takes one away."""

    picture_base64: Annotated[str, Meta(max_length=MOST_PICTURE_CHARS)] | None | UnsetType = UNSET


class ContactPatch(Struct, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """How a customer is reached, but for the emails, which have routes of their own."""

    phone: OptionalText = UNSET
    twitter: OptionalText = UNSET
    discord: OptionalText = UNSET
    telegram: OptionalText = UNSET


class CustomerPatch(Struct, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """The body of ``PATCH /customers/{id}``."""

    type: OptionalText = UNSET
    status: OptionalText = UNSET
    reason: OptionalText = UNSET
    risk_score: OptionalText = UNSET
    onboarding_level: OptionalText = UNSET
    external_customer_id: OptionalText = UNSET
    tags: list[str] | None | UnsetType = UNSET
    metadata: dict[str, Any] | None | UnsetType = UNSET
    customer_contact: ContactPatch | None | UnsetType = UNSET
    customer_claims: ClaimsPatch | None | UnsetType = UNSET


class Field(NamedTuple):
    """A field of a customer: the column that holds it, and its pointer in the body."""

    column: str
    pointer: str

    @property
    def name(self) -> str:
        """As an event names it."""
        return self.pointer[1:].replace("/", ".")


CLAIMS_POINTER: Final = "/customerClaims"
CLAIM_COLUMNS: Final = {
    field: "claims_created_by" if field == "created_by" else field for field in CLAIM_FIELDS
}
_OWN: Final = {name: Field(name, pointer) for name, pointer in POINTERS.items() if name != "email"}
_PLAIN: Final = {"type": Field("type", "/type"), "reason": Field("reason", "/reason")} | {
    name: _OWN[name]
    for name in ("status", "risk_score", "onboarding_level", "external_customer_id")
}
_CONTACT: Final = {name: _OWN[name] for name in ContactPatch.__struct_fields__}
_CLAIMS: Final = {
    field: Field(CLAIM_COLUMNS[field], f"{CLAIMS_POINTER}/{name}")
    for field, name in zip(CLAIM_FIELDS, CLAIM_NAMES, strict=True)
}
FIELDS: Final = {field.column: field for part in (_PLAIN, _OWN, _CLAIMS) for field in part.values()}
_MEMBERS: Final = msgspec.json.Decoder(dict[str, Raw])
_encode: Final = msgspec.json.Encoder().encode


def changes_of(row: Mapping[str, Any], patch: CustomerPatch) -> dict[str, Any]:
    """The columns that the patch makes another, with their new values.

    A new status has the reason that comes with it, or none.
    """
    sent = dict(_sent(row, patch))
    changes = {column: value for column, value in sent.items() if value != row[column]}
    if "status" in changes and "reason" not in sent and row["reason"] is not None:
        changes["reason"] = None
    return changes


def _sent(row: Mapping[str, Any], patch: CustomerPatch) -> Iterator[tuple[str, Any]]:
    for column, value in _members(patch, _PLAIN):
        # The hosted API takes null here too, and there is no customer without a type.
        if column != "type" or value is not None:
            yield column, stored_value(column, value)
    if patch.tags is not UNSET:
        yield "tags", _tags(row["tags"], patch.tags)
    if patch.metadata is not UNSET:
        yield "metadata", _metadata(row["metadata"], patch.metadata)
    yield from _members(patch.customer_contact, _CONTACT)
    yield from _members(patch.customer_claims, _CLAIMS)


def _members(
    part: Struct | None | UnsetType, fields: Mapping[str, Field]
) -> Iterator[tuple[str, Any]]:
    if part is UNSET:
        return
    for name, field in fields.items():
        value = None if part is None else getattr(part, name)
        if value is not UNSET:
            yield field.column, value


def _tags(stored: str | None, sent: list[str] | None) -> str | None:
    if stored is not None and msgspec.json.decode(stored) == sent:
        return stored
    return stored_tags(sent)


def _metadata(stored: str | None, sent: Mapping[str, Any] | None) -> str | None:
    """The members that are there, as they were written, with those that were sent."""
    if sent is None:
        return None
    before = {} if stored is None else _MEMBERS.decode(stored)
    members: dict[str, Any] = dict(before)
    for name, value in sent.items():
        if value is None:
            members.pop(name, None)
        elif name not in before or not _is(before[name], value):
            members[name] = value
    if members == before:
        return stored
    return _encode(members).decode() if members else None


def _is(written: Raw, value: object) -> bool:
    """Whether a member has this value already. 1, 1.0 and true are three."""
    return _encode(msgspec.json.decode(written)) == _encode(value)
