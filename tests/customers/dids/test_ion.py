"""did:ion: the suffix is the hash of the state that a long form carries."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from time import perf_counter
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrol.customers.dids import check_dids
from enrol.customers.dids.canonical_json import canonical_json
from tests.customers.vectors import rows

PUBLISHED = [row["did"] for row in rows("dids/dids") if row["method"] == "ion"]
LONG = [did for did in PUBLISHED if did.count(":") == 3]
SHORT = "did:ion:EiClkZMDxPKqC9c-umQfTkR8vvZ9JPhl_xLDI9Nfk38w5w"
COMMITMENT = "EiDKIkwqO69IPG3pOlHkdb86nYt0aNxSHZu2r-bhEznjdA"

CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def base64url(octets: bytes) -> str:
    return urlsafe_b64encode(octets).decode().rstrip("=")


def multihash(octets: bytes) -> str:
    return base64url(b"\x12\x20" + sha256(octets).digest())


def long_form(
    document: object, *, spell: Callable[[object], bytes] = canonical_json, **more: Any
) -> str:
    """A DID as Sidetree makes it, with parts replaced or added by ``more``."""
    delta = {
        "patches": [{"action": "replace", "document": document}],
        "updateCommitment": more.pop("update", COMMITMENT),
    }
    suffix_data = {"deltaHash": multihash(spell(delta)), "recoveryCommitment": COMMITMENT} | more
    state = {"delta": delta, "suffixData": suffix_data}
    return f"did:ion:{multihash(spell(suffix_data))}:{base64url(spell(state))}"


def code(did: str) -> str | None:
    faults = check_dids([did])
    return faults[0][1] if faults else None


VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-1000, 1000),
        st.floats(-9, 9),
        st.text("aé\U0001f600\ufb33\n", max_size=5),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.text("abé\U0001f600\ufb33", max_size=3), inner, max_size=3),
    ),
    max_leaves=8,
)


@pytest.mark.parametrize("did", [*PUBLISHED, SHORT])
def test_published_dids_pass(did: str) -> None:
    assert code(did) is None
    assert code(did.replace("did:ion:", "did:ion:test:")) is None


def test_both_long_forms_were_published() -> None:
    assert len(LONG) == 2


@pytest.mark.parametrize("did", LONG)
def test_any_changed_character_of_the_state_is_refused(did: str) -> None:
    for at in range(len("did:ion:"), len(did), 7):
        if did[at] != ":":
            other = CHARACTERS[(CHARACTERS.index(did[at]) + 1 + at % 62) % 64]
            assert code(did[:at] + other + did[at + 1 :]) == "did.ion"


@given(st.sampled_from(LONG), st.data())
def test_any_other_character_is_refused(did: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(len("did:ion:"), len(did) - 1))
    other = data.draw(st.sampled_from(CHARACTERS + ":._").filter(lambda text: text != did[at]))
    assert code(did[:at] + other + did[at + 1 :]) in {"did.ion", "did.syntax"}


@given(st.dictionaries(st.text("abc", max_size=3), VALUES, max_size=3))
def test_what_sidetree_would_make_passes(document: dict[str, object]) -> None:
    assert code(long_form(document)) is None


@given(st.dictionaries(st.text("ab\U0001f600\ufb33", max_size=3), VALUES, min_size=1))
def test_a_state_that_is_not_canonical_is_refused(document: dict[str, object]) -> None:
    spaced = long_form(document, spell=lambda value: msgspec.json.format(canonical_json(value)))
    assert code(spaced) == "did.ion"


@pytest.mark.parametrize("document", [{"b": 1.0}, {"b": 1e20}, {"\U0001f600": 1, "\ufb33": 2}])
def test_what_msgspec_sorts_and_writes_is_not_always_canonical(document: object) -> None:
    assert code(long_form(document)) is None
    sorted_by_msgspec = msgspec.json.Encoder(order="sorted").encode
    assert code(long_form(document, spell=sorted_by_msgspec)) == "did.ion"


def test_what_implementations_add_to_the_suffix_data_passes() -> None:
    assert code(long_form({}, type="abc", anchorOrigin="https://example.com")) is None


@pytest.mark.parametrize(
    "did",
    [
        long_form({}, more=1),
        long_form({}, recoveryCommitment="EiA"),
        long_form({}, recoveryCommitment=None),
        long_form({}, update="Ei"),
        long_form({}, deltaHash=COMMITMENT),
        long_form({"a": "b" * 1_000}),
        long_form({"a": "b" * 100_000}),
        f"{SHORT}:{base64url(b'{}')}",
        f"{SHORT}:{base64url(b'[]')}",
        f"{SHORT}:{base64url(b'null')}",
        f"{SHORT}:{base64url(b'[' * 1_500)}",
        f"{SHORT}:{base64url(b'[' * 700 + b']' * 700)}",
        f"{SHORT}:{base64url(bytes([255, 254]))}",
        f"{SHORT}:{base64url(b'1e999')}",
        f"{SHORT}:A",
        f"{SHORT}:",
        f"{SHORT}::",
        SHORT[:-1],
        SHORT + "A",
        # 0x11 is SHA-1, 0x1220 with another length; the last character has four bits to spare.
        SHORT.replace("EiC", "ERC"),
        SHORT.replace("EiC", "EiE"),
        SHORT[:-1] + "x",
        SHORT.replace("did:ion:", "did:ion:main:"),
        SHORT.replace("did:ion:", "did:ion:test:test:"),
        "did:ion:test",
    ],
)
def test_refused(did: str) -> None:
    assert code(did) in {"did.ion"} if not did.endswith(":") else {"did.syntax"}


def test_the_delta_may_have_1000_bytes() -> None:
    def padded(size: int) -> str:
        empty = long_form({"a": ""}).rpartition(":")[2]
        delta = msgspec.json.decode(urlsafe_b64decode(empty + "=="))["delta"]
        return long_form({"a": "b" * (size - len(canonical_json(delta)))})

    assert code(padded(1_000)) is None
    assert code(padded(1_001)) == "did.ion"


def test_a_private_key_is_a_secret() -> None:
    jwk = {"kty": "EC", "crv": "secp256k1", "d": "AAAA"}
    assert code(long_form({"publicKeys": [{"publicKeyJwk": jwk}]})) == "did.secret"
    # A name alone is none: services have members of any name.
    assert code(long_form({"services": [{"d": 1, "k": 2}]})) is None


@pytest.mark.parametrize("unit", ["A", "W1tb", ":"])
def test_a_huge_text_is_refused_at_once(unit: str) -> None:
    begun = perf_counter()
    assert code(f"{SHORT}:{unit * 1_000_000}A") == "did.ion"
    assert perf_counter() - begun < 1
