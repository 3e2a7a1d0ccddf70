"""The published addresses that the wallet tests run on; their sources: tests/vectors/NOTICE.md."""

from typing import Literal, NotRequired, TypedDict, cast

from enrol.customers.wallets.forms import AddressFinding
from enrol.customers.wallets.registry import CHECKS
from tests.customers.vectors import rows


class Vector(TypedDict):
    address: str
    expect: Literal["valid", "invalid", "policy"]
    form: NotRequired[str]
    network: NotRequired[str]
    note: NotRequired[str]
    src: list[str]


def vectors(namespace: str, *expected: str) -> list[Vector]:
    """The rows of a namespace whose ``expect`` is one of ``expected``."""
    found = cast(list[Vector], rows(f"wallets/{namespace}"))
    return [row for row in found if row["expect"] in expected]


def addresses(namespace: str, *expected: str) -> list[str]:
    return [row["address"] for row in vectors(namespace, *expected)]


def canonical(namespace: str, address: str) -> str:
    """The canonical form by the namespace's own check, with or without a finding."""
    try:
        return CHECKS[namespace](address)
    except AddressFinding as finding:
        return finding.canonical
