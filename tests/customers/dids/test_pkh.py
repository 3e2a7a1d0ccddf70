"""did:pkh: accounts of every namespace, and whether they are the wallet's."""

from time import perf_counter

import pytest
from based58 import b58encode_check
from hypothesis import given
from hypothesis import strategies as st

from enrol.customers.dids import check_dids
from enrol.customers.dids.methods.pkh import CHAINLESS, account_of, beside_wallets
from enrol.customers.wallets.accounts import canonical_address, describe_account
from enrol.customers.wallets.forms import BASE58
from enrol.customers.wallets.registry import NAMESPACES, namespace
from tests.customers.wallets.vectors import addresses

BITCOIN = "bip122:000000000019d6689c085ae165831e93"
DOGECOIN = "bip122:1a91e3dace36e2be3bf030a65679fe82"
SOLANA = "solana:4sGjMW1sUnHzSxGspuhpqLDx6wiyjNtZ"
# w3c-ccg/did-pkh, test-vectors.
ACCOUNTS = {
    f"{BITCOIN}:128Lkh3S7CkDTBZ8W7BbpsN3YYizJMp8p6": "bip122",
    f"{DOGECOIN}:DH5yaieqoZN36fDVciNyRueRGvGLR3mr7L": "bip122",
    "eip155:137:0x4e90e8a8191c1c23a24a598c3ab4fb47ce926ff5": "eip155",
    "eip155:1:0xb9c5714089478a327f09197987f16f9e5d936e8a": "eip155",
    f"{SOLANA}:CKg5d12Jhpej1JqtmxLJgaFqqeYjxgPqToJ4LBdvG9Ev": "solana",
    "tezos:NetXdQprcVkpaWU:tz1TzrmTBSuiVHV2VfMnGRMYvTEPCP42oSM8": "tezos",
    "tezos:NetXdQprcVkpaWU:tz2BFTyPeYRzxd5aiBchbXN3WCZhx7BqbMBq": "tezos",
}
# Its appendix "Legacy Support".
LEGACY = {
    "btc:128Lkh3S7CkDTBZ8W7BbpsN3YYizJMp8p6": "bip122",
    "doge:DH5yaieqoZN36fDVciNyRueRGvGLR3mr7L": "bip122",
    "eth:0xb9c5714089478a327f09197987f16f9e5d936e8a": "eip155",
    "sol:CKg5d12Jhpej1JqtmxLJgaFqqeYjxgPqToJ4LBdvG9Ev": "solana",
    "celo:0xa0ae58da58dfa46fa55c3b86545e7065f90ff011": "eip155",
    "poly:0x4e90e8a8191c1c23a24a598c3ab4fb47ce926ff5": "eip155",
    "tz:tz1TzrmTBSuiVHV2VfMnGRMYvTEPCP42oSM8": "tezos",
    "tz:tz2BFTyPeYRzxd5aiBchbXN3WCZhx7BqbMBq": "tezos",
}
EIP55 = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
TEZOS = "tz1TzrmTBSuiVHV2VfMnGRMYvTEPCP42oSM8"
# BIP-173, "Examples".
SEGWIT = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"


def code(did: str) -> str | None:
    faults = check_dids([did])
    return faults[0][1] if faults else None


@pytest.mark.parametrize(("account", "name"), [*ACCOUNTS.items(), *LEGACY.items()])
def test_published_dids_pass(account: str, name: str) -> None:
    did, address = f"did:pkh:{account}", account.rpartition(":")[2]
    assert code(did) is None
    assert account_of(did) == (name, canonical_address(name, address))


@pytest.mark.parametrize("name", NAMESPACES)
def test_every_account_id_of_a_wallet_is_a_did(name: str) -> None:
    described = [describe_account(name, address) for address in addresses(name, "valid")]
    accounts = [account for account in described if account]
    assert accounts
    for account in accounts:
        if account.account_id is not None:
            did = f"did:pkh:{account.account_id}"
            assert code(did) is None
            assert account_of(did) == (name, account.canonical)


@pytest.mark.parametrize("name", sorted(CHAINLESS))
def test_these_never_tell_their_chain(name: str) -> None:
    for address in addresses(name, "valid"):
        account = describe_account(name, address)
        assert account is None or account.chain_id is None


@pytest.mark.parametrize("name", NAMESPACES)
def test_the_name_of_a_namespace_serves_as_caip_2(name: str) -> None:
    assert name in {"dash", "cardano"} | set(namespace(name).CAIP_NAMESPACES)


@pytest.mark.parametrize(
    "account",
    [
        f"eip155:1:{EIP55[:-1]}D",
        f"eip155:1:{EIP55[:-1]}",
        f"eip155:1:{EIP55}.jsonld",
        f"eip155:1:{TEZOS}",
        f"eip155:{EIP55}",
        f"eip155::{EIP55}",
        f"eip155:1:1:{EIP55}",
        f"eip155:{'1' * 33}:{EIP55}",
        f"EIP155:1:{EIP55}",
        f"ei:1:{EIP55}",
        f"namespace:1:{EIP55}",
        f"eip155:1.0:{EIP55}",
        EIP55,
        f"ETH:{EIP55}",
        f"eth:1:{EIP55}",
        f"eth:{TEZOS}",
        f"tz:{EIP55}",
        f"btc:{EIP55}",
        f"tezos:NetXdQprcVkpaWU:{EIP55}",
        "tezos:NetXdQprcVkpaWU:tz1TzrmTBSuiVHV2VfMnGRMYvTEPCP42oSM9",
        "arweave:7wIU:" + "a" * 129,
        "arweave:7wIU:a_b",
        f"{DOGECOIN}:{SEGWIT}",
    ],
)
def test_refused(account: str) -> None:
    right = f"did:pkh:eip155:1:{EIP55}"
    assert check_dids([right, f"did:pkh:{account}", right]) == [(1, "did.pkh")]
    assert account_of(f"did:pkh:{account}") is None


@pytest.mark.parametrize(
    "account",
    [
        "arweave:7wIU:kY9RAgTJEImkBpiKgVeXrsGV02T-D4dI3ZvSpnn7HSk",
        "aleo:1:aleo1y90yg3yzs4g7q25f9nn8khuu00m8ysynxmcw8aca2d0phdx8dgpq4vw348",
        "a-b:_-:%41.-",
    ],
)
def test_a_namespace_without_a_module_passes_by_its_syntax(account: str) -> None:
    assert code(f"did:pkh:{account}") is None
    assert account_of(f"did:pkh:{account}") is None


def test_an_escaped_address_is_read() -> None:
    assert code(f"did:pkh:eip155:1:%30x{EIP55[2:]}") is None
    assert account_of(f"did:pkh:eip155:1:%30x{EIP55[2:]}") == ("eip155", EIP55.lower())


@pytest.mark.parametrize("start", ["eip155:1:", "eth:"])
def test_a_private_key_is_a_secret(start: str) -> None:
    assert code(f"did:pkh:{start}0x{'4c' * 32}") == "did.secret"


@given(st.binary(min_size=20, max_size=20), st.data())
def test_a_changed_character_is_refused(key_hash: bytes, data: st.DataObject) -> None:
    did = f"did:pkh:{BITCOIN}:{b58encode_check(bytes(1) + key_hash).decode()}"
    assert code(did) is None
    at = data.draw(st.integers(did.rindex(":") + 1, len(did) - 1))
    other = data.draw(st.sampled_from(BASE58).filter(lambda text: text != did[at]))
    assert code(did[:at] + other + did[at + 1 :]) == "did.pkh"


@pytest.mark.parametrize("unit", ["1", "a:", "%41", "0x"])
def test_a_huge_text_is_refused_at_once(unit: str) -> None:
    for start in ("did:pkh:eip155:1:", "did:pkh:btc:", "did:pkh:"):
        begun = perf_counter()
        assert code(start + unit * 500_000 + "a") == "did.pkh"
        assert perf_counter() - begun < 1


def test_dids_are_held_against_the_wallet() -> None:
    columns = [
        # The same text, the same account in another spelling, and another account.
        (f"did:pkh:eip155:1:{EIP55}", "eip155", EIP55),
        (f"did:pkh:eip155:1:{EIP55.lower()}", "eip155", EIP55),
        (f"did:pkh:eip155:1:0x{'1' * 40}", "eip155", EIP55),
        # Another namespace, one without a module, a legacy form.
        (f"did:pkh:tezos:NetXdQprcVkpaWU:{TEZOS}", "eip155", EIP55),
        ("did:pkh:arweave:7wIU:kY9RAgTJEImkBpiKgVeXrsGV02T-D4dI3ZvSpnn7HSk", "eip155", EIP55),
        (f"did:pkh:eth:{EIP55}", "eip155", EIP55),
        (f"did:pkh:tz:{TEZOS}", "eip155", EIP55),
        # A DID of another method, one with a fault, no wallet.
        (f"did:ethr:0x{'1' * 40}", "eip155", EIP55),
        (f"did:pkh:eip155:1:{EIP55[:-1]}D", "eip155", EIP55),
        (f"did:pkh:eip155:1:{EIP55}", None, None),
    ]
    dids, names, texts = zip(*columns, strict=True)
    canonicals = [text and text.lower() for _, _, text in columns]
    beside = beside_wallets(dids, names, texts, canonicals)
    assert beside.repeats == {0}
    assert beside.others == [2, 3, 4, 6]


def test_one_account_under_either_name_of_its_namespace() -> None:
    dash = addresses("dash", "valid")[0]
    account = describe_account("dash", dash)
    assert account is not None
    for did in (f"did:pkh:{account.account_id}", f"did:pkh:dash:any:{dash}"):
        beside = beside_wallets([did], ["dash"], [dash], [account.canonical])
        assert beside == ({0}, [])


def test_a_wallet_on_another_chain_is_not_repeated() -> None:
    did = f"did:pkh:{DOGECOIN}:{SEGWIT}"
    assert beside_wallets([did], ["bip122"], [SEGWIT], [SEGWIT]) == (set(), [])
    assert code(did) == "did.pkh"
    did = f"did:pkh:{BITCOIN}:{SEGWIT}"
    assert beside_wallets([did], ["bip122"], [SEGWIT], [SEGWIT]) == ({0}, [])
    assert code(did) is None


@pytest.mark.parametrize("name", NAMESPACES)
def test_what_repeats_a_wallet_is_right(name: str) -> None:
    accounts = {text: describe_account(name, text) for text in addresses(name, "valid")}
    for address, account in accounts.items():
        if account is not None:
            did = f"did:pkh:{name}:0:{address}"
            beside = beside_wallets([did], [name], [address], [account.canonical])
            assert beside.others == []
            assert bool(beside.repeats) is (code(did) is None)
