"""Locales: well-formed tags of RFC 5646, with OpenID Connect's underscore."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrol.customers.formats.locales import canonical_locale, is_locale, suspect_locales
from tests.customers.vectors import rows

# Identifiers of CLDR whose underscores separate more than language, script and region: no two
# platforms write these alike, and with hyphens each is taken.
UNDERSCORES_TOO_MANY = {"be_TARASK", "ca_ES_VALENCIA", "el_POLYTON", "en_US_POSIX"}

# Its identifiers have variants in upper case.
NOT_CANONICAL = {name.replace("_", "-") for name in UNDERSCORES_TOO_MANY}

ALPHANUM = string.ascii_letters + string.digits


def subtags(letters: str, least: int, most: int) -> st.SearchStrategy[str]:
    return st.text(letters, min_size=least, max_size=most)


def joined(parts: list[str]) -> str:
    return "".join(f"-{part}" for part in parts)


VARIANTS = st.lists(
    st.one_of(
        subtags(ALPHANUM, 5, 8),
        st.builds(str.__add__, st.sampled_from(string.digits), subtags(ALPHANUM, 3, 3)),
    ),
    max_size=3,
    unique_by=str.lower,
)
EXTENSIONS = st.lists(
    st.tuples(
        st.sampled_from([c for c in ALPHANUM if c not in "xX"]),
        st.lists(subtags(ALPHANUM, 2, 8), min_size=1, max_size=3),
    ),
    max_size=3,
    unique_by=lambda extension: extension[0].lower(),
)
PRIVATE = st.lists(subtags(ALPHANUM, 1, 8), min_size=1, max_size=3).map(lambda p: "x" + joined(p))
TAGS = st.one_of(
    PRIVATE,
    st.builds(
        lambda language, script, region, variants, extensions, private: (
            language
            + joined([*script, *region, *variants])
            + "".join(f"-{singleton}{joined(parts)}" for singleton, parts in extensions)
            + joined(private)
        ),
        st.one_of(
            subtags(string.ascii_letters, 2, 8),
            st.builds(
                lambda language, extended: language + joined(extended),
                subtags(string.ascii_letters, 2, 3),
                st.lists(subtags(string.ascii_letters, 3, 3), max_size=3),
            ),
        ),
        st.lists(subtags(string.ascii_letters, 4, 4), max_size=1),
        st.lists(
            st.one_of(subtags(string.ascii_letters, 2, 2), subtags(string.digits, 3, 3)),
            max_size=1,
        ),
        VARIANTS,
        EXTENSIONS,
        st.lists(PRIVATE, max_size=1),
    ),
)


def test_the_locales_of_cldr() -> None:
    cldr = rows("people/cldr_locales")
    assert [row["bcp47"] for row in cldr if not is_locale(row["bcp47"])] == []
    refused = {row["locale"] for row in cldr if not is_locale(row["locale"])}
    assert refused == UNDERSCORES_TOO_MANY


# RFC 5646, appendix A and section 2.2.8; the tags of section 2.1 that are grandfathered.
@pytest.mark.parametrize(
    "tag",
    "de fr ja i-enochian zh-Hant zh-Hans sr-Cyrl sr-Latn zh-cmn-Hans-CN cmn-Hans-CN zh-yue-HK"
    " yue-HK zh-Hans-CN sr-Latn-RS sl-rozaj sl-rozaj-biske sl-nedis de-CH-1901 sl-IT-nedis"
    " hy-Latn-IT-arevela de-DE en-US es-419 de-CH-x-phonebk az-Arab-x-AZE-derbend x-whatever"
    " qaa-Qaaa-QM-x-southern de-Qaaa sr-Latn-QM sr-Qaaa-RS en-US-u-islamcal"
    " zh-CN-a-myext-x-private en-a-myext-b-another"
    " en-GB-oed i-ami i-bnn i-default i-hak i-klingon i-lux i-mingo i-navajo i-pwn i-tao i-tay"
    " i-tsu sgn-BE-FR sgn-BE-NL sgn-CH-DE art-lojban cel-gaulish no-bok no-nyn zh-guoyu zh-hakka"
    " zh-min zh-min-nan zh-xiang I-KLINGON EN-us root abcdefgh".split(),
)
def test_tags_of_the_standard(tag: str) -> None:
    assert is_locale(tag)


# RFC 5646, appendix A, "some invalid tags", and section 2.2.9 on repetitions.
@pytest.mark.parametrize("tag", ["de-419-DE", "a-DE", "ar-a-aaa-b-bbb-a-ccc"])
def test_tags_that_the_standard_calls_invalid(tag: str) -> None:
    assert not is_locale(tag)


@pytest.mark.parametrize("tag", ["en_US", "zh_Hant_TW", "zh-Hant_TW", "zh_Hant", "es_419"])
def test_an_underscore_may_separate_language_script_and_region(tag: str) -> None:
    assert is_locale(tag)


@pytest.mark.parametrize(
    "tag",
    [
        "",
        "e",
        "en-",
        "-en",
        "en--US",
        "en-U",
        "abcdefghi",
        "en-abcdefghi",
        "de-1901-1901",
        "sl-rozaj-ROZAJ",
        "en-a",
        "en-a-b",
        "en-u-hc-U-nu",
        "en-x",
        "x",
        "x-",
        "x-abcdefghi",
        "en-US-GB",
        "en-Latn-Cyrl",
        "abcd-efg",
        "zh-aaa-bbb-ccc-ddd",
        "i-unknown",
        "i_klingon",
        "en__US",
        "_US",
        "en_",
        "en_US_POSIX",
        "en_US-u-hc-h23",
        "en_US.UTF-8",
        "en_US@euro",
        "en US",
        "en-US\n",
        "en\nfr",
        "en-US\0",
        "\u0435n",
        "en-U\u017f",
        "\u212aa",
        "es-\u0664\u0661\u0669",
    ],
)
def test_what_is_no_tag(tag: str) -> None:
    assert not is_locale(tag)
    assert list(suspect_locales([tag])) == [0]


@given(TAGS)
def test_generated_tags_pass(tag: str) -> None:
    assert is_locale(tag)


@given(tag=TAGS, stray=st.characters(exclude_characters=ALPHANUM + "-_"), data=st.data())
def test_a_stray_character_makes_no_tag(tag: str, stray: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(tag)))
    assert not is_locale(tag[:place] + stray + tag[place:])


@given(st.lists(st.one_of(TAGS, st.text(ALPHANUM + "-_"), st.sampled_from(["en", "en-a", "\n"]))))
def test_the_column_names_those_that_are_wrong(values: list[str]) -> None:
    wrong = [index for index, value in enumerate(values) if not is_locale(value)]
    assert list(suspect_locales(values) if values else []) == wrong


@pytest.mark.parametrize(
    ("tag", "canonical"),
    [
        ("en_us", "en-US"),
        ("EN-LATN-gb", "en-Latn-GB"),
        ("zh_hant_tw", "zh-Hant-TW"),
        ("iw", "he"),
        ("in_ID", "id-ID"),
        ("mo-MD", "ro-MD"),
        ("my-BU", "my-MM"),
        ("de-DD", "de-DE"),
        # RFC 5646, section 4.5: extended languages, grandfathered and redundant tags.
        ("zh-cmn-Hans-CN", "cmn-Hans-CN"),
        ("zh-yue-HK", "yue-HK"),
        ("ar-ajp", "apc"),
        ("i-klingon", "tlh"),
        ("I-DEFAULT", "i-default"),
        ("zh-min-nan", "nan"),
        ("ZH-MIN", "zh-min"),
        ("sgn-BE-FR", "sfb"),
        ("sgn-us", "ase"),
        ("en-GB-oed", "en-GB-oxendict"),
        ("no-nyn", "nn"),
        ("ja-latn-hepburn-heploc", "ja-Latn-hepburn-alalc97"),
        # Section 4.5: extensions by their singletons; section 2.1.1: their case, and private use.
        ("en-b-ccc-A-bbb-x-DE-a-b", "en-a-bbb-b-ccc-x-de-a-b"),
        ("en-u-CA-gregory-NU-Latn", "en-u-ca-gregory-nu-latn"),
        ("X-FOO-b-A", "x-foo-b-a"),
        ("sl-rozaj-1ABC", "sl-rozaj-1abc"),
        ("az-Arab-x-AZE-derbend", "az-Arab-x-aze-derbend"),
    ],
)
def test_the_canonical_form(tag: str, canonical: str) -> None:
    assert canonical_locale(tag) == canonical
    assert canonical_locale(canonical) is None


@pytest.mark.parametrize(
    "tag", ["en", "en-US", "zh-min", "cel-gaulish", "x-a-b", "hy-arevela", "", "e"]
)
def test_what_has_no_other_form(tag: str) -> None:
    assert canonical_locale(tag) is None


def test_the_tags_of_cldr_are_canonical() -> None:
    tags = [row["bcp47"] for row in rows("people/cldr_locales")]
    others = {tag for tag in tags if canonical_locale(tag) not in (None, tag)}
    assert others <= NOT_CANONICAL


@given(TAGS)
def test_a_canonical_form_is_a_tag_and_its_own(tag: str) -> None:
    canonical = canonical_locale(tag) or tag
    assert is_locale(canonical)
    assert canonical_locale(canonical) is None
    assert (canonical_locale(tag.swapcase()) or tag.swapcase()) == canonical
