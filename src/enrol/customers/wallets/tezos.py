"""Tezos addresses: base58check of a three-byte version and a hash of 20 bytes."""

from typing import Final

# Why based58 and not qbase58, which decodes faster (0.3 µs): based58 checks the checksum in the
# same call, 0.7 µs in all against 1.2 with hashlib twice. And qbase58 trims blanks and stops
# reading at a NUL, has no types, and a wheel for each Python up to 3.13, where based58 is abi3.
from based58 import b58decode_check

from enrol.customers.wallets.forms import BASE58, AddressError, Check, Form, refusal

# Implicit accounts by their curve (ed25519, secp256k1, P-256, BLS12-381) and originated
# contracts: what owns funds. A smart rollup (sr1) is no account of anybody.
VERSIONS: Final[dict[bytes, str]] = {
    bytes.fromhex("06a19f"): "tz1",
    bytes.fromhex("06a1a1"): "tz2",
    bytes.fromhex("06a1a4"): "tz3",
    bytes.fromhex("06a1a6"): "tz4",
    bytes.fromhex("025a79"): "KT1",
}
FORMS: Final = (Form("(?:tz[1-4]|KT1)", BASE58, 33, 33),)

_CHARACTERS: Final = 36
_PAYLOAD_BYTES: Final = 3 + 20


def canonical_tezos(address: str) -> str:
    """The address as it was sent: base58check has one spelling for a value.

    An entrypoint (``KT1...%name``) is part of a call, not of the account, and is refused.
    """
    # Decoding takes time with the square of the length, so the length comes first.
    if len(address) != _CHARACTERS:
        raise refusal(address, FORMS)
    try:
        payload: bytes = b58decode_check(address.encode())
    except ValueError:
        payload = b""
    if payload[:3] in VERSIONS and len(payload) == _PAYLOAD_BYTES:
        return address
    # Outside the handler, so that the decoder's own error, which may quote the text, is not
    # chained. Where the checksum is right, the value is whole but of another kind.
    raise AddressError("wallet.prefix") if payload else refusal(address, FORMS)


CHECKS: Final[dict[str, Check]] = {"tezos": canonical_tezos}
