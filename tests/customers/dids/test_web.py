"""did:web: host, port and path."""

from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrol.customers.dids import check_dids

USUAL = "did:web:id.example.com:customers:1"
LABEL = "a" * 63

HOSTS = st.lists(st.from_regex("[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True), min_size=1)
PATHS = st.lists(st.from_regex("[A-Za-z0-9_-][A-Za-z0-9._-]{0,20}", fullmatch=True), max_size=4)


def code(did: str) -> str | None:
    faults = check_dids([did])
    return faults[0][1] if faults else None


@pytest.mark.parametrize(
    "did",
    [
        USUAL,
        # The method's own examples, and those of web-did-resolver's tests.
        "did:web:w3c-ccg.github.io",
        "did:web:w3c-ccg.github.io:user:alice",
        "did:web:example.com%3A3000",
        "did:web:example.com%3a3000:user:alice",
        "did:web:localhost%3A8443",
        "did:web:example.com:path:some%2Bsubpath",
        "did:web:Example.COM",
        "did:web:xn--bcher-kva.example",
        "did:web:3.example.1a",
        "did:web:a.b.c.d.e.f.g.example.com:u",
        f"did:web:{LABEL}.{LABEL}.{LABEL}.{'b' * 61}",
        "did:web:example.com%3A1",
        "did:web:example.com%3A65535",
        "did:web:example.com:...:.a:..b",
        "did:web:example.com:8443",
        "did:web:demo.spruceid.com:2021:07:08",
    ],
)
def test_accepted(did: str) -> None:
    assert code(did) is None
    assert check_dids([USUAL, did, USUAL, "did:web:x", did]) == [(3, "did.web")]


@pytest.mark.parametrize(
    "did",
    [
        "did:web:example",
        "did:web:192.0.2.1",
        "did:web:192.0.2.1%3A80",
        "did:web:192.0.2.1:u",
        "did:web:example.123",
        "did:web:%5B2001%3Adb8%3A%3A1%5D",
        "did:web:2001:db8::1",
        "did:web:example.com.",
        "did:web:.example.com",
        "did:web:example..com",
        "did:web:-a.example.com",
        "did:web:a-.example.com",
        "did:web:a_b.example.com",
        "did:web:ex%61mple.com",
        "did:web:example.com%3A",
        "did:web:example.com%3A0",
        "did:web:example.com%3A080",
        "did:web:example.com%3A65536",
        "did:web:example.com%3A80%3A80",
        "did:web:example.com%2Fuser",
        "did:web:example.com::user",
        "did:web:example.com:.",
        "did:web:example.com:..",
        "did:web:example.com:..:a",
        "did:web:example.com:%2e%2E:a",
        "did:web:example.com:.%2e",
        "did:web:example.com:a%2Fb",
        "did:web:example.com:a%5cb",
        "did:web:example.com:%00",
        f"did:web:a{LABEL}.example.com",
        f"did:web:{LABEL}.{LABEL}.{LABEL}.{'b' * 62}",
        "did:web:localhost.",
        "did:web:localhosts",
        "did:web:user%40example.com",
    ],
)
def test_refused(did: str) -> None:
    assert code(did) == "did.web"
    assert check_dids([USUAL, did, USUAL]) == [(1, "did.web")]


@pytest.mark.parametrize("did", ["did:web:bücher.example", "did:web:example.com/u", USUAL + ":"])
def test_what_is_no_did_is_refused_as_such(did: str) -> None:
    assert code(did) == "did.syntax"


@given(HOSTS, PATHS)
def test_the_search_agrees_with_the_single_look(labels: list[str], path: list[str]) -> None:
    did = ":".join(["did:web", ".".join([*labels, "example"]), *path])
    # The port makes every DID one for the single look.
    with_port = ":".join(["did:web", ".".join([*labels, "example"]) + "%3A80", *path])
    assert code(did) == code(with_port)
    if sum(map(len, labels)) + len(labels) + len("example") <= 253:
        assert code(did) is None


@pytest.mark.parametrize("unit", ["a", "a.", "a-", ":a", "%41", ":%2E", "1."])
def test_a_huge_text_is_quick(unit: str) -> None:
    for start in ("did:web:", "did:web:example.com:"):
        for end in ("", "%2F", "_"):
            begun = perf_counter()
            check_dids([start + unit * 300_000 + end])
            assert perf_counter() - begun < 2
