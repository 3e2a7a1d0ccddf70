"""JSON Web Keys (RFC 7517) that hold a public key, and those that hold more."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from enrol.customers.dids.base64url import decoded

# RFC 7518 sections 6.2.2, 6.3.2 and 6.4.1, RFC 8037 section 2, RFC 9964 section 3.
PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"})

# RFC 7518 section 3.3 asks for 2,048 bits; nobody makes keys of more than 16,384.
SHORTEST_MODULUS: Final = 2_048
LONGEST_MODULUS: Final = 16_384


class _Curve(NamedTuple):
    """y² = x³ + ax + b modulo p, coordinates in ``size`` bytes."""

    p: int
    a: int
    b: int
    size: int


# FIPS 186-4 appendix D.1.2; SEC 2 section 2.4.1 and RFC 8812 section 3.1.
_P256: Final = 2**256 - 2**224 + 2**192 + 2**96 - 1
_P384: Final = 2**384 - 2**128 - 2**96 + 2**32 - 1
_P521: Final = 2**521 - 1
_B256: Final = "5ac635d8 aa3a93e7 b3ebbd55 769886bc 651d06b0 cc53b0f6 3bce3c3e 27d2604b"
_B384: Final = (
    "b3312fa7 e23ee7e4 988e056b e3f82d19 181d9c6e fe814112"
    "0314088f 5013875a c656398d 8a2ed19d 2a85c8ed d3ec2aef"
)
_B521: Final = (
    "0051953e b9618e1c 9a1f929a 21a0b685 40eea2da 725b99b3 15f3b8b4 89918ef1"
    "09e15619 3951ec7e 937b1652 c0bd3bb1 bf073573 df883d2c 34f1ef45 1fd46b50 3f00"
)
_CURVES: Final = {
    "P-256": _Curve(_P256, -3, int.from_bytes(bytes.fromhex(_B256)), 32),
    "P-384": _Curve(_P384, -3, int.from_bytes(bytes.fromhex(_B384)), 48),
    "P-521": _Curve(_P521, -3, int.from_bytes(bytes.fromhex(_B521)), 66),
    "secp256k1": _Curve(2**256 - 2**32 - 977, 0, 7, 32),
}
_OCTETS: Final = {"Ed25519": 32, "X25519": 32, "Ed448": 57, "X448": 56}
_ML_DSA: Final = {"ML-DSA-44": 1_312, "ML-DSA-65": 1_952, "ML-DSA-87": 2_592}

# RFC 7638 section 3.2, RFC 8037 section 2, RFC 9964 section 6.
REQUIRED_MEMBERS: Final[Mapping[object, frozenset[str]]] = {
    "EC": frozenset({"kty", "crv", "x", "y"}),
    "OKP": frozenset({"kty", "crv", "x"}),
    "RSA": frozenset({"kty", "e", "n"}),
    "AKP": frozenset({"kty", "alg", "pub"}),
}
_DIGITS: Final = re.compile("[A-Za-z0-9_-]+")


def holds_private_key(value: object) -> bool:
    """Whether a JWK anywhere in a decoded JSON value has a private member."""
    unseen = [value]
    while unseen:
        seen = unseen.pop()
        if isinstance(seen, dict):
            if not PRIVATE_MEMBERS.isdisjoint(seen) and ("kty" in seen or seen is value):
                return True
            unseen += seen.values()
        elif isinstance(seen, list):
            unseen += seen
    return False


def is_public_key(jwk: Mapping[str, object]) -> bool:
    """Whether the JWK has a registered type and its members are right for it.

    A point of an elliptic curve must lie on it: with both coordinates given, that is as good as
    a checksum against typing mistakes.
    """
    match jwk.get("kty"):
        case "EC":
            return _is_point(jwk)
        case "OKP":
            octets = _octets(jwk, "x")
            return octets is not None and _OCTETS.get(str(jwk.get("crv"))) == len(octets)
        case "RSA":
            modulus, exponent = _octets(jwk, "n"), _octets(jwk, "e")
            return bool(modulus and exponent) and is_rsa(modulus or b"", exponent or b"")
        case "AKP":
            octets = _octets(jwk, "pub")
            return octets is not None and _ML_DSA.get(str(jwk.get("alg"))) == len(octets)
    return False


def is_rsa(modulus: bytes, exponent: bytes) -> bool:
    """Whether both are as short as can be (RFC 7518 section 2, Base64urlUInt) and fit a key."""
    bits = int.from_bytes(modulus).bit_length()
    return (
        SHORTEST_MODULUS <= bits <= LONGEST_MODULUS
        and modulus[0] != 0 != exponent[0]
        and len(exponent) <= len(modulus)
        and modulus[-1] & 1 == 1 == exponent[-1] & 1
        and exponent != b"\x01"
    )


def _is_point(jwk: Mapping[str, object]) -> bool:
    curve, left, right = _CURVES.get(str(jwk.get("crv"))), _octets(jwk, "x"), _octets(jwk, "y")
    if curve is None or left is None or right is None:
        return False
    # RFC 7518 section 6.2.1.2: always the full size, leading zeros included.
    if not len(left) == len(right) == curve.size:
        return False
    x, y = int.from_bytes(left), int.from_bytes(right)
    return max(x, y) < curve.p and (y * y - (x * x + curve.a) * x - curve.b) % curve.p == 0


def _octets(jwk: Mapping[str, object], member: str) -> bytes | None:
    text = jwk.get(member)
    return decoded(text) if isinstance(text, str) and _DIGITS.fullmatch(text) else None
