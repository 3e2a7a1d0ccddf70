"""tezos: base58check of the five kinds of account, and of nothing else."""

import pytest
from based58 import b58encode_check
from hypothesis import given
from hypothesis import strategies as st

from enrol.customers.wallets.accounts import canonical_address, describe_account
from enrol.customers.wallets.forms import BASE58, AddressError
from enrol.customers.wallets.namespaces import tezos
from enrol.customers.wallets.namespaces.tezos import VERSIONS
from tests.customers.wallets.mistakes import mistyped
from tests.customers.wallets.vectors import addresses

ADDRESS = "tz1VSUr8wwNhLAzempoch5d6hLRiTh8Cjcjb"

# namespaces/tezos/caip10.md: Mainnet, Ghostnet.
CAIP10 = [
    "tezos:NetXdQprcVkpaWU:tz1MJx9vhaNRSimcuXPK2rW4fLccQnDAnVKJ",
    "tezos:NetXnHfVqm9iesp:tz3btDQsDkqq2G7eBdrrLqetaAfLVw6BnPez",
]

# Addresses for taquito, but no account that a customer has: a contract's entrypoint, a rollup.
ENTRYPOINT = "KT1Fe71jyjrxFg9ZrYqtvaX7uQjcLo7svE4D%test"
ROLLUP = "sr166cywS6HJx9gmqMU28Vo284gPQaPcGmYW"
VALID = [a for a in addresses("tezos", "valid") if a not in {ENTRYPOINT, ROLLUP}]


def refusal(address: str) -> str:
    with pytest.raises(AddressError) as refused:
        canonical_address("tezos", address)
    return refused.value.code


def encoded(version: bytes, payload: bytes) -> str:
    return b58encode_check(version + payload).decode()


ACCOUNTS = st.builds(encoded, st.sampled_from(list(VERSIONS)), st.binary(min_size=20, max_size=20))


@pytest.mark.parametrize("address", VALID)
def test_valid_vectors_come_back_as_sent(address: str) -> None:
    assert canonical_address("tezos", address) == address


@pytest.mark.parametrize("address", addresses("tezos", "invalid"))
def test_invalid_vectors_are_refused(address: str) -> None:
    refusal(address)


def test_entrypoint_is_refused() -> None:
    assert ENTRYPOINT in addresses("tezos", "valid")
    assert canonical_address("tezos", ENTRYPOINT.partition("%")[0])
    assert refusal(ENTRYPOINT) == "wallet.alphabet"


def test_rollup_is_refused() -> None:
    assert ROLLUP in addresses("tezos", "valid")
    assert refusal(ROLLUP) == "wallet.prefix"


@pytest.mark.parametrize(("version", "prefix"), VERSIONS.items())
@pytest.mark.parametrize("fill", [b"\x00", b"\xff"])
def test_version_bytes_fix_the_prefix_and_the_length(
    version: bytes, prefix: str, fill: bytes
) -> None:
    address = encoded(version, fill * 20)
    assert address.startswith(prefix)
    assert len(address) == 36
    assert canonical_address("tezos", address) == address


@given(ACCOUNTS)
def test_every_hash_is_an_account(address: str) -> None:
    assert canonical_address("tezos", address) == address


# In published addresses, so that the test cannot fail by the 2**-32 of a checksum that fits.
@pytest.mark.parametrize("address", [ADDRESS, *VALID])
def test_every_single_mistake_in_a_vector_is_refused(address: str) -> None:
    for text in mistyped(address, BASE58):
        with pytest.raises(AddressError):
            tezos.canonical(text)


@given(st.binary(min_size=3, max_size=3), st.integers(0, 40), st.data())
def test_a_right_checksum_is_not_enough(version: bytes, size: int, data: st.DataObject) -> None:
    payload = data.draw(st.binary(min_size=size, max_size=size))
    if version not in VERSIONS or size != 20:
        refusal(encoded(version, payload))


@pytest.mark.parametrize("caip10", CAIP10)
def test_caip10(caip10: str) -> None:
    assert canonical_address("tezos", caip10) == caip10.rpartition(":")[2]
    account = describe_account("tezos", caip10)
    assert account is not None
    assert account.account_id == caip10


def test_an_address_tells_no_network() -> None:
    assert describe_account("tezos", ADDRESS) == (ADDRESS, None, None, None)


@pytest.mark.parametrize(
    ("address", "code"),
    [
        (ADDRESS[:-1], "wallet.length"),
        (ADDRESS + "b", "wallet.length"),
        ("tz1", "wallet.length"),
        ("1" * 36, "wallet.prefix"),
        ("TZ1" + ADDRESS[3:], "wallet.prefix"),
        ("tz5" + ADDRESS[3:], "wallet.prefix"),
        ("edpkuBknW28nW72KG6RoHtYW7p12T6GKc7nAbwYX5m8Wd9sDVC9yav", "wallet.prefix"),
        ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "wallet.prefix"),
        (ADDRESS.swapcase(), "wallet.prefix"),
        (" " + ADDRESS[:-1], "wallet.prefix"),
        (ADDRESS[:-1] + "0", "wallet.alphabet"),
        (ADDRESS[:-1] + "l", "wallet.alphabet"),
        (ADDRESS[:-1] + " ", "wallet.alphabet"),
        (ADDRESS + "\n", "wallet.alphabet"),
        (ADDRESS + "\0", "wallet.alphabet"),
        (ADDRESS[:-1] + "\0", "wallet.alphabet"),
        (ADDRESS[:-1] + "\ud800", "wallet.alphabet"),
        (ADDRESS[:-1] + "ｂ", "wallet.alphabet"),
        (ADDRESS[:-1] + "c", "wallet.checksum"),
        (ADDRESS[:-2] + "bj", "wallet.checksum"),
        # The text "tz1" spans more than one version: a neighbour's may begin with it too.
        (encoded(bytes.fromhex("06a1a0"), b"\x00" * 20), "wallet.prefix"),
    ],
)
def test_the_fault_is_named(address: str, code: str) -> None:
    """By the check itself: the second look may find more, as eip155 for "0x"."""
    with pytest.raises(AddressError) as refused:
        tezos.canonical(address)
    assert refused.value.code == code
