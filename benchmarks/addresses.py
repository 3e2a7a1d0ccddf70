"""Valid blockchain addresses of all 13 namespaces, each made from 32 random-looking bytes.

Checksums are real, so that a strict server takes every one. The encoders here are written for
making addresses quickly and share no code with the checks that they are meant to exercise.
"""

from base64 import b32encode
from collections.abc import Callable
from hashlib import blake2b
from typing import Final, NamedTuple

from based58 import Alphabet, b58encode, b58encode_check
from sha3 import keccak_256

_RFC4648: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_BECH32: Final = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_TO_BECH32: Final = bytes.maketrans(_RFC4648, _BECH32)
_TO_VALUES: Final = bytes.maketrans(_RFC4648, bytes(range(32)))
_GENERATORS: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BECH32_CONST: Final = 1
_BECH32M_CONST: Final = 0x2BC830A3

_TEZOS_PREFIXES: Final = (
    b"\x06\xa1\x9f",  # tz1
    b"\x06\xa1\xa1",  # tz2
    b"\x06\xa1\xa4",  # tz3
    b"\x02\x5a\x79",  # KT1
)
_COSMOS_ZONES: Final = (
    ("cosmos", "cosmoshub-4"),
    ("osmo", "osmosis-1"),
    ("juno", "juno-1"),
    ("celestia", "celestia"),
    ("axelar", "axelar-dojo-1"),
    ("kava", "kava_2222-10"),
)
_AVALANCHE_CHAINS: Final = (
    "imji8papUf2EhV3le337w1vgFauqkJg-",
    "Rr9hnPVPxuUvrdCul-vjEsU1zmqKqRDo",
    "8aDU0Kqh-5d23op-B-r-4YbQFRbsgF9a",
)
_BITCOIN_CHAIN: Final = "000000000019d6689c085ae165831e93"


class Account(NamedTuple):
    """A blockchain account: the two halves of a CAIP-10 identifier and the address itself."""

    namespace: str
    reference: str
    address: str


def _remainders(top: int) -> int:
    """What the five bits that leave the top of a bech32 checksum fold back into it."""
    folded = 0
    for bit, generator in enumerate(_GENERATORS):
        if top >> bit & 1:
            folded ^= generator
    return folded


_FOLD: Final = tuple(_remainders(top) for top in range(32))


def _polymod(state: int, values: bytes) -> int:
    """Push five-bit values through the checksum of BIP-173."""
    fold = _FOLD
    for value in values:
        state = (state & 0x1FFFFFF) << 5 ^ value ^ fold[state >> 25]
    return state


def _start_of(prefix: str) -> int:
    """The state of the checksum once the human-readable part has gone through it."""
    raw = prefix.encode()
    return _polymod(1, bytes(c >> 5 for c in raw) + b"\0" + bytes(c & 31 for c in raw))


_STARTS: Final = {
    hrp: _start_of(hrp) for hrp in ("addr", "avax", "bc", *(zone for zone, _ in _COSMOS_ZONES))
}


def bech32(prefix: str, payload: bytes, version: int | None = None) -> str:
    """Bech32 of ``payload``; a witness version of 1 or more makes it bech32m (BIP-350)."""
    # Base 32 of RFC 4648 groups bits exactly as bech32 does; only its alphabet differs.
    coded = b32encode(payload).rstrip(b"=")
    if version is not None:
        coded = _RFC4648[version : version + 1] + coded
    final = _BECH32M_CONST if version else _BECH32_CONST
    state = _polymod(_STARTS[prefix], coded.translate(_TO_VALUES) + b"\0\0\0\0\0\0") ^ final
    check = bytes(_BECH32[state >> shift & 31] for shift in (25, 20, 15, 10, 5, 0))
    return f"{prefix}1{(coded.translate(_TO_BECH32) + check).decode()}"


def base58(payload: bytes) -> str:
    """Base58 of ``payload`` as it is."""
    return b58encode(payload).decode()


def base58check(payload: bytes, alphabet: Alphabet = Alphabet.BITCOIN) -> str:
    """Base58 of ``payload`` and the first four bytes of its double SHA-256."""
    return b58encode_check(payload, alphabet=alphabet).decode()


def hex_with_checksum(payload: bytes) -> str:
    """An Ethereum address of 20 bytes, in the mixed case of EIP-55."""
    plain = payload.hex()
    nibbles = keccak_256(plain.encode()).hexdigest()
    return "0x" + "".join(
        [
            char.upper() if nibble > "7" else char
            for char, nibble in zip(plain, nibbles, strict=False)
        ]
    )


def _eip155(raw: bytes) -> Account:
    return Account("eip155", ("1", "10", "137", "8453")[raw[31] & 3], hex_with_checksum(raw[:20]))


def _tezos(raw: bytes) -> Account:
    address = base58check(_TEZOS_PREFIXES[raw[31] & 3] + raw[:20])
    return Account("tezos", "NetXdQprcVkpaWU", address)


def _aptos(raw: bytes) -> Account:
    return Account("aptos", "1", "0x" + raw.hex())


def _polkadot(raw: bytes) -> Account:
    body = b"\0" + raw
    check = blake2b(b"SS58PRE" + body).digest()[:2]
    return Account("polkadot", "91b171bb158e2d3848fa23a9f1c25182", base58(body + check))


def _starknet(raw: bytes) -> Account:
    # 250 bits stay well below the field's limit for addresses, 2**251 - 256.
    return Account("starknet", "SN_MAIN", f"0x{int.from_bytes(raw, 'big') >> 6:064x}")


def _cosmos(raw: bytes) -> Account:
    zone, chain = _COSMOS_ZONES[raw[31] % len(_COSMOS_ZONES)]
    return Account("cosmos", chain, bech32(zone, raw[:20]))


def _solana(raw: bytes) -> Account:
    return Account("solana", "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp", base58(raw))


def _cardano(raw: bytes) -> Account:
    # A base address of the main network: a header, the payment key's hash, the staking key's.
    return Account("cardano", "764824073", bech32("addr", b"\x01" + blake2b(raw).digest()[:56]))


def _bip122(raw: bytes) -> Account:
    kind = raw[31] % 5
    if kind < 2:
        address = base58check((b"\x00", b"\x05")[kind] + raw[:20])
    elif kind < 4:
        address = bech32("bc", raw[:20] if kind == 2 else raw, version=0)
    else:
        address = bech32("bc", raw, version=1)
    return Account("bip122", _BITCOIN_CHAIN, address)


def _xrpl(raw: bytes) -> Account:
    return Account("xrpl", "0", base58check(b"\x00" + raw[:20], Alphabet.RIPPLE))


def _dash(raw: bytes) -> Account:
    return Account("dash", "00000ffd590b1485b3caadc19b22e637", base58check(b"\x4c" + raw[:20]))


def _tron(raw: bytes) -> Account:
    return Account("tron", "0x2b6653dc", base58check(b"\x41" + raw[:20]))


def _avax(raw: bytes) -> Account:
    kind = raw[31] % 3
    address = (
        hex_with_checksum(raw[:20]) if kind == 2 else f"{'XP'[kind]}-{bech32('avax', raw[:20])}"
    )
    return Account("avax", _AVALANCHE_CHAINS[kind], address)


_MAKERS: Final[tuple[Callable[[bytes], Account], ...]] = (
    _tezos,
    _eip155,
    _aptos,
    _polkadot,
    _starknet,
    _cosmos,
    _solana,
    _cardano,
    _bip122,
    _xrpl,
    _dash,
    _tron,
    _avax,
)


def account(number: int, raw: bytes) -> Account:
    """The account of customer ``number``: the namespaces take turns; ``raw`` is 32 bytes."""
    return _MAKERS[number % len(_MAKERS)](raw)


def did_of(number: int, owner: Account, raw: bytes) -> str:
    """A DID for the owner of an account; four methods take turns."""
    method = number % 4
    if method == 0:
        return f"did:pkh:{owner.namespace}:{owner.reference}:{owner.address}"
    if method == 1:
        return "did:key:z" + base58(b"\xed\x01" + raw)  # the multicodec of an Ed25519 key
    if method == 2:
        return f"did:web:id.example.com:customers:{raw[:8].hex()}"
    return "did:ethr:" + hex_with_checksum(raw[:20])
