"""Addresses of chains made with the Cosmos SDK (cosmos): bech32 under each chain's own prefix."""

import re
from functools import lru_cache
from typing import Final

from enrol.customers.wallets.codecs.bech32 import BIP_173, decoded, forms
from enrol.customers.wallets.forms import Description, refusal

CAIP_NAMESPACES: Final = frozenset({"cosmos"})

# Any prefix, for every chain brings its own: the registry of chains has some with digits, "@", ":"
# and "_". Not those of validators (of the operator, of the consensus key), of public keys, and of
# keys that Cardano and Nostr write in as many characters: none of these is an account.
_PREFIX: Final = (
    "(?![0-9a-z@:_]*(?:valoper|valcons))(?![0-9a-z@:_]*(?:pub|nsec|_x?[sv]k)1)[0-9a-z@:_]{1,31}?1"
)
# 20 bytes for a key's hash, 32 for contracts and the accounts of modules (ADR-028).
FORMS: Final = (*forms(_PREFIX, 38, 38), *forms(_PREFIX, 58, 58))

_fits: Final = re.compile(_PREFIX).fullmatch


@lru_cache(1024)
def _is_of_accounts(hrp: str) -> bool:
    return _fits(hrp + "1") is not None


def canonical(address: str) -> str:
    """The address in lower case."""
    text = decoded(address)
    if text is not None:
        hrp, checksum, symbols, data = text
        # 52 symbols hold 32 bytes and 4 bits of padding.
        whole = symbols == 32 or (symbols == 52 and not data & 15)
        if whole and checksum == BIP_173 and _is_of_accounts(hrp):
            return address.lower()
    raise refusal(address, FORMS)


def describe(address: str) -> Description:
    """The chain whose prefix it is, if there is but one.

    Test networks take the prefix of their mainnet: an address is called of mainnet, since the
    same account is there as well. "@" and ":" are not in CAIP-10's alphabet, but "%" is.
    """
    # Here, so that a server that only checks addresses never loads the list.
    from enrol.customers.wallets.cosmos_chains import CHAIN_IDS, CHAINS

    lower = address.lower()
    chain = CHAINS.get(lower.rpartition("1")[0])
    on_chain = lower.replace("@", "%40").replace(":", "%3A")
    chain_id = None if chain is None else f"cosmos:{chain}"
    return Description(on_chain, "mainnet", chain_id, CHAIN_IDS)
