"""Which accounts an address may mean when nobody says the namespace."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

from enrol.customers.wallets.accounts import canonical_address
from enrol.customers.wallets.forms import AddressError, AddressFinding, Form, compiled
from enrol.customers.wallets.registry import CHECKS, NAMESPACES, namespace

_CAIP10: Final = re.compile("([-a-z0-9]{3,8}):([-_a-zA-Z0-9]{1,32}):(.+)", re.DOTALL)
_HEX_PREFIXES: Final = ("0x", "0X")


class _Screen(NamedTuple):
    """What tells quickly that a text is no address of a namespace: the check itself looks for the
    reason, which takes longer than to take an address."""

    may_be: Callable[[str], Any]
    caip_namespaces: frozenset[str]


@cache
def _screen(name: str) -> _Screen:
    module = namespace(name)
    forms: Sequence[Form] | None = getattr(module, "FORMS", None)
    may_be = compiled(forms).fullmatch if forms else bool
    return _Screen(may_be, module.CAIP_NAMESPACES)


def lookup_spellings(
    address: str, namespaces: Sequence[str] = NAMESPACES, *, as_sent: bool = True
) -> Iterator[tuple[str, str]]:
    """The (namespace, spelling) pairs under which a wallet with this address may be stored.

    Clients of the hosted API send hex addresses in any case, so these are read without their
    checksum. The text itself counts too: a lenient project stores what was sent (``as_sent``).
    """
    plain = _uncased(address)
    sent = _CAIP10.fullmatch(address) if ":" in address else None
    for name in namespaces:
        screen = _screen(name)
        canonical = None
        if screen.may_be(plain):
            canonical = _canonical(CHECKS[name], plain)
        if canonical is None and sent and sent[1] in screen.caip_namespaces:
            text = f"{sent[1]}:{sent[2]}:{_uncased(sent[3])}"
            canonical = _canonical(lambda text, name=name: canonical_address(name, text), text)  # type: ignore[misc]
        if canonical is not None:
            yield name, canonical
        if as_sent and canonical != address:
            yield name, address


def _uncased(address: str) -> str:
    return address.lower() if address.startswith(_HEX_PREFIXES) else address


def _canonical(check: Callable[[str], str], text: str) -> str | None:
    try:
        return check(text)
    except AddressFinding as finding:
        return finding.canonical
    except AddressError:
        return None
