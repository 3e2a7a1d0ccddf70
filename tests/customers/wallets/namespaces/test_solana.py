"""solana: base58 of 32 bytes, and nothing to tell a mistake by but their number."""

import pytest
from based58 import b58decode, b58encode
from hypothesis import given
from hypothesis import strategies as st

from enrol.customers.wallets.accounts import canonical_address, describe_account
from enrol.customers.wallets.forms import BASE58, AddressError
from enrol.customers.wallets.namespaces import solana
from tests.customers.wallets.vectors import addresses

ADDRESS = "7S3P4HxJpyyigGzodYwHtCxZyUQe9JiBMHyRWXArAaKv"

# namespaces/solana/caip10.md: one address each on Mainnet, Devnet and Testnet.
CAIP10 = [
    "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp:7S3P4HxJpyyigGzodYwHtCxZyUQe9JiBMHyRWXArAaKv",
    "solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1:DYw8jCTfwHNRJhhmFcbXvVDTqWMEVFBX6ZKUmG5CNSKK",
    "solana:4uhcVJyU9pJkvQyS88uRDiswHXSCkY3z:6LmSRCiu3z6NCSpF19oz1pHXkYkN4jWbj9K1nVELpDkT",
]

# From @solana/kit's tests: derived by a program, so that no point of the curve is the same.
OFF_CURVE = "4wBqpZM9xaSheZzJSMawUKKwhdpChKbZ5eu5ky4Vigw"


def refusal(address: str) -> str:
    with pytest.raises(AddressError) as refused:
        canonical_address("solana", address)
    return refused.value.code


def encoded(number: int, size: int) -> str:
    return b58encode(number.to_bytes(size, "big")).decode()


@pytest.mark.parametrize("address", [*addresses("solana", "valid"), OFF_CURVE])
def test_valid_vectors_come_back_as_sent(address: str) -> None:
    assert canonical_address("solana", address) == address


@pytest.mark.parametrize("address", addresses("solana", "invalid"))
def test_invalid_vectors_are_refused(address: str) -> None:
    refusal(address)


@given(st.integers(0, 32), st.binary(min_size=32, max_size=32))
def test_every_key_is_an_address(zeros: int, key: bytes) -> None:
    address = b58encode(bytes(zeros) + key[zeros:]).decode()
    assert canonical_address("solana", address) == address


@given(st.integers(0, 64).flatmap(lambda size: st.binary(min_size=size, max_size=size)))
def test_no_other_number_of_bytes_is_one(key: bytes) -> None:
    address = b58encode(key).decode()
    if len(key) != 32:
        with pytest.raises(AddressError):
            solana.canonical(address)


@given(st.text(BASE58, min_size=31, max_size=45))
def test_a_text_is_an_address_when_it_decodes_to_32_bytes(text: str) -> None:
    try:
        assert solana.canonical(text) == text
    except AddressError:
        assert len(b58decode(text.encode())) != 32
    else:
        assert len(b58decode(text.encode())) == 32


@pytest.mark.parametrize(
    ("number", "size", "accepted"),
    [
        (2**256 - 1, 32, True),
        (2**256, 33, False),
        (2**248, 32, True),
        (2**248 - 1, 31, False),
        (2**248 - 1, 32, True),
        (2**240, 32, True),
        (0, 32, True),
        (0, 31, False),
        (0, 33, False),
    ],
)
def test_the_bounds_are_those_of_32_bytes(number: int, size: int, accepted: bool) -> None:
    address = encoded(number, size)
    if accepted:
        assert solana.canonical(address) == address
    else:
        with pytest.raises(AddressError):
            solana.canonical(address)


@pytest.mark.parametrize("caip10", CAIP10)
def test_caip10(caip10: str) -> None:
    address = caip10.rpartition(":")[2]
    assert canonical_address("solana", caip10) == address
    account = describe_account("solana", caip10)
    assert account is not None
    assert account.account_id == caip10


def test_an_address_tells_no_network() -> None:
    account = describe_account("solana", ADDRESS)
    assert account is not None
    assert (account.network, account.chain_id, account.account_id) == (None, None, None)


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("", "wallet.length"),
        ("1" * 31, "wallet.length"),
        ("1" * 33, "wallet.checksum"),
        (ADDRESS[:-2], "wallet.length"),
        (ADDRESS + "1", "wallet.length"),
        (ADDRESS[:-1] + "l", "wallet.alphabet"),
        (ADDRESS[:-1] + "0", "wallet.alphabet"),
        (ADDRESS + "\n", "wallet.alphabet"),
        (" " + ADDRESS, "wallet.alphabet"),
        (ADDRESS[:-1] + "\ud800", "wallet.alphabet"),
        (ADDRESS[:-1] + "ｖ", "wallet.alphabet"),
        # More than 32 bytes can hold, and less than needs them all.
        ("z" * 44, "wallet.checksum"),
        ("2" * 43, "wallet.checksum"),
    ],
)
def test_the_fault_is_named(address: str, code: str) -> None:
    assert refusal(address) == code
