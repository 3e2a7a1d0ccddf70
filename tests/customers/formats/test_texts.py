"""Free text: what hides in it, and what only seems to."""

from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrol.customers.formats.texts import suspect_texts, text_findings
from tests.customers.vectors import rows

# Of these code points each is a finding somewhere; the strategies put them into likely company.
MARKS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
HIDDEN = "\x07\r\n\x85\xad\u034f\u115f\u180b\u180e\u200b\u200c\u200d\u2060\u2800\u3164\ufe0f\ufeff"
ASTRAL = "\U0001f468\U0001f3f4\U0001f3fd\U000e0067\U000e007f\U000e0101\U0001d173"
LETTERS = "ab1 .,אבגد‌یकषก葛ᠠ❤"
TEXTS = st.text(st.one_of(st.sampled_from(MARKS + HIDDEN + ASTRAL + LETTERS), st.characters()))


def points(property_: str) -> list[str]:
    return [
        chr(point)
        for row in rows("hostile/unicode_special_ranges")
        if row["property"] == property_
        for point in range(int(row["from"], 16), int(row["to"], 16) + 1)
    ]


def test_no_name_hides_anything() -> None:
    names = [row["name"] for row in rows("people/hard_names")]
    assert [name for name in names if text_findings(name)] == []
    assert [name for name in names if list(suspect_texts(["Ana", name]))] == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Ana\tMaría\nLópez",
        # OpenID Connect Core 1.0, section 5.1.1: both ways to end a line of an address.
        "1 Main Street\r\nSpringfield\nUSA",
        "L\u2019Haÿ-les-Roses \u2014 \xa0 \u3000 \u2028",
        # Persian, and Indic scripts, with joiners.
        "گل\u200cفروشی",
        "علی\u200cرضا",
        "क\u094d\u200dष",
        "ශ\u0dca\u200dරී",
        # Thai and Khmer with line breaks between words.
        "กรุงเทพ\u200bมหานคร",
        "ភ្នំ\u200bពេញ",
        "ᠠ\u180eᠠ\u180b",
        # Variants of Han characters: Katsuragi and Tsuji, as their families write them.
        "葛\U000e0100城",
        "辻\U000e0101",
        "芦\ufe00屋",
        "⠁\u2800⠃",
        # Emoji: one picture of several, with a skin, in colour, a keycap, flags.
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "\U0001f469\U0001f3fd\u200d\U0001f4bb",
        "❤\ufe0f\u200d\U0001f525",
        "\U0001f3f3\ufe0f\u200d\u26a7\ufe0f",
        "1\ufe0f\u20e3 ❤\ufe0f ©\ufe0e",
        "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
        # Marks of direction in Hebrew and Arabic, and closed ones.
        "\u200fרחוב הרצל 5\u200e, תל אביב",
        "شارع \u061c5",
        "רחוב \u2066Allenby 5\u2069, תל אביב",
        "\u202bשדרות \u202aBen Gurion\u202c 7\u202c",
    ],
)
def test_what_has_its_use_is_no_finding(text: str) -> None:
    assert text_findings(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "a\x01b",
        "a\rb",
        "\x1b[0m",
        "a\x7f",
        "a\x85b",
        "pass\xadword",
        "ad\u200bmin",
        "admin\u200c",
        "ad\u200dmin",
        "\u200d",
        "\u200d\U0001f4bb",
        "\U0001f469\u200dx",
        "a\u034fb",
        "\u115f\u1160",
        "\u3164",
        "\uffa0",
        "\ufeffAna",
        "Ana\ufeff",
        "a\u2060b",
        "a\u2063b",
        "a\u206fb",
        "a\u180eb",
        "a\ufe0fb",
        "❤\ufe0f\ufe0f",
        "a\U000e0100",
        "❤\U000e0101",
        "a\U000e0061",
        "\U0001f3f4\U000e0067",
        "\U0001f3f4" + "\U000e0067" * 7 + "\U000e007f",
        "\U000e0001",
        "\u2800",
        "\ufff9a",
        "\U0001d173",
    ],
    ids=ascii,
)
def test_what_nobody_sees(text: str) -> None:
    assert text_findings(text) == ["text.invisible"]
    assert list(suspect_texts(["Ana", text, "Eva"])) == [1]


@pytest.mark.parametrize(
    "text",
    [
        "gpj.\u202eexe",
        "a\u202db\u202c",
        "\u202bשלום",
        "שלום\u202c",
        "\u2067שלום",
        "שלום\u2069",
        "\u2067שלום\u202c",
        "\u2067\u202bשלום\u2069\u202c",
        "\u2067שלום\nשלום\u2069",
        "שלום\u202eabc\u202c",
        # Closed, or a mere mark, but of no use: nothing runs from right to left.
        "\u2068Ana\u2069",
        "\u202aAna\u202c",
        "\u200eAna",
        "Ana\u200f",
        "Ana\u061c",
    ],
    ids=ascii,
)
def test_what_misdirects_the_reader(text: str) -> None:
    assert text_findings(text) == ["text.bidi"]
    assert list(suspect_texts([text, "Ana", text])) == [0, 2]


def test_nul_confuses_no_column() -> None:
    # It is refused elsewhere, but a column must not name the wrong customers for it.
    assert text_findings("a\0b") == []
    assert list(suspect_texts(["a\0b", "c\u200bd"])) == [0, 1]


def test_both_in_one_text() -> None:
    assert text_findings("a\u200bb\u202e") == ["text.bidi", "text.invisible"]


def test_trojan_source() -> None:
    for row in rows("hostile/trojan_source_strings"):
        codes = text_findings(row["s"])
        if "homoglyph" in row["file"]:
            # Look-alikes are no finding: names of two scripts are written every day.
            assert codes == [], row
        else:
            kind = "text.invisible" if "invisible" in row["file"] else "text.bidi"
            assert codes == [kind], row


def test_every_mark_of_direction_is_a_finding_in_latin_text() -> None:
    assert sorted(points("Bidi_Control")) == sorted(MARKS)
    assert all(text_findings(f"a{mark}b") == ["text.bidi"] for mark in points("Bidi_Control"))


def test_everything_ignorable_is_a_finding_in_latin_text() -> None:
    ignorable = set(points("Default_Ignorable")) - set(points("Bidi_Control"))
    assert all(text_findings(f"a{point}b") == ["text.invisible"] for point in ignorable)


def test_white_space_is_seen() -> None:
    controls = {"\x0b", "\x0c", "\r", "\x85"}
    spaces = set(points("White_Space")) - controls
    assert all(text_findings(f"a{space}b") == [] for space in spaces)


@given(st.lists(TEXTS))
def test_the_column_names_every_text_with_a_finding(values: list[str]) -> None:
    found = {index for index, value in enumerate(values) if text_findings(value)}
    suspects = list(suspect_texts(values))
    assert found <= set(suspects)
    assert suspects == sorted(set(suspects))


@pytest.mark.parametrize(
    "text",
    [
        "\u200b" * 200_000,
        "❤\ufe0f" * 100_000,
        "\u2067א" * 100_000,
        "\u200fא" * 100_000,
        "گ\u200c" * 100_000,
        "\r\n" * 100_000,
        "\U0001f3f4" + "\U000e0067" * 200_000 + "\U000e007f",
        "\0" * 200_000,
    ],
    ids=lambda text: ascii(text[:2]),
)
def test_hostile_texts_are_quick(text: str) -> None:
    start = perf_counter()
    for index in suspect_texts([text, "Ana", text]):
        text_findings([text, "Ana", text][index])
    assert perf_counter() - start < 1
