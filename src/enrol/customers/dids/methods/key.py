"""did:key (W3C CCG, The did:key Method v0.7): a public key, in base58 behind its multicodec."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final

import msgspec
from based58 import b58decode, b58encode

from enrol.customers.dids.canonical_json import canonical_json
from enrol.customers.dids.codes import SECRET
from enrol.customers.dids.json_web_keys import (
    REQUIRED_MEMBERS,
    holds_private_key,
    is_public_key,
    is_rsa,
)
from enrol.customers.wallets.forms import BASE58

FAULT: Final = "did.key"

_BASE58: Final = BASE58.encode()

# The multicodec's varint, between what the key's first bytes lie, and how many bytes it has. Codes
# are those of multiformats/multicodec's table; lengths the method's, where it gives them.
_ED25519: Final = ("ed01", "00", "ff", 32)
_FIXED: Final = (
    _ED25519,
    ("e701", "02", "03", 33),  # secp256k1, compressed
    ("ec01", "00", "ff", 32),  # X25519
    ("ef01", "00", "ff", 32),  # Sr25519
    # BLS12-381, compressed, and not the point at infinity: G1, G2, and both.
    ("ea01", "80", "bf", 48),
    ("eb01", "80", "bf", 96),
    ("ee01", "80", "bf", 48 + 96),
    ("8024", "02", "03", 33),  # P-256, compressed
    ("8124", "02", "03", 49),  # P-384
    ("8224", "0200", "0201", 67),  # P-521, whose coordinate has 521 bits
    ("8224", "0300", "0301", 67),
    ("8324", "00", "ff", 57),  # Ed448
    ("8424", "00", "ff", 56),  # X448
    ("8624", "02", "03", 33),  # SM2
    # ML-KEM-512, -768, -1024 (FIPS 203); ML-DSA-44, -65, -87 (FIPS 204).
    ("8b24", "00", "ff", 800),
    ("8c24", "00", "ff", 1_184),
    ("8d24", "00", "ff", 1_568),
    ("9024", "00", "ff", 1_312),
    ("9124", "00", "ff", 1_952),
    ("9224", "00", "ff", 2_592),
)
_RSA: Final = bytes.fromhex("8524")
_JWK: Final = bytes.fromhex("d1d603")

# Only keys without a fixed length are decoded, and decoding takes time with the square of the
# length: 0.2 ms here, where a JWK of RSA with 4,096 bits still fits.
_LONGEST_DECODED: Final = 1_000

# The longest private key in the table, of ML-DSA-87, takes 6,700 characters.
_LONGEST: Final = 8_192

# Section "Document Creation Algorithm": the version is 1 where there is none; there is no other.
_ONE: Final = re.compile(f"did:key:(?:1:)?z([{BASE58}]{{1,{_LONGEST}}})")

# "-priv" in the table: 0x1300 and what follows, and the symmetric keys from 0xa0.
_PRIVATE: Final = re.compile(b"[\x80-\xbf]\x26|[\xa0-\xa4]\x01")


def _between(entry: tuple[str, str, str, int]) -> tuple[tuple[int, str], tuple[int, str]]:
    """The least and the greatest text of a key of this type, behind their lengths.

    The alphabet is in the order of ASCII and the first byte is not zero, so texts of one length
    are in the order of their values: whoever lies between need not be decoded.
    """
    codec, first, last, size = entry
    low = bytes.fromhex(codec + first).ljust(2 + size, b"\x00")
    high = bytes.fromhex(codec + last).ljust(2 + size, b"\xff")
    texts = b58encode(low).decode(), b58encode(high).decode()
    return (len(texts[0]), texts[0]), (len(texts[1]), texts[1])


@cache
def _ranges() -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    lows, highs = zip(*sorted(map(_between, _FIXED)), strict=True)
    return list(lows), list(highs)


_LOW, _HIGH = (f"did:key:z{text}" for _, text in _between(_ED25519))
_LENGTH: Final = len(_LOW)


def faults(dids: Sequence[str]) -> Iterator[tuple[int, str]]:
    """The DIDs that are no public key of a known type, and those that are a private one."""
    # All but the two colons of each is base58, "did" and "key" too.
    plain = len("".join(dids).encode().translate(None, _BASE58)) == 2 * len(dids)
    for index, did in enumerate(dids):
        # Nearly all keys are of Ed25519, whose texts all have one length.
        if not (plain and _LOW <= did <= _HIGH and len(did) == _LENGTH):
            code = _fault(did)
            if code is not None:
                yield index, code


def _fault(did: str) -> str | None:
    found = _ONE.fullmatch(did)
    if found is None:
        return FAULT
    text = found[1]
    lows, highs = _ranges()
    measured = len(text), text
    below = bisect_right(lows, measured) - 1
    if below >= 0 and measured <= highs[below]:
        return None
    if len(text) > _LONGEST_DECODED:
        return SECRET if _PRIVATE.match(_first_bytes(text)) else FAULT
    return _decoded_fault(b58decode(text.encode()))


def _decoded_fault(octets: bytes) -> str | None:
    if _PRIVATE.match(octets):
        return SECRET
    if octets.startswith(_RSA):
        return None if _is_rsa_public_key(octets[len(_RSA) :]) else FAULT
    if octets.startswith(_JWK):
        return _jwk_fault(octets[len(_JWK) :])
    return FAULT


def _first_bytes(text: str) -> bytes:
    """The first two bytes of a long text, in less time than it takes to decode it all."""
    value = 0
    for character in text[:20]:
        value = value * 58 + BASE58.index(character)
    scale: int = 58 ** (len(text) - 20)
    value *= scale
    return (value >> 8 * max((value.bit_length() + 7) // 8 - 2, 0)).to_bytes(2)


def _jwk_fault(octets: bytes) -> str | None:
    """jwk_jcs-pub: the required members of a JWK alone, as JCS writes them."""
    try:
        jwk = msgspec.json.decode(octets)
        if holds_private_key(jwk):
            return SECRET
        canonical = canonical_json(jwk) == octets
    except (ValueError, RecursionError):
        return FAULT
    right = (
        canonical
        and isinstance(jwk, dict)
        and jwk.keys() == REQUIRED_MEMBERS.get(str(jwk.get("kty")))
        and is_public_key(jwk)
    )
    return None if right else FAULT


def _is_rsa_public_key(der: bytes) -> bool:
    """Whether these bytes are an RSAPublicKey (RFC 8017 appendix A.1.1) in DER."""
    sequence = _der(der, 0x30)
    modulus = _der(sequence[0], 0x02) if sequence and not sequence[1] else None
    exponent = _der(modulus[1], 0x02) if modulus else None
    if modulus is None or exponent is None or exponent[1]:
        return False
    return is_rsa(_unsigned(modulus[0]), _unsigned(exponent[0]))


def _der(octets: bytes, tag: int) -> tuple[bytes, bytes] | None:
    """The content of the value at the beginning, and what follows it (X.690 section 8.1)."""
    if len(octets) < 2 or octets[0] != tag:
        return None
    size, start = octets[1], 2
    if size > 0x80:
        start += size - 0x80
        size = int.from_bytes(octets[2:start])
        # X.690 section 10.1: in the fewest octets.
        if size < 0x80 or octets[2] == 0:
            return None
    content = octets[start : start + size]
    return (content, octets[start + size :]) if len(content) == size else None


def _unsigned(integer: bytes) -> bytes:
    """The value of a positive INTEGER in the fewest octets; for any other a zero, which no key
    has."""
    if integer[:1] == b"\x00" and integer[1:2] >= b"\x80":
        return integer[1:]
    return integer if b"\x00" < integer[:1] < b"\x80" else b"\x00"
