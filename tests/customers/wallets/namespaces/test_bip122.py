"""bip122: base58check and segregated witness, of the chains in the tables and of no other."""

import json
from collections.abc import Iterator

import pytest
from based58 import b58encode_check
from hypothesis import given
from hypothesis import strategies as st

from enrol.customers.wallets.forms import BASE58, BECH32, AddressError
from enrol.customers.wallets.namespaces.bip122 import PREFIXES, VERSIONS, canonical, describe
from tests.customers.vectors import FOLDER, rows
from tests.customers.wallets.vectors import Vector, addresses, vectors

BIPS = json.loads((FOLDER / "wallets" / "bip173_350.json").read_text(encoding="utf-8"))

# Valid by BIP-350, and for Bitcoin Core; its source asks for a key that is on the curve.
OFF_THE_CURVE = "bc1pllllllllllllllllllllllllllllllllllllllllllllallllshsdfvw2y"
# The anchor of BIP-433, which has no key.
ANCHOR = "bc1pfeessrawgf"

LEGACY = "1BShJZ8A5q53oJJfMJoEF1gfZCWdZqZwwD"
SCRIPT = "3L1YkZjdeNSqaZcNKZFXQfyokx3zVYm7r6"
SEGWIT = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
TAPROOT = "bc1p5rgvqejqh9dh37t9g94dd9cm8vtqns7dndgj423egwggsggcdzmsspvr7j"
BITCOIN = "bip122:000000000019d6689c085ae165831e93"

BECH32_CHECKSUM, BECH32M_CHECKSUM = 1, 0x2BC830A3


def refusal(address: str) -> str:
    with pytest.raises(AddressError) as refused:
        canonical(address)
    assert refused.value.__context__ is None
    return refused.value.code


def base58(version: bytes, payload: bytes) -> str:
    return b58encode_check(version + payload).decode()


def bech32(hrp: str, values: list[int], checksum: int) -> str:
    """As BIP-173 describes it, a symbol at a time."""
    state = 1
    expanded = [ord(c) >> 5 for c in hrp] + [0] + [ord(c) & 31 for c in hrp]
    for value in [*expanded, *values, *[0] * 6]:
        top, state = state >> 25, (state & 0x1FFFFFF) << 5 ^ value
        for bit, term in enumerate([0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3]):
            state ^= term if top >> bit & 1 else 0
    state ^= checksum
    tail = [state >> 5 * (5 - at) & 31 for at in range(6)]
    return hrp + "1" + "".join(BECH32[value] for value in values + tail)


def symbols(program: bytes, padding: int = 0) -> list[int]:
    size = -(-len(program) * 8 // 5)
    number = int.from_bytes(program, "big") << 5 * size - 8 * len(program) | padding
    return [number >> 5 * (size - 1 - at) & 31 for at in range(size)]


def segwit(hrp: str, version: int, program: bytes) -> str:
    checksum = BECH32M_CHECKSUM if version else BECH32_CHECKSUM
    return bech32(hrp, [version, *symbols(program)], checksum)


HASHES = st.binary(min_size=20, max_size=20)
LEGACIES = st.builds(base58, st.sampled_from(list(VERSIONS)), HASHES)
WITNESSES = st.one_of(
    st.tuples(st.just(0), st.one_of(HASHES, st.binary(min_size=32, max_size=32))),
    st.tuples(st.integers(1, 16), st.binary(min_size=2, max_size=40)),
)
SEGWITS = st.builds(
    lambda hrp, witness: segwit(hrp, *witness), st.sampled_from(list(PREFIXES)), WITNESSES
)


def mistyped(address: str, alphabet: str) -> Iterator[str]:
    """Every text with one character replaced, dropped, or swapped with the next."""
    for at, typed in enumerate(address):
        yield address[:at] + address[at + 1 :]
        for other in alphabet.replace(typed, ""):
            yield address[:at] + other + address[at + 1 :]
        following = address[at + 1 : at + 2]
        if following not in {"", typed}:
            yield address[:at] + following + typed + address[at + 2 :]


@pytest.mark.parametrize("row", vectors("bip122", "valid"), ids=lambda row: row["address"])
def test_valid_vectors_are_taken(row: Vector) -> None:
    upper = "uppercase" in row.get("form", "") or row["address"].startswith(("BC1", "TB1"))
    expected = row["address"].lower() if upper else row["address"]
    assert canonical(row["address"]) == expected
    assert describe(row["address"]).on_chain == expected
    network = row.get("network")
    if network in {"main", "test", "signet", "regtest"}:
        assert describe(row["address"]).network == ("mainnet" if network == "main" else "testnet")


@pytest.mark.parametrize("address", addresses("bip122", "invalid"))
def test_invalid_vectors_are_refused(address: str) -> None:
    if address == OFF_THE_CURVE:
        assert canonical(address) == address
    else:
        refusal(address)


@pytest.mark.parametrize("row", vectors("bip122", "policy"), ids=lambda row: row["address"])
def test_policy(row: Vector) -> None:
    if "stagenet" in row.get("note", ""):
        assert refusal(row["address"]) == "wallet.prefix"
    else:
        # Witness versions of the future, a version 1 of 40 bytes, Litecoin's.
        assert canonical(row["address"]) in {row["address"], row["address"].lower()}


@pytest.mark.parametrize("row", BIPS["segwit_valid"], ids=lambda row: row["address"])
def test_the_valid_addresses_of_bip350(row: dict[str, str]) -> None:
    assert canonical(row["address"]) == row["address"].lower()


@pytest.mark.parametrize("row", BIPS["segwit_invalid"], ids=lambda row: row["reason"])
def test_the_invalid_addresses_of_bip350(row: dict[str, str]) -> None:
    refusal(row["address"])


@pytest.mark.parametrize("text", BIPS["bech32_valid"] + BIPS["bech32m_valid"])
def test_bech32_that_is_no_address_is_refused(text: str) -> None:
    refusal(text)


# Published in each project's source or documentation.
ELSEWHERE = [
    # zcash/zcash, chainparams.cpp: the founders' and funding streams' addresses.
    ("t3LmX1cxWPPPqL4TZHx42HU3U5ghbFjRiif", "mainnet", "bip122:00040fe8ec8471911baa1db1266ea15d"),
    ("t1eYDHMYzCv1vNPA5gy16RcqxG4YKwTSxeR", "mainnet", "bip122:00040fe8ec8471911baa1db1266ea15d"),
    ("LaMT348PWRnrqeeWArpwQPbuanpXDZGEUz", "mainnet", "bip122:12a765e31ffd4059bada1e25190f6e98"),
    ("MQMcJhpWHYVeQArcZR3sBgyPZxxRtnH441", "mainnet", "bip122:12a765e31ffd4059bada1e25190f6e98"),
    ("A7JjzK9k9x5b2MkkQzqt91WZsuu7wTu6iS", "mainnet", "bip122:1a91e3dace36e2be3bf030a65679fe82"),
    ("nXprPppuYCyxrrW6eVh4koUz8kTFrAvGo8", "testnet", "bip122:bb0a78264637406b6360aad926284d54"),
    # Dogecoin's, and DigiByte's too: their versions are the same.
    ("DBcZSePDaMMduBMLymWHXhkE5ArFEvkagU", "mainnet", None),
    # Bitcoin's, and Bitcoin Cash's.
    (LEGACY, "mainnet", None),
    (SCRIPT, "mainnet", None),
    ("mhJuoGLgnJC8gdBgBzEigsoyG4omQXejPT", "testnet", None),
    ("QW2SvwjaJU8LD6GSmtm1PHnBG2xPuxwZFy", "testnet", None),
    (SEGWIT, "mainnet", BITCOIN),
    (SEGWIT.upper(), "mainnet", BITCOIN),
    (ANCHOR, "mainnet", BITCOIN),
    ("tb1q74fxwnvhsue0l8wremgq66xzvn48jlc5zthsvz", "testnet", None),
]


@pytest.mark.parametrize(("address", "network", "chain_id"), ELSEWHERE)
def test_the_network_and_the_only_chain_are_told(
    address: str, network: str, chain_id: str | None
) -> None:
    on_chain = canonical(address)
    assert describe(address)[:3] == (on_chain, network, chain_id)


def test_chains_agree_with_the_examples_of_caip10() -> None:
    examples = [row for row in rows("wallets/caip10") if row["namespace"] == "bip122"]
    assert len(examples) > 5
    for row in examples:
        if "erratum" in row:
            refusal(row["address"])
        else:
            chain = f"bip122:{row['reference']}"
            assert describe(row["address"]).chain_id in {chain, None}


def test_references_have_the_length_of_caip2() -> None:
    for _, chain_id in [*VERSIONS.values(), *PREFIXES.values()]:
        assert chain_id is None or (chain_id[:7] == "bip122:" and len(chain_id) == 7 + 32)


@given(LEGACIES)
def test_every_hash_has_an_address_in_base58(address: str) -> None:
    assert canonical(address) == address
    assert describe(address).on_chain == address


@given(SEGWITS)
def test_every_witness_program_has_an_address(address: str) -> None:
    assert canonical(address) == canonical(address.upper()) == address
    assert describe(address) == describe(address.upper())


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("fill", [b"\x00", b"\xff"])
def test_the_shortest_and_the_longest_of_each_version(version: bytes, fill: bytes) -> None:
    address = base58(version, fill * 20)
    assert canonical(address) == address
    # Right prefix, right length: what is wrong can only be the checksum.
    wrong = address[:-1] + ("2" if address[-1] != "2" else "3")
    assert refusal(wrong) == "wallet.checksum"


@given(st.binary(min_size=1, max_size=3), st.binary(max_size=24))
def test_a_right_checksum_is_not_enough(version: bytes, payload: bytes) -> None:
    value = version + payload
    if value[:-20] not in VERSIONS:
        refusal(base58(version, payload))


@given(
    st.sampled_from(list(PREFIXES)),
    st.integers(0, 31),
    st.binary(max_size=45),
    st.sampled_from([BECH32_CHECKSUM, BECH32M_CHECKSUM]),
)
def test_only_the_witness_programs_of_bip141_are_addresses(
    hrp: str, version: int, program: bytes, checksum: int
) -> None:
    address = bech32(hrp, [version, *symbols(program)], checksum)
    if version == 0:
        right = checksum == BECH32_CHECKSUM and len(program) in {20, 32}
    else:
        right = checksum == BECH32M_CHECKSUM and version <= 16 and 2 <= len(program) <= 40
    if right:
        assert canonical(address) == address
    else:
        refusal(address)


@given(st.integers(1, 16), st.binary(min_size=2, max_size=40) | st.just(bytes(40)), st.data())
def test_padding_is_less_than_a_symbol_and_zero(
    version: int, program: bytes, data: st.DataObject
) -> None:
    bits = -len(program) * 8 % 5
    whole = [version, *symbols(program)]
    if bits + 5 < 8:
        # Behind the longest program it makes the address too long, which is told first.
        code = "wallet.length" if len(program) == 40 else "wallet.checksum"
        assert refusal(bech32("bc", [*whole, 0], BECH32M_CHECKSUM)) == code
    if bits:
        padding = data.draw(st.integers(1, (1 << bits) - 1))
        padded = [version, *symbols(program, padding)]
        assert refusal(bech32("bc", padded, BECH32M_CHECKSUM)) == "wallet.checksum"


@pytest.mark.parametrize(
    "address", [base58(version, bytes(range(20))) for version in VERSIONS] + [LEGACY, SCRIPT]
)
def test_every_single_mistake_in_base58_is_refused(address: str) -> None:
    assert canonical(address) == address
    for text in mistyped(address, BASE58):
        assert refusal(text) != "wallet.alphabet"


@pytest.mark.parametrize("address", [SEGWIT, SEGWIT.upper(), TAPROOT, ANCHOR])
def test_every_single_mistake_in_bech32_is_refused(address: str) -> None:
    assert canonical(address) == address.lower()
    alphabet = BECH32.upper() if address.isupper() else BECH32
    for text in mistyped(address, alphabet):
        refusal(text)


@given(SEGWITS, st.data())
def test_a_mistyped_character_is_refused(address: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(address) - 1))
    other = data.draw(st.sampled_from((BECH32 + BECH32.upper() + "1bio").replace(address[at], "")))
    refusal(address[:at] + other + address[at + 1 :])


@pytest.mark.parametrize(
    ("address", "code"),
    [
        # Hashes that begin with zero bytes make it shorter, so this may be a whole address.
        (LEGACY[:-1], "wallet.checksum"),
        (LEGACY[:20], "wallet.length"),
        (LEGACY + "111111", "wallet.length"),
        (SCRIPT[:-1], "wallet.length"),
        (SCRIPT + "1", "wallet.length"),
        (SCRIPT[:-1] + "0", "wallet.alphabet"),
        (SCRIPT[:-1] + "s", "wallet.checksum"),
        (LEGACY + "\n", "wallet.alphabet"),
        (" " + LEGACY, "wallet.prefix"),
        (SEGWIT[:-1], "wallet.length"),
        (SEGWIT + "q", "wallet.length"),
        (SEGWIT[:-1] + "5", "wallet.checksum"),
        (SEGWIT[:-1] + "b", "wallet.alphabet"),
        (SEGWIT[:-1] + "V", "wallet.alphabet"),
        (SEGWIT + "\n", "wallet.alphabet"),
        (SEGWIT[:20] + " " + SEGWIT[20:], "wallet.alphabet"),
        ("Bc1" + SEGWIT[3:], "wallet.prefix"),
        ("bc1", "wallet.length"),
        ("1", "wallet.length"),
        ("bc1p" + "q" * 80, "wallet.length"),
        # Version 0 by the checksum of version 1, and the other way round.
        (bech32("bc", [0, *symbols(bytes(20))], BECH32M_CHECKSUM), "wallet.checksum"),
        (bech32("bc", [1, *symbols(bytes(32))], BECH32_CHECKSUM), "wallet.checksum"),
        # Other chains: Ethereum, XRPL, Dash, Cosmos, Ravencoin (3c), Groestlcoin (24).
        ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "wallet.prefix"),
        ("rPEPPER7kfTD9w2To4CQk6UCfuHM9c6GDY", "wallet.prefix"),
        ("XkMbn4X26GbXrb5U8t1dP2miqvwJCqk6XD", "wallet.prefix"),
        ("cosmos1hsk6jryyqjfhp5dhc55tc9jtckygx0eph6dd02", "wallet.prefix"),
        ("RAZzCGtMbiUgMiiyrZySrSpdfnQReFXA3r", "wallet.prefix"),
        (base58(b"\x24", bytes(20)), "wallet.prefix"),
        # A version next to one of the table, which begins with the same character.
        (base58(b"\x17", bytes(20)), "wallet.prefix"),
        # Other encodings: shielded Zcash, Bitcoin Cash's own, a URI of BIP-21.
        (
            "zs1z7rejlpsa98s2rrrfkwmaxu53e4ue0ulcrw0h4x5g8jl04tak0d3mm47vdtahatqrlkngh9sly",
            "wallet.prefix",
        ),
        ("bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a", "wallet.prefix"),
        (f"bitcoin:{LEGACY}", "wallet.prefix"),
        # A private key; the caller tells of it.
        ("5Kd3NBUAdUnhyzenEwVLy9pBKxSwXvE9FMPyR4UKZvpe6E3AgLr", "wallet.prefix"),
        ("", "wallet.length"),
        ("1" * 3_000_000, "wallet.length"),
        ("BC1" + "Q" * 3_000_000, "wallet.length"),
        ("q" * 3_000_000 + "1" + "q" * 32, "wallet.length"),
        ("\ud800" * 34, "wallet.prefix"),
        ("bc1q" + "\ud800" * 38, "wallet.alphabet"),
        ("１" + LEGACY[1:], "wallet.prefix"),
    ],
)
def test_the_fault_is_named(address: str, code: str) -> None:
    assert refusal(address) == code
