"""The column of DIDs: every published one is decided, and faults come by index."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrol.customers.dids import check_dids
from enrol.customers.dids.registry import CHECKS, METHODS
from tests.customers.vectors import rows

ROWS = rows("dids/dids")
VALID = [row["did"] for row in ROWS if row["expect"] == "valid"]

# What the sources use in tests or text and what fits DID Core, but names nothing in its method:
# shortened keys, networks without an account, names of files.
NO_KEY = {"did:key:zUC7Do...oAVE"}
NO_ACCOUNT = {
    "did:ethr:development:0x",
    "did:ethr:dev",
    "did:ethr:2nQtiQG6Cgm1GYTBaaKAgr76uY7iSexUkqX",
    "did:ethr:0x1",
    "did:ethr:rsk:testnet",
    "did:ethr:mainnet",
    "did:ethr:not:so:main:net",
    "did:ethr:sepolia",
    "did:ethr:rsk",
    "did:ethr:legacy",
}
FILE = ".jsonld"

TEXTS = st.one_of(
    st.sampled_from([row["did"] for row in ROWS]),
    st.builds(
        "did:{}:{}".format,
        st.sampled_from(sorted(METHODS)),
        st.text(string.ascii_letters + string.digits + ".-_:%", max_size=60),
    ),
    st.text(),
    st.tuples(st.sampled_from(VALID), st.integers(0, 200), st.characters()).map(
        lambda cut: cut[0][: cut[1]] + cut[2] + cut[0][cut[1] + 1 :]
    ),
)


def expected(row: dict[str, str]) -> str | None:
    did = row["did"]
    if row["expect"] in {"invalid", "did-url"}:
        return "did.syntax"
    if did in NO_KEY:
        return "did.key"
    if did in NO_ACCOUNT:
        return "did.ethr"
    if did.endswith(FILE) and not did.startswith("did:pkh:arweave:"):
        return "did.pkh"
    return None


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["did"][:60])
def test_published_dids(row: dict[str, str]) -> None:
    code = expected(row)
    assert check_dids([row["did"]]) == ([(0, code)] if code else [])


def test_published_dids_all_at_once() -> None:
    right = [(index, code) for index, row in enumerate(ROWS) if (code := expected(row))]
    assert check_dids([row["did"] for row in ROWS]) == right


def test_the_methods() -> None:
    assert set(METHODS) == {"ethr", "ion", "jwk", "key", "pkh", "web"}
    for method in METHODS:
        assert list(CHECKS[method]([])) == []
    with pytest.raises(KeyError):
        CHECKS["example"]


def test_an_empty_column_has_no_fault() -> None:
    assert check_dids([]) == []


def test_faults_come_in_order_whatever_their_method() -> None:
    dids = ["did:web:x", "did:key:z", "", "did:a:b", "did:web:y", "did:key:", "did:web:a.example"]
    faults = ["did.web", "did.key", "did.syntax", None, "did.web", "did.syntax", None]
    assert check_dids(dids) == [(index, code) for index, code in enumerate(faults) if code]


def test_settled_places_are_not_asked_for_their_method() -> None:
    dids = ["did:web:x", "did:web:x", "did:web:x:"]
    assert check_dids(dids, {1}) == [(0, "did.web"), (2, "did.syntax")]
    assert check_dids(dids, {0, 1}) == [(2, "did.syntax")]


@given(st.lists(TEXTS))
def test_the_column_agrees_with_the_single_check(texts: list[str]) -> None:
    alone = [(index, code) for index, text in enumerate(texts) for _, code in check_dids([text])]
    assert check_dids(texts) == alone


@given(st.lists(TEXTS))
def test_codes_are_those_of_the_methods(texts: list[str]) -> None:
    codes = {"did.syntax", "did.secret", *(f"did.{method}" for method in METHODS)}
    assert {code for _, code in check_dids(texts)} <= codes
