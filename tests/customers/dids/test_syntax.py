"""DIDs: the grammar of DID Core 1.0 section 3.1, nothing more and nothing less."""

import re
import string
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrol.customers.dids.syntax import is_did, methods_of
from tests.customers.vectors import rows

ROWS = rows("dids/dids")
VALID = [row["did"] for row in ROWS if row["expect"] == "valid"]

# DID Core sets no limit of length; a text has its own.
TOO_LONG_FOR_ATPROTO = "DID-core has no length limit"

IDCHAR = st.one_of(
    st.sampled_from([*string.ascii_letters, *string.digits, *"._-"]),
    st.from_regex("%[0-9A-Fa-f]{2}", fullmatch=True),
)
IDCHARS = st.lists(IDCHAR, min_size=1).map("".join)
DIDS = st.builds(
    lambda method, parts, last: f"did:{method}:{''.join(f'{part}:' for part in parts)}{last}",
    st.text(string.ascii_lowercase + string.digits, min_size=1),
    st.lists(st.one_of(st.just(""), IDCHARS)),
    IDCHARS,
)
ANY_TEXT = st.text(st.characters(exclude_categories=()))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["did"][:60])
def test_published_dids(row: dict[str, str]) -> None:
    if row["expect"] == "policy":
        assert row["note"].startswith(TOO_LONG_FOR_ATPROTO)
        assert is_did(row["did"])
    else:
        assert is_did(row["did"]) is (row["expect"] == "valid")


@pytest.mark.parametrize(
    "did",
    [
        "did:a:b",
        "did:0:0",
        "did:example:::::a",
        "did:web:localhost%3A8443:user",
        "did:example:%00",
        "did:example:-._",
    ],
)
def test_the_grammar_allows(did: str) -> None:
    assert is_did(did)


@pytest.mark.parametrize(
    "text",
    [
        "did::a",
        "did:a",
        "did:a:",
        "did:a:b:",
        "did:a::",
        "did:a:b%",
        "did:a:b%1",
        "did:a:b%1g",
        "did:a:%",
        "did:a-b:c",
        "did:a_b:c",
        "did:é:c",
        "did:a:é",
        "did:a:\uff11",
        "did:a:b/c",
        "did:a:b?c",
        "did:a:b#c",
        "did:a:b;c=d",
        "did:a:b\n",
        "did:a:b\0",
        "\ndid:a:b",
        " did:a:b",
        "did:a:b ",
        "Did:a:b",
        "urn:a:b",
        "did:a:b\u2028",
    ],
)
def test_the_grammar_refuses(text: str) -> None:
    assert not is_did(text)
    assert methods_of([text]) == [None]


@given(DIDS)
def test_generated_dids_pass(did: str) -> None:
    assert is_did(did)


@given(
    did=DIDS,
    stray=st.characters(exclude_categories=(), exclude_characters="._-:%" + string.printable[:62]),
    data=st.data(),
)
def test_a_stray_character_makes_no_did(did: str, stray: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(did)))
    assert not is_did(did[:place] + stray + did[place:])


@given(st.lists(st.one_of(DIDS, ANY_TEXT, st.just(""), DIDS.map(lambda did: f"{did}\n{did}"))))
def test_the_column_agrees_with_the_single_check(texts: list[str]) -> None:
    assert methods_of(texts) == [text.split(":")[1] if is_did(text) else None for text in texts]


@given(ANY_TEXT)
def test_the_pattern_is_the_grammar_of_the_standard(text: str) -> None:
    assert is_did(text) is _by_the_letter(text)


@given(st.from_regex(r"did:[a-z]{0,2}:[a-z:%0]{0,6}", fullmatch=True))
def test_so_it_is_near_the_edges(text: str) -> None:
    assert is_did(text) is _by_the_letter(text)


def test_an_empty_column_has_no_methods() -> None:
    assert methods_of([]) == []


def test_methods_come_in_order() -> None:
    texts = ["did:a:b", "did:a:", "did:b:c", "", "did:0:d", "x"]
    assert methods_of(texts) == ["a", None, "b", None, "0", None]


def test_newlines_do_not_hide_a_fault() -> None:
    assert methods_of(["did:a:b\ndid:a:c"]) == [None]
    assert methods_of(["did:a:b\ndid:a:c", ""]) == [None, None]
    assert methods_of(["did:a:", "b\ndid:a:c", "did:a:d"]) == [None, None, "a"]
    assert methods_of(["did:a:b\n"]) == [None]
    assert methods_of(["\n"]) == [None]


@pytest.mark.parametrize(
    "text",
    [
        "did:a:" + ":" * 100_000,
        "did:a:" + "%41" * 33_333 + "%",
        "did:" + "a" * 100_000,
        "did:a:" + "a" * 100_000 + "é",
        "did:a:" + "a:" * 50_000,
        "\n" * 100_000,
        "did:a:b\n" * 12_500,
    ],
    ids=lambda text: text[:12],
)
def test_hostile_texts_are_quick(text: str) -> None:
    start = perf_counter()
    assert methods_of([text] * 3) == [None] * 3
    assert perf_counter() - start < 1


def _by_the_letter(text: str) -> bool:
    """The productions of section 3.1, one after the other."""
    scheme, _, rest = text.partition(":")
    method, colon, identifier = rest.partition(":")
    *parts, last = identifier.split(":")
    idchars = "(?:[A-Za-z0-9._-]|%[0-9A-Fa-f]{2})"
    return (
        scheme == "did"
        and re.fullmatch("[a-z0-9]+", method) is not None
        and colon == ":"
        and all(re.fullmatch(f"{idchars}*", part) for part in parts)
        and re.fullmatch(f"{idchars}+", last) is not None
    )
