"""avax: an alias and bech32 of Avalanche's networks, or hexadecimal as in eip155."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrol.customers.wallets.codecs.bech32 import BIP_350
from enrol.customers.wallets.codecs.eip55 import checksummed
from enrol.customers.wallets.forms import AddressError, AddressFinding
from enrol.customers.wallets.namespaces.avax import canonical, describe
from tests.customers.vectors import rows
from tests.customers.wallets.codecs.test_bech32 import encoded
from tests.customers.wallets.vectors import addresses

# Avalanche's documentation, "Cryptographic Primitives": one key on several networks.
ADDRESS = "X-avax19rknw8l0grnfunjrzwxlxync6zrlu33y2jxhrg"
FUJI = "X-fuji19rknw8l0grnfunjrzwxlxync6zrlu33yxqzg0h"
LOCAL = "X-local19rknw8l0grnfunjrzwxlxync6zrlu33ynpm3qq"
CUSTOM = "X-custom19rknw8l0grnfunjrzwxlxync6zrlu33yeg5dya"
# EIP-55 and ERC-1191 (chain 30), "Test Cases".
EVM = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
ERC_1191 = "0x5aaEB6053f3e94c9b9a09f33669435E7ef1bEAeD"


def refusal(address: str) -> str:
    with pytest.raises(AddressError) as refused:
        canonical(address)
    assert refused.value.__context__ is None
    return refused.value.code


@pytest.mark.parametrize("address", addresses("avax", "valid"))
def test_valid_vectors_are_accepted(address: str) -> None:
    expected = address.lower() if address.startswith("0x") else address
    assert canonical(address) == expected


@given(
    st.sampled_from("XPC"), st.sampled_from(["avax", "fuji"]), st.binary(min_size=20, max_size=20)
)
def test_both_cases_are_one_account(alias: str, hrp: str, key: bytes) -> None:
    address = f"{alias}-{encoded(hrp, key)}"
    assert canonical(address) == canonical(address.upper()) == address


@given(st.binary(min_size=20, max_size=20))
def test_the_aliases_are_distinct_accounts(key: bytes) -> None:
    assert len({canonical(f"{alias}-{encoded('avax', key)}") for alias in "XPC"}) == 3


@pytest.mark.parametrize("address", [ADDRESS, FUJI])
def test_every_single_slip_after_the_alias_is_refused(address: str) -> None:
    typed = string.ascii_letters + string.digits + "- \n"
    for at in range(1, len(address)):
        own = address[at]
        refusal(address[:at] + address[at + 1 :])
        for other in typed.replace(own, ""):
            refusal(address[:at] + other + address[at + 1 :])
        if address[at + 1 : at + 2] not in {"", own}:
            refusal(address[:at] + address[at + 1] + own + address[at + 2 :])


@pytest.mark.parametrize(
    ("address", "code"),
    [
        # No chain's alias: whose account it is on which chain, it does not tell.
        (ADDRESS[2:], "wallet.prefix"),
        ("x" + ADDRESS[1:], "wallet.prefix"),
        ("Q" + ADDRESS[1:], "wallet.prefix"),
        ("XX" + ADDRESS[1:], "wallet.prefix"),
        ("C-" + EVM, "wallet.prefix"),
        (EVM[2:], "wallet.prefix"),
        ("0X" + EVM[2:].upper(), "wallet.prefix"),
        ("NodeID-7Xhw2mDxuDS44j42TCB6U5579esbSt3Lg", "wallet.prefix"),
        ("X-" + encoded("cosmos", bytes(20)), "wallet.prefix"),
        ("X-Avax" + ADDRESS[6:], "wallet.prefix"),
        ("X-AVAX" + ADDRESS[6:], "wallet.alphabet"),
        (ADDRESS + "\n", "wallet.alphabet"),
        (ADDRESS[:-1] + "b", "wallet.alphabet"),
        (ADDRESS + "q", "wallet.length"),
        (ADDRESS[:-1], "wallet.length"),
        ("X-" + encoded("avax", bytes(32)), "wallet.length"),
        (EVM[:-1], "wallet.length"),
        (ADDRESS[:-1] + "q", "wallet.checksum"),
        ("X-" + encoded("avax", bytes(20), BIP_350), "wallet.checksum"),
        (EVM[:-1] + "D", "wallet.checksum"),
        # Networks on somebody's own machine.
        (LOCAL, "wallet.network"),
        (CUSTOM, "wallet.network"),
        (LOCAL[:-1] + "p", "wallet.checksum"),
    ],
)
def test_the_fault_is_named(address: str, code: str) -> None:
    assert refusal(address) == code


def test_erc1191_is_a_finding() -> None:
    with pytest.raises(AddressFinding) as found:
        canonical(ERC_1191)
    assert (found.value.code, found.value.canonical) == ("wallet.erc1191", EVM.lower())


def test_alias_and_prefix_tell_the_chain() -> None:
    published = {row["caip2"] for row in rows("wallets/caip2") if row["caip2"].startswith("avax:")}
    told = set()
    for alias in "XPC":
        for hrp, network in (("avax", "mainnet"), ("fuji", "testnet")):
            address = f"{alias}-{encoded(hrp, bytes(20))}"
            description = describe(address)
            assert description[:2] == (address, network)
            assert describe(address.upper()) == description
            told.add(description.chain_id)
    assert told == published
    # The C-Chain, X-Chain and P-Chain, by CAIP-2's comments.
    assert describe(ADDRESS).chain_id == "avax:imji8papUf2EhV3le337w1vgFauqkJg-"
    assert describe("C" + ADDRESS[1:]).chain_id == "avax:8aDU0Kqh-5d23op-B-r-4YbQFRbsgF9a"
    assert describe("P" + ADDRESS[1:]).chain_id == "avax:Rr9hnPVPxuUvrdCul-vjEsU1zmqKqRDo"
    assert describe("P" + FUJI[1:]).chain_id == "avax:Sj7NVE3jXTbJvwFAiu7OEUo_8g8ctXMG"


@pytest.mark.parametrize("address", [EVM, EVM.lower(), ERC_1191])
def test_hexadecimal_is_of_either_network(address: str) -> None:
    assert describe(address)[:3] == (checksummed(address), None, None) == (EVM, None, None)
