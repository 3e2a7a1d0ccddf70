"""The fields of a profile: where each stands in an item, what it may say, and how it is stored.

docs/customers.md has the limits and the words.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from enrol.customers.lifecycle.statuses import NO_STATUS

NO_RISK: Final = "No risk"
RISK_SCORES: Final = ("Low", "Medium", "High", NO_RISK)
# The vendor's spelling.
ONBOARDING_LEVELS: Final[dict[str, tuple[str, ...]]] = {
    "Individual": ("Started", "Sign-up", "AML screening", "KYC", "Questionaire", "Onboarded"),
    "Company": ("Onboarding", "KYB", "Onboarded"),
}

EXTERNAL_POINTER: Final = "/externalCustomerId"
EMAIL_POINTER: Final = "/customerContact/email"
POINTERS: Final[dict[str, str]] = {
    "external_customer_id": EXTERNAL_POINTER,
    "status": "/status",
    "risk_score": "/riskScore",
    "onboarding_level": "/onboardingLevel",
    "email": EMAIL_POINTER,
    "phone": "/customerContact/phone",
    "twitter": "/customerContact/twitter",
    "discord": "/customerContact/discord",
    "telegram": "/customerContact/telegram",
    "tags": "/tags",
    "metadata": "/metadata",
}
PROFILE_FIELDS: Final = tuple(POINTERS)
"""The columns of a profile. Texts or None, but for the tags, which are lists of texts."""
IDENTIFYING_FIELDS: Final = (
    *("external_customer_id", "email", "phone", "twitter", "discord", "telegram"),
)
"""Each of these is enough to be a customer."""

# As `store/columns.py` has them. An email address has a table of its own, for there may be more.
STORED_FIELDS: Final = (
    *("status", "risk_score", "onboarding_level", "external_customer_id"),
    *("phone", "twitter", "discord", "telegram", "tags", "metadata"),
)
_NOTHING: Final = {"status": NO_STATUS, "risk_score": NO_RISK}
_encode: Final = msgspec.json.Encoder().encode


def stored_tags(tags: Sequence[str] | None) -> str | None:
    """Tags as they are stored: a JSON array, None where there is none."""
    return _encode(tags).decode() if tags else None


def stored_value(field: str, value: Any) -> Any:
    """The value of one of `STORED_FIELDS` as it is stored."""
    if field == "tags":
        return stored_tags(value)
    return None if value == _NOTHING.get(field) else value


def stored_columns(profile: Mapping[str, Sequence[Any]]) -> list[Sequence[Any]]:
    """The columns of `STORED_FIELDS` as they are stored."""
    return [_stored(field, profile[field]) for field in STORED_FIELDS]


def _stored(field: str, column: Sequence[Any]) -> Sequence[Any]:
    if field == "tags":
        return list(map(stored_tags, column))
    nothing = _NOTHING.get(field)
    if nothing is not None and nothing in column:
        return [None if value == nothing else value for value in column]
    return column
