"""Customers as they are sent: each new one shares nothing with any other."""

from typing import Any
from uuid import uuid4

PNG = "iVBORw0KGgo="  # the eight bytes that every PNG begins with

# One account as EIP-55, its checksum, writes it.
CHECKSUMMED = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
TEZOS = "tz1VSUr8wwNhLAzempoch5d6hLRiTh8Cjcjb"


def wallet(address: str | None = None, namespace: str = "eip155", **fields: Any) -> dict[str, Any]:
    """The part ``customerWallet``: a new account unless one is named."""
    account = f"0x{uuid4().hex}{uuid4().hex[:8]}" if address is None else address
    return {"wallet": account, "blockchainNamespace": namespace, **fields}


def claims(**fields: Any) -> dict[str, Any]:
    """The part ``customerClaims`` with a new ``sub``."""
    return {"sub": f"sub-{uuid4()}", **fields}


def did(identifier: str | None = None, **fields: Any) -> dict[str, Any]:
    """The part ``customerDid``: a new DID unless one is named."""
    return {"did": f"did:example:{uuid4()}" if identifier is None else identifier, **fields}


def customer(**fields: Any) -> dict[str, Any]:
    """A customer with all three parts; ``fields`` are claims."""
    return {"customerWallet": wallet(), "customerClaims": claims(**fields), "customerDid": did()}


def with_wallet(address: str | None = None, namespace: str = "eip155") -> dict[str, Any]:
    """A customer of a wallet alone."""
    return {"customerWallet": wallet(address, namespace)}


def with_claims(**fields: Any) -> dict[str, Any]:
    """A customer of claims alone, of which none need be unique."""
    return {"customerClaims": fields}


def with_did(identifier: str | None = None) -> dict[str, Any]:
    """A customer of a DID alone."""
    return {"customerDid": did(identifier)}
