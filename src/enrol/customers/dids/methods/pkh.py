"""did:pkh (W3C CCG, did:pkh Method Specification): an account on a blockchain, as CAIP-10."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Final, NamedTuple
from urllib.parse import unquote

from enrol.customers.dids.codes import SECRET
from enrol.customers.wallets.accounts import can_be_on_chain, canonical_address
from enrol.customers.wallets.forms import AddressError, AddressFinding
from enrol.customers.wallets.registry import CHECKS, NAMESPACES, namespace

FAULT: Final = "did.pkh"

# The method's appendix "Legacy Support": aliases from before CAIP-10, in credentials still about.
_LEGACY: Final = {
    "btc": "bip122",
    "celo": "eip155",
    "doge": "bip122",
    "eth": "eip155",
    "poly": "eip155",
    "sol": "solana",
    "tz": "tezos",
}
_ALIASES: Final = "|".join(_LEGACY)
_ALIAS: Final = re.compile(f"did:pkh:({_ALIASES}):([a-zA-Z0-9]{{1,128}})")

# CAIP-2 and CAIP-10, "Syntax"; what is half legacy ("eth:1:0x...") is of no namespace.
_CHAIN_ID: Final = f"(?!(?:{_ALIASES}):)([-a-z0-9]{{3,8}}):([-_a-zA-Z0-9]{{1,32}})"
_ACCOUNT_ID: Final = f"did:pkh:{_CHAIN_ID}:([-.%a-zA-Z0-9]{{1,128}})"
_ONE: Final = re.compile(_ACCOUNT_ID)
_EACH: Final = re.compile(f"^{_ACCOUNT_ID}$", re.MULTILINE)

# Their addresses never tell a chain, so nobody need ask for it: that takes as long as the check.
CHAINLESS: Final = frozenset({"aptos", "eip155", "solana", "starknet", "tezos", "tron"})


class Beside(NamedTuple):
    """Places of the did:pkh that ``repeats`` the customer's wallet as it was sent, and of those
    that name another account. One that spells the wallet's account otherwise is in neither."""

    repeats: set[int]
    others: list[int]


class _Named(NamedTuple):
    """The namespaces of which the account may be, and what the DID says of it; a legacy form says
    no chain."""

    namespaces: Sequence[str]
    caip: str
    reference: str
    address: str


def faults(dids: Sequence[str]) -> Iterator[tuple[int, str]]:
    """The DIDs whose account is none of its namespace; namespaces without a module pass."""
    found: list[tuple[str, str, str]] = _EACH.findall("\n".join(dids))
    suspects: Iterable[int] = range(len(dids)) if len(found) < len(dids) else _refused(found)
    for index in suspects:
        code = _fault(dids[index])
        if code is not None:
            yield index, code


def account_of(did: str) -> tuple[str, str] | None:
    """The namespace and the canonical address of the account that a did:pkh names; None where
    there is none, or none of a namespace that has a module."""
    named = _named(did)
    if named is not None:
        for name in named.namespaces:
            canonical, _ = _look_at(name, named)
            if canonical is not None:
                return name, canonical
    return None


def beside_wallets(
    dids: Sequence[str],
    namespaces: Sequence[str | None],
    addresses: Sequence[str | None],
    canonicals: Sequence[str | None],
) -> Beside:
    """Hold each DID against the wallet of the same customer: its namespace (None where there is
    no wallet), its address as it was sent, which its namespace took, and in canonical form.

    A did:pkh with a fault names no account, so none other than the wallet's.
    """
    repeats: set[int] = set()
    others: list[int] = []
    wallets = zip(dids, namespaces, addresses, canonicals, strict=True)
    for index, (did, name, address, canonical) in enumerate(wallets):
        if name is None or address is None or not did.startswith("did:pkh:"):
            continue
        found = _ONE.fullmatch(did)
        if (
            found
            and found[3] == address
            and name in _namespaces().get(found[1], ())
            and _is_on_chain(name, address, found[1], found[2])
        ):
            repeats.add(index)
        elif not _is_account(did, name, canonical) and _fault(did) is None:
            others.append(index)
    return Beside(repeats, others)


@cache
def _namespaces() -> Mapping[str, tuple[str, ...]]:
    """CAIP-2 namespaces to those whose accounts they hold, the one of the same name first."""
    held: dict[str, tuple[str, ...]] = {name: (name,) for name in NAMESPACES}
    for name in NAMESPACES:
        for caip in namespace(name).CAIP_NAMESPACES - {name}:
            held[caip] = (*held.get(caip, ()), name)
    return held


def _refused(accounts: Sequence[tuple[str, str, str]]) -> Iterator[int]:
    namespaces = _namespaces()
    for index, (caip, reference, address) in enumerate(accounts):
        if caip in namespaces:
            name = namespaces[caip][0]
            try:
                CHECKS[name](address)
                right = _is_on_chain(name, address, caip, reference)
            except (AddressError, AddressFinding):
                right = False
            if not right:
                yield index


def _is_on_chain(name: str, address: str, caip: str, reference: str) -> bool:
    if name in CHAINLESS:
        return True
    return can_be_on_chain(namespace(name).describe(address), f"{caip}:{reference}")


def _is_account(did: str, name: str, canonical: str | None) -> bool:
    named = _named(did)
    return named is not None and name in named.namespaces and _look_at(name, named)[0] == canonical


def _named(did: str) -> _Named | None:
    found = _ONE.fullmatch(did)
    if found:
        held = _namespaces().get(found[1], ())
        return _Named(held, found[1], found[2], unquote(found[3]))
    found = _ALIAS.fullmatch(did)
    return _Named((_LEGACY[found[1]],), "", "", found[2]) if found else None


def _look_at(name: str, named: _Named) -> tuple[str | None, str | None]:
    """The canonical address in one namespace, or the code of what is wrong with it."""
    try:
        canonical = canonical_address(name, named.address)
    except AddressFinding as finding:
        canonical = finding.canonical
    except AddressError as error:
        return None, SECRET if error.code == "wallet.secret" else FAULT
    if named.caip and not _is_on_chain(name, named.address, named.caip, named.reference):
        return None, FAULT
    return canonical, None


def _fault(did: str) -> str | None:
    named = _named(did)
    if named is None:
        return FAULT
    codes = [_look_at(name, named)[1] for name in named.namespaces]
    if None in codes or not codes:
        return None
    return SECRET if SECRET in codes else FAULT
