"""Wallet addresses: one module a family of address, and the registry of namespaces."""

from enrol.customers.wallets.forms import AddressCode, AddressError
from enrol.customers.wallets.registry import CHECKS, NAMESPACES, canonical_address

__all__ = ["CHECKS", "NAMESPACES", "AddressCode", "AddressError", "canonical_address"]
