"""The registry: which namespaces there are, and what every check of theirs keeps to."""

import subprocess
import sys
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrol.customers.wallets.forms import AddressCode, AddressError, Description
from enrol.customers.wallets.registry import CHECKS, NAMESPACES, namespace
from tests.customers.wallets.vectors import addresses, canonical

# Any code point, lone surrogates too, and what resembles an address but for a character or two.
ANY_TEXT = st.text(st.characters(exclude_categories=()))
PUBLISHED = [address for name in NAMESPACES for address in addresses(name, "valid")]
BEGINNINGS = "0x 0X tz1 KT1 addr1 stake1 bc1 ltc1 X-avax1 cosmos1 r X T 41".split()
NEAR_TEXT = st.one_of(
    st.from_regex(f"({'|'.join(BEGINNINGS)})?[0-9a-zA-Z]{{0,120}}", fullmatch=True),
    st.tuples(
        st.sampled_from(PUBLISHED), st.integers(0, 120), st.characters(exclude_categories=())
    ).map(lambda cut: cut[0][: cut[1]] + cut[2] + cut[0][cut[1] + 1 :]),
)
CODES = set(get_args(AddressCode)) - {"wallet.namespace", "wallet.secret"}


def refusal(name: str, address: str) -> str:
    with pytest.raises(AddressError) as refused:
        CHECKS[name](address)
    return refused.value.code


def test_namespaces_are_listed_in_the_compatible_order() -> None:
    first, last = "tezos eip155 aptos polkadot starknet", "cosmos solana cardano bip122 xrpl"
    assert f"{first} {last} dash tron avax" == " ".join(NAMESPACES)


def test_an_unknown_namespace_is_a_key_error() -> None:
    for name in ("bitcoin", "", "__init__", "../forms", "eip155.py"):
        with pytest.raises(KeyError):
            namespace(name)
        with pytest.raises(KeyError):
            CHECKS[name]


def test_a_process_loads_the_families_it_meets() -> None:
    told = "print(*(m for m in sys.modules if m.startswith('enrol.customers.wallets.namespaces.')))"
    code = "import sys; from enrol.customers.wallets.registry import CHECKS; CHECKS['solana']"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; {told}"], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["enrol.customers.wallets.namespaces.solana"]


@pytest.mark.parametrize("name", NAMESPACES)
def test_each_module_keeps_to_the_protocol(name: str) -> None:
    module = namespace(name)
    assert CHECKS[name] is module.canonical
    assert module.CAIP_NAMESPACES
    for address in addresses(name, "valid"):
        try:
            canonical(name, address)
        except AddressError:
            continue  # counted in test_vectors.py
        told = module.describe(address)
        assert isinstance(told, Description)
        assert told.network in {"mainnet", "testnet", None}
        if told.chain_id is not None:
            assert told.chain_id.partition(":")[0] in module.CAIP_NAMESPACES


@pytest.mark.parametrize("name", NAMESPACES)
@given(address=st.one_of(ANY_TEXT, NEAR_TEXT))
def test_any_text_is_taken_or_refused_by_a_code(name: str, address: str) -> None:
    try:
        taken = canonical(name, address)
    except AddressError as refused:
        error = refused
    else:
        assert canonical(name, taken) == taken
        assert namespace(name).describe(address) == namespace(name).describe(address)
        return
    assert error.code in CODES
    assert str(error) == error.code
    assert address not in error.hint or len(address) < 4
    # A chained error of a codec would show the address in a traceback.
    assert error.__context__ is None
    assert error.__cause__ is None


@pytest.mark.parametrize("name", NAMESPACES)
@pytest.mark.parametrize("extra", ["\n", " ", "\t", "\0", "\u200b", "\ufeff", "\ud800", "é", "１"])
def test_a_stray_character_is_refused_wherever_it_stands(name: str, extra: str) -> None:
    for address in addresses(name, "valid")[:5]:
        for text in (address + extra, extra + address, address[:-1] + extra):
            refusal(name, text)
        for at in range(len(address)):
            refusal(name, address[:at] + extra + address[at:])


@pytest.mark.parametrize("name", NAMESPACES)
@pytest.mark.parametrize("unit", ["1", "z", "a1", "0x", "q", "\0", " ", "é"])
def test_a_huge_text_is_refused_for_its_length(name: str, unit: str) -> None:
    for start in ("", *addresses(name, "valid")[:1]):
        assert refusal(name, start + unit * 3_000_000) == "wallet.length"


@pytest.mark.parametrize("name", NAMESPACES)
def test_empty_is_refused_for_its_length(name: str) -> None:
    assert refusal(name, "") == "wallet.length"
