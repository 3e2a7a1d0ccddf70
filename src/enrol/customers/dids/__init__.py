"""Decentralized identifiers: the syntax of all of them, and one module a DID method."""

from enrol.customers.dids.check import check_dids
from enrol.customers.dids.syntax import is_did

__all__ = ["check_dids", "is_did"]
