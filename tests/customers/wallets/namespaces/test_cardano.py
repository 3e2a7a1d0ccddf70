"""cardano: Shelley's bech32 with a header that agrees, and Byron's CBOR in base58."""

import string
from binascii import crc32
from collections.abc import Iterator

import pytest
from based58 import b58encode
from hypothesis import given
from hypothesis import strategies as st

from enrol.customers.wallets.codecs.bech32 import BIP_350, decoded
from enrol.customers.wallets.forms import AddressError, AddressFinding
from enrol.customers.wallets.namespaces.cardano import canonical, describe
from tests.customers.wallets.codecs.test_bech32 import encoded, spelled
from tests.customers.wallets.vectors import Vector, addresses, vectors

MAINNET = "cip34:1-764824073"
# CIP-19, "Test Vectors".
BASE = (
    "addr1qx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzer3n0d"
    "3vllmyqwsx5wktcd8cc3sq835lu7drv2xwl2wywfgse35a3x"
)
POINTER = "addr1gx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzer5pnz75xxcrzqf96k"
ENTERPRISE = "addr1vx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzers66hrl8"
TEST = "addr_test1vz2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzerspjrlsz"
STAKE = "stake1uyehkck0lajq8gr28t9uxnuvgcqrc6070x3k9r8048z8y5gh6ffgw"
STAKE_TEST = "stake_test1uqehkck0lajq8gr28t9uxnuvgcqrc6070x3k9r8048z8y5gssrtvn"
# CIP-19, "User-facing Encoding": Byron on the test network; the other two have the network tag of
# the test networks under the prefixes of the mainnet, whatever the text says of them.
BYRON_TEST = (
    "37btjrVyb4KDXBNC4haBVPCrro8AQPHwvCMp3RFhhSVWwfFmZ6wwzSK6JK1hY"
    "6wHNmtrpTf1kdbva8TCneM2YsiXT7mrzT21EacHnPpz5YyUdj64na"
)
MISTAGGED = [
    "addr1vpu5vlrf4xkxv2qpwngf6cjhtw542ayty80v8dyr49rf5eg0yu80w",
    "stake1vpu5vlrf4xkxv2qpwngf6cjhtw542ayty80v8dyr49rf5egfu2p0u",
]
# Icarus and Daedalus wallets: without attributes, and with a derivation path.
ICARUS = "Ae2tdPwUPEZKmwoy3AU3cXb5Chnasj6mvVNxV1H11997q3VW5ihbSfQwGpm"
DAEDALUS = (
    "DdzFFzCqrhssmYoG5Eca1bKZFdGS8d6iag1mU4wbLeYcSPVvBNF2wRG8"
    "yhjzQqErbg63N6KJA4DHqha113tjKDpGEwS5x1dT2KfLSbSJ"
)
HASH = bytes(range(28))


def refusal(address: str) -> str:
    with pytest.raises(AddressError) as refused:
        canonical(address)
    assert refused.value.__context__ is None
    return refused.value.code


def finding(address: str) -> str:
    with pytest.raises(AddressFinding) as found:
        canonical(address)
    assert found.value.code == "wallet.stake_address"
    return found.value.canonical


def tag_agrees(address: str) -> bool:
    """Whether the header's lower half is 1 under a prefix of the mainnet, 0 under the others."""
    text = decoded(address)
    assert text is not None
    hrp, _, symbols, data = text
    return (data >> 5 * symbols - 8) & 15 == (0 if hrp.endswith("_test") else 1)


@pytest.mark.parametrize("address", addresses("cardano", "valid"))
def test_valid_vectors_are_accepted(address: str) -> None:
    # cardano-addresses tries other network tags too, which CIP-19 reserves for the future.
    if address.startswith("addr") and not tag_agrees(address):
        assert refusal(address) == "wallet.network"
    else:
        assert canonical(address) == address


@pytest.mark.parametrize("address", addresses("cardano", "invalid"))
def test_invalid_vectors_are_refused(address: str) -> None:
    refusal(address)


@pytest.mark.parametrize("row", vectors("cardano", "policy"), ids=lambda row: row["address"])
def test_policy(row: Vector) -> None:
    address, note = row["address"], row.get("note", "")
    if note.startswith("bech32-wrapped Byron"):
        assert refusal(address) == "wallet.prefix"
    elif tag_agrees(address):
        assert note.startswith("reward/stake")
        assert finding(address) == finding(address.upper()) == address
    else:
        assert refusal(address) == "wallet.network"


@pytest.mark.parametrize("address", MISTAGGED)
def test_examples_of_the_other_network_are_refused(address: str) -> None:
    # The second is of type 6 besides, which is none of a stake address.
    assert refusal(address) == ("wallet.network" if address[:4] == "addr" else "wallet.prefix")


def numbers() -> st.SearchStrategy[bytes]:
    """Naturals of up to 64 bits as pointers write them."""

    def written(number: int) -> bytes:
        septets = [number & 127]
        while number := number >> 7:
            septets.append(number & 127 | 128)
        return bytes(reversed(septets))

    return st.integers(0, 2**64 - 1).map(written)


PAYLOADS = st.one_of(
    st.tuples(st.integers(0, 3), st.binary(min_size=56, max_size=56)),
    st.tuples(
        st.integers(4, 5),
        st.tuples(st.binary(min_size=28, max_size=28), numbers(), numbers(), numbers()).map(
            b"".join
        ),
    ),
    st.tuples(st.integers(6, 7), st.binary(min_size=28, max_size=28)),
)


@given(PAYLOADS, st.sampled_from([("addr", 1), ("addr_test", 0)]))
def test_each_type_is_one_account_in_both_cases(
    payload: tuple[int, bytes], network: tuple[str, int]
) -> None:
    hrp, tag = network
    address = encoded(hrp, bytes([payload[0] << 4 | tag]) + payload[1])
    assert canonical(address) == canonical(address.upper()) == address


@given(PAYLOADS, st.integers(0, 15), st.sampled_from(["addr", "addr_test", "stake", "stake_test"]))
def test_the_tag_has_to_agree_with_the_prefix(
    payload: tuple[int, bytes], tag: int, hrp: str
) -> None:
    address = encoded(hrp, bytes([payload[0] << 4 | tag]) + payload[1])
    if hrp.startswith("stake"):
        assert refusal(address) == "wallet.prefix"
    elif tag != (hrp == "addr"):
        assert refusal(address) == "wallet.network"
    else:
        assert canonical(address) == address


@given(PAYLOADS, st.integers(1, 5), st.booleans())
def test_the_length_is_that_of_the_type(payload: tuple[int, bytes], by: int, shorter: bool) -> None:
    kind, rest = payload
    whole = bytes([kind << 4 | 1]) + (rest[:-by] if shorter else rest + bytes(by))
    assert refusal(encoded("addr", whole)) == "wallet.length"


@pytest.mark.parametrize("kind", [8, 9, 10, 11, 12, 13, 14, 15])
def test_no_other_type_is_a_payment_address(kind: int) -> None:
    for rest in (HASH, HASH + HASH):
        assert refusal(encoded("addr", bytes([kind << 4 | 1]) + rest)) == "wallet.prefix"


@pytest.mark.parametrize("kind", range(14))
def test_no_other_type_is_a_stake_address(kind: int) -> None:
    assert refusal(encoded("stake", bytes([kind << 4 | 1]) + HASH)) == "wallet.prefix"


@pytest.mark.parametrize("address", [STAKE, STAKE_TEST])
def test_a_stake_address_is_a_finding(address: str) -> None:
    assert finding(address) == finding(address.upper()) == address


@pytest.mark.parametrize(
    ("pointer", "code"),
    [
        ("", "wallet.length"),
        ("0102", "wallet.length"),
        ("01020304", "wallet.length"),
        ("010283", "wallet.length"),
        # Seven zeros first: 1 is written 01, not 8001.
        ("80010203", "wallet.length"),
        ("0180800203", "wallet.length"),
        # 11 times seven bits.
        ("0102" + "ff" * 10 + "7f", "wallet.length"),
    ],
)
def test_a_pointer_is_three_numbers_in_their_shortest_form(pointer: str, code: str) -> None:
    assert refusal(encoded("addr", b"\x41" + HASH + bytes.fromhex(pointer))) == code


def typed(address: str) -> Iterator[str]:
    """Each text with one character replaced, left out, or swapped with the next."""
    for at, own in enumerate(address):
        yield address[:at] + address[at + 1 :]
        for other in (string.ascii_letters + string.digits + "_ \n").replace(own, ""):
            yield address[:at] + other + address[at + 1 :]
        if address[at + 1 : at + 2] not in {"", own}:
            yield address[:at] + address[at + 1] + own + address[at + 2 :]


@pytest.mark.parametrize(
    "address", [BASE, POINTER, ENTERPRISE, TEST, STAKE, ICARUS, DAEDALUS, BYRON_TEST]
)
def test_every_single_slip_is_refused(address: str) -> None:
    for slip in typed(address):
        refusal(slip)


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("", "wallet.length"),
        (ENTERPRISE[:-1], "wallet.length"),
        (POINTER[:20], "wallet.length"),
        ("addr1p", "wallet.length"),
        (BASE + "q", "wallet.length"),
        (ICARUS[:20], "wallet.length"),
        (ICARUS * 2, "wallet.length"),
        (ENTERPRISE[:-1] + "b", "wallet.alphabet"),
        (ENTERPRISE + "\n", "wallet.alphabet"),
        ("ADDR" + ENTERPRISE[4:], "wallet.alphabet"),
        (ICARUS[:-1] + "0", "wallet.alphabet"),
        (ICARUS + " ", "wallet.alphabet"),
        (ENTERPRISE[:-1] + "q", "wallet.checksum"),
        (encoded("addr", b"\x61" + HASH, BIP_350), "wallet.checksum"),
        (encoded("addr", b"\x61" + HASH, padding="1"), "wallet.checksum"),
        (ICARUS[:-1] + "n", "wallet.checksum"),
        (encoded("prefix", b"\x61" + HASH), "wallet.prefix"),
        (encoded("prefix", b"\x61" + HASH)[:-1] + "q", "wallet.prefix"),
        (encoded("cosmos", bytes(20)), "wallet.prefix"),
        (encoded("pool", HASH), "wallet.prefix"),
        (encoded("addr_vk", bytes(32)), "wallet.prefix"),
        (encoded("addr_sk", bytes(32)), "wallet.prefix"),
        (encoded("addr_sk", bytes(32)).upper(), "wallet.prefix"),
        ("0x" + HASH.hex(), "wallet.prefix"),
    ],
)
def test_the_fault_is_named(address: str, code: str) -> None:
    assert refusal(address) == code


@pytest.mark.parametrize("symbols", ["", "q", "qq", "qqq"])
def test_bech32_of_nothing_is_refused(symbols: str) -> None:
    assert refusal(spelled("addr", [0] * len(symbols))) == "wallet.length"


def byron(attributes: str = "a0", kind: str = "00", checksum: bytes | None = None) -> str:
    payload = bytes.fromhex("83581c") + HASH + bytes.fromhex(attributes + kind)
    if checksum is None:
        checksum = b"\x1a" + crc32(payload).to_bytes(4, "big")
    head = bytes.fromhex("82d81858") + len(payload).to_bytes(1, "big")
    return b58encode(head + payload + checksum).decode()


PATH = "0158" + "1e581c" + "ab" * 28


@pytest.mark.parametrize(
    ("attributes", "kind", "chain"),
    [
        ("a0", "00", MAINNET),
        ("a0", "02", MAINNET),
        ("a1" + PATH, "00", MAINNET),
        ("a10152" + "51" + "ab" * 17, "00", MAINNET),
        ("a1015819" + "5818" + "ab" * 23 + "ab", "00", None),
        ("a102451a4170cb17", "00", "cip34:0-1097911063"),
        ("a2" + PATH + "02451a4170cb17", "00", "cip34:0-1097911063"),
        ("a1024101", "00", "cip34:0-1"),
        ("a102421818", "00", "cip34:0-24"),
        ("a10243190100", "00", "cip34:0-256"),
        # A type that CIP-19 has not, and one of two bytes.
        ("a0", "01", None),
        ("a0", "1800", None),
        # Longer forms than the shortest, and the mainnet's magic, which the mainnet leaves out.
        ("b800", "00", None),
        ("a102421817", "00", None),
        ("a10243190001", "00", None),
        ("a102451a00000001", "00", None),
        ("a102451a2d964a09", "00", None),
        # The other order, twice the same, an attribute that CIP-19 has not, indefinite lengths.
        ("a2" + "02451a4170cb17" + PATH, "00", None),
        ("a2" + "02451a4170cb17" * 2, "00", None),
        ("a1004101", "00", None),
        ("bfff", "00", None),
        # Lengths that lie.
        ("a1" + PATH[:-2], "00", None),
        ("a102441a4170cb17", "00", None),
    ],
)
def test_the_shape_of_byron(attributes: str, kind: str, chain: str | None) -> None:
    address = byron(attributes, kind)
    if chain is None:
        refusal(address)
    else:
        assert canonical(address) == address
        network = "mainnet" if chain == MAINNET else "testnet"
        assert describe(address)[:3] == (address, network, chain)


@given(st.integers(0, 2**32 - 1))
def test_another_crc_is_refused(checksum: int) -> None:
    text = byron(checksum=b"\x1a" + checksum.to_bytes(4, "big"))
    if text != byron():
        assert refusal(text) == "wallet.checksum"


def test_a_short_crc_is_written_short() -> None:
    """The root is searched for, so that the CRC begins with two bytes of zero."""
    payloads = (
        bytes.fromhex("83581c") + number.to_bytes(28, "big") + b"\xa0\0" for number in range(10**6)
    )
    payload = next(payload for payload in payloads if crc32(payload) < 1 << 16)
    head = bytes.fromhex("82d81858") + len(payload).to_bytes(1, "big")
    short = b"\x19" + crc32(payload).to_bytes(2, "big")
    long = b"\x1a" + crc32(payload).to_bytes(4, "big")
    right = b58encode(head + payload + short).decode()
    assert canonical(right) == right
    refusal(b58encode(head + payload + long).decode())


@pytest.mark.parametrize("data", ["9f5afffffffbff", "82d818", "a0", "82d818582183"])
def test_other_cbor_is_refused(data: str) -> None:
    refusal(b58encode(bytes.fromhex(data)).decode())
    refusal(b58encode(bytes.fromhex(data) + bytes(41 - len(data) // 2)).decode())


@pytest.mark.parametrize(
    ("address", "network", "chain"),
    [
        (BASE, "mainnet", MAINNET),
        (POINTER, "mainnet", MAINNET),
        (STAKE, "mainnet", MAINNET),
        (ICARUS, "mainnet", MAINNET),
        (DAEDALUS, "mainnet", MAINNET),
        # Of any test network.
        (TEST, "testnet", None),
        (STAKE_TEST, "testnet", None),
        # The magic of the first public test network (CIP-34).
        (BYRON_TEST, "testnet", "cip34:0-1097911063"),
    ],
)
def test_what_is_told(address: str, network: str, chain: str | None) -> None:
    assert describe(address)[:3] == (address, network, chain)
    if decoded(address):
        assert describe(address.upper())[:3] == (address, network, chain)
