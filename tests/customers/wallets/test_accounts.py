"""What people write for an account, CAIP-10 or another chain's address, and what is told of it."""

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrol.customers.wallets.accounts import Account, canonical_address, describe_account
from enrol.customers.wallets.forms import AddressError, AddressFinding
from enrol.customers.wallets.registry import NAMESPACES, namespace
from tests.customers.vectors import rows
from tests.customers.wallets.vectors import addresses, canonical

CAIP10: Final = rows("wallets/caip10")
OWN: Final = [row for row in CAIP10 if row["namespace"] in NAMESPACES]
FOREIGN: Final = [row for row in CAIP10 if row["namespace"] not in NAMESPACES]

REFUSED: Final = {
    "rPEPPER7kfTD9w2To4CQk6UCfuHM9c6GDY-495": (
        "wallet.alphabet",
        "the tag is no part of the address; an X-address has both",
    ),
}
"""Examples of the profiles that are no accounts here; besides, those that fail their checksum."""

# What their profiles have in any case comes back with its checksum.
CHECKSUMMED: Final = ("eip155", "starknet")

EVM: Final = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
TEZOS: Final = "tz1VSUr8wwNhLAzempoch5d6hLRiTh8Cjcjb"
SOLANA: Final = "7S3P4HxJpyyigGzodYwHtCxZyUQe9JiBMHyRWXArAaKv"
BITCOIN: Final = "128Lkh3S7CkDTBZ8W7BbpsN3YYizJMp8p6"
POLKADOT: Final = "15rRgsWxz4H5LTnNGcCFsszfXD8oeAFd8QRsR6MbQE2f6XFF"
KUSAMA_CHAIN: Final = "polkadot:b0a8d493285c2df73290dfb7e61f870f"
# ERC-1191, "Test Cases", of chain 30.
ROOTSTOCK: Final = "0x5aaEB6053f3e94c9b9a09f33669435E7ef1bEAeD"
X_ADDRESS: Final = "XV5sbjUmgPpvXv4ixFWZ5ptAYZ6PD2q1qM6owqNbug8W6KV"
X_OWNER: Final = "rPEPPER7kfTD9w2To4CQk6UCfuHM9c6GDY"


def refusal(name: str, text: str) -> AddressError:
    with pytest.raises(AddressError) as refused:
        canonical_address(name, text)
    error = refused.value
    assert str(error) == error.code
    assert text not in error.hint
    assert error.__context__ is None
    return error


def by_caip10(row: dict[str, Any]) -> str:
    return str(row["caip10"])


@pytest.mark.parametrize("row", OWN, ids=by_caip10)
def test_published_account_ids_are_taken(row: dict[str, Any]) -> None:
    name, text, address = row["namespace"], row["caip10"], row["address"]
    if "erratum" in row:
        # Of X-addresses and SS58 the length is a matter of what is in them.
        assert refusal(name, text).code in {"wallet.checksum", "wallet.length"}
    elif address in REFUSED:
        assert refusal(name, text).code == REFUSED[address][0]
    else:
        assert canonical_address(name, text) == canonical(name, address)


@pytest.mark.parametrize("row", OWN, ids=by_caip10)
def test_an_account_id_comes_back_as_its_profile_writes_it(row: dict[str, Any]) -> None:
    name, text, address = row["namespace"], row["caip10"], row["address"]
    told = describe_account(name, text)
    if "erratum" in row or address in REFUSED:
        assert told is None
        return
    assert told is not None
    assert told.canonical == canonical(name, address)
    assert told.chain_id == f"{name}:{row['reference']}"
    assert told.account_id is not None
    if name in CHECKSUMMED:
        assert told.account_id.lower() == text.lower()
        assert told.account_id != told.account_id.lower()
    elif address == X_ADDRESS:
        assert told.account_id == f"xrpl:0:{X_OWNER}"
    else:
        assert told.account_id == text
    assert canonical_address(name, told.account_id) == told.canonical


@pytest.mark.parametrize("row", FOREIGN, ids=by_caip10)
def test_an_account_of_another_kind_of_chain_is_refused_by_its_namespace(
    row: dict[str, Any],
) -> None:
    # Some of Ergo's addresses look like private keys in WIF with a typing mistake.
    codes = (
        {"wallet.secret", "wallet.namespace"}
        if row["namespace"] == "ergo"
        else {"wallet.namespace"}
    )
    for name in NAMESPACES:
        error = refusal(name, row["caip10"])
        assert error.code in codes
        assert error.hint == ""


@pytest.mark.parametrize("name", NAMESPACES)
def test_an_account_of_another_namespace_is_refused_with_its_name(name: str) -> None:
    listed = namespace(name).CAIP_NAMESPACES
    for row in OWN:
        if row["namespace"] not in listed:
            error = refusal(name, row["caip10"])
            assert error.code == "wallet.namespace"
            assert row["namespace"] in error.hint


@pytest.mark.parametrize("name", NAMESPACES)
def test_every_address_is_taken_under_its_chain(name: str) -> None:
    for address in addresses(name, "valid")[:20]:
        try:
            own = canonical_address(name, address)
        except (AddressError, AddressFinding):
            continue
        told = describe_account(name, address)
        assert told is not None
        assert (told.chain_id is None) is (told.account_id is None)
        if told.account_id is not None:
            assert canonical_address(name, told.account_id) == own
            again = describe_account(name, told.account_id)
            assert again is not None
            assert (again.chain_id, again.account_id) == (told.chain_id, told.account_id)


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        # The address tells its chain, and that is another.
        ("polkadot", f"{KUSAMA_CHAIN}:{POLKADOT}", "wallet.network"),
        (
            "bip122",
            f"bip122:12a765e31ffd4059bada1e25190f6e98:{'bc1q' + 38 * 'q'}",
            "wallet.checksum",
        ),
        (
            "bip122",
            "bip122:12a765e31ffd4059bada1e25190f6e98:bc1qwz2lhc40s8ty3l5jg3plpve3y3l82x9l42q7fk",
            "wallet.network",
        ),
        ("xrpl", f"xrpl:1:{X_ADDRESS}", "wallet.network"),
        ("eip155", f"eip155:1:{EVM[:-1]}D", "wallet.checksum"),
        ("eip155", f"eip155:1:{EVM[:-1]}", "wallet.length"),
        ("eip155", f"eip155:1:{EVM}\n", "wallet.alphabet"),
        ("eip155", f"eip155:1:eip155:1:{EVM}", "wallet.prefix"),
        # Not CAIP-10, and so nothing but an odd address.
        ("eip155", f"eip155:{EVM}", "wallet.prefix"),
        ("eip155", f"eip155::{EVM}", "wallet.prefix"),
        ("eip155", f"eip155:1:{EVM}" + "0" * 200, "wallet.length"),
        ("eip155", f"EIP155:1:{EVM}", "wallet.prefix"),
        ("eip155", f"eip155:{'1' * 33}:{EVM}", "wallet.prefix"),
        ("eip155", f"did:pkh:eip155:1:{EVM}", "wallet.namespace"),
    ],
)
def test_the_fault_in_an_account_id_is_named(name: str, text: str, code: str) -> None:
    assert refusal(name, text).code == code


@pytest.mark.parametrize(
    ("name", "text", "named"),
    [
        ("tezos", EVM, "eip155, avax"),
        ("eip155", TEZOS, "tezos"),
        ("solana", EVM, "eip155, avax"),
        ("eip155", BITCOIN, "bip122"),
        ("cosmos", POLKADOT, "polkadot"),
        ("eip155", X_ADDRESS, "xrpl"),
        ("bip122", X_OWNER, "xrpl"),
        ("tezos", "addr1vx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzers66hrl8", "cardano"),
        # Without a checksum it is said of those alone that nothing else explains.
        ("eip155", SOLANA, "solana"),
        ("eip155", "0x" + "4ab" * 21, "starknet"),
    ],
)
def test_an_address_of_another_namespace_is_refused_with_its_name(
    name: str, text: str, named: str
) -> None:
    error = refusal(name, text)
    assert (error.code, error.hint) == ("wallet.namespace", f"It is an address of: {named}.")


def test_a_mistyped_address_of_another_namespace_keeps_the_first_fault() -> None:
    assert refusal("eip155", f"{BITCOIN[:-1]}7").code == "wallet.prefix"


@pytest.mark.parametrize("name", NAMESPACES)
def test_a_private_key_is_a_secret_everywhere(name: str) -> None:
    # Published: bitcoin.org's developer guide, "Wallet Import Format".
    error = refusal(name, "5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ")
    assert (error.code, error.hint) == ("wallet.secret", "")


@pytest.mark.parametrize("chain", ["eip155:1", "bip122:000000000019d6689c085ae165831e93", "hive:x"])
@pytest.mark.parametrize("name", ["eip155", "bip122"])
def test_a_private_key_is_a_secret_in_an_account_id_too(name: str, chain: str) -> None:
    error = refusal(name, f"{chain}:5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ")
    assert error.code == "wallet.secret"


def test_a_stake_address_is_of_its_own_network_alone() -> None:
    # CIP-19, "Test Vectors", type 14 of the main network; the reference is that of a test network.
    stake = "stake1uyehkck0lajq8gr28t9uxnuvgcqrc6070x3k9r8048z8y5gh6ffgw"
    assert refusal("cardano", f"cip34:0-1:{stake}").code == "wallet.network"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("cardano", "cardano:mainnet:addr1vx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzers66hrl8"),
        ("dash", "dash:mainnet:Xx4dYKgz3Zcv6kheaqog3fynaKWjbahb6b"),
    ],
)
def test_every_namespace_that_a_module_lists_is_taken(name: str, text: str) -> None:
    address = text.rpartition(":")[2]
    assert canonical_address(name, text) == canonical_address(name, address)


@pytest.mark.parametrize("text", [ROOTSTOCK, f"eip155:30:{ROOTSTOCK}"])
def test_a_finding_goes_through(text: str) -> None:
    with pytest.raises(AddressFinding) as found:
        canonical_address("eip155", text)
    assert (found.value.code, found.value.canonical) == ("wallet.erc1191", ROOTSTOCK.lower())
    told = describe_account("eip155", text)
    assert told is not None
    assert told.canonical == ROOTSTOCK.lower()


@pytest.mark.parametrize(
    ("name", "text", "account"),
    [
        ("eip155", EVM.lower(), Account(EVM.lower(), None, None, None)),
        (
            "eip155",
            f"eip155:137:{EVM}",
            Account(EVM.lower(), None, "eip155:137", f"eip155:137:{EVM}"),
        ),
        ("solana", SOLANA, Account(SOLANA, None, None, None)),
        (
            "xrpl",
            X_ADDRESS,
            Account(X_OWNER, "mainnet", "xrpl:0", f"xrpl:0:{X_OWNER}"),
        ),
    ],
)
def test_what_is_told_of_an_account(name: str, text: str, account: Account) -> None:
    assert describe_account(name, text) == account


@pytest.mark.parametrize(
    ("name", "text"),
    [("eip155", "whatever"), ("eip155", ""), ("bitcoin", BITCOIN), ("eip155", f"solana:x:{EVM}")],
)
def test_nothing_is_told_of_what_is_no_address(name: str, text: str) -> None:
    assert describe_account(name, text) is None


def test_an_unknown_namespace_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        canonical_address("bitcoin", BITCOIN)


@pytest.mark.parametrize("name", NAMESPACES)
@given(
    text=st.one_of(
        st.text(st.characters(exclude_categories=())),
        st.builds(
            "{}:{}:{}".format,
            st.sampled_from([*NAMESPACES, "cip34", "hive"]),
            st.text("-_aZ19:", max_size=34),
            st.one_of(st.sampled_from([row["address"] for row in CAIP10]), st.text()),
        ),
    )
)
def test_any_text_is_taken_or_refused_without_an_echo(name: str, text: str) -> None:
    try:
        taken = canonical_address(name, text)
    except AddressFinding:
        return
    except AddressError as refused:
        error = refused
    else:
        assert canonical_address(name, taken) == taken
        told = describe_account(name, text)
        assert told is not None
        assert told.canonical == taken
        return
    assert str(error) == error.code
    assert error.__context__ is None
    assert len(text) < 5 or text not in error.hint
    assert describe_account(name, text) is None


@pytest.mark.parametrize("name", NAMESPACES)
@pytest.mark.parametrize("start", ["", "eip155:1:", "bip122:000000000019d6689c085ae165831e93:"])
def test_a_huge_text_is_not_looked_into(name: str, start: str) -> None:
    assert refusal(name, start + "1" * 3_000_000).code == "wallet.length"
