"""The registry: which namespaces there are, and what every check of theirs keeps to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrol.customers.wallets import CHECKS, NAMESPACES, AddressError, canonical_address
from tests.customers.wallets.vectors import addresses

# Any code point, lone surrogates too, and what resembles an address but for a character or two.
ANY_TEXT = st.text(st.characters(exclude_categories=()))
NEAR_TEXT = st.one_of(
    st.from_regex(r"(0x|0X|tz1|KT1|addr1|bc1|X-avax1|cosmos1|r|T|41)?[0-9a-zA-Z]{0,120}"),
    st.tuples(
        st.sampled_from([a for ns in NAMESPACES for a in addresses(ns, "valid")]),
        st.integers(0, 120),
        st.characters(exclude_categories=()),
    ).map(lambda cut: cut[0][: cut[1]] + cut[2] + cut[0][cut[1] + 1 :]),
)
CODES = {"wallet.length", "wallet.alphabet", "wallet.prefix", "wallet.checksum"}


def test_namespaces_are_listed_in_the_compatible_order() -> None:
    first, last = "tezos eip155 aptos polkadot starknet", "cosmos solana cardano bip122 xrpl"
    assert f"{first} {last} dash tron avax" == " ".join(NAMESPACES)
    assert set(CHECKS) == set(NAMESPACES)


def test_unknown_namespace_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        canonical_address("bitcoin", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2")


@pytest.mark.parametrize("namespace", NAMESPACES)
@given(address=st.one_of(ANY_TEXT, NEAR_TEXT))
def test_any_text_is_taken_or_refused_by_a_code(namespace: str, address: str) -> None:
    try:
        canonical = canonical_address(namespace, address)
    except AddressError as refused:
        error = refused
    else:
        assert canonical in {address, address.lower()}
        assert canonical_address(namespace, canonical) == canonical
        return
    assert error.code in CODES
    assert str(error) == error.code
    # A chained error of a codec or decoder would show the address in a traceback.
    assert error.__context__ is None


@pytest.mark.parametrize("namespace", NAMESPACES)
@pytest.mark.parametrize("extra", ["\n", " ", "\t", "\0", "\u200b", "\ufeff", "\ud800", "é", "１"])
def test_stray_characters_at_either_end_are_refused(namespace: str, extra: str) -> None:
    for address in addresses(namespace, "valid")[:5]:
        for text in (address + extra, extra + address, address[:-1] + extra):
            with pytest.raises(AddressError):
                canonical_address(namespace, text)


@pytest.mark.parametrize("namespace", NAMESPACES)
@pytest.mark.parametrize("unit", ["1", "z", "a1", "0x", "\0", " ", "é"])
def test_a_huge_text_is_refused_for_its_length(namespace: str, unit: str) -> None:
    for start in ("", *addresses(namespace, "valid")[:1]):
        with pytest.raises(AddressError) as refused:
            canonical_address(namespace, start + unit * 3_000_000)
        assert refused.value.code == "wallet.length"


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_empty_is_refused_for_its_length(namespace: str) -> None:
    with pytest.raises(AddressError) as refused:
        canonical_address(namespace, "")
    assert refused.value.code == "wallet.length"
