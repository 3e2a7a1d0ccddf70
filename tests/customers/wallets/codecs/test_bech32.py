"""bech32 and bech32m: the vectors of BIP-173 and BIP-350, and every single slip."""

import json
import string
from collections.abc import Iterable
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrol.customers.wallets.codecs.bech32 import (
    BIP_173,
    BIP_350,
    LONGEST,
    decoded,
    forms,
    unpadded,
)
from enrol.customers.wallets.forms import BECH32, AddressError, compiled, refusal
from tests.customers.vectors import FOLDER

PUBLISHED: Final[dict[str, Any]] = json.loads(
    (FOLDER / "wallets" / "bip173_350.json").read_text(encoding="utf-8")
)
HRPS: Final = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=31)
LOWER_HRPS: Final = HRPS.map(str.lower)


def polymod(values: Iterable[int]) -> int:
    """BIP-173's, symbol by symbol."""
    state = 1
    for value in values:
        top = state >> 25
        state = (state & 0x1FFFFFF) << 5 ^ value
        for bit, term in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            state ^= term if top >> bit & 1 else 0
    return state


def spelled(hrp: str, symbols: list[int], constant: int = BIP_173) -> str:
    values = [ord(c) >> 5 for c in hrp] + [0] + [ord(c) & 31 for c in hrp] + symbols
    checksum = polymod(values + [0] * 6) ^ constant
    symbols = symbols + [checksum >> 5 * (5 - at) & 31 for at in range(6)]
    return hrp + "1" + "".join(BECH32[symbol] for symbol in symbols)


def encoded(hrp: str, data: bytes, constant: int = BIP_173, padding: str = "0") -> str:
    """The text of so many bytes, the last symbol filled up with ``padding``."""
    bits = "".join(f"{byte:08b}" for byte in data)
    bits += padding * (-len(bits) % 5)
    return spelled(hrp, [int(bits[at : at + 5], 2) for at in range(0, len(bits), 5)], constant)


def constant_of(text: str) -> int | None:
    found = decoded(text)
    return found[1] if found else None


@pytest.mark.parametrize("text", PUBLISHED["bech32_valid"])
def test_published_bech32_is_right(text: str) -> None:
    assert constant_of(text) == BIP_173


@pytest.mark.parametrize("text", PUBLISHED["bech32m_valid"])
def test_published_bech32m_is_right(text: str) -> None:
    assert constant_of(text) == BIP_350


@pytest.mark.parametrize(
    ("text", "constant"),
    [(row["string"], BIP_173) for row in PUBLISHED["bech32_invalid"]]
    + [(row["string"], BIP_350) for row in PUBLISHED["bech32m_invalid"]],
)
def test_published_faults_are_found(text: str, constant: int) -> None:
    assert constant_of(text) != constant or len(text) > LONGEST


def test_what_is_decoded() -> None:
    # BIP-173's example of a segwit address: version 0 and a hash of 20 bytes.
    text = "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4"
    program = int("751e76e8199196d454941c45d1b3a323f1433bd6", 16)
    assert decoded(text) == ("bc", BIP_173, 33, program)
    assert unpadded(32, program) == program.to_bytes(20, "big")


@given(HRPS, st.lists(st.integers(0, 31), max_size=60), st.sampled_from([BIP_173, BIP_350]))
def test_each_text_is_decoded_in_both_cases(hrp: str, symbols: list[int], constant: int) -> None:
    hrp = hrp.lower()
    text = spelled(hrp, symbols, constant)
    data = sum(symbol << 5 * at for at, symbol in enumerate(reversed(symbols)))
    assert decoded(text) == decoded(text.upper()) == (hrp, constant, len(symbols), data)


@given(LOWER_HRPS, st.binary(max_size=64))
def test_bytes_come_back(hrp: str, data: bytes) -> None:
    found = decoded(encoded(hrp, data))
    assert found is not None
    assert unpadded(*found[2:]) == data


@given(st.integers(1, 40).filter(lambda size: size % 5), st.data())
def test_padding_that_is_not_zero_is_found(size: int, data: st.DataObject) -> None:
    found = decoded(encoded("a", data.draw(st.binary(min_size=size, max_size=size)), padding="1"))
    assert found is not None
    assert unpadded(*found[2:]) is None


@pytest.mark.parametrize("symbols", [1, 3, 6, 9, 11, 14])
def test_padding_of_a_whole_symbol_is_found(symbols: int) -> None:
    assert unpadded(symbols, 0) is None


@given(st.binary(min_size=1, max_size=32), st.data())
def test_any_other_character_is_noticed(payload: bytes, data: st.DataObject) -> None:
    text = encoded("cosmos", payload)
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from(string.printable.replace(text[at], "")))
    assert constant_of(text[:at] + other + text[at + 1 :]) != BIP_173


@given(st.binary(min_size=1, max_size=32), st.integers(0, 60))
def test_any_swap_is_noticed(payload: bytes, at: int) -> None:
    text = encoded("cosmos", payload)
    swapped = text[:at] + text[at + 1 : at + 2] + text[at : at + 1] + text[at + 2 :]
    assert constant_of(swapped) != BIP_173 or swapped == text


@given(LOWER_HRPS, st.binary(min_size=20, max_size=20), st.data())
def test_mixed_case_is_refused(hrp: str, payload: bytes, data: st.DataObject) -> None:
    text = encoded(hrp, payload)
    letters = [at for at, character in enumerate(text) if character.isalpha()]
    raised = data.draw(st.sets(st.sampled_from(letters), min_size=1))
    mixed = "".join(c.upper() if at in raised else c for at, c in enumerate(text))
    assert decoded(mixed) is None or mixed == text.upper()


@given(st.text(st.characters(exclude_categories=()), max_size=100))
def test_no_text_raises(text: str) -> None:
    for spelling in (text, "a1" + text, text + "1qqqqqqqq"):
        found = decoded(spelling)
        assert found is None or spelling in {spelling.lower(), spelling.upper()}


@pytest.mark.parametrize(
    "stray", ["_", " ", "+", "-", "\n", "\0", "b", "i", "o", "１", "é", "\ud800", "ſ", "K"]
)
def test_nothing_but_the_alphabet_is_data(stray: str) -> None:
    text = encoded("cosmos", bytes(20))
    for at in range(len(text) - 38, len(text)):
        assert decoded(text[:at] + stray + text[at + 1 :]) is None


@pytest.mark.parametrize("text", ["", "1", "a", "a1", "a1qqqqq", "1" * 50, "a1" + "q" * 200])
def test_too_little_or_too_much_is_nothing(text: str) -> None:
    assert decoded(text) is None


def test_strangers_prefixes_do_not_pile_up() -> None:
    from enrol.customers.wallets.codecs import bech32

    for number in range(3000):
        decoded(encoded(f"p{number}", bytes(20)))
    assert bech32._begun.cache_info().currsize <= 1024


def test_forms_are_both_spellings() -> None:
    pair = forms("[ab]c1", 8, 8)
    fits = compiled(pair).fullmatch
    assert fits("ac1qqqqqqqq")
    assert fits("BC1QQQQQQQQ")
    assert not fits("ac1QQQQQQQQ")
    assert refusal("ac1QQQQQQQQ", pair).code == "wallet.alphabet"
    with pytest.raises(AddressError, match="prefix"):
        raise refusal("Ac1qqqqqqqq", pair)
