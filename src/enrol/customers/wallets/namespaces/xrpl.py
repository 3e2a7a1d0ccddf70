"""XRP Ledger addresses: base58check in the ledger's own alphabet, plain (r...) or with a tag and a
network (XLS-5, X-addresses).
"""

from typing import Final

from based58 import Alphabet, b58decode_check, b58encode_check

from enrol.customers.wallets.forms import BASE58_RIPPLE, Description, Form, refusal

CAIP_NAMESPACES: Final = frozenset({"xrpl"})

FORMS: Final = (Form("r", BASE58_RIPPLE, 24, 33), Form("[XT]", BASE58_RIPPLE, 46, 46))

_RIPPLE: Final = Alphabet.RIPPLE
_ACCOUNT: Final = b"\0"
_ACCOUNT_BYTES: Final = 1 + 20
_LONGEST: Final = 47

# XLS-5, "Prefix": an X in front, and a T.
_MAINNET: Final = bytes.fromhex("0544")
_TESTNET: Final = bytes.fromhex("0493")
_TAGGED_BYTES: Final = 2 + 20 + 1 + 8


def canonical(address: str) -> str:
    """The plain address: an account has as many X-addresses as there are tags."""
    # Decoding takes time with the square of the length, so the length comes first.
    if len(address) > _LONGEST:
        raise refusal(address, FORMS)
    try:
        payload: bytes = b58decode_check(address.encode(), _RIPPLE)
    except ValueError:
        payload = b""
    if len(payload) == _ACCOUNT_BYTES and payload[0] == 0:
        return address
    if _is_tagged(payload):
        return b58encode_check(_ACCOUNT + payload[2:22], _RIPPLE).decode()
    # Outside the handler, so that the decoder's own error, which may quote the text, is not
    # chained. Seeds and public keys are base58check too, and told by their first character.
    raise refusal(address, FORMS)


def describe(address: str) -> Description:
    """The plain address, so that one account has one account ID; only an X-address tells its
    network. X is the main one, and T any of those for tests."""
    plain = canonical(address)
    if address.startswith("X"):
        return Description(plain, "mainnet", "xrpl:0")
    return Description(plain, "testnet" if address.startswith("T") else None)


def _is_tagged(payload: bytes) -> bool:
    """Whether this is a prefix, an account, a flag and a tag (XLS-5, "Flags"), and what the flag
    leaves unused is zero. The flag for tags of 64 bits is reserved and has never been used."""
    if len(payload) != _TAGGED_BYTES or payload[:2] not in (_MAINNET, _TESTNET):
        return False
    flag, tag = payload[22], payload[23:]
    return (flag == 1 and not any(tag[4:])) or (flag == 0 and not any(tag))
