"""The published addresses of all namespaces; each family's own test decides what is policy."""

import string
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

import pytest

from enrol.customers.wallets.forms import BECH32, AddressError
from enrol.customers.wallets.registry import CHECKS, NAMESPACES
from tests.customers.vectors import rows
from tests.customers.wallets.vectors import addresses, canonical

EXCEPTIONS: Final[dict[tuple[str, str], str]] = {
    ("tezos", "KT1Fe71jyjrxFg9ZrYqtvaX7uQjcLo7svE4D%test"): (
        "names the entrypoint of a call, the account is the part before the %"
    ),
    ("tezos", "sr166cywS6HJx9gmqMU28Vo284gPQaPcGmYW"): (
        "a smart rollup, which is nobody's account: CAIP-10 for tezos has tz and KT1 alone"
    ),
    ("bip122", "bc1pllllllllllllllllllllllllllllllllllllllllllllallllshsdfvw2y"): (
        "its source wants the output key on the curve; BIP-350 has no such rule, nor Bitcoin Core"
    ),
}
"""Rows that the checks judge otherwise than their source, and why."""

Row = tuple[str, str]


def of_no_network(name: str, text: str) -> bool:
    """Whether an address of Shelley's has a network tag, the header's second digit, that is not
    the one of its prefix (CIP-19): cardano-addresses writes all 16, as its tests ask it to."""
    prefix, separator, data = text.rpartition("1")
    tags = {"addr": 1, "addr_test": 0}
    if name != "cardano" or not separator or prefix not in tags:
        return False
    header = BECH32.index(data[0]) << 3 | BECH32.index(data[1]) >> 2
    return header & 15 != tags[prefix]


ALL_VALID: Final = [(name, text) for name in NAMESPACES for text in addresses(name, "valid")]
VALID: Final = [row for row in ALL_VALID if not of_no_network(*row)]
INVALID: Final = [(name, text) for name in NAMESPACES for text in addresses(name, "invalid")]

# One or two of each kind whose checksum covers every character. Those of Solana, Aptos and TRON's
# hexadecimal have none. SS58 has 16 bits, so these are addresses no neighbour of which passes by
# chance; the letter before the hyphen of Avalanche's is outside of its checksum.
CHECKSUMMED: Final = [
    ("tezos", "tz1VSUr8wwNhLAzempoch5d6hLRiTh8Cjcjb"),
    ("tezos", "KT1Fe71jyjrxFg9ZrYqtvaX7uQjcLo7svE4D"),
    ("eip155", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"),
    ("eip155", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"),
    ("polkadot", "15rRgsWxz4H5LTnNGcCFsszfXD8oeAFd8QRsR6MbQE2f6XFF"),
    ("polkadot", "cTMC4XwPfBn3bz8kFaVTjaWdkQi6agzMxS11e8hpPHhqLrhGs"),
    ("starknet", "0x02DdfB499765c064eaC5039E3841AA5f382E73B598097a40073BD8B48170Ab57"),
    ("cosmos", "cosmos1t2uflqwqe0fsj0shcfkrvpukewcw40yjj6hdc0"),
    ("cardano", "stake1uyehkck0lajq8gr28t9uxnuvgcqrc6070x3k9r8048z8y5gh6ffgw"),
    ("cardano", "addr1gx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzer5pnz75xxcrzqf96k"),
    ("cardano", "Ae2tdPwUPEZKmwoy3AU3cXb5Chnasj6mvVNxV1H11997q3VW5ihbSfQwGpm"),
    ("bip122", "128Lkh3S7CkDTBZ8W7BbpsN3YYizJMp8p6"),
    ("bip122", "35PBEaofpUeH8VnnNSorM1QZsadrZoQp4N"),
    ("bip122", "bc1qwz2lhc40s8ty3l5jg3plpve3y3l82x9l42q7fk"),
    ("bip122", "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"),
    ("bip122", "DBcZSePDaMMduBMLymWHXhkE5ArFEvkagU"),
    ("xrpl", "rPEPPER7kfTD9w2To4CQk6UCfuHM9c6GDY"),
    ("xrpl", "XV5sbjUmgPpvXv4ixFWZ5ptAYZ6PD2gYsjNFQLKYW33DzBm"),
    ("dash", "Xx4dYKgz3Zcv6kheaqog3fynaKWjbahb6b"),
    ("tron", "TMVQGm1qAQYVdetCeGRRkTWYYrLXuHK2HC"),
    ("avax", "X-avax1qqgjyv6y24n80zye42aueh0wluqjx3t8u7a3ee"),
    ("avax", "0xE37c0D48d68da5c5b14E5c1a9f1CFE802776D9FF"),
]
OUTSIDE: Final = {"avax": len("X-")}
TYPED: Final = string.ascii_letters + string.digits


def taken(name: str, text: str) -> bool:
    try:
        canonical(name, text)
    except AddressError:
        return False
    return True


@pytest.mark.parametrize("name", NAMESPACES)
def test_valid_addresses_are_taken(name: str) -> None:
    wanted = {text for row in VALID if row not in EXCEPTIONS for text in row[1:] if row[0] == name}
    assert wanted
    assert {text for text in wanted if not taken(name, text)} == set()
    for text in wanted:
        assert canonical(name, canonical(name, text)) == canonical(name, text)


def test_an_address_of_no_network_is_refused_for_that() -> None:
    wanted = [row for row in ALL_VALID if row not in VALID]
    assert len(wanted) > 100
    for name, text in wanted:
        with pytest.raises(AddressError) as refused:
            CHECKS[name](text)
        assert refused.value.code == "wallet.network", text


def test_invalid_addresses_are_refused() -> None:
    wanted = [row for row in INVALID if row not in EXCEPTIONS]
    assert len(wanted) > 100
    assert [row for row in wanted if taken(*row)] == []


def test_what_the_hosted_api_takes_rightly_is_taken() -> None:
    hosted = [row for row in rows("compat/nexera_addresses") if row["nexera_accepts"]]
    owned = {(row["namespace"], row["address"]) for row in hosted if row["expect"] == "valid"}
    assert len(owned) > 600
    known = {*EXCEPTIONS} | ({*ALL_VALID} - {*VALID})
    refused = {row for row in owned if not taken(*row)}
    assert refused <= known


@pytest.mark.parametrize(("name", "text"), EXCEPTIONS)
def test_an_exception_is_one(name: str, text: str) -> None:
    assert taken(name, text) is ((name, text) in INVALID)
    assert ((name, text) in VALID) is not ((name, text) in INVALID)


def mistyped(text: str, start: int) -> Iterator[str]:
    """Each text with one character from ``start`` on replaced, left out, typed twice or swapped
    with the next."""
    for at in range(start, len(text)):
        before, own, after = text[:at], text[at], text[at + 1 :]
        yield from (before + other + after for other in TYPED if other != own)
        yield before + after
        yield before + own + own + after
        if after and after[0] != own:
            yield before + after[0] + own + after[1:]


@pytest.mark.parametrize(("name", "text"), CHECKSUMMED)
def test_no_single_slip_leads_to_another_account(name: str, text: str) -> None:
    own = canonical(name, text)
    slips = {slip for slip in mistyped(text, OUTSIDE.get(name, 0)) if taken(name, slip)}
    # A number may lose a zero in front.
    assert all(canonical(name, slip) == own and len(slip) < len(text) for slip in slips)


@pytest.mark.parametrize("row", rows("wallets/equivalence"), ids=lambda row: row["canonical"])
def test_spellings_of_one_account_have_one_canonical_form(row: dict[str, list[str]]) -> None:
    name = str(row["namespace"])
    accepted = [text for text in row["same_account"] if taken(name, text)]
    assert len({canonical(name, text) for text in accepted}) <= 1


def test_different_accounts_have_different_canonical_forms() -> None:
    owners: defaultdict[Row, set[str]] = defaultdict(set)
    for row in rows("wallets/equivalence"):
        name = row["namespace"]
        for text in row["same_account"]:
            if taken(name, text):
                owners[name, canonical(name, text)].add(row["canonical"])
    assert [account for account, rows_of in owners.items() if len(rows_of) > 1] == []
