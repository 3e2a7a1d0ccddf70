"""Email addresses, held against the pattern that the HTML Standard itself publishes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrol.customers.formats.emails import (
    LONGEST_EMAIL,
    LONGEST_LOCAL,
    email_fault,
    is_email,
    suspect_emails,
)

# HTML Standard, section 4.10.5.1.5: "a willful violation of RFC 5322".
HTML = re.compile(
    r"[a-zA-Z0-9.!#$%&'*+\/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
    r"(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*"
)

RIGHT = [
    "amina@example.com",
    # RFC 5322, appendix A.1, and RFC 3696, section 3 (with errata 1690).
    "john.q.public@example.com",
    "user+mailbox@example.com",
    "customer/department=shipping@example.com",
    "$A12345@example.com",
    "!def!xyz%abc@example.com",
    "_somename@example.com",
    # web-platform-tests, email-validity.window.js and email-value-idn.html.
    "a@a",
    "a@\u00f1",
    "\u00f1@\u00f1",
    # Against RFC 5322, and in use.
    "a..b@example.com",
    ".a.@example.com",
    "amina@xn--mnchen-3ya.example",
    "amina@m\u00fcnchen.example",
    "\u7528\u6237@\u4f8b\u5b50.\u5e7f\u544a",
    "\u0905\u091c\u092f@\u0921\u093e\u091f\u093e.\u092d\u093e\u0930\u0924",
    "\u0434\u043e\u043a\u0442\u043e\u0440@\u043f\u0440\u0438\u043c\u0435\u0440.\u0440\u0444",
    f"{'a' * 64}@example.com",
    f"a@{'b' * 63}.{'c' * 63}.{'d' * 63}.example",
    f"a@{'b' * 63}.{'c' * 63}.{'d' * 63}.{'e' * 60}",
    f"\u00e9{'a' * 62}@example.com",
]
WRONG = [
    "",
    "amina",
    "@example.com",
    "amina@",
    "amina@@example.com",
    "a@b@example.com",
    "amina@example.com ",
    " amina@example.com",
    "amina@example.com\n",
    "amina@exam ple.com",
    "amina@.example.com",
    "amina@example..com",
    "amina@example.com.",
    "amina@-example.com",
    "amina@example-.com",
    "amina@exam_ple.com",
    # RFC 3696, section 3, and RFC 5322, appendix A.1.2: HTML takes neither quotes nor names.
    '"Abc@def"@example.com',
    "Abc\\@def@example.com",
    '"Joe Q. Public" <john.q.public@example.com>',
    "(comment)amina@example.com",
    "amina,b@example.com",
    "mailto:amina@example.com",
    # web-platform-tests, email-validity.window.js.
    "a@123.123.123.123.123",
    "a@[123.123.123.123]",
    "a@\ufffd",
    # No name ends in digits alone: RFC 1123, section 2.1.
    "a@123",
    "a@192.0.2.1",
    "a@xn--zzzzzzzzz",
    "a\u200b@example.com",
    "a\u00a0b@example.com",
    "a\u202e@example.com",
    "\U0001f600@example.com",
    "a@\U0001f600.example",
    "a@\uff45xample.com",
    "\ud800@example.com",
    f"{'a' * 65}@example.com",
    f"\u00e9{'a' * 63}@example.com",
    f"a@{'b' * 64}.example",
    f"a@{'b' * 63}.{'c' * 63}.{'d' * 63}.{'e' * 61}",
]


@pytest.mark.parametrize("text", RIGHT, ids=ascii)
def test_an_address(text: str) -> None:
    assert email_fault(text) is None


@pytest.mark.parametrize("text", WRONG, ids=ascii)
def test_what_is_none(text: str) -> None:
    assert email_fault(text) == "email.syntax"


LETTERS = st.sampled_from("abcXYZ019.-+_@ !#'\"(),:;<>[]\\%\n\t") | st.characters(max_codepoint=127)
ADDRESSES = st.builds(
    "{}@{}".format,
    st.text(LETTERS, max_size=70),
    st.lists(st.text(st.sampled_from("abz019-_"), max_size=65), max_size=5).map(".".join),
)


@given(ADDRESSES | st.text(LETTERS, max_size=20))
def test_ascii_is_as_html_has_it(text: str) -> None:
    """But for the lengths, for last labels of digits, and for A-labels that are no Punycode."""
    local, _, domain = text.rpartition("@")
    expected = (
        HTML.fullmatch(text) is not None
        and len(local) <= LONGEST_LOCAL
        and len(text) <= LONGEST_EMAIL
        and not domain.rpartition(".")[2].isdigit()
    )
    if "xn--" not in domain.lower():
        assert is_email(text) is expected


@given(st.lists(ADDRESSES | st.sampled_from(RIGHT + WRONG) | st.text(max_size=9), min_size=1))
def test_a_search_of_the_column_overlooks_none(column: list[str]) -> None:
    suspects = set(suspect_emails(column))
    assert all(place in suspects for place, text in enumerate(column) if not is_email(text))


def test_usual_addresses_are_no_suspects() -> None:
    usual = ["amina@example.com", "a.b+c@mail.example.co.uk", "x_y@a-b.io", "A@B.DE"]
    assert list(suspect_emails(usual)) == []


@pytest.mark.timeout(5)
def test_a_long_text_is_soon_refused() -> None:
    hostile = ["a" * 100_000 + "@", "a@" + "a." * 100_000, "@" * 100_000, "a@" + "-" * 100_000]
    assert list(suspect_emails(hostile)) == [0, 1, 2, 3]
    assert not any(map(is_email, hostile))
