"""Names: one within another, whatever the spelling, and normal form C."""

from time import perf_counter
from unicodedata import category, is_normalized, normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrol.customers.formats.names import LONGEST_COMPARED, contradicts, nfc
from tests.customers.vectors import rows

NAMES = st.sampled_from([row["name"] for row in rows("people/hard_names")])


@pytest.mark.parametrize(
    ("whole", "parts"),
    [
        ("JANE DOE", ["Jane", "Smith"]),
        ("Doe, Jane", ["jane"]),
        ("María López", ["María José", "García López"]),
        ("Pat O'Brien", ["Patrick", "OBrien"]),
        ("Mary-Ann Lee", ["Maryann", "Li"]),
        ("Zoe Muller", ["Zoë", "Müller"]),
        # As a passport writes them.
        ("Joerg Mueller", ["Jörg", "Müller"]),
        ("Soeren Aagaard", ["Søren", "Ågård"]),
        ("Lukasz Walesa", ["Łukasz", "Wałęsa"]),
        ("AYSE YILMAZ", ["Ayşe", "Yılmaz"]),
        ("Aesa Thorsdottir", ["Æsa", "Þórsdóttir"]),
        ("Strasse", ["Straße"]),
        ("Οδυσσεύς", ["ΟΔΥΣΣΕΥΣ"]),
        ("Алена Петрова", ["Алёна"]),
        # Two keyboards for Arabic letters, and vowels that may be left out.
        ("فاطمة کریمی", ["فاطمه", "كريمي"]),
        ("مُحَمَّد حسن", ["محمد", "علي"]),
        ("김민준", ["민준", "김"]),
        ("ｱｷﾗ ｻﾄｳ", ["アキラ"]),
        # Another script may be the same name.
        ("Hanako Yamada", ["花子", "山田"]),
        ("山田花子", ["ハナコ", "ヤマダ"]),
        ("Elena Petrova", ["Елена"]),
        ("山田花子", ["Taro", "山本"]),
        # Nothing to compare.
        ("Jane Doe", ["-"]),
        ("a" * (LONGEST_COMPARED + 1), ["b"]),
    ],
)
def test_names_that_go_together(whole: str, parts: list[str]) -> None:
    assert not contradicts(normalize("NFC", whole), parts)
    assert not contradicts(normalize("NFD", whole), parts)


@pytest.mark.parametrize(
    ("whole", "parts"),
    [
        ("Jane Doe", ["John", "Smith"]),
        ("Jane Doe", ["John"]),
        ("J. Smith", ["John", "Smyth"]),
        ("김민준", ["영희", "박"]),
        ("山田花子", ["太郎", "佐藤"]),
        ("Ангелина", ["Мария"]),
        ("", ["John"]),
    ],
)
def test_names_that_do_not(whole: str, parts: list[str]) -> None:
    expected = bool(whole)
    assert contradicts(whole, parts) is expected


@given(given_name=NAMES, family=NAMES)
def test_a_name_of_its_parts_is_never_a_contradiction(given_name: str, family: str) -> None:
    whole = f"{family} {given_name}".upper()
    for spelt in (
        whole,
        normalize("NFC", whole),
        normalize("NFD", whole),
        normalize("NFKD", whole),
    ):
        assert not contradicts(spelt, [given_name])
        assert not contradicts(spelt, [given_name, family])


@given(st.text(), st.lists(st.text(), min_size=1, max_size=2))
def test_any_texts_can_be_compared(whole: str, parts: list[str]) -> None:
    assert contradicts(whole, parts) in (True, False)


@pytest.mark.parametrize(
    "row",
    # Without the letters that are newer than this Python's Unicode.
    [row for row in rows("hostile/normalization_sample") if "Cn" not in map(category, row["nfc"])],
    ids=ascii,
)
def test_normal_form_c(row: dict[str, str]) -> None:
    assert (nfc(row["src"]) or row["src"]) == row["nfc"]
    assert (nfc(row["nfd"]) or row["nfd"]) == row["nfc"]
    assert nfc(row["nfc"]) is None


@given(st.text())
def test_a_text_in_normal_form_has_no_other(text: str) -> None:
    assert (nfc(text) is None) is is_normalized("NFC", text)


def test_long_names_are_quick() -> None:
    start = perf_counter()
    for letters in ("Ж" * LONGEST_COMPARED, "\ufdfa" * LONGEST_COMPARED, "a " * 2_000_000):
        assert contradicts(letters, [letters[::-1] + "b"]) in (True, False)
    assert perf_counter() - start < 1
