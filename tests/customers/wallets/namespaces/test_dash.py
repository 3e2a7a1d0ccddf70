"""dash: base58check of Dash's four versions, and of nothing else."""

from collections.abc import Iterator

import pytest
from based58 import b58encode_check
from hypothesis import given
from hypothesis import strategies as st

from enrol.customers.wallets.forms import BASE58, AddressError
from enrol.customers.wallets.namespaces import bip122
from enrol.customers.wallets.namespaces.dash import VERSIONS, canonical, describe
from tests.customers.wallets.vectors import Vector, addresses, vectors

ADDRESS = "XkMbn4X26GbXrb5U8t1dP2miqvwJCqk6XD"
DASH = "bip122:00000ffd590b1485b3caadc19b22e637"


def refusal(address: str) -> str:
    with pytest.raises(AddressError) as refused:
        canonical(address)
    assert refused.value.__context__ is None
    return refused.value.code


def encoded(version: bytes, payload: bytes) -> str:
    return b58encode_check(version + payload).decode()


def mistyped(address: str) -> Iterator[str]:
    """Every text with one character replaced, dropped, or swapped with the next."""
    for at, typed in enumerate(address):
        yield address[:at] + address[at + 1 :]
        for other in BASE58.replace(typed, ""):
            yield address[:at] + other + address[at + 1 :]
        following = address[at + 1 : at + 2]
        if following not in {"", typed}:
            yield address[:at] + following + typed + address[at + 2 :]


@pytest.mark.parametrize("row", vectors("dash", "valid"), ids=lambda row: row["address"])
def test_valid_vectors_come_back_as_sent(row: Vector) -> None:
    address = row["address"]
    assert canonical(address) == address
    main = address[0] in "X7"
    told = (address, "mainnet", DASH) if main else (address, "testnet", None)
    assert describe(address)[:3] == told
    assert row.get("network", "test" if not main else "main").startswith("main" if main else "test")


@pytest.mark.parametrize("address", addresses("dash", "invalid"))
def test_invalid_vectors_are_refused(address: str) -> None:
    refusal(address)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("fill", [b"\x00", b"\xff"])
def test_versions_fix_the_length_and_the_first_character(version: bytes, fill: bytes) -> None:
    address = encoded(version, fill * 20)
    assert canonical(address) == address
    assert len(address) == 34
    assert address[0] in "X7y89"


@given(st.sampled_from(list(VERSIONS)), st.binary(min_size=20, max_size=20))
def test_every_hash_is_an_account(version: bytes, payload: bytes) -> None:
    address = encoded(version, payload)
    assert canonical(address) == address


@given(st.binary(min_size=1, max_size=1), st.binary(max_size=24))
def test_a_right_checksum_is_not_enough(version: bytes, payload: bytes) -> None:
    if version not in VERSIONS or len(payload) != 20:
        refusal(encoded(version, payload))


@pytest.mark.parametrize(
    "address", [ADDRESS, *(encoded(version, bytes(range(20))) for version in VERSIONS)]
)
def test_every_single_mistake_is_refused(address: str) -> None:
    assert canonical(address) == address
    for text in mistyped(address):
        refusal(text)


def test_no_address_is_one_of_bip122_too() -> None:
    """So that whoever takes the wrong one of the two namespaces learns of it."""
    assert not VERSIONS.keys() & bip122.VERSIONS.keys()


@pytest.mark.parametrize(
    ("address", "code"),
    [
        (ADDRESS[:-1], "wallet.length"),
        (ADDRESS + "1", "wallet.length"),
        ("X", "wallet.length"),
        ("", "wallet.length"),
        (ADDRESS[:-1] + "I", "wallet.alphabet"),
        (ADDRESS + "\n", "wallet.alphabet"),
        (ADDRESS[:-1] + "\ud800", "wallet.alphabet"),
        (" " + ADDRESS[:-1], "wallet.prefix"),
        (ADDRESS[:-1] + "E", "wallet.checksum"),
        ("35PBEaofpUeH8VnnNSorM1QZsadrZoQp4N", "wallet.prefix"),
        ("DBcZSePDaMMduBMLymWHXhkE5ArFEvkagU", "wallet.prefix"),
        # Vertcoin's test network has a neighbouring version, which may begin with an X too.
        (encoded(b"\x4a", b"\xff" * 20), "wallet.prefix"),
        # Platform's addresses, in the encodings of two drafts of DIP-18 (its test vectors).
        ("dashp1qrma5z3ttj75la4m93xcndna9ullamq9y5uywec4", "wallet.prefix"),
        ("DTjceJiEqrNkCsSizK65fojEANTKoQMtsR", "wallet.prefix"),
        # A private key; the caller tells of it.
        ("XGCaeDGqsxPK93JHP3kJ41MEAobFu42PXkASRLXBkCx3bKBkrGMn", "wallet.length"),
        ("X" * 3_000_000, "wallet.length"),
    ],
)
def test_the_fault_is_named(address: str, code: str) -> None:
    assert refusal(address) == code
