"""The namespaces that are checked by prefix, alphabet and length alone."""

import pytest

from enrol.customers.wallets import AddressError, canonical_address
from enrol.customers.wallets.shapes import SHAPES
from tests.customers.wallets.vectors import addresses

VALID = [(namespace, address) for namespace in SHAPES for address in addresses(namespace, "valid")]

HEX_64 = "0x02DdfB499765c064eaC5039E3841AA5f382E73B598097a40073BD8B48170Ab57"
POLKADOT = "15FKUKXC6kwaXxJ1tXNywmFy4ZY6FoDFCnU3fMbibFdeqwGw"
COSMOS = "cosmos1hsk6jryyqjfhp5dhc55tc9jtckygx0eph6dd02"
SOLANA = "7S3P4HxJpyyigGzodYwHtCxZyUQe9JiBMHyRWXArAaKv"
STAKE = "stake1uyehkck0lajq8gr28t9uxnuvgcqrc6070x3k9r8048z8y5gh6ffgw"
BITCOIN = "35PBEaofpUeH8VnnNSorM1QZsadrZoQp4N"
SEGWIT = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
RIPPLE = "rPEPPER7kfTD9w2To4CQk6UCfuHM9c6GDY"
DASH = "XoWVHPD6JGfBDgPwMxyuoNGDZW5V8w1AkE"
TRON = "TMVQGm1qAQYVdetCeGRRkTWYYrLXuHK2HC"
TRON_HEX = "417E5F4552091A69125d5DfCb7b8C2659029395Bdf"
AVALANCHE = "avax1" + "q" * 38
EVM = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"


@pytest.mark.parametrize(("namespace", "address"), VALID)
def test_no_valid_vector_is_refused(namespace: str, address: str) -> None:
    canonical = canonical_address(namespace, address)
    assert canonical in {address, address.lower()}
    assert canonical_address(namespace, canonical) == canonical


@pytest.mark.parametrize(
    ("namespace", "address"),
    [
        ("aptos", HEX_64),
        ("aptos", "0xA"),
        ("starknet", HEX_64),
        ("cosmos", COSMOS.upper()),
        ("cardano", STAKE.upper()),
        ("bip122", SEGWIT.upper()),
        ("tron", TRON_HEX),
        ("avax", EVM),
    ],
)
def test_where_case_means_nothing_canonical_is_lower_case(namespace: str, address: str) -> None:
    assert canonical_address(namespace, address) == address.lower() != address


@pytest.mark.parametrize(
    ("namespace", "address"),
    [
        ("polkadot", POLKADOT),
        ("cosmos", COSMOS),
        ("cosmos", "cosmosvaloper1sxx9mszve0gaedz5ld7qdkjkfv8z992ax69k08"),
        ("cosmos", "lava@1" + "q" * 38),
        ("solana", SOLANA),
        ("cardano", STAKE),
        ("cardano", "Ae2tdPwUPEZKmwoy3AU3cXb5Chnasj6mvVNxV1H11997q3VW5ihbSfQwGpm"),
        ("bip122", BITCOIN),
        ("bip122", SEGWIT),
        ("bip122", "ltc1q3m3ujh350qrqdl33pv7pjw0d0m9qnm6qjcjpga"),
        ("xrpl", RIPPLE),
        ("xrpl", "X7qvLs7gSnNoKvZzNWUT2e8st17QPY64PPe7zriLNuJszeg"),
        ("dash", DASH),
        ("tron", TRON),
        ("avax", f"X-{AVALANCHE}"),
        ("avax", f"P-{AVALANCHE.replace('avax', 'fuji')}"),
        ("avax", f"C-{AVALANCHE}"),
    ],
)
def test_elsewhere_canonical_is_as_sent(namespace: str, address: str) -> None:
    assert canonical_address(namespace, address) == address


@pytest.mark.parametrize(
    ("namespace", "address", "code"),
    [
        ("aptos", HEX_64[2:], "wallet.prefix"),
        ("aptos", "0X" + HEX_64[2:], "wallet.prefix"),
        ("aptos", "0x", "wallet.length"),
        ("aptos", HEX_64 + "0", "wallet.length"),
        ("aptos", "0x1_0", "wallet.alphabet"),
        ("starknet", HEX_64[2:], "wallet.prefix"),
        ("starknet", HEX_64 + "0", "wallet.length"),
        ("starknet", HEX_64[:-1] + "g", "wallet.alphabet"),
        ("polkadot", "F7NZ", "wallet.length"),
        ("polkadot", POLKADOT + "11", "wallet.length"),
        ("polkadot", POLKADOT[:-1] + "0", "wallet.alphabet"),
        ("polkadot", "0x" + "ab" * 32, "wallet.alphabet"),
        ("cosmos", EVM, "wallet.prefix"),
        ("cosmos", "cosmos", "wallet.prefix"),
        ("cosmos", COSMOS[:-1], "wallet.length"),
        ("cosmos", "Cosmos" + COSMOS[6:], "wallet.prefix"),
        ("cosmos", COSMOS[:-1] + "B", "wallet.alphabet"),
        ("cosmos", COSMOS[:-1] + "b", "wallet.alphabet"),
        (
            "cosmos",
            "cosmosvalconspub1zcjduepqjnnwe2jsywv0kfc97pz04zkm7tc9k2437cde2my3y5js9t7cw9mstfg3sa",
            "wallet.length",
        ),
        ("solana", "1" * 31, "wallet.length"),
        ("solana", SOLANA + "1", "wallet.length"),
        ("solana", SOLANA[:-1] + "l", "wallet.alphabet"),
        ("cardano", STAKE[:-1], "wallet.length"),
        ("cardano", STAKE[:-1] + "b", "wallet.alphabet"),
        ("cardano", STAKE[:-1] + "W", "wallet.alphabet"),
        # Byron's addresses have no prefix, so an unknown one reads as base58.
        ("cardano", "prefix1" + STAKE[6:], "wallet.alphabet"),
        ("bip122", BITCOIN + "1" * 10, "wallet.length"),
        ("bip122", BITCOIN[:-1] + "0", "wallet.alphabet"),
        ("bip122", SEGWIT[:-1] + "B", "wallet.alphabet"),
        ("bip122", "bc1" + "q" * 72, "wallet.length"),
        # A private key in WIF must never be stored as if it were an address.
        ("bip122", "5Kd3NBUAdUnhyzenEwVLy9pBKxSwXvE9FMPyR4UKZvpe6E3AgLr", "wallet.length"),
        ("xrpl", BITCOIN, "wallet.prefix"),
        ("xrpl", "r", "wallet.length"),
        ("xrpl", f"{RIPPLE}-495", "wallet.alphabet"),
        ("xrpl", "shsWGZcmZz6YsWWmcnpfr6fLTdtFV", "wallet.prefix"),
        ("dash", BITCOIN, "wallet.prefix"),
        ("dash", DASH[:-1], "wallet.length"),
        ("dash", DASH[:-1] + "I", "wallet.alphabet"),
        ("tron", BITCOIN, "wallet.prefix"),
        ("tron", TRON[:-1], "wallet.length"),
        ("tron", TRON[:-1] + "0", "wallet.alphabet"),
        ("tron", TRON_HEX + "0", "wallet.length"),
        ("avax", AVALANCHE, "wallet.prefix"),
        ("avax", f"X-{AVALANCHE.upper()}", "wallet.prefix"),
        ("avax", f"X-{AVALANCHE}q", "wallet.length"),
        ("avax", f"Q-{AVALANCHE}", "wallet.prefix"),
        ("avax", EVM[:-1], "wallet.length"),
    ],
)
def test_the_fault_is_named(namespace: str, address: str, code: str) -> None:
    with pytest.raises(AddressError) as refused:
        canonical_address(namespace, address)
    assert refused.value.code == code
