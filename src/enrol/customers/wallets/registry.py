"""The registry of blockchain namespaces: which check answers for which.

A chain joins with an entry in the ``CHECKS`` of its family's module; a new family also joins the
union below.
"""

from collections.abc import Mapping
from typing import Final

from enrol.customers.wallets import evm, shapes, tezos
from enrol.customers.wallets.forms import Check

CHECKS: Final[Mapping[str, Check]] = tezos.CHECKS | evm.CHECKS | shapes.CHECKS
"""Namespace (CAIP-2) to the function that gives an address's canonical form."""

# The order in which the API lists them: that of the interface Enrol is compatible with.
_LISTED_FIRST: Final = (
    "tezos",
    "eip155",
    "aptos",
    "polkadot",
    "starknet",
    "cosmos",
    "solana",
    "cardano",
    "bip122",
    "xrpl",
    "dash",
    "tron",
    "avax",
)

NAMESPACES: Final[tuple[str, ...]] = (
    *_LISTED_FIRST,
    *(namespace for namespace in CHECKS if namespace not in _LISTED_FIRST),
)


def canonical_address(namespace: str, address: str) -> str:
    """The canonical form of ``address``, by which two spellings of one account are found equal.

    Raises `KeyError` for a namespace that is not in `NAMESPACES`, and `AddressError`, with the
    fault's code and without the address, for a text that is no address of the namespace.
    """
    return CHECKS[namespace](address)
