"""xrpl: plain addresses and those with a tag, which are one account."""

import pytest
from based58 import Alphabet, b58encode_check
from hypothesis import given
from hypothesis import strategies as st

from enrol.customers.wallets.accounts import canonical_address, describe_account
from enrol.customers.wallets.forms import BASE58_RIPPLE, AddressError, AddressFinding
from enrol.customers.wallets.namespaces import xrpl
from enrol.customers.wallets.registry import NAMESPACES
from tests.customers.vectors import rows
from tests.customers.wallets.mistakes import mistyped
from tests.customers.wallets.vectors import Vector, addresses, vectors

ADDRESS = "rPEPPER7kfTD9w2To4CQk6UCfuHM9c6GDY"
TAGGED = "XV5sbjUmgPpvXv4ixFWZ5ptAYZ6PD2q1qM6owqNbug8W6KV"
ON_TESTNET = "TVd2rqMkYL2AyS97NdELcpeiprNBjwLZzuUG5rZnaewsahi"

# xrpl.org, "Special Addresses": without a known key, but written like any other.
SPECIAL = [
    "rrrrrrrrrrrrrrrrrrrrrhoLvTp",
    "rrrrrrrrrrrrrrrrrrrrBZbvji",
    "rrrrrrrrrrrrrrrrrNAMEtxvNvQ",
]

# namespaces/xrpl/caip10.md
CAIP10 = [
    "xrpl:0:r4FTvnahbUfhe1WK2EK5Jz4cNvdFvT8Dzt",
    "xrpl:1:rEBakx2WdNsmRb5tm5KmhsqKAqvLJrRoiU",
    "xrpl:2:rUgna78QFFeixu8v9ZqwtViWnknXYtHG2X",
]

ACCOUNTS = st.binary(min_size=20, max_size=20)
PREFIXES = st.sampled_from([bytes.fromhex("0544"), bytes.fromhex("0493")])


def refusal(address: str) -> str:
    with pytest.raises(AddressError) as refused:
        canonical_address("xrpl", address)
    return refused.value.code


def encoded(payload: bytes) -> str:
    return b58encode_check(payload, Alphabet.RIPPLE).decode()


def tagged(prefix: bytes, account: bytes, flag: int, tag: int) -> str:
    """XLS-5, "Specification"."""
    return encoded(prefix + account + bytes([flag]) + tag.to_bytes(8, "little"))


@pytest.mark.parametrize("row", vectors("xrpl", "valid"), ids=lambda row: row["address"])
def test_valid_vectors_are_accepted(row: Vector) -> None:
    canonical = canonical_address("xrpl", row["address"])
    assert canonical.startswith("r")
    assert canonical_address("xrpl", canonical) == canonical
    if row["address"].startswith("r"):
        assert canonical == row["address"]


def test_vectors_of_one_account_have_one_canonical_form() -> None:
    for row in (row for row in rows("wallets/equivalence") if row["namespace"] == "xrpl"):
        assert len({canonical_address("xrpl", address) for address in row["same_account"]}) == 1


@pytest.mark.parametrize("address", addresses("xrpl", "invalid"))
def test_invalid_vectors_are_refused(address: str) -> None:
    refusal(address)


@pytest.mark.parametrize("row", vectors("xrpl", "policy"), ids=lambda row: row["address"])
def test_policy(row: Vector) -> None:
    # The profile's "r...-tag": address and tag are two values.
    assert "destinationTag" in row.get("note", "")
    assert refusal(row["address"]) == "wallet.alphabet"


@pytest.mark.parametrize("address", SPECIAL)
def test_special_addresses_are_addresses(address: str) -> None:
    assert canonical_address("xrpl", address) == address


@given(ACCOUNTS, PREFIXES, st.integers(0, 2**32 - 1))
def test_every_x_address_of_an_account_is_that_account(
    account: bytes, prefix: bytes, tag: int
) -> None:
    plain = encoded(b"\0" + account)
    assert canonical_address("xrpl", plain) == plain
    assert canonical_address("xrpl", tagged(prefix, account, 0, 0)) == plain
    assert canonical_address("xrpl", tagged(prefix, account, 1, tag)) == plain


def is_address(namespace: str, text: str) -> bool:
    """Whether a namespace takes the text."""
    try:
        canonical_address(namespace, text)
    except (AddressError, AddressFinding):
        return False
    return True


@given(ACCOUNTS, PREFIXES, st.integers(0, 255), st.integers(0, 2**64 - 1))
def test_what_the_flag_leaves_unused_is_zero(
    account: bytes, prefix: bytes, flag: int, tag: int
) -> None:
    right = (flag == 0 and tag == 0) or (flag == 1 and tag < 2**32)
    address = tagged(prefix, account, flag, tag)
    if right:
        assert canonical_address("xrpl", address) == encoded(b"\0" + account)
    else:
        # One text in 65,536 has the two checksum bytes of an SS58 address as well.
        others = [name for name in NAMESPACES if name != "xrpl" and is_address(name, address)]
        assert refusal(address) == ("wallet.namespace" if others else "wallet.checksum")


@pytest.mark.parametrize(("flag", "tag"), [(0, 1), (0, 2**32), (1, 2**32), (2, 0), (0x80, 0)])
def test_reserved_flags_and_tags_are_refused(flag: int, tag: int) -> None:
    assert refusal(tagged(bytes.fromhex("0544"), bytes(20), flag, tag)) == "wallet.checksum"


@pytest.mark.parametrize("fill", [b"\x00", b"\xff"])
def test_payloads_fix_the_prefix_and_the_length(fill: bytes) -> None:
    assert encoded(b"\0" + fill * 20).startswith("r")
    assert 25 <= len(encoded(b"\0" + fill * 20)) <= 34
    for prefix, letter in ((bytes.fromhex("0544"), "X"), (bytes.fromhex("0493"), "T")):
        address = encoded(prefix + fill * 29)
        assert address.startswith(letter)
        assert len(address) == 47


# In a published address, so that the test cannot fail by the 2**-32 of a checksum that fits.
@pytest.mark.parametrize("address", [ADDRESS, TAGGED, ON_TESTNET, *SPECIAL])
def test_every_single_mistake_in_a_vector_is_refused(address: str) -> None:
    for text in mistyped(address, BASE58_RIPPLE):
        with pytest.raises(AddressError):
            xrpl.canonical(text)


@given(st.integers(0, 40).flatmap(lambda size: st.binary(min_size=size, max_size=size)))
def test_a_right_checksum_is_not_enough(payload: bytes) -> None:
    if len(payload) not in {21, 31}:
        refusal(encoded(payload))


@pytest.mark.parametrize("caip10", CAIP10)
def test_caip10(caip10: str) -> None:
    assert canonical_address("xrpl", caip10) == caip10.rpartition(":")[2]
    account = describe_account("xrpl", caip10)
    assert account is not None
    assert account.account_id == caip10


@pytest.mark.parametrize(
    ("address", "network", "chain_id"),
    [(ADDRESS, None, None), (TAGGED, "mainnet", "xrpl:0"), (ON_TESTNET, "testnet", None)],
)
def test_an_x_address_tells_its_network(
    address: str, network: str | None, chain_id: str | None
) -> None:
    told = xrpl.describe(address)
    assert told[:3] == (ADDRESS, network, chain_id)


def test_an_x_address_of_the_main_network_is_not_of_another() -> None:
    assert canonical_address("xrpl", f"xrpl:0:{TAGGED}") == ADDRESS
    assert refusal(f"xrpl:1:{TAGGED}") == "wallet.network"


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("", "wallet.length"),
        ("r", "wallet.length"),
        (ADDRESS + "rr", "wallet.length"),
        (TAGGED + "r", "wallet.length"),
        ("X" + ADDRESS[1:], "wallet.length"),
        ("R" + ADDRESS[1:], "wallet.prefix"),
        (" " + ADDRESS, "wallet.prefix"),
        (ADDRESS + "\n", "wallet.alphabet"),
        (ADDRESS[:-1] + "0", "wallet.alphabet"),
        (ADDRESS[:-1] + "\ud800", "wallet.alphabet"),
        (ADDRESS[:-1] + "Ｙ", "wallet.alphabet"),
        (f"{ADDRESS}?dt=495", "wallet.alphabet"),
        (ADDRESS[:-1] + "Z", "wallet.checksum"),
        (TAGGED[:-1] + "W", "wallet.checksum"),
        # A node's public key (n...), an account's (a...): base58check too.
        (encoded(b"\x1c" + bytes(33)), "wallet.prefix"),
        (encoded(b"\x23" + bytes(33)), "wallet.prefix"),
    ],
)
def test_the_fault_is_named(address: str, code: str) -> None:
    assert refusal(address) == code
