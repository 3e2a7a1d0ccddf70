"""Private keys, which are refused as such: published examples, and none that guards anything."""

from typing import Final

import pytest
from based58 import Alphabet, b58decode, b58decode_check, b58encode_check
from hypothesis import given
from hypothesis import strategies as st

from enrol.customers.wallets.private_keys import is_private_key
from enrol.customers.wallets.registry import NAMESPACES
from tests.customers.vectors import rows
from tests.customers.wallets.vectors import addresses, vectors

HEX: Final = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"  # Hardhat, #0
# BIP-32, test vector 1.
XPRV: Final = (
    "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3"
    "TGtRBeJgk33yuGBxrMPHi"
)
XPUB: Final = (
    "xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265"
    "TMg7usUDFdp6W1EGMcet8"
)
ABANDON: Final = "abandon " * 11 + "about"  # BIP-39

# Solana's cookbook, "How to restore a keypair".
SOLANA_BYTES: Final = (
    "174, 47, 154, 16, 202, 193, 206, 113, 199, 190, 53, 133, 169, 175, 31, 56, 222, 53, 138, 189,"
    " 224, 216, 117, 173, 10, 149, 53, 45, 73, 251, 237, 246, 15, 185, 186, 82, 177, 240, 148, 69,"
    " 241, 227, 167, 80, 141, 89, 240, 121, 121, 35, 172, 247, 68, 251, 226, 218, 48, 63, 176, 109,"
    " 168, 89, 238, 135"
)
SOLANA: Final = (
    "588FU4PktJWfGfxtzpAAXywSNt74AvtroVzGfKkVN1LwRuvHwKGr851uH8czM5qm4iqLbs1kKoMKtMJG4ATR7Ld2"
)

WIFS: Final = [
    row["address"]
    for name in ("bip122", "dash")
    for row in vectors(name, "invalid")
    if row.get("form") == "wif-private-key"
] + [
    # Litecoin's key of exponent 1, in pycoin's documentation.
    "T33ydQRKp4FCW5LCLLUB7deioUMoveiwekdwUwyfRDeGZm76aUjV",
    "6u823ozcyt2rjPH8Z2ErsSXJB5PPQwK7VVTwwN4mxLBFrao69XQ",
]
SECRETS: Final = [
    *WIFS,
    XPRV,
    # SLIP-0132, "Bitcoin Test Vectors".
    "yprvAHwhK6RbpuS3dgCYHM5jc2ZvEKd7Bi61u9FVhYMpgMSuZS613T1xxQeKTffhrHY79hZ5PsskBjcc6C2V7DrnsMs"
    "NaGDaWev3GLRQRgV7hxF",
    "zprvAdG4iTXWBoARxkkzNpNh8r6Qag3irQB8PzEMkAFeTRXxHpbF9z4QgEvBRmfvqWvGp42t42nvgGpNgYSJA9iefm1"
    "yYNZKEm7z6qUWCroSQnE",
    # Dogecoin, in the tests of wallet-core (HDWallet).
    "dgpv57ru95KiYUB5oWm2CVQH4heh1f7E9dNGdRHHVThcQkLeQ2HHxVJfFYefnpKrWZ6L6EDKJHUVq4Yyd5kPZKnRePf"
    "kCz3EzkySTydXKbgjcxN",
    # BIP-38, "Test vectors".
    "6PRVWUbkzzsbcVac2qwfssoUJAN1Xhrg6bNk8J7Nzm5H7kxEbn2Nh2ZoGg",
    "6PYNKZ1EAgYgmQfmNVamxyXVWHzK5s6DGhwP4J5o44cvXdoY7sRzhtpUeo",
    "6PfQu77ygVyJLZjfvMLyhLMQbYnu5uguoJJ4kMCLqWwPEdfpwANVS76gTX",
    "6PgNBNNzDkKdhkT6uJntUXwwzQV8Rr2tZcbkDcuC9DZRsS6AtHts4Ypo1j",
    # Casascius: the Bitcoin wiki's example, and the older format's.
    "S6c56bnXQiBjk9mqSYE7ykVQ7NzrRy",
    "SzavMBLoXU6kDrqtUVmffv",
    # taquito-utils, crypto-utils tests.
    "edsk3Z2t7t1XimympW62RmUDQeBxn9dw3pQdxxhpAGngmkjiFuXUAj",
    "edskS3DtVSbWbPD1yviMGebjYwWJtruMjDcfAZsH9uba22EzKeYhmQkkraFosFETmEMfFNVcDYQ5QbFerj9ozDKroXZ6"
    "mb5oxV",
    "spsk2BbX6umbLYLmb1yLFWEFZPSkeJt4WWomhuhbuqc13LxrhXDA3i",
    "p2sk3NKhFyDQ74wsBBYDLZ2BpRcHBPhV1BkxBuvDJP2zuqZ23vL5gy",
    "edesk1RK4W4Qdo6tUwf5oB1swQMXnxJwPo6vWDmWNJEQUbsfA4auJiXdWkXk3JWyzNPAugcQaQuoui1hpNfWfYtK",
    "spesk1yA7DvBDoPgRy8zodnSC8hUqYHyLd6hcytJFZxWuZAxqbD6puYDEPocKARg7ypNfbAHBrLhdJnzF2sSWkWA",
    "p2esk1sdyxFT4UDvJjFneCc2vQgGxMpznR9cDk7gykyBwDGPJPHRYcp5DLLGoSBAtRBaDqmTHJPvT4ZpUURdKCny",
    # Signatory's documentation.
    "unencrypted:BLsk1XMDG3iepYGj15mBWc7dYjrkpVVM4VH3y5DyBCN9iAGrELwRbY",
    # ripple-keypairs, its README; xrpl.org, validation_create; XLS-12.
    "shsWGZcmZz6YsWWmcnpfr6fLTdtFV",
    "sEd7t79mzn2dwy3vvpvRmaaLbLhvme6",
    "ssC7Y9LMKhuzFMVueaj2fnTuGLftA",
    "BAWL MAN JADE MOON DOVE GEM SON NOW HAD ADEN GLOW TIRE",
    "554872 394230 209376 323698 140250 387423 652803 258676",
    "xrplsn:554872394230209376323698140250387423652803258676",
    # cardano-addresses, its README; js-chain-libs, its example of a signature.
    "root_xsk1hqzfzrgskgnpwskxxrv5khs7ess82ecy8za9l5ef7e0afd2849p3zryje8chk39nxtva0sww5me3pzkej4rv"
    "d5cae3q3v8eu7556n6pdrp4fdu8nsglynpmcppxxvfdyzdz5gfq3fefjepxhvqspmuyvmvqg8983",
    "ed25519e_sk1gz0ff4w444nwejap5shxrllypz5euswq6wn04fffzes02atw99xkd4jn838v3vrfg9eqt7f4sxjlsy0td"
    "cmj0d2dqvwc8ztwgyfnwyszvjg32",
    # NIP-19.
    "nsec1vl029mgpspedva04g90vltkh6fvh240zqtv9k0t9af8935ke9laqsnlfe5",
    SOLANA,
    f"[{SOLANA_BYTES}]",
    f"[\n  {SOLANA_BYTES.replace(' ', '')}\n]",
    # Avalanche's local network.
    "PrivateKey-ewoqjP7PxY4yr3iLTpLisriqt94hdyDFNgchSxGGztUrTXtNN",
    # AIP-80's spelling.
    f"ed25519-priv-0x{HEX}",
    f"secp256k1-priv-0x{HEX}",
    # BIP-39; the vectors of its Japanese and Chinese lists; SLIP-0039, vector 1; Substrate.
    ABANDON,
    "あいこくしん　" * 11 + "あおぞら",
    "的 " * 11 + "在",
    "duckling enlarge academic academic agency result length solution fridge kidney coal piece deal"
    " husband erode duke ajar critical decision keyboard",
    "bottom drive obey lake curtain smoke basket hold race lonely fit walk//Alice",
    # RFC 8410, section 10.3.
    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC"
    "\n-----END PRIVATE KEY-----\n",
]
PUBLIC: Final = [(name, text) for name in NAMESPACES for text in addresses(name, "valid", "policy")]
ACCOUNTS_IN_HEX: Final = {"aptos", "starknet"}


def everywhere(text: str) -> bool:
    """Whether the text is a secret; the same under every namespace."""
    told = {is_private_key(name, text) for name in NAMESPACES}
    assert len(told) == 1
    return told.pop()


@pytest.mark.parametrize("text", SECRETS)
def test_published_keys_are_recognised(text: str) -> None:
    assert everywhere(text)


@pytest.mark.parametrize(
    "around", [" ", "\n", "\t", "\r\n", '"', "'", "\u3000", "\ufeff", "\u200b"]
)
@pytest.mark.parametrize("text", [WIFS[0], XPRV, ABANDON, SOLANA])
def test_nothing_around_a_key_hides_it(text: str, around: str) -> None:
    assert everywhere(around + text)
    assert everywhere(text + around)
    assert everywhere(around * 3 + text + around * 3)


def test_no_public_address_is_taken_for_a_key() -> None:
    for name, text in PUBLIC:
        if name in ACCOUNTS_IN_HEX and len(text) == len("0x") + 64:
            passed = {each for each in NAMESPACES if not is_private_key(each, text)}
            assert passed == ACCOUNTS_IN_HEX, text
        else:
            assert not everywhere(text), text


def test_no_prefix_of_cosmos_is_a_key_s() -> None:
    for row in rows("wallets/cosmos_hrps"):
        assert not everywhere(f"{row['hrp']}1{'q' * 38}")


@pytest.mark.parametrize(
    "text",
    [
        # Public keys and the like: BIP-32, Tezos, XRPL, Cardano, Nostr; a block of Tezos.
        XPUB,
        "edpkuBknW28nW72KG6RoHtYW7p12T6GKc7nAbwYX5m8Wd9sDVC9yav",
        "sppk7cqnSb5pGaJYtoWX1tK1SiRJoCD2ucviYN3V4NbTcWcs9ycBhBg",
        "n9Mxf6qD4J55XeLSCEpqaePW4GjoCR5U1ZeGZGJUCNe3bQa4yQbG",
        "npub10elfcs4fr0l0r8af98jlmgdh9c8tcxjvz9qkw038js35mp4dma8qzvjptg",
        "0x" + HEX[:40],
        "02" + HEX,
        HEX + HEX,
        "",
        "S",
        "no wallet yet",
        "I do not have a wallet yet, please ask me again in a week or so.",
        "S6c56bnXQiBjk9mqSYE7ykVQ7NzrRz",
        "1" * 3_000_000,
        "a1" * 1_500_000,
        " " * 3_000_000,
        "[" + "1," * 1_500_000,
        "word " * 600_000,
        "\ud800" * 52,
        "１" * 52,
    ],
)
def test_what_is_public_or_nothing_is_no_key(text: str) -> None:
    assert not everywhere(text)


@pytest.mark.parametrize("text", [HEX, HEX.upper(), "0x" + HEX, "0X" + HEX, f" 0x{HEX}\n"])
def test_32_bytes_in_hex_are_a_key_where_accounts_are_not_written_so(text: str) -> None:
    assert {name for name in NAMESPACES if not is_private_key(name, text)} == ACCOUNTS_IN_HEX


def test_words_in_any_case_and_spacing_are_a_phrase() -> None:
    words = "legal winner thank year wave sausage worth useful legal winner thank yellow"  # BIP-39
    for text in (words.upper(), words.title(), words.replace(" ", "\n"), words.replace(" ", ", ")):
        assert everywhere(text)
    for count in (15, 18, 21, 24):
        assert everywhere(" ".join((words.split() * 2)[:count]))
    for count in (11, 13, 14, 22):
        assert not everywhere(" ".join((words.split() * 2)[:count]))


@pytest.mark.parametrize("end", [b"", b"\x01"])
def test_wif_is_recognised_whatever_its_version(end: bytes) -> None:
    for version in range(256):
        wif = b58encode_check(bytes([version]) + bytes.fromhex(HEX) + end).decode()
        assert everywhere(wif), version


@given(st.binary(min_size=4, max_size=4))
def test_extended_private_keys_are_recognised_whatever_their_version(version: bytes) -> None:
    private = b58decode_check(XPRV.encode())[4:]
    assert everywhere(b58encode_check(version + private).decode())


def test_the_names_of_slip_0132_tell_private_from_public() -> None:
    private, public = (b58decode_check(text.encode())[4:] for text in (XPRV, XPUB))
    for pair in (
        "0488b21e0488ade4 049d7cb2049d7878 04b2474604b2430c 0295b43f0295b005 02aa7ed302aa7a99 "
        "043587cf04358394 044a5262044a4e28 024289ef024285b5 045f1cf6045f18bc 0257548302575048 "
        "019da462019d9cfe 01b26ef601b26792 0436f6e10436ef7d 03e25d7e03e25945"
    ).split():
        versions = bytes.fromhex(pair)
        assert not everywhere(b58encode_check(versions[:4] + public).decode())
        text = b58encode_check(versions[4:] + private).decode()
        assert everywhere(text)
        # With a typing mistake the name alone is left, which may not be mistyped as well.
        assert everywhere(text[:50] + text[51:])


@given(st.sampled_from([0x20, 0x21, 0x22]), st.binary(min_size=32, max_size=32))
def test_xrpl_keys_and_seeds_are_recognised(version: int, secret: bytes) -> None:
    payload = bytes([version]) + (secret[:16] if version == 0x21 else secret)
    assert everywhere(b58encode_check(payload, Alphabet.RIPPLE).decode())


@given(st.sampled_from(WIFS), st.data())
def test_a_mistyped_key_is_still_a_key(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(1, len(text) - 1))
    typed = data.draw(st.sampled_from("0OIl1aZ"))
    assert everywhere(text[:at] + typed + text[at + 1 :])
    assert everywhere(text[:at] + text[at + 1 :])
    assert everywhere(text[:at] + typed + text[at:])


def test_the_examples_of_solana_are_whole() -> None:
    assert len(b58decode(SOLANA.encode())) == 64
    assert SOLANA_BYTES.count(",") == 63


@given(st.sampled_from(NAMESPACES), st.text(st.characters(exclude_categories=())))
def test_any_text_is_answered(name: str, text: str) -> None:
    assert is_private_key(name, text) in {True, False}
