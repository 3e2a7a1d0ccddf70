"""An address as people write it, plain or as CAIP-10; and a second look at one that is refused."""

import re
from typing import Final, NamedTuple

from enrol.customers.wallets.forms import (
    LONGEST,
    AddressError,
    AddressFinding,
    Description,
    Network,
)
from enrol.customers.wallets.private_keys import is_private_key
from enrol.customers.wallets.registry import CHECKS, NAMESPACES, namespace

# CAIP-2 and CAIP-10; the address is left to its namespace, which is stricter.
_CAIP10: Final = re.compile("([-a-z0-9]{3,8}):([-_a-zA-Z0-9]{1,32}):(.+)", re.DOTALL)

# Whatever is long enough fits these, for they have no checksum: a match says little.
_WITHOUT_CHECKSUM: Final = ("solana", "aptos", "starknet")


class Account(NamedTuple):
    """What is known of the account that a text names.

    ``chain_id`` is its CAIP-2 chain and ``account_id`` its CAIP-10 form; both are None where
    neither the address nor whoever wrote it told the chain.
    """

    canonical: str
    network: Network | None
    chain_id: str | None
    account_id: str | None


def canonical_address(name: str, text: str) -> str:
    """The canonical form of an address of the namespace ``name``, plain or as CAIP-10.

    Raises `KeyError` for an unknown namespace, `AddressError`, and `AddressFinding`.
    """
    try:
        return CHECKS[name](text)
    except AddressError as error:
        refused = error
    # Outside the handler: no error of the first look is chained to one of the second.
    return second_look(name, text, refused)


def second_look(name: str, text: str, refused: AddressError) -> str:
    """The canonical form of a text that its namespace's check refused: CAIP-10, or to be refused
    by the reason that helps most. Raises as `canonical_address` does."""
    sent = _CAIP10.fullmatch(text) if len(text) <= LONGEST else None
    if sent is not None:
        return _canonical_of_caip10(name, *sent.groups())
    if is_private_key(name, text):
        raise AddressError("wallet.secret")
    others = _namespaces_of(text, besides=name)
    if refused.code == "wallet.checksum":
        # A mistyped character is likelier than an address that fits by chance.
        others = [other for other in others if other not in _WITHOUT_CHECKSUM]
    if others:
        raise AddressError("wallet.namespace", f"It is an address of: {', '.join(others)}.")
    raise refused


def describe_account(name: str, text: str) -> Account | None:
    """What a stored address tells; None for one that a lenient project took as it was."""
    try:
        canonical = canonical_address(name, text)
    except AddressFinding as finding:
        canonical = finding.canonical
    except (KeyError, AddressError):
        return None
    plain, chain_id = text, None
    sent = _CAIP10.fullmatch(text)
    # A colon may stand in a plain address of Cosmos, too.
    if sent and sent[1] in namespace(name).CAIP_NAMESPACES:
        plain, chain_id = sent[3], f"{sent[1]}:{sent[2]}"
    told = namespace(name).describe(plain)
    chain_id = chain_id or told.chain_id
    return Account(canonical, told.network, chain_id, _account_id(told, chain_id))


def can_be_on_chain(told: Description, chain_id: str) -> bool:
    """Whether an address that tells this can be on the chain that somebody says it is on.

    Names of other namespaces cannot be compared ("cardano" beside "cip34"), and are believed.
    """
    own = told.chain_id
    if own == chain_id:
        return True
    if told.elsewhere is not None:
        return chain_id not in told.elsewhere
    return own is None or own.partition(":")[0] != chain_id.partition(":")[0]


def _canonical_of_caip10(name: str, caip: str, reference: str, address: str) -> str:
    module = namespace(name)
    if caip not in module.CAIP_NAMESPACES:
        if is_private_key(caip, address):
            raise AddressError("wallet.secret")
        hint = f"It is of the namespace {caip}." if caip in NAMESPACES else ""
        raise AddressError("wallet.namespace", hint)
    canonical, refused, found = "", None, None
    try:
        canonical = CHECKS[name](address)
    except AddressFinding as finding:
        canonical, found = finding.canonical, finding
    except AddressError as error:
        refused = error
    if refused is not None:
        raise AddressError("wallet.secret") if is_private_key(name, address) else refused
    if not can_be_on_chain(module.describe(address), f"{caip}:{reference}"):
        raise AddressError("wallet.network")
    if found is not None:
        raise found
    return canonical


def _account_id(told: Description, chain_id: str | None) -> str | None:
    return None if chain_id is None else f"{chain_id}:{told.on_chain}"


def _namespaces_of(text: str, *, besides: str) -> list[str]:
    """The other namespaces whose address the text is; those with a checksum alone, if any."""
    found = []
    for name in NAMESPACES:
        try:
            if name != besides:
                CHECKS[name](text)
                found.append(name)
        except AddressFinding:
            found.append(name)
        except AddressError:
            continue
    return [name for name in found if name not in _WITHOUT_CHECKSUM] or found
