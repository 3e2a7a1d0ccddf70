"""eip155: hexadecimal, and the checksum of EIP-55 or ERC-1191 wherever case is mixed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sha3 import keccak_256

from enrol.customers.wallets.accounts import canonical_address
from enrol.customers.wallets.forms import AddressError, AddressFinding
from enrol.customers.wallets.namespaces.eip155 import canonical, describe
from tests.customers.wallets.vectors import Vector, addresses, vectors

# EIP-55, "Test Cases".
EIP55_ALL_UPPER = [
    "0x52908400098527886E0F7030069857D2E4169EE7",
    "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
]
EIP55_ALL_LOWER = [
    "0xde709f2102306220921060314715629080e2fb77",
    "0x27b1fdb04752bbc536007a920d24acb045561c26",
]
EIP55_MIXED = [
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
]
ADDRESS = EIP55_MIXED[0]


def refusal(address: str) -> str:
    with pytest.raises(AddressError) as refused:
        canonical_address("eip155", address)
    return refused.value.code


def finding(address: str) -> str:
    with pytest.raises(AddressFinding) as found:
        canonical(address)
    assert found.value.code == "wallet.erc1191"
    return found.value.canonical


def checksummed(account: bytes, chain: str = "") -> str:
    """EIP-55 letter by letter, as its text has it; ERC-1191 on a chain."""
    digits = account.hex()
    hashed = keccak_256(f"{chain}0x{digits}".encode() if chain else digits.encode()).hexdigest()
    return "0x" + "".join(
        digit.upper() if int(nibble, 16) >= 8 else digit
        for digit, nibble in zip(digits, hashed, strict=False)
    )


@pytest.mark.parametrize("address", EIP55_ALL_UPPER + EIP55_ALL_LOWER + EIP55_MIXED)
def test_published_checksums_are_accepted(address: str) -> None:
    assert canonical_address("eip155", address) == address.lower()


@pytest.mark.parametrize("address", addresses("eip155", "valid"))
def test_valid_vectors_are_accepted(address: str) -> None:
    assert canonical_address("eip155", address) == address.lower()


@pytest.mark.parametrize("address", addresses("eip155", "invalid"))
def test_invalid_vectors_are_refused(address: str) -> None:
    refusal(address)


@pytest.mark.parametrize("row", vectors("eip155", "policy"), ids=lambda row: row["address"])
def test_policy(row: Vector) -> None:
    address, note = row["address"], row.get("note", "")
    if "ERC-1191" in note:
        assert finding(address) == address.lower()
    elif row.get("form") in {"0X-prefix", "no-0x", "icap"}:
        assert refusal(address) == "wallet.prefix"
    else:
        assert address[2:] in {address[2:].lower(), address[2:].upper()}
        assert canonical_address("eip155", address) == address.lower()


@given(st.binary(min_size=20, max_size=20))
def test_checksummed_and_unchecksummed_spellings_are_one_account(account: bytes) -> None:
    lower = "0x" + account.hex()
    for spelling in (checksummed(account), lower, "0x" + account.hex().upper()):
        assert canonical_address("eip155", spelling) == lower


@given(st.binary(min_size=20, max_size=20), st.sampled_from(["30", "31"]))
def test_checksums_of_a_chain_are_a_finding(account: bytes, chain: str) -> None:
    address = checksummed(account, chain)
    if address not in {checksummed(account), address.lower(), "0x" + address[2:].upper()}:
        assert finding(address) == address.lower()


@given(st.binary(min_size=20, max_size=20), st.sampled_from(["1", "60", "29", "137"]))
def test_chains_that_do_not_use_erc1191_have_no_checksum_of_it(account: bytes, chain: str) -> None:
    address = checksummed(account, chain)
    right = {checksummed(account), checksummed(account, "30"), checksummed(account, "31")}
    if address not in right | {address.lower(), "0x" + address[2:].upper()}:
        assert refusal(address) == "wallet.checksum"


@given(st.binary(min_size=20, max_size=20))
def test_on_chain_it_is_checksummed(account: bytes) -> None:
    right = checksummed(account)
    for spelling in (right, "0x" + account.hex(), "0x" + account.hex().upper()):
        assert describe(spelling)[:3] == (right, None, None)


@given(st.binary(min_size=20, max_size=20), st.sets(st.integers(2, 41), min_size=1))
def test_any_other_mix_of_case_is_refused(account: bytes, places: set[int]) -> None:
    right = checksummed(account)
    wrong = "".join(c.swapcase() if at in places else c for at, c in enumerate(right))
    if wrong == right or wrong[2:] in {wrong[2:].lower(), wrong[2:].upper()}:
        assert canonical_address("eip155", wrong) == right.lower()
    elif wrong in {checksummed(account, "30"), checksummed(account, "31")}:
        assert finding(wrong) == right.lower()
    else:
        assert refusal(wrong) == "wallet.checksum"


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("0X" + ADDRESS[2:].upper(), "wallet.prefix"),
        (ADDRESS[2:], "wallet.prefix"),
        ("1x" + ADDRESS[2:], "wallet.prefix"),
        (" " + ADDRESS, "wallet.prefix"),
        ("xdc" + ADDRESS[2:], "wallet.prefix"),
        (ADDRESS[:-1], "wallet.length"),
        (ADDRESS + "0", "wallet.length"),
        ("0x", "wallet.length"),
        (ADDRESS + "\n", "wallet.alphabet"),
        (ADDRESS + "\0", "wallet.alphabet"),
        ("0x" + "g" * 40, "wallet.alphabet"),
        # What int(text, 16), str.isdigit or bytes.fromhex would let through.
        ("0x1_" + ADDRESS[4:], "wallet.alphabet"),
        ("0x+1" + ADDRESS[4:].lower(), "wallet.alphabet"),
        ("0x  " + ADDRESS[4:].lower(), "wallet.alphabet"),
        ("0x" + "１" * 40, "wallet.alphabet"),
        ("0x" + "٣" * 40, "wallet.alphabet"),
        ("0x" + "²" * 40, "wallet.alphabet"),
        (ADDRESS.lower()[:-2] + "ｅd", "wallet.alphabet"),
        # "ẞ" and "İ" change length when their case is folded.
        (ADDRESS[:-1] + "İ", "wallet.alphabet"),
        (ADDRESS[:-1] + "ẞ", "wallet.alphabet"),
    ],
)
def test_the_fault_is_named(address: str, code: str) -> None:
    assert refusal(address) == code
