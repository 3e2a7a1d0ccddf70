"""The registry of blockchain namespaces: a module of `namespaces` each, loaded when first met."""

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import Final, Protocol, cast

from enrol.customers.wallets.forms import Check, Description

_FOLDER: Final = "enrol.customers.wallets.namespaces"

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


class Namespace(Protocol):
    """What a module of `namespaces` has."""

    CAIP_NAMESPACES: frozenset[str]
    canonical: Check
    describe: Callable[[str], Description]


def _found() -> tuple[str, ...]:
    names = {entry.name.removesuffix(".py") for entry in files(_FOLDER).iterdir()}
    modules = {name for name in names if name.isidentifier() and not name.startswith("_")}
    return *_LISTED_FIRST, *sorted(modules.difference(_LISTED_FIRST))


NAMESPACES: Final[tuple[str, ...]] = _found()


@cache
def namespace(name: str) -> Namespace:
    """The module of a namespace. Raises `KeyError` for one that is not in `NAMESPACES`."""
    if name not in NAMESPACES:
        raise KeyError(name)
    return cast(Namespace, import_module(f"{_FOLDER}.{name}"))


class _Checks(dict[str, Check]):
    """Namespace to its check; fills itself, so that a process loads the families it meets."""

    def __missing__(self, name: str) -> Check:
        check = self[name] = namespace(name).canonical
        return check


CHECKS: Final[Mapping[str, Check]] = _Checks()
"""Namespace (CAIP-2) to the function that gives an address's canonical form."""
