"""All unique keys of a stored customer: what it gives up when it goes, takes when it returns."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from enrol.customers.enrolment import DID, EXTERNAL, SUB, WALLET
from enrol.customers.plan import key_hash
from enrol.customers.profiles.fields import EXTERNAL_POINTER

# Where the customer, as it is answered, holds what is unique.
SUB_POINTER: Final = "/customerClaims/0/sub"

Row = Mapping[str, Any]


class Stored(Protocol):
    """A stored customer with its parts, each a mapping of column to value."""

    @property
    def customer(self) -> Row:
        """The row of the customer itself."""
        ...

    @property
    def wallets(self) -> Sequence[Row]:
        """Its wallets."""
        ...

    @property
    def dids(self) -> Sequence[Row]:
        """Its DIDs."""
        ...


class UniqueKey(NamedTuple):
    """A key with its kind (`enrolment.KINDS`); ``pointer`` leads to what it stands for, in the
    customer as it is answered."""

    hash: bytes
    kind: int
    pointer: str


def unique_keys(secret: bytes, project: int, record: Stored) -> list[UniqueKey]:
    """The keys of all wallets and DIDs, of the ``sub`` and of the host's own ID."""
    customer = record.customer
    found = [
        (WALLET, account_of(wallet), f"/customerWallets/{place}/wallet")
        for place, wallet in enumerate(record.wallets)
    ]
    found += [
        (DID, did["did"], f"/customerDids/{place}/did") for place, did in enumerate(record.dids)
    ]
    if customer["sub"] is not None:
        found.append((SUB, customer["sub"], SUB_POINTER))
    if customer["external_customer_id"] is not None:
        found.append((EXTERNAL, customer["external_customer_id"], EXTERNAL_POINTER))
    return [
        UniqueKey(key_hash(secret, project, kind, value), kind, pointer)
        for kind, value, pointer in found
    ]


def account_of(wallet: Row) -> str:
    """What is unique of a wallet: its namespace, and the address in its one spelling."""
    return f"{wallet['namespace']}:{wallet['canonical'] or wallet['address']}"
