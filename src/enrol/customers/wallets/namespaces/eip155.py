"""Addresses of the Ethereum family (eip155), the same on all of its chains."""

from typing import Final

from enrol.customers.wallets.codecs import eip55
from enrol.customers.wallets.forms import Check, Description

CAIP_NAMESPACES: Final = frozenset({"eip155"})

canonical: Final[Check] = eip55.canonical


def describe(address: str) -> Description:
    """The spelling of EIP-55, which the CAIP-10 profile of eip155 wants; no chain is known."""
    return Description(eip55.checksummed(address))
