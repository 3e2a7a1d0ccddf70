"""did:key: the lengths and first bytes of every type of key, and no private key."""

import json
from time import perf_counter

import pytest
from based58 import b58decode, b58encode
from hypothesis import given
from hypothesis import strategies as st

from enrol.customers.dids import check_dids
from enrol.customers.dids.methods.key import _FIXED
from enrol.customers.wallets.forms import BASE58

# w3c-ccg/did-method-key, test-vectors.
ED25519 = "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"
SECP256K1 = "did:key:zQ3shtxV1FrJfhqE1dvxYRcCknWNjHc3c5X1y3ZSoPDi2aur2"
P384 = "did:key:z82LkvCwHNreneWpsgPEbV3gu1C6NFJEBg4srfJ5gdxEsMGRJUz2sG9FE42shbn2xkZJh54"
RSA = (
    "did:key:z4MXj1wBzi9jUstyPMS4jQqB6KdJaiatPkAtVtGc6bQEQEEsKTic4G7Rou3iBf9vPmT5dbkm9qsZsuVNjq8"
    "HCuW1w24nhBFGkRE4cd2Uf2tfrB3N7h4mnyPp1BF3ZttHTYv3DLUPi1zMdkULiow3M1GfXkoC6DoxDUm1jmN6GBj22S"
    "jVsr6dxezRVQc7aj9TxE7JLbMH1wh5X3kA58H3DFW8rnYMakFGbca5CB2Jf6CnGQZmL7o5uJAdTwXfy2iiiyPxXEGer"
    "MhHwhjTA1mKYobyk2CpeEcmvynADfNZ5MBvcCS7m3XkFCMNUYBS9NQ3fze6vMSUPsNa6GVYmKx2x6JrdEjCk3qRMMmy"
    "jnjCMfR4pXbRMZa3i"
)
# RFC 8037 appendix A.2, RFC 7517 appendix A.1.
OKP = {"crv": "Ed25519", "kty": "OKP", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
EC = {
    "crv": "P-256",
    "kty": "EC",
    "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
    "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
}
JWK_JCS = bytes.fromhex("d1d603")


def did_key(octets: bytes) -> str:
    return f"did:key:z{b58encode(octets).decode()}"


def code(did: str) -> str | None:
    faults = check_dids([did])
    return faults[0][1] if faults else None


def jcs(jwk: dict[str, str]) -> bytes:
    return json.dumps(jwk, sort_keys=True, separators=(",", ":")).encode()


def der(tag: int, content: bytes) -> bytes:
    size = len(content)
    length = size.to_bytes((size.bit_length() + 7) // 8 or 1)
    return bytes([tag]) + (bytes([0x80 + len(length)]) if size > 127 else b"") + length + content


def rsa(modulus: int, exponent: int = 65_537) -> bytes:
    integers = (value.to_bytes(value.bit_length() // 8 + 1) for value in (modulus, exponent))
    return bytes.fromhex("8524") + der(0x30, b"".join(der(2, integer) for integer in integers))


@given(st.sampled_from(_FIXED), st.data())
def test_random_keys_pass(entry: tuple[str, str, str, int], data: st.DataObject) -> None:
    codec, first, last, size = entry
    least, greatest = int(first, 16), int(last, 16)
    head = data.draw(st.integers(least, greatest)).to_bytes(len(first) // 2)
    body = data.draw(st.one_of(st.sampled_from([b"\0", b"\xff"]), st.binary(min_size=1)))
    key = (head + body * size)[:size]
    assert code(did_key(bytes.fromhex(codec) + key)) is None
    assert code(did_key(bytes.fromhex(codec) + key + b"\0")) == "did.key"
    assert code(did_key(bytes.fromhex(codec) + key[:-1])) == "did.key"


@pytest.mark.parametrize("entry", _FIXED)
def test_just_outside_of_the_range_is_refused(entry: tuple[str, str, str, int]) -> None:
    codec, first, last, size = entry
    octets = 2 + size
    low = int.from_bytes(bytes.fromhex(codec + first).ljust(octets, b"\0"))
    high = int.from_bytes(bytes.fromhex(codec + last).ljust(octets, b"\xff"))
    assert code(did_key(low.to_bytes(octets))) is None
    assert code(did_key(high.to_bytes(octets))) is None
    for outside in (low - 1, high + 1):
        assert code(did_key(outside.to_bytes(octets))) == "did.key"


@given(st.binary(min_size=3, max_size=60))
def test_an_unknown_multicodec_is_refused(octets: bytes) -> None:
    known = {bytes.fromhex(codec) for codec, *_ in _FIXED} | {bytes.fromhex("8524"), JWK_JCS[:2]}
    if octets[:2] not in known:
        assert code(did_key(octets)) in {"did.key", "did.secret"}


@pytest.mark.parametrize("did", [ED25519, SECP256K1, P384, RSA])
def test_published_keys_pass_alone_and_among_others(did: str) -> None:
    assert code(did) is None
    assert check_dids([did, ED25519, did, "did:key:z6Mk", did]) == [(3, "did.key")]


@pytest.mark.parametrize("did", [ED25519, SECP256K1, P384])
def test_a_missing_or_added_character_is_refused(did: str) -> None:
    for at in range(len("did:key:z"), len(did)):
        assert code(did[:at] + did[at + 1 :]) == "did.key"
        assert code(did[:at] + "2" + did[at:]) == "did.key"


@pytest.mark.parametrize(
    "did",
    [
        "did:key:z",
        "did:key:z1",
        "did:key:" + ED25519[9:],
        ED25519[:-1] + "0",
        ED25519[:-1] + "l",
        ED25519[:-1] + "-",
        ED25519[:-1] + "%41",
        ED25519[:9] + "1" + ED25519[9:],
        # Multibase has other bases; the method has one.
        "did:key:u7QEuNdlbSMSmjmYf3CTlsM2HKxHGIeqH8XVs6LhYM3mZ-A",
        "did:key:Z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp",
        "did:key:m7QEuNdlbSMSmjmYf3CTlsM2HKxHGIeqH8XVs6LhYM3mZ",
        "did:key:0:" + ED25519[8:],
        "did:key:2:" + ED25519[8:],
        "did:key:1.1:" + ED25519[8:],
        "did:key::" + ED25519[8:],
        "did:key:1:1:" + ED25519[8:],
        ED25519 + ":1",
        # Version 1 of base58 written for two: colons must not even out over the column.
        "did:key:1:z6Mk",
    ],
)
def test_other_forms_are_refused(did: str) -> None:
    assert code(did) == "did.key"
    assert check_dids([ED25519, did, ED25519]) == [(1, "did.key")]


def test_version_1_may_be_written() -> None:
    assert code("did:key:1:" + ED25519[8:]) is None


@pytest.mark.parametrize("multicodec", ["8026", "8126", "8226", "8326", "8526", "8626", "9a26"])
@pytest.mark.parametrize("size", [16, 32, 66, 1_190, 2_400])
def test_a_private_key_is_a_secret(multicodec: str, size: int) -> None:
    octets = bytes.fromhex(multicodec) + bytes(range(1, 251)) * 10
    assert code(did_key(octets[: 2 + size])) == "did.secret"


def test_a_symmetric_key_is_a_secret() -> None:
    assert code(did_key(bytes.fromhex("a201") + bytes(32))) == "did.secret"


@pytest.mark.parametrize("jwk", [OKP, EC])
def test_a_jwk_of_required_members_passes(jwk: dict[str, str]) -> None:
    assert code(did_key(JWK_JCS + jcs(jwk))) is None


@pytest.mark.parametrize(
    ("octets", "fault"),
    [
        (jcs(OKP | {"d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}), "did.secret"),
        (jcs(OKP | {"use": "sig"}), "did.key"),
        (json.dumps(OKP, sort_keys=True).encode(), "did.key"),
        (jcs(OKP)[:-1], "did.key"),
        (jcs(OKP | {"crv": "Ed448"}), "did.key"),
        (jcs(EC | {"y": EC["x"]}), "did.key"),
        (b"[]", "did.key"),
        (b"", "did.key"),
        (b"[" * 600, "did.key"),
        (b"\xff\xfe", "did.key"),
    ],
)
def test_another_jwk_is_refused(octets: bytes, fault: str) -> None:
    assert code(did_key(JWK_JCS + octets)) == fault


@given(st.sampled_from([2_048, 3_072, 4_096]), st.integers(0, 2**64), st.integers(1, 2**31))
def test_rsa_keys_pass(bits: int, low: int, half: int) -> None:
    modulus = 1 << bits - 1 | low << 1 | 1
    assert code(did_key(rsa(modulus))) is None
    assert code(did_key(rsa(modulus, 2 * half + 1))) is None
    assert code(did_key(rsa(modulus, 2 * half))) == "did.key"
    assert code(did_key(rsa(modulus - 1))) == "did.key"


@pytest.mark.parametrize(
    "octets",
    [
        rsa((1 << 1_023) + 1),
        rsa((1 << 8_191) + 1),
        rsa((1 << 2_047) + 1, 1),
        rsa((1 << 2_047) + 1) + b"\0",
        rsa((1 << 2_047) + 1)[:-1],
        bytes.fromhex("8524"),
        bytes.fromhex("852430"),
        bytes.fromhex("85243080"),
        bytes.fromhex("852430840000000002"),
        bytes.fromhex("852430060200020103"),
        bytes.fromhex("8524") + der(0x30, der(2, b"\xff" * 256) + der(2, b"\1\0\1")),
        bytes.fromhex("8524") + der(0x30, der(2, b"\0\0" + b"\xff" * 256) + der(2, b"\1\0\1")),
        bytes.fromhex("8524") + der(0x31, der(2, b"\0" + b"\xff" * 256) + der(2, b"\1\0\1")),
        bytes.fromhex("8524") + der(0x30, der(2, b"\0" + b"\xff" * 256)),
    ],
)
def test_rsa_that_is_no_key_is_refused(octets: bytes) -> None:
    assert code(did_key(octets)) == "did.key"


def test_the_published_rsa_key_is_made_as_here() -> None:
    octets = b58decode(RSA[9:].encode())
    assert octets[:10].hex() == "85243082010a02820101"
    assert rsa(int.from_bytes(octets[11 : 11 + 256])) == octets


@pytest.mark.parametrize("unit", ["z", "1", "6Mk", "2"])
@pytest.mark.parametrize("start", ["did:key:z", ED25519, RSA])
def test_a_huge_text_is_refused_at_once(unit: str, start: str) -> None:
    did = start + unit * 1_000_000
    begun = perf_counter()
    assert code(did) in {"did.key", "did.secret"}
    assert perf_counter() - begun < 1


def test_the_alphabet_is_in_the_order_of_ascii() -> None:
    assert sorted(BASE58) == list(BASE58)
