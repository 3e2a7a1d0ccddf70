"""did:jwk: public keys, each with the members that its type wants, and never a private one."""

import json
from base64 import urlsafe_b64encode
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrol.customers.dids import check_dids

# quartzjer/did-jwk, spec.md, "Examples".
P256 = (
    "did:jwk:eyJjcnYiOiJQLTI1NiIsImt0eSI6IkVDIiwieCI6ImFjYklRaXVNczNpOF91c3pFakoydHBUdFJNNEVVM3l6O"
    "TFQSDZDZEgyVjAiLCJ5IjoiX0tjeUxqOXZXTXB0bm1LdG00NkdxRHo4d2Y3NEk1TEtncmwyR3pIM25TRSJ9"
)
X25519 = (
    "did:jwk:eyJrdHkiOiJPS1AiLCJjcnYiOiJYMjU1MTkiLCJ1c2UiOiJlbmMiLCJ4IjoiM3A3YmZYdDl3YlRUVzJIQzdPU"
    "TFOei1EUThoYmVHZE5yZngtRkctSUswOCJ9"
)
# RFC 7517 appendix A.1 and RFC 8037 appendix A.2.
EC = {
    "kty": "EC",
    "crv": "P-256",
    "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
    "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
}
OKP = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
PRIVATE = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"


def base64url(octets: bytes) -> str:
    return urlsafe_b64encode(octets).decode().rstrip("=")


RSA = {"kty": "RSA", "n": base64url(b"\x80" + b"\0" * 254 + b"\1"), "e": "AQAB"}
AKP = {"kty": "AKP", "alg": "ML-DSA-44", "pub": base64url(bytes(1_312))}
# The generators: FIPS 186-4 appendix D.1.2, SEC 2 section 2.4.1.
GENERATORS = {
    "P-256": (
        "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
        "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
    ),
    "P-384": (
        "aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872"
        "760ab7",
        "3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90"
        "ea0e5f",
    ),
    "P-521": (
        "00c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b5e77efe75928fe1dc1"
        "27a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66",
        "011839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd17273e662c97ee72995ef42640c550b9"
        "013fad0761353c7086a272c24088be94769fd16650",
    ),
    "secp256k1": (
        "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
        "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8",
    ),
}


def did_jwk(value: object) -> str:
    return f"did:jwk:{base64url(json.dumps(value).encode())}"


def code(did: str) -> str | None:
    faults = check_dids([did])
    return faults[0][1] if faults else None


@pytest.mark.parametrize("did", [P256, X25519])
def test_published_examples_pass(did: str) -> None:
    assert code(did) is None


@pytest.mark.parametrize("jwk", [EC, OKP, RSA, AKP])
def test_keys_pass_with_whatever_else_is_public(jwk: dict[str, str]) -> None:
    assert code(did_jwk(jwk)) is None
    assert code(did_jwk(jwk | {"use": "sig", "kid": "é", "x5c": ["AA=="], "a": {"b": [1]}})) is None


@pytest.mark.parametrize("curve", GENERATORS)
def test_points_must_lie_on_their_curve(curve: str) -> None:
    x, y = (bytes.fromhex(text) for text in GENERATORS[curve])
    jwk = {"kty": "EC", "crv": curve, "x": base64url(x), "y": base64url(y)}
    assert code(did_jwk(jwk)) is None
    for wrong in (x, y[:-1] + bytes([y[-1] ^ 1]), b"\0" + y, y[1:], bytes(len(y))):
        assert code(did_jwk(jwk | {"y": base64url(wrong)})) == "did.jwk"
    assert code(did_jwk({name: text for name, text in jwk.items() if name != "y"})) == "did.jwk"


@pytest.mark.parametrize(
    ("curve", "size"), [("Ed25519", 32), ("X25519", 32), ("Ed448", 57), ("X448", 56)]
)
def test_octet_keys_have_their_length(curve: str, size: int) -> None:
    for octets in (size - 1, size, size + 1):
        jwk = {"kty": "OKP", "crv": curve, "x": base64url(bytes(octets))}
        assert code(did_jwk(jwk)) == (None if octets == size else "did.jwk")


@given(st.sampled_from(["x", "y"]), st.data())
def test_a_point_with_a_changed_character_is_refused(member: str, data: st.DataObject) -> None:
    text = EC[member]
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from("ABCDEFGHabcdefgh0123-_").filter(lambda c: c != text[at]))
    assert code(did_jwk(EC | {member: text[:at] + other + text[at + 1 :]})) == "did.jwk"


@pytest.mark.parametrize(
    "jwk",
    [
        {},
        [],
        "text",
        1,
        None,
        [EC],
        {"keys": [EC]},
        EC | {"kty": "ec"},
        EC | {"kty": None},
        EC | {"kty": ["EC"]},
        EC | {"crv": "P256"},
        EC | {"crv": ["P-256"]},
        EC | {"kty": "OKP"},
        EC | {"x": 1},
        EC | {"x": ""},
        EC | {"x": EC["x"] + "="},
        OKP | {"x": OKP["x"][:-1] + "p"},
        OKP | {"x": OKP["x"].replace("_", "/")},
        OKP | {"crv": "P-256"},
        RSA | {"e": "AQ"},
        RSA | {"e": "AAEAAQ"},
        RSA | {"e": "Ag"},
        RSA | {"n": "AA" + RSA["n"]},
        RSA | {"n": base64url(b"\x80" + bytes(126) + b"\1")},
        RSA | {"n": base64url(b"\x80" + bytes(254) + b"\2")},
        AKP | {"alg": "ML-DSA-65"},
        {"kty": "oct"},
        {"kty": "unknown"},
    ],
)
def test_what_is_no_public_key_is_refused(jwk: object) -> None:
    assert code(did_jwk(jwk)) == "did.jwk"


@pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"])
@pytest.mark.parametrize("jwk", [EC, OKP, RSA, AKP, {"kty": "oct"}, {}])
def test_a_private_member_makes_it_a_secret(jwk: dict[str, str], member: str) -> None:
    for value in (PRIVATE, "", None, 1):
        assert code(did_jwk(jwk | {member: value})) == "did.secret"


def test_a_private_key_within_is_a_secret_too() -> None:
    assert code(did_jwk(EC | {"old": [{"keys": [OKP | {"d": PRIVATE}]}]})) == "did.secret"


def test_a_private_key_is_found_behind_a_slip_of_syntax() -> None:
    did = did_jwk(OKP | {"d": PRIVATE, "kid": "??>>"})
    padded = did + "=" * (-(len(did) - len("did:jwk:")) % 4 or 2)
    base64 = did.replace("-", "+").replace("_", "/")
    for text in (padded, f"{did}#0", f" {did}\n", f"{did}?a=b", f"{did}/path", base64):
        assert check_dids([P256, text]) == [(1, "did.secret")]
    assert check_dids([f"{P256}#0", f"{P256}=", f"{did} {did}"]) == [
        (index, "did.syntax") for index in range(3)
    ]


@pytest.mark.parametrize(
    "octets",
    [
        b"{",
        b"\xff\xfe{}",
        b'{"kty":"\xc3\x28"}',
        b'{"kty":"\xed\xa0\x80"}',
        b"\xef\xbb\xbf" + json.dumps(OKP).encode(),
        json.dumps(OKP).encode() + b"x",
        json.dumps(OKP).encode("utf-16"),
        b'{"a":NaN}',
        b"[" * 6_000,
        b'{"a":' * 2_000 + b"1" + b"}" * 2_000,
    ],
    ids=lambda octets: str(octets[:20]),
)
def test_what_is_no_json_is_refused(octets: bytes) -> None:
    assert code(f"did:jwk:{base64url(octets)}") == "did.jwk"


@pytest.mark.parametrize("identifier", ["A", "AAAAA", "AB", "e30.", "e30:e30", "e3%30"])
def test_what_is_no_base64url_is_refused(identifier: str) -> None:
    assert code(f"did:jwk:{identifier}") == "did.jwk"


@given(st.binary(max_size=60))
def test_any_octets_are_taken_or_refused(octets: bytes) -> None:
    assert code(f"did:jwk:{base64url(octets)}") in {"did.jwk", "did.secret", "did.syntax"}


@pytest.mark.parametrize("unit", ["A", "W1tb", "eyJh"])
def test_a_huge_text_is_refused_at_once(unit: str) -> None:
    begun = perf_counter()
    assert code("did:jwk:" + unit * 1_000_000) == "did.jwk"
    assert perf_counter() - begun < 1
