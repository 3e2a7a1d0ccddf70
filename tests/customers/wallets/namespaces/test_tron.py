"""tron: base58check of 0x41 and 20 bytes, or the same in hexadecimal."""

import pytest
from based58 import b58encode_check
from hypothesis import given
from hypothesis import strategies as st

from enrol.customers.wallets.accounts import canonical_address, describe_account
from enrol.customers.wallets.forms import BASE58, AddressError
from enrol.customers.wallets.namespaces import tron
from tests.customers.vectors import rows
from tests.customers.wallets.mistakes import mistyped
from tests.customers.wallets.vectors import Vector, addresses, vectors

ADDRESS = "TMVQGm1qAQYVdetCeGRRkTWYYrLXuHK2HC"
IN_HEX = "417e5f4552091a69125d5dfcb7b8c2659029395bdf"

# namespaces/tron/caip10.md: Mainnet, Mainnet (a contract), Shasta, Nile.
CAIP10 = [
    "tron:728126428:TNPeeaaFB7K9cmo4uQpcU32zGK8G1NYqeL",
    "tron:728126428:TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t",
    "tron:2494104990:TQQg4EL8o1BSeKJY4MJ8TB8XK7xufxFBvK",
    "tron:3448148188:TLyqzVGLV1srkB7dToTAEqgDSfPtXRJZYH",
]

ACCOUNTS = st.binary(min_size=20, max_size=20)


def refusal(address: str) -> str:
    with pytest.raises(AddressError) as refused:
        canonical_address("tron", address)
    return refused.value.code


def encoded(payload: bytes) -> str:
    return b58encode_check(payload).decode()


@pytest.mark.parametrize("address", addresses("tron", "valid"))
def test_valid_vectors_come_back_as_sent(address: str) -> None:
    assert canonical_address("tron", address) == address


def test_vectors_of_one_account_have_one_canonical_form() -> None:
    for row in (row for row in rows("wallets/equivalence") if row["namespace"] == "tron"):
        assert len({canonical_address("tron", address) for address in row["same_account"]}) == 1


@pytest.mark.parametrize("address", addresses("tron", "invalid"))
def test_invalid_vectors_are_refused(address: str) -> None:
    refusal(address)


@pytest.mark.parametrize("row", vectors("tron", "policy"), ids=lambda row: row["address"])
def test_policy(row: Vector) -> None:
    assert row.get("form") == "hex41"
    assert canonical_address("tron", row["address"]) == encoded(bytes.fromhex(row["address"]))


@given(ACCOUNTS)
def test_base58check_and_hexadecimal_are_one_account(account: bytes) -> None:
    address = encoded(b"\x41" + account)
    assert address.startswith("T")
    assert len(address) == 34
    for spelling in (address, "41" + account.hex(), "41" + account.hex().upper()):
        assert canonical_address("tron", spelling) == address


# In a published address, so that the test cannot fail by the 2**-32 of a checksum that fits.
@pytest.mark.parametrize("address", [ADDRESS, *addresses("tron", "valid")[:3]])
def test_every_single_mistake_in_a_vector_is_refused(address: str) -> None:
    for text in mistyped(address, BASE58):
        with pytest.raises(AddressError):
            tron.canonical(text)


@given(st.integers(0, 40).flatmap(lambda size: st.binary(min_size=size, max_size=size)))
def test_a_right_checksum_is_not_enough(payload: bytes) -> None:
    if len(payload) != 21 or payload[0] != 0x41:
        with pytest.raises(AddressError):
            tron.canonical(encoded(payload))


@pytest.mark.parametrize("caip10", CAIP10)
def test_caip10(caip10: str) -> None:
    assert canonical_address("tron", caip10) == caip10.rpartition(":")[2]
    account = describe_account("tron", caip10)
    assert account is not None
    assert account.account_id == caip10


def test_caip10_is_written_in_base58check() -> None:
    account = describe_account("tron", f"tron:728126428:{IN_HEX}")
    assert account is not None
    assert account.account_id == f"tron:728126428:{ADDRESS}"
    assert account.network is None


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("", "wallet.length"),
        ("T", "wallet.length"),
        (ADDRESS[:-1], "wallet.length"),
        (ADDRESS + "C", "wallet.length"),
        (IN_HEX[:-1], "wallet.length"),
        (IN_HEX + "0", "wallet.length"),
        # The profile's own example of what is none, and the test network that is gone.
        ("tNPeeaaFB7K9cmo4uQpcU32zGK8G1NYqeL", "wallet.prefix"),
        (encoded(b"\xa0" + bytes(20)), "wallet.prefix"),
        (encoded(b"\x42" + bytes(20)), "wallet.prefix"),
        ("0x" + IN_HEX, "wallet.prefix"),
        ("0x" + IN_HEX[2:], "wallet.prefix"),
        ("40" + IN_HEX[2:], "wallet.prefix"),
        (" " + ADDRESS, "wallet.prefix"),
        (ADDRESS + "\n", "wallet.alphabet"),
        (ADDRESS[:-1] + "\n", "wallet.alphabet"),
        (ADDRESS[:-1] + "0", "wallet.alphabet"),
        (ADDRESS[:-1] + "\ud800", "wallet.alphabet"),
        (ADDRESS[:-1] + "Ｃ", "wallet.alphabet"),
        (IN_HEX[:-1] + "g", "wallet.alphabet"),
        (IN_HEX[:-1] + "\n", "wallet.alphabet"),
        ("41 " + IN_HEX[3:], "wallet.alphabet"),
        ("41_" + IN_HEX[3:], "wallet.alphabet"),
        ("41" + "１" * 40, "wallet.alphabet"),
        (ADDRESS[:-1] + "D", "wallet.checksum"),
    ],
)
def test_the_fault_is_named(address: str, code: str) -> None:
    """By the check itself: the second look may find more, as eip155 for "0x"."""
    with pytest.raises(AddressError) as refused:
        tron.canonical(address)
    assert refused.value.code == code
