"""A batch as columns: the checks and the plan work on whole columns, not customer by customer."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Final, NamedTuple, cast

from msgspec import UNSET

from enrol.customers.model import (
    CLAIM_FIELDS,
    Customer,
    CustomerClaims,
    CustomerDid,
    CustomerWallet,
    OptionalText,
)

Texts = Sequence[str | None]
_claims_of: Final = attrgetter(*CLAIM_FIELDS)
_no_claims: Final = CustomerClaims()


class Columns(NamedTuple):
    """The customers of one batch that decoded: every column has one entry a customer.

    ``items`` are their indexes in ``customerData``; ``claims`` is keyed by field name in the
    order of `CLAIM_FIELDS`.
    """

    items: Sequence[int]
    wallets: list[CustomerWallet | None]
    dids: list[CustomerDid | None]
    claims: dict[str, Texts]


def columns_of(customers: Sequence[Customer], items: Sequence[int]) -> Columns:
    """Turn customers into columns; absent and null are both None from here on."""
    claims = [customer.customer_claims or _no_claims for customer in customers]
    rows = list(map(_claims_of, claims))
    columns: list[Sequence[OptionalText]] = list(zip(*rows, strict=True))
    texts = [_present(column) for column in columns or [()] * len(CLAIM_FIELDS)]
    return Columns(
        items=items,
        wallets=[customer.customer_wallet or None for customer in customers],
        dids=[customer.customer_did or None for customer in customers],
        claims=dict(zip(CLAIM_FIELDS, texts, strict=True)),
    )


def _present(column: Sequence[OptionalText]) -> Texts:
    """The column with None for what is absent; as it is where nothing is."""
    if UNSET in column:
        return [None if text is UNSET else text for text in column]
    return cast(Texts, column)
