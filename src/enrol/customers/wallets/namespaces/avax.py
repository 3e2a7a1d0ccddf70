"""Addresses of Avalanche (avax): bech32 after the alias of a chain, and those of Ethereum's kind,
which the C-Chain has too."""

from typing import Final

from enrol.customers.wallets.codecs import eip55
from enrol.customers.wallets.codecs.bech32 import BIP_173, decoded, forms
from enrol.customers.wallets.forms import AddressError, Description, Network, refusal

# Not eip155, though eip155:43114 is the C-Chain: the address does not tell 43114 from any other
# of its chains, so that whatever is under eip155 belongs to that namespace.
CAIP_NAMESPACES: Final = frozenset({"avax"})

NETWORKS: Final[dict[str, Network]] = {"avax": "mainnet", "fuji": "testnet"}
# Of networks on somebody's own machine, where no customer has anything.
_PRIVATE: Final = frozenset({"local", "custom"})

# CAIP-2 for avax, "Test Cases".
CHAINS: Final[dict[tuple[str, str], str]] = {
    ("P", "avax"): "avax:Rr9hnPVPxuUvrdCul-vjEsU1zmqKqRDo",
    ("C", "avax"): "avax:8aDU0Kqh-5d23op-B-r-4YbQFRbsgF9a",
    ("X", "avax"): "avax:imji8papUf2EhV3le337w1vgFauqkJg-",
    ("P", "fuji"): "avax:Sj7NVE3jXTbJvwFAiu7OEUo_8g8ctXMG",
    ("C", "fuji"): "avax:YRLfeDBJpfEqUWe2FYR1OpXsnDDZeKWd",
    ("X", "fuji"): "avax:8AJTpRj3SAqv1e80Mtl9em08LhvKEbkl",
}

# 20 bytes: the hash of a key.
FORMS: Final = (*forms("[XPC]-(?:avax|fuji|local|custom)1", 38, 38), *eip55.FORMS)
_SYMBOLS: Final = 32


def canonical(address: str) -> str:
    """The alias and bech32 in lower case, or hexadecimal in lower case.

    The same key has an address on each chain, and these are distinct accounts; so bech32 without
    an alias names none of them and is refused.
    """
    alias = address[:2]
    if alias == "0x":
        return eip55.canonical(address)
    text = decoded(address[2:]) if alias in {"X-", "P-", "C-"} else None
    if text is not None:
        hrp, checksum, symbols, _ = text
        if checksum == BIP_173 and symbols == _SYMBOLS:
            if hrp in NETWORKS:
                return alias + address[2:].lower()
            if hrp in _PRIVATE:
                raise AddressError("wallet.network")
    raise refusal(address, FORMS)


def describe(address: str) -> Description:
    """The chain, which alias and prefix tell; that of hexadecimal may be of either network.

    There is no CAIP-10 profile for avax: on the chain it is written with its alias.
    """
    if address.startswith("0x"):
        return Description(eip55.checksummed(address))
    alias, hrp = address[0], address[2:6].lower()
    return Description(alias + address[1:].lower(), NETWORKS[hrp], CHAINS[alias, hrp])
