"""Addresses of Bitcoin and the chains made like it (bip122): base58check of the hash of a key or
a script, and segregated witness in bech32 and bech32m (BIP-141, BIP-173, BIP-350)."""

from typing import Final

from enrol.customers.wallets.codecs.base58check import decoded as base58_decoded
from enrol.customers.wallets.codecs.bech32 import BIP_173, BIP_350
from enrol.customers.wallets.codecs.bech32 import decoded as bech32_decoded
from enrol.customers.wallets.forms import (
    BASE58,
    BECH32,
    AddressError,
    Description,
    Form,
    Network,
    refusal,
)

CAIP_NAMESPACES: Final = frozenset({"bip122"})

Chain = tuple[Network, str | None]

# The references are the first 16 bytes of each chain's genesis block's hash (CAIP-2 of bip122).
# From the namespace's own list: Bitcoin, Litecoin, Dogecoin. From `hashGenesisBlock` in each
# project's chainparams.cpp: the others.
_BITCOIN: Final[Chain] = "mainnet", "bip122:000000000019d6689c085ae165831e93"
_BITCOIN_REGTEST: Final[Chain] = "testnet", "bip122:0f9188f13cb7b2c71f2a335e3a4fc328"
_LITECOIN: Final[Chain] = "mainnet", "bip122:12a765e31ffd4059bada1e25190f6e98"
_LITECOIN_TEST: Final[Chain] = "testnet", "bip122:4966625a4b2851d9fdee139e56211a0d"
_LITECOIN_REGTEST: Final[Chain] = "testnet", "bip122:530827f38f93b43ed12af0b3ad25a288"
_DOGECOIN: Final[Chain] = "mainnet", "bip122:1a91e3dace36e2be3bf030a65679fe82"
_DOGECOIN_TEST: Final[Chain] = "testnet", "bip122:bb0a78264637406b6360aad926284d54"
_DIGIBYTE: Final[Chain] = "mainnet", "bip122:7497ea1b465eb39f1c8f507bc877078f"
_GROESTLCOIN: Final[Chain] = "mainnet", "bip122:00000ac5927c594d49cc0bdb81759d0d"
_VERTCOIN: Final[Chain] = "mainnet", "bip122:4d96a915f49d40b1e5c2844d1ee2dccb"
_VERTCOIN_TEST: Final[Chain] = "testnet", "bip122:cee8f24feb7a64c8f07916976aa4855d"
_ZCASH: Final[Chain] = "mainnet", "bip122:00040fe8ec8471911baa1db1266ea15d"
_SOME_MAIN: Final[Chain] = "mainnet", None
_SOME_TEST: Final[Chain] = "testnet", None

# Whether a version is for a key's hash or a script's makes no difference here. Missing are
# Groestlcoin's, whose checksum is another hash (Grøstl) than SHA-256, and those of the test
# networks of DigiByte and Vertcoin: the first's 8c is Dash's, and nobody would tell them apart.
VERSIONS: Final[dict[bytes, Chain]] = {
    # Bitcoin, and Bitcoin Cash in its older spelling.
    b"\x00": _SOME_MAIN,
    # The same, Litecoin and DigiByte before they took bytes of their own, and Vertcoin.
    b"\x05": _SOME_MAIN,
    # All the test networks: testnet, signet and regtest of Bitcoin and Litecoin, c4 Dogecoin too.
    b"\x6f": _SOME_TEST,
    b"\xc4": _SOME_TEST,
    b"\x30": _LITECOIN,
    b"\x32": _LITECOIN,
    b"\x3a": _SOME_TEST,
    # Dogecoin and DigiByte.
    b"\x1e": _SOME_MAIN,
    b"\x16": _DOGECOIN,
    b"\x71": _DOGECOIN_TEST,
    b"\x3f": _DIGIBYTE,
    b"\x47": _VERTCOIN,
    # Zcash's transparent addresses. Its testnet and regtest share theirs.
    b"\x1c\xb8": _ZCASH,
    b"\x1c\xbd": _ZCASH,
    b"\x1d\x25": _SOME_TEST,
    b"\x1c\xba": _SOME_TEST,
}

# SLIP-0173. Testnets 3 and 4 and signet share theirs.
PREFIXES: Final[dict[str, Chain]] = {
    "bc": _BITCOIN,
    "tb": _SOME_TEST,
    "bcrt": _BITCOIN_REGTEST,
    "ltc": _LITECOIN,
    "tltc": _LITECOIN_TEST,
    "rltc": _LITECOIN_REGTEST,
    "dgb": _DIGIBYTE,
    "dgbt": _SOME_TEST,
    "dgbrt": _SOME_TEST,
    "grs": _GROESTLCOIN,
    "tgrs": _SOME_TEST,
    "grsrt": _SOME_TEST,
    "vtc": _VERTCOIN,
    "tvtc": _VERTCOIN_TEST,
}

_HASH_BYTES: Final = 20
_LONGEST_BASE58: Final = 35
_LONGEST: Final = max(map(len, PREFIXES)) + len("1") + 1 + 64 + 6
_NEWEST_WITNESS: Final = 16


def _segwit_forms() -> tuple[Form, ...]:
    """Both spellings of BIP-173: all lower and all upper case. Version 0 has but two lengths,
    so that a lost character is told from a wrong one; the others are left to the future."""
    hrps = f"(?:{'|'.join(PREFIXES)})"
    lower = (
        Form(f"{hrps}1q", BECH32, 32 + 6, 32 + 6),
        Form(f"{hrps}1q", BECH32, 52 + 6, 52 + 6),
        Form(f"{hrps}1", BECH32, 1 + 4 + 6, 1 + 64 + 6),
    )
    upper = (Form(f.prefix.replace("?:", "").upper(), f.alphabet.upper(), *f[2:]) for f in lower)
    return *lower, *upper


# The more zero bytes a hash begins with, the shorter is version 00; the others' length is fixed.
FORMS: Final = (
    *_segwit_forms(),
    Form("1", BASE58, 25, 33),
    Form("[39ADLMQSVmn]", BASE58, 33, 33),
    Form("2", BASE58, 34, 34),
    Form("t[123m]", BASE58, 33, 33),
)

# Symbols of a witness program and its version, to the bits of padding that must be zero: 2 to 40
# bytes (BIP-141), and less than a symbol of padding (BIP-173).
_PADDING: Final = {1 + -(-size * 8 // 5): (1 << -size * 8 % 5) - 1 for size in range(2, 41)}
_VERSION_0_SYMBOLS: Final = (1 + 32, 1 + 52)


def canonical(address: str) -> str:
    """Base58 as it was sent, bech32 in lower case.

    All versions of the witness are taken up to 16, as BIP-350 asks of whoever sends to them, and
    a key of version 1 that is no point of the curve, as the address is right all the same.
    """
    size = len(address)
    # One lookup for the version and for the payload's length: another length, another slice.
    if size <= _LONGEST_BASE58 and base58_decoded(address)[:-_HASH_BYTES] in VERSIONS:
        return address
    # Nothing is lost by trying base58 first, for what it refuses may still be a short bech32.
    read = bech32_decoded(address) if size <= _LONGEST else None
    if read is not None:
        hrp, checksum, symbols, data = read
        if hrp in PREFIXES and _is_witness(checksum, symbols, data):
            return address.lower()
    raise _refused(address)


def _is_witness(checksum: int, symbols: int, data: int) -> bool:
    padding = _PADDING.get(symbols)
    if padding is None or data & padding:
        return False
    version = data >> 5 * (symbols - 1)
    if version == 0:
        return checksum == BIP_173 and symbols in _VERSION_0_SYMBOLS
    return checksum == BIP_350 and version <= _NEWEST_WITNESS


def _refused(address: str) -> AddressError:
    # Where the checksum is right, the value is whole but another chain's.
    if len(address) <= _LONGEST_BASE58 and base58_decoded(address):
        return AddressError("wallet.prefix")
    return refusal(address, FORMS)


def describe(address: str) -> Description:
    """The network and, where it is but one, the chain of an address that `canonical` takes."""
    version = base58_decoded(address)[:-_HASH_BYTES] if len(address) <= _LONGEST_BASE58 else b""
    if version in VERSIONS:
        return Description(address, *VERSIONS[version])
    lower = address.lower()
    return Description(lower, *PREFIXES[lower.rpartition("1")[0]])
