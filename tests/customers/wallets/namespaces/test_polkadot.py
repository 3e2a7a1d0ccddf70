"""polkadot: SS58 of an account ID under any network's prefix, all of which are one account."""

from hashlib import blake2b
from typing import cast

import pytest
from based58 import b58encode
from hypothesis import given
from hypothesis import strategies as st

from enrol.customers.wallets.accounts import canonical_address, describe_account
from enrol.customers.wallets.forms import BASE58, AddressError
from enrol.customers.wallets.namespaces import polkadot
from tests.customers.vectors import rows
from tests.customers.wallets.mistakes import mistyped
from tests.customers.wallets.vectors import Vector, addresses, vectors

# paritytech/ss58-registry. It has one prefix that 14 bits cannot hold, and that nobody can write.
REGISTERED = [cast(int, row["prefix"]) for row in rows("wallets/ss58_prefixes")]
WRITABLE = [prefix for prefix in REGISTERED if prefix < 2**14]
RESERVED = [46, 47]

# namespaces/polkadot/caip10.md: one key on five chains; caip2.md names these.
KEY = bytes.fromhex("d6a3105d6768e956e9e5d41050ac29843f98561410d3a47f9dd5b3b227ab8746")
CAIP10 = [
    "polkadot:91b171bb158e2d3848fa23a9f1c25182:15rRgsWxz4H5LTnNGcCFsszfXD8oeAFd8QRsR6MbQE2f6XFF",
    "polkadot:b0a8d493285c2df73290dfb7e61f870f:HRkCrbmke2XeabJ5fxJdgXWpBRPkXWfWHY8eTeCKwDdf4k6",
    "polkadot:a0453819cbf8b4df9423a5cd601f546c:4smVWa6Hb7WhGh9zgqdAE86p5eZyj8BQJ9Uro4o2zidBnmfX",
    "polkadot:baf5aabe40646d11f0ee8abbdc64f4a4:t9hkorC4PGtaw25WsESu684h6HA5dHndvrvLZW174nZM5MR",
    "polkadot:8b404e7ed8789d813982b9cb4c8b664c:cTMC4XwPfBn3bz8kFaVTjaWdkQi6agzMxS11e8hpPHhqLrhGs",
]
KUSAMA = CAIP10[1].rpartition(":")[2]
GENERIC = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"

# Valid for polkadot-js, but no account ID: account indices, and ECDSA keys of 33 bytes.
NO_ACCOUNT_ID = ("account index", "33-byte")

KEYS = st.binary(min_size=32, max_size=32)
PREFIXES = st.integers(0, 2**14 - 1).filter(lambda prefix: prefix not in RESERVED)


def refusal(address: str) -> str:
    with pytest.raises(AddressError) as refused:
        canonical_address("polkadot", address)
    return refused.value.code


def prefixed(prefix: int) -> bytes:
    """SS58, "Address type"; from 64, as polkadot-js and sp-core write it."""
    if prefix < 64:
        return bytes([prefix])
    return bytes([0x40 | prefix >> 2 & 0x3F, prefix >> 8 | (prefix & 3) << 6])


def ss58(prefix: bytes, payload: bytes, checksum: int = 2) -> str:
    body = prefix + payload
    return b58encode(body + blake2b(b"SS58PRE" + body).digest()[:checksum]).decode()


def generic(key: bytes) -> str:
    return ss58(prefixed(42), key)


@pytest.mark.parametrize("row", vectors("polkadot", "valid"), ids=lambda row: row["address"])
def test_valid_vectors_are_accepted(row: Vector) -> None:
    canonical = canonical_address("polkadot", row["address"])
    assert canonical.startswith("5")
    assert canonical_address("polkadot", canonical) == canonical


def test_vectors_of_one_key_are_one_account() -> None:
    of_polkadot = [row for row in rows("wallets/equivalence") if row["namespace"] == "polkadot"]
    # Keys of 32 bytes; one row is an account index.
    for row in (row for row in of_polkadot if len(row["canonical"]) == 64):
        found = {canonical_address("polkadot", address) for address in row["same_account"]}
        assert found == {generic(bytes.fromhex(row["canonical"]))}


@pytest.mark.parametrize("address", addresses("polkadot", "invalid"))
def test_invalid_vectors_are_refused(address: str) -> None:
    refusal(address)


@pytest.mark.parametrize("row", vectors("polkadot", "policy"), ids=lambda row: row["address"])
def test_policy(row: Vector) -> None:
    if any(kind in row.get("note", "") for kind in NO_ACCOUNT_ID):
        assert refusal(row["address"]) == "wallet.length"
    else:
        # Refused by wallet-core as another chain's of the same namespace.
        assert row.get("form") == "kusama"
        assert canonical_address("polkadot", row["address"]).startswith("5")


def test_one_key_is_one_account_under_every_prefix() -> None:
    for caip10 in CAIP10:
        assert canonical_address("polkadot", caip10.rpartition(":")[2]) == generic(KEY)


@pytest.mark.parametrize("prefix", WRITABLE)
def test_every_registered_prefix_is_accepted(prefix: int) -> None:
    address = ss58(prefixed(prefix), KEY)
    if prefix in RESERVED:
        assert refusal(address) == "wallet.prefix"
    else:
        assert canonical_address("polkadot", address) == generic(KEY)


def test_the_registry_has_what_it_had() -> None:
    assert {0, 2, 42, 63, 66, 255, 14998, *RESERVED} <= set(WRITABLE)
    assert [prefix for prefix in REGISTERED if prefix not in WRITABLE] == [29972]


@given(PREFIXES, st.integers(0, 32), KEYS)
def test_every_account_id_is_an_address(prefix: int, zeros: int, key: bytes) -> None:
    key = bytes(zeros) + key[zeros:]
    address = ss58(prefixed(prefix), key)
    assert canonical_address("polkadot", address) == generic(key)
    assert polkadot.describe(address).on_chain == address


def test_the_account_of_zeros_is_short() -> None:
    address = "111111111111111111111111111111111HC1"
    assert canonical_address("polkadot", address) == generic(bytes(32))


@given(PREFIXES, st.integers(0, 40), st.integers(0, 8), st.data())
def test_nothing_else_is_one(prefix: int, size: int, checksum: int, data: st.DataObject) -> None:
    payload = data.draw(st.binary(min_size=size, max_size=size))
    if (size, checksum) != (32, 2):
        with pytest.raises(AddressError):
            polkadot.canonical(ss58(prefixed(prefix), payload, checksum))


# SS58, "Checksum types": all that it lists besides the account ID with two bytes.
@pytest.mark.parametrize(
    ("size", "checksum"),
    [(1, 1), (2, 1), (2, 2), *((4, n) for n in range(1, 5)), *((8, n) for n in range(1, 9))],
)
def test_account_indices_are_refused(size: int, checksum: int) -> None:
    assert refusal(ss58(prefixed(0), bytes(range(1, size + 1)), checksum)) == "wallet.length"


@pytest.mark.parametrize("prefix", [0, 42, 66, 16383])
def test_a_checksum_of_one_byte_or_three_is_no_account_id_s(prefix: int) -> None:
    for checksum in (0, 1, 3):
        with pytest.raises(AddressError, match=r"wallet\.length"):
            polkadot.canonical(ss58(prefixed(prefix), KEY, checksum))


def test_the_hash_is_of_the_text_ss58pre_too() -> None:
    body = prefixed(42) + KEY
    assert refusal(b58encode(body + blake2b(body).digest()[:2]).decode()) == "wallet.checksum"


@pytest.mark.parametrize("prefix", [0, 42, 46, 47, 63])
def test_a_short_prefix_in_two_bytes_is_refused(prefix: int) -> None:
    long = bytes([0x40 | prefix >> 2, (prefix & 3) << 6])
    assert refusal(ss58(long, KEY)) == "wallet.prefix"


@pytest.mark.parametrize("first", [0x80, 0xC0, 0xFF])
def test_first_bytes_of_later_formats_are_refused(first: int) -> None:
    # From about here on the text is also longer than any that has an account ID.
    assert refusal(ss58(bytes([first, 0]), KEY)) in {"wallet.prefix", "wallet.length"}


# One text in 65,536 has a checksum of two bytes that fits, so about one address in twenty can be
# mistyped into another. These, which are published, cannot.
@pytest.mark.parametrize("address", [GENERIC, KUSAMA, *addresses("polkadot", "valid")[:3]])
def test_every_single_mistake_in_these_vectors_is_refused(address: str) -> None:
    for text in mistyped(address, BASE58):
        with pytest.raises(AddressError):
            polkadot.canonical(text)


@pytest.mark.parametrize("caip10", CAIP10)
def test_caip10(caip10: str) -> None:
    chain_id, _, address = caip10.rpartition(":")
    assert canonical_address("polkadot", caip10) == generic(KEY)
    # Also where it was sent without its chain: the prefix tells.
    for sent in (caip10, address):
        account = describe_account("polkadot", sent)
        assert account is not None
        assert account == (generic(KEY), "mainnet", chain_id, caip10)


def test_another_chain_s_prefix_is_refused_in_caip10() -> None:
    chain_id = CAIP10[0].rpartition(":")[0]
    assert refusal(f"{chain_id}:{KUSAMA}") == "wallet.network"
    # The generic prefix is of any chain.
    assert canonical_address("polkadot", f"{chain_id}:{GENERIC}") == GENERIC


@pytest.mark.parametrize(
    ("prefix", "network"), [(0, "mainnet"), (40, "testnet"), (2254, "testnet"), (42, None)]
)
def test_a_prefix_tells_the_network_where_it_is_of_one(prefix: int, network: str | None) -> None:
    assert polkadot.describe(ss58(prefixed(prefix), KEY)).network == network


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("", "wallet.length"),
        ("5", "wallet.length"),
        (GENERIC[:-1], "wallet.length"),
        (GENERIC + "11", "wallet.length"),
        ("1ES14c7qLb5CYhLMUekctxLgc1FV2Ti9DA", "wallet.length"),
        (GENERIC + "\n", "wallet.alphabet"),
        (" " + GENERIC, "wallet.alphabet"),
        (GENERIC[:-1] + "0", "wallet.alphabet"),
        (GENERIC[:-1] + "\ud800", "wallet.alphabet"),
        (GENERIC[:-1] + "Ｙ", "wallet.alphabet"),
        # The key itself, as polkadot-js takes it.
        ("0x" + KEY.hex(), "wallet.alphabet"),
        (GENERIC[:-1] + "Z", "wallet.checksum"),
    ],
)
def test_the_fault_is_named(address: str, code: str) -> None:
    """By the check itself: the second look may find more, as bip122 for the Bitcoin address."""
    with pytest.raises(AddressError) as refused:
        polkadot.canonical(address)
    assert refused.value.code == code
