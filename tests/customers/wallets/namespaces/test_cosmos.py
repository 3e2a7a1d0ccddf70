"""cosmos: bech32 under any chain's prefix, of accounts alone."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrol.customers.wallets.codecs.bech32 import BIP_350
from enrol.customers.wallets.cosmos_chains import CHAINS
from enrol.customers.wallets.forms import AddressError
from enrol.customers.wallets.namespaces.cosmos import canonical, describe
from tests.customers.vectors import rows
from tests.customers.wallets.codecs.test_bech32 import encoded
from tests.customers.wallets.vectors import Vector, addresses, vectors

# CAIP-10, "Test Cases".
ADDRESS = "cosmos1t2uflqwqe0fsj0shcfkrvpukewcw40yjj6hdc0"
EVM = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
HRPS = ["cosmos", "osmo", "juno", "celestia", "terra", "inj", "evmos", "kava", "c4e", "addr_safro"]
HRPS += ["lava@", "did:com:", "a"]
ACCOUNTS = st.one_of(st.binary(min_size=20, max_size=20), st.binary(min_size=32, max_size=32))


def refusal(address: str) -> str:
    with pytest.raises(AddressError) as refused:
        canonical(address)
    assert refused.value.__context__ is None
    return refused.value.code


@pytest.mark.parametrize("address", addresses("cosmos", "valid"))
def test_valid_vectors_are_accepted(address: str) -> None:
    assert canonical(address) == canonical(address.upper()) == address


@pytest.mark.parametrize("row", vectors("cosmos", "policy"), ids=lambda row: row["address"])
def test_policy(row: Vector) -> None:
    address = row["address"]
    if "valoper" in address or "valcons" in address:
        assert refusal(address) == "wallet.prefix"
    else:
        # Another chain's prefix, or one of a chain that nobody knows.
        assert canonical(address) == address.lower()


@given(st.sampled_from(HRPS), ACCOUNTS)
def test_both_cases_are_one_account(hrp: str, account: bytes) -> None:
    address = encoded(hrp, account)
    assert canonical(address) == canonical(address.upper()) == address


@given(st.sampled_from(HRPS), ACCOUNTS)
def test_bech32m_is_refused(hrp: str, account: bytes) -> None:
    assert refusal(encoded(hrp, account, BIP_350)) == "wallet.checksum"


@given(st.sampled_from(HRPS), st.binary(max_size=50).filter(lambda b: len(b) not in {20, 32}))
def test_other_lengths_are_refused(hrp: str, payload: bytes) -> None:
    assert refusal(encoded(hrp, payload)) == "wallet.length"


@pytest.mark.parametrize("row", rows("wallets/cosmos_hrps"), ids=lambda row: row["chain"])
def test_every_registered_chain_is_taken(row: dict[str, str]) -> None:
    account = bytes(range(20))
    assert canonical(encoded(row["hrp"], account)) == encoded(row["hrp"], account)
    for kind in ("valoper", "valcons", "pub", "valoperpub", "valconspub"):
        assert refusal(encoded(row["hrp"] + kind, account)) == "wallet.prefix"


# A public key as older versions of the Cosmos SDK write it; keys of Cardano (CIP-5) and of Nostr
# (NIP-19), which are 32 bytes too.
@pytest.mark.parametrize(
    "hrp", ["cosmospub", "xvaloperx", "addr_sk", "stake_vk", "root_xsk", "acct_xvk", "nsec", "npub"]
)
@pytest.mark.parametrize("size", [20, 32])
def test_keys_and_validators_are_no_accounts(hrp: str, size: int) -> None:
    address = encoded(hrp, bytes(range(size)))
    assert refusal(address) == refusal(address.upper()) == "wallet.prefix"


def test_age_secret_key_is_no_account() -> None:
    assert refusal(encoded("age-secret-key-", bytes(32)).upper()) == "wallet.prefix"


def test_every_single_slip_is_refused() -> None:
    typed = string.ascii_letters + string.digits + " @:_\n"
    for address in (ADDRESS, encoded("osmo", bytes(range(32)))):
        for at, own in enumerate(address):
            refusal(address[:at] + address[at + 1 :])
            for other in typed.replace(own, ""):
                refusal(address[:at] + other + address[at + 1 :])
            if address[at + 1 : at + 2] not in {"", own}:
                refusal(address[:at] + address[at + 1] + own + address[at + 2 :])


@pytest.mark.parametrize(
    ("address", "code"),
    [
        (EVM, "wallet.prefix"),
        ("cosmos", "wallet.prefix"),
        ("1" + ADDRESS[7:], "wallet.prefix"),
        ("Cosmos" + ADDRESS[6:], "wallet.prefix"),
        (" " + ADDRESS, "wallet.prefix"),
        (encoded("p" * 32, bytes(20)), "wallet.prefix"),
        (encoded("a-b", bytes(20)), "wallet.prefix"),
        (ADDRESS[:-1] + "B", "wallet.alphabet"),
        (ADDRESS[:-1] + "b", "wallet.alphabet"),
        (ADDRESS[:-1] + "1", "wallet.alphabet"),
        (ADDRESS[:-5] + "1" + ADDRESS[-4:], "wallet.alphabet"),
        (ADDRESS + "\n", "wallet.alphabet"),
        ("COSMOS" + ADDRESS[6:], "wallet.alphabet"),
        (ADDRESS[:-1], "wallet.length"),
        (ADDRESS + "q", "wallet.length"),
        ("cosmos1", "wallet.length"),
        ("", "wallet.length"),
        (ADDRESS[:-1] + "q", "wallet.checksum"),
        (encoded("cosmos", bytes(32), padding="1"), "wallet.checksum"),
        # Bitcoin's bech32 has a symbol more, for the witness version.
        ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "wallet.length"),
    ],
)
def test_the_fault_is_named(address: str, code: str) -> None:
    assert refusal(address) == code


@pytest.mark.parametrize(
    ("hrp", "chain"),
    [
        ("osmo", "cosmos:osmosis-1"),
        ("celestia", "cosmos:celestia"),
        ("kava", "cosmos:kava_2222-10"),
        # "shentu-2.2", which CAIP-2 has no character for.
        ("shentu", "cosmos:hashed-51f160d71ca1f6d9"),
        # Two live chains have these.
        ("cosmos", None),
        ("terra", None),
        ("unheardof", None),
    ],
)
def test_the_chain_is_told_where_there_is_one(hrp: str, chain: str | None) -> None:
    address = encoded(hrp, bytes(20))
    assert describe(address)[:3] == describe(address.upper())[:3] == (address, "mainnet", chain)


def test_on_chain_is_within_the_alphabet_of_caip10() -> None:
    assert describe(encoded("lava@", bytes(20))).on_chain.startswith("lava%401")


def test_the_list_of_chains_is_that_of_the_registry() -> None:
    live: dict[str, set[str]] = {}
    for row in rows("wallets/cosmos_hrps"):
        if row["status"] == "live":
            live.setdefault(row["hrp"], set()).add(row["chain_id"])
    assert set(CHAINS) == {hrp for hrp, chains in live.items() if len(chains) == 1} - {"xmpl"}
    for hrp, reference in CHAINS.items():
        assert reference in live[hrp] or reference.startswith("hashed-51f160d71ca1f6d9")
