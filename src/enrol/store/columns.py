"""The columns of a customer and of its parts, for who cannot wait for SQLAlchemy to be loaded.

They are those of schema.py, which a test holds.
"""

from typing import Final

from enrol.customers.model import CLAIM_FIELDS

# Who created the claims, not the customer.
CLAIM_COLUMNS: Final = tuple(
    "claims_created_by" if field == "created_by" else field for field in CLAIM_FIELDS
)
PROFILE_COLUMNS: Final = (
    *("status", "risk_score", "onboarding_level", "external_customer_id"),
    *("phone", "twitter", "discord", "telegram", "tags", "metadata"),
)
PART_COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "customers": (
        *("project", "id", "batch_id", "type", "created_at", *CLAIM_COLUMNS, *PROFILE_COLUMNS),
        *("reason", "updated_at", "version", "deleted_at", "deleted_by", "merged_into"),
        "erased_at",
    ),
    "wallets": (
        *("project", "customer_id", "id", "namespace", "address", "canonical", "verified"),
        *("created_by", "created_at", "updated_at", "updated_by"),
    ),
    "dids": (
        *("project", "customer_id", "id", "did", "created_by", "updated_by", "created_at"),
        "updated_at",
    ),
    "emails": (
        *("project", "customer_id", "id", "email", "verified", "created_by", "created_at"),
        *("updated_at", "updated_by"),
    ),
    "findings": ("project", "customer_id", "pointer", "code"),
}
