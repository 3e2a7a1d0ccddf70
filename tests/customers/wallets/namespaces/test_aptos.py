"""aptos: 32 bytes in hexadecimal; short for the sixteen special addresses alone (AIP-40)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrol.customers.wallets.accounts import canonical_address, describe_account
from enrol.customers.wallets.forms import AddressError
from enrol.customers.wallets.namespaces import aptos
from tests.customers.wallets.vectors import addresses

ADDRESS = "0xeeff357ea5c1a4e7bc11b2b17ff2dc2dcca69750bfef1e1ebcaccf8c8018175b"


def refusal(address: str) -> str:
    with pytest.raises(AddressError) as refused:
        canonical_address("aptos", address)
    return refused.value.code


@pytest.mark.parametrize("address", addresses("aptos", "valid"))
def test_valid_vectors_are_accepted(address: str) -> None:
    assert canonical_address("aptos", address) == address


@pytest.mark.parametrize("address", addresses("aptos", "invalid"))
def test_invalid_vectors_are_refused(address: str) -> None:
    refusal(address)


@pytest.mark.parametrize("digit", "0123456789abcdef")
def test_a_special_address_is_one_account_long_and_short(digit: str) -> None:
    for spelling in (digit, digit.upper(), "0" * 63 + digit, "0" * 63 + digit.upper()):
        assert canonical_address("aptos", "0x" + spelling) == "0x" + digit


@given(st.binary(min_size=32, max_size=32))
def test_case_means_nothing(account: bytes) -> None:
    digits = account.hex()
    canonical = canonical_address("aptos", "0x" + digits)
    assert canonical == canonical_address("aptos", "0x" + digits.upper())
    assert int(canonical, 16) == int(digits, 16)


def test_no_other_address_is_short() -> None:
    # 0x10 is the first that is not special, and keeps its zeros.
    long = f"0x{0x10:064x}"
    assert canonical_address("aptos", long) == long


@pytest.mark.parametrize(
    ("address", "code"),
    [
        # What AIP-40 allows to accept, and here is not.
        (ADDRESS[2:], "wallet.prefix"),
        ("1", "wallet.prefix"),
        ("0x01", "wallet.length"),
        ("0x0a", "wallet.length"),
        ("0x10", "wallet.length"),
        ("0x" + "0" * 62 + "1", "wallet.length"),
        ("0x43ec2cb158e3569842d537740fd53403e992b9e7349cc5d3dfaa5aff8faaef2", "wallet.length"),
        ("", "wallet.length"),
        ("0x", "wallet.length"),
        (ADDRESS + "0", "wallet.length"),
        ("0X" + ADDRESS[2:], "wallet.prefix"),
        (" " + ADDRESS, "wallet.prefix"),
        ("@" + ADDRESS, "wallet.prefix"),
        (ADDRESS + "\n", "wallet.alphabet"),
        ("0xg", "wallet.alphabet"),
        ("0x\n", "wallet.alphabet"),
        ("0x１", "wallet.alphabet"),
        ("0x" + "１" * 64, "wallet.alphabet"),
        ("0x" + "²" * 64, "wallet.alphabet"),
        ("0x1_" + ADDRESS[4:], "wallet.alphabet"),
        ("0x " + ADDRESS[3:], "wallet.alphabet"),
        (ADDRESS[:-1] + "İ", "wallet.alphabet"),
    ],
)
def test_the_fault_is_named(address: str, code: str) -> None:
    with pytest.raises(AddressError) as refused:
        aptos.canonical(address)
    assert refused.value.code == code


def test_caip10() -> None:
    # namespaces/aptos/caip2.md: 1 is the mainnet.
    sent = "aptos:1:0x" + "0" * 63 + "A"
    assert canonical_address("aptos", sent) == "0xa"
    account = describe_account("aptos", sent)
    assert account is not None
    assert account.account_id == "aptos:1:0xa"
    assert account.network is None
