"""URLs: http and https as RFC 9110, RFC 3986 and RFC 3987 have them, and where this differs."""

import string
from time import perf_counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrol.customers.formats.hosts import is_host
from enrol.customers.formats.urls import is_url, suspect_urls
from tests.customers.vectors import rows

# Rows of the JSON Schema Test Suite on which this rule differs from the suite's formats.
OTHER_SCHEME = "the claim is a web page or image: http and https alone"
CREDENTIALS = "RFC 9110 section 4.2.4: user information in a URL is an error"
IRI = "RFC 3987: letters of every script, as people paste them"
LENIENT = "browsers send it as it is or encode it, and it harms nobody"
ADDRESS = "RFC 1123 section 2.1: a last label of digits is an address, and this is none"
FUTURE = "no version of IPvFuture exists"
ROOTED = "RFC 1034 section 3.1: the trailing dot is the root"
UNDERSCORE = "names with underscores are in use, and RFC 2181 section 11 allows them"
FULL_STOP = "RFC 3986 separates labels by the ASCII full stop alone"

DECIDED = {
    ("uri", "a valid URL with many special characters"): (False, CREDENTIALS),
    ("uri", "a valid newsgroup URI"): (False, OTHER_SCHEME),
    ("uri", "a valid mailto URI"): (False, OTHER_SCHEME),
    ("uri", "a valid tel URI"): (False, OTHER_SCHEME),
    ("uri", "a valid URN"): (False, OTHER_SCHEME),
    ("uri", "unescaped non US-ASCII characters"): (True, IRI),
    ("uri", "invalid {} characters"): (True, LENIENT),
    ("uri", "invalid ^ character"): (True, LENIENT),
    ("uri", "invalid ` character"): (True, LENIENT),
    ("uri", "invalid | character"): (True, LENIENT),
    ("uri", "invalid percent-encoding with non-hex digits"): (True, LENIENT),
    ("uri", "incomplete percent-encoding triplet"): (True, LENIENT),
    ("uri", "lone percent sign is invalid"): (True, LENIENT),
    ("uri", "URI with leading-zero IPv4 is structurally valid as a reg-name"): (False, ADDRESS),
    ("uri", "URI with out-of-bounds IPv4 is structurally valid as a reg-name"): (False, ADDRESS),
    ("iri", "a valid IRI with many special characters"): (False, CREDENTIALS),
    ("iri", "an IPvFuture host with an uppercase version letter is valid"): (False, FUTURE),
    ("iri", "a valid IRI with no authority and a rootless path"): (False, OTHER_SCHEME),
    ("iri", "a valid IRI with no authority and an absolute path"): (False, OTHER_SCHEME),
    ("hostname", "trailing dot"): (True, ROOTED),
    ("idn-hostname", "trailing dot"): (True, ROOTED),
    ("hostname", "contains underscore"): (True, UNDERSCORE),
    ("idn-hostname", "ideographic full stop as label separator"): (False, FULL_STOP),
    ("idn-hostname", "fullwidth full stop as label separator"): (False, FULL_STOP),
    ("idn-hostname", "halfwidth ideographic full stop as label separator"): (False, FULL_STOP),
}
A_LABEL = "names that IDNA 2008 forbids, those of emoji above all, are registered and found"
DECIDED |= {
    ("hostname", case): (True, A_LABEL)
    for case in (
        "contains illegal char U+302E Hangul single dot tone mark",
        "Begins with a Spacing Combining Mark",
        "Begins with a Nonspacing Mark",
        "Begins with an Enclosing Mark",
        "Exceptions that are DISALLOWED, right-to-left chars",
        "Exceptions that are DISALLOWED, left-to-right chars",
        "MIDDLE DOT with no preceding 'l'",
        "MIDDLE DOT with nothing preceding",
        "MIDDLE DOT with no following 'l'",
        "MIDDLE DOT with nothing following",
        "Greek KERAIA not followed by Greek",
        "Greek KERAIA not followed by anything",
        "Hebrew GERESH not preceded by Hebrew",
        "Hebrew GERESH not preceded by anything",
        "Hebrew GERSHAYIM not preceded by Hebrew",
        "Hebrew GERSHAYIM not preceded by anything",
        "KATAKANA MIDDLE DOT with no Hiragana, Katakana, or Han",
        "KATAKANA MIDDLE DOT with no other characters",
        "Arabic-Indic digits mixed with Extended Arabic-Indic digits",
        "ZERO WIDTH JOINER not preceded by Virama",
        "ZERO WIDTH JOINER not preceded by anything",
        'contains "--" in the 3rd and 4th position',
    )
}
DECIDED |= {
    ("idn-hostname", case): (True, A_LABEL)
    for case in (
        'U-label contains "--" in the 3rd and 4th position',
        "A-label that decodes to a disallowed code point is invalid",
        "A-label that decodes to a Bidi rule violation is invalid",
    )
}
SCHEMES_IN_ROWS = ("ftp:", "ldap:")
OTHER_FULL_STOPS = "\u3002\uff0e\uff61"

LABELS = st.from_regex("[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
U_LABELS = st.sampled_from(["münchen", "日本", "παράδειγμα", "उदाहरण", "пример", "ÖBB"])
HOSTS = st.one_of(
    st.builds(
        lambda labels, top, root: ".".join([*labels, top]) + root,
        st.lists(st.one_of(LABELS, U_LABELS), max_size=6),
        st.sampled_from(["com", "example", "xn--p1ai", "香港"]),
        st.sampled_from(["", "."]),
    ),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(lambda address: f"[{address}]"),
)
PLAIN = "".join(sorted(set(string.printable[:94]) - set('"<>\\')))
REST = st.builds(
    lambda first, rest: first + rest,
    st.sampled_from("/?#"),
    st.text(st.one_of(st.sampled_from(PLAIN), st.sampled_from("é日я\u200c𐌀"))),
)
URLS = st.builds(
    lambda scheme, host, port, rest: f"{scheme}://{host}{port}{rest}",
    st.sampled_from(["http", "https", "HTTP", "hTTps"]),
    HOSTS,
    st.one_of(st.just(""), st.just(":"), st.integers(0, 65535).map(lambda port: f":{port}")),
    st.one_of(st.just(""), REST),
)
REFUSED = st.one_of(
    st.sampled_from('<>"\\ \t\r\n\0\x7f\x85\u00a0\u2028\u202e\u200b\u2066\u3000\ufeff\uffff\ud800'),
    st.characters(categories=("Cc", "Zs", "Zl", "Zp", "Cs")),
)


def test_every_character_of_printable_ascii_is_decided() -> None:
    taken = {chr(code) for code in range(128) if is_url(f"http://a.example/{chr(code)}")}
    assert taken == set(PLAIN)


@pytest.mark.parametrize(
    "row",
    [
        row
        for row in rows("people/formats_jsonschema")
        if row["format"] not in ("date", "date-time")
    ],
    ids=lambda row: f"{row['format']}: {row['case']}",
)
def test_the_json_schema_test_suite(row: dict[str, Any]) -> None:
    text, kind = row["s"], row["format"]
    if kind in ("uri", "iri"):
        taken = is_url(text)
    elif kind == "ipv6":
        taken = is_url(f"http://[{text}]/")
    else:
        taken = is_host(text)
    expected, _ = DECIDED.get((kind, row["case"]), (row["valid"], ""))
    if text.startswith(SCHEMES_IN_ROWS):
        expected = False
    if kind == "idn-hostname" and any(stop in text for stop in OTHER_FULL_STOPS):
        expected = False
    assert taken is expected


def test_every_decision_differs_from_the_suite() -> None:
    suite = {
        (row["format"], row["case"]): row["valid"] for row in rows("people/formats_jsonschema")
    }
    assert all(suite[key] is not taken for key, (taken, _) in DECIDED.items())


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "https://example.com?q",
        "https://example.com#f",
        "HTTPS://EXAMPLE.COM/",
        "http://localhost:8080/me",
        "http://intranet/",
        "http://a.b.c.d.e.f.g/",
        "http://my_site.example.com/",
        "http://127.0.0.1/",
        "http://[::1]:8080/",
        "http://[::ffff:192.0.2.1]/",
        "http://example.com:/",
        "http://example.com:0/",
        "http://example.com:00080/",
        "http://example.com:65535/",
        "http://a--b.example/",
        "http://bücher.example/straße?q=größe",
        "http://ja.wikipedia.org/wiki/日本",
        "http://例え.テスト/",
        "http://xn--bcher-kva.example/",
        "http://XN--BCHER-KVA.example/",
        # An A-label of an emoji: no U-label of IDNA 2008, and in use all the same.
        "http://xn--i-7iq.example/",
        "http://r3---sn-4g5e6nez.example/",
        "http://www.טעסט.example/a--b",
        "http://طهران‌گل.example/",
        f"http://{'a' * 63}.example/",
        f"http://{'a' * 63}.{'b' * 63}.{'c' * 63}.{'d' * 61}/",
        "http://example.com//a//b?c?d#e@f:[g]",
    ],
)
def test_urls_that_work_are_taken(url: str) -> None:
    assert is_url(url)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com",
        "www.example.com",
        "//example.com",
        "http:example.com",
        "http:/example.com",
        "http://",
        "http:///path",
        "http://?q",
        "http://.",
        "http://..",
        "http://example..com/",
        "http://.example.com/",
        "http://example.com../",
        "http://-a.example/",
        "http://a-.example/",
        "http://a.b-/",
        "http://exa mple.com/",
        "http://ex%61mple.com/",
        "http://example.com:65536/",
        "http://example.com:-1/",
        "http://example.com:\uff18\uff10/",
        "http://user@example.com/",
        "http://user:secret@example.com/",
        "http://@example.com/",
        "http://256.0.0.1/",
        "http://1.2.3/",
        "http://1.2.3.4.5/",
        "http://127.0.0.1./",
        "http://\uff11\uff12\uff17.\uff10.\uff10.\uff11/",
        "http://[::1/",
        "http://::1/",
        "http://[fe80::1%25eth0]/",
        "http://[]/",
        "http://[::1]x/",
        "http://❤.example/",
        "http://\u0301a.example/",
        "http://\uff45xample.com/",
        "http://\u200dexample.com/",
        "http://\u212aelvin.example/",
        "http://xn--x/",
        "http://xn--example-.example/",
        "http://XN--X.example/a--b",
        "http://3.טעסט.example/",
        "http://aטעסט.example/",
        "http://a\u200cb.example/",
        "http://a\u0640.example/",
        f"http://{'a' * 64}.example/",
        f"http://{'ü' * 60}.example/",
        f"http://{'a' * 63}.{'b' * 63}.{'c' * 63}.{'d' * 62}/",
        "http\u017f://example.com/",
        "httpss://example.com/",
        "javascript:alert(1)",
        "data:image/png;base64,iVBORw0KGgo=",
        "ftp://example.com/",
        "http://example.com/\n",
        "http://example.com\nhttp://example.com",
        " http://example.com",
        "http://example.com ",
        "http://example.com/\u202egpj.exe",
    ],
)
def test_what_is_no_url_is_refused(text: str) -> None:
    assert not is_url(text)
    assert list(suspect_urls([text])) == [0]


@given(URLS)
def test_generated_urls_pass(url: str) -> None:
    assert is_url(url)


@given(url=URLS, stray=REFUSED, data=st.data())
def test_a_refused_character_makes_no_url(url: str, stray: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(url)))
    assert not is_url(url[:place] + stray + url[place:])


@given(st.lists(st.one_of(URLS, st.text(), st.builds(str.__add__, URLS, REFUSED))))
def test_what_the_column_lets_pass_is_right(values: list[str]) -> None:
    suspects = set(suspect_urls(values)) if values else set()
    assert all(is_url(value) for index, value in enumerate(values) if index not in suspects)


@pytest.mark.parametrize("host", ["a.example", "a.example:80"])
@pytest.mark.parametrize("path", ["", "/", "/ü", "/a b", "/a\x7f", "?<", "#\u202e"])
def test_a_refused_byte_is_seen_in_a_column_of_many(host: str, path: str) -> None:
    url = f"http://{host}{path}"
    values = ["https://example.com/1", url, "https://example.com/2"]
    assert is_url(url) or 1 in suspect_urls(values)


@pytest.mark.parametrize(
    "text",
    [
        "http://" + "a." * 50_000,
        "http://" + "a" * 100_000,
        "http://" + "-" * 100_000,
        "http://" + "ü" * 100_000,
        "http://" + ("ü" * 63 + ".") * 1_500,
        "http://a.example/" + "é" * 100_000 + " ",
        "http://a.example:" + "0" * 100_000 + "x",
        "http://[" + ":" * 100_000 + "]",
        "http://" + "1." * 50_000,
        "http://" + "@" * 100_000,
        "\n" * 100_000,
    ],
    ids=lambda text: text[:20],
)
def test_hostile_texts_are_quick(text: str) -> None:
    start = perf_counter()
    assert list(suspect_urls([text] * 3)) == [0, 1, 2]
    assert not is_url(text)
    assert perf_counter() - start < 1
