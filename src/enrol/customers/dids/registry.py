"""The registry of DID methods: a module of `methods` each, loaded when first met."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from importlib.resources import files
from typing import Final, Protocol, cast

_FOLDER: Final = "enrol.customers.dids.methods"

ColumnCheck = Callable[[Sequence[str]], Iterable[tuple[int, str]]]
"""Takes DIDs of one method, gives the index and the fault code of each that has a fault."""


class Method(Protocol):
    """What a module of `methods` has."""

    faults: ColumnCheck


def _found() -> frozenset[str]:
    names = {entry.name.removesuffix(".py") for entry in files(_FOLDER).iterdir()}
    return frozenset(name for name in names if name.isidentifier() and not name.startswith("_"))


METHODS: Final = _found()


class _Checks(dict[str, ColumnCheck]):
    """Method to its check; fills itself, so that a process loads the methods it meets."""

    def __missing__(self, name: str) -> ColumnCheck:
        if name not in METHODS:
            raise KeyError(name)
        check = self[name] = cast(Method, import_module(f"{_FOLDER}.{name}")).faults
        return check


CHECKS: Final[Mapping[str, ColumnCheck]] = _Checks()
"""DID method to the function that checks a column of its DIDs."""
