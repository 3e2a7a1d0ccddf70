"""Names are found across scripts, case and accents."""

import string
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from enrol.customers.search.words import (
    MOST_KEY_BYTES,
    MOST_WORD_CHARS,
    MOST_WORDS,
    name_key,
    name_words,
    search_terms,
)


def finds(search: str, *names: str) -> bool:
    """What the index does, by brute force."""
    terms, words = search_terms(search), name_words(names)
    return bool(terms) and all(
        any(word.startswith(term.word) if term.prefix else word == term.word for word in words)
        for term in terms
    )


@pytest.mark.parametrize(
    ("search", "name"),
    [
        ("muller", "Müller"),
        ("MÜLLER", "muller"),
        ("Mu\u0308ller", "Müller"),
        ("mull", "Müller"),
        ("weiss", "Weiß"),
        ("lukasz zolw", "Łukasz Żółw"),
        ("ibrahim", "İBRAHİM"),
        ("yilmaz", "YILMAZ"),
        ("yılmaz", "Yilmaz"),
        ("ivan", "Иван Петров"),
        ("Иван", "Ivan Petrov"),
        ("olga", "Ольга"),
        ("giorgos pap", "Γιώργος Παπαδόπουλος"),
        ("γιωργοσ", "Γιώργος"),
        ("محمد", "محمد حسن"),
        ("priya", "प्रिया शर्मा"),
        ("דוד", "דוד כהן"),
        ("王", "王小明"),
        ("明", "王小明"),
        ("小明", "王小明"),
        ("王小明", "王小明"),
        ("wang", "王小明"),
        ("wang xiaoming", "王小明"),
        ("wang xiao ming", "王小明"),
        ("さくら", "山田 さくら"),
        ("ｓｍｉｔｈ", "Smith"),
        ("민준", "김 민준"),
        ("O'Brien", "Conan O'Brien"),
        ("o’brien", "Conan O'Brien"),
        ("obrien", "Conan O'Brien"),
        ("brien", "Conan O'Brien"),
        ("anne-marie", "Anne-Marie"),
        ("marie anne", "Anne-Marie"),
        ("nguyen", "Nguyễn Văn Đức"),
        ("duc", "Nguyễn Văn Đức"),
        ("4711", "Firma 4711 GmbH"),
        ("del sol", "María del Sol"),
    ],
)
def test_a_search_finds(search: str, name: str) -> None:
    assert finds(search, name)


@pytest.mark.parametrize(
    ("search", "name"),
    [
        ("miller", "Müller"),
        ("ull", "Müller"),
        ("mull hans", "Hans Müller"),
        ("王大", "王小明"),
        ("汪", "王小明"),
        ("明小", "王小明"),
        ("petrov ivan x", "Иван Петров"),
        ("", "Müller"),
        ("?!", "Müller"),
        ("ivan", ""),
    ],
)
def test_a_search_does_not_find(search: str, name: str) -> None:
    assert not finds(search, name)


def test_words_of_all_names_are_found_together() -> None:
    assert finds("hans meier", "Hans", "Meier")


def test_only_the_last_word_may_be_incomplete() -> None:
    assert [term.prefix for term in search_terms("anna mar")] == [False, True]


def test_a_customer_has_at_most_so_many_words() -> None:
    assert len(name_words([" ".join(map(str, range(1_000)))])) == MOST_WORDS


NAMES = st.text(max_size=60) | st.text(
    alphabet="aÄßñ İıéЖиשم王小明山田さくらカ김민'’-́" + string.ascii_letters, max_size=30
)


@given(NAMES)
def test_words_are_made_of_few_characters(name: str) -> None:
    for word in name_words([name]):
        assert 0 < len(word) <= MOST_WORD_CHARS
        assert word == word.lower()
        assert "_" not in word
        assert " " not in word
        assert word.isascii() or (len(word) <= 2 and not any(map(str.isspace, word)))


@given(NAMES)
@example("Anna\x85Meier")
def test_a_name_finds_itself(name: str) -> None:
    terms = search_terms(name)
    assert not terms or len(name_words([name])) == MOST_WORDS or finds(name, name)


@given(NAMES)
def test_the_same_text_in_any_normal_form_is_the_same(name: str) -> None:
    composed = unicodedata.normalize("NFC", name)
    apart = unicodedata.normalize("NFD", composed)
    assert name_words([composed]) == name_words([apart])
    assert search_terms(composed) == search_terms(apart)


@given(st.text(alphabet=string.ascii_letters + " ", max_size=30))
def test_case_makes_no_difference(name: str) -> None:
    assert name_words([name.upper()]) == name_words([name.lower()])


@given(NAMES)
def test_keys_are_short_ascii(name: str) -> None:
    key = name_key(name)
    assert len(key) <= MOST_KEY_BYTES
    assert key.isascii()
    assert not key or chr(key[0]) in string.ascii_lowercase + string.digits


def test_names_of_all_scripts_stand_in_one_order() -> None:
    names = ["Zoe", "王小明", "Иван", "Ångström", "müller", "Müller, Anna"]
    assert sorted(names, key=name_key) == [
        "Ångström",
        "Иван",
        "müller",
        "Müller, Anna",
        "王小明",
        "Zoe",
    ]
