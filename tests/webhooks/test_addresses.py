"""Which URLs an endpoint may have, and which addresses are never called."""

from ipaddress import ip_address

import pytest

from enrol.webhooks.addresses import MOST_URL_CHARS, Target, callable_addresses, is_public, read_url

PRIVATE = """
    0.0.0.0 0.255.255.255 10.0.0.1 100.64.0.1 100.100.100.200 127.0.0.1 127.255.255.254 169.254.0.1
    169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.9 192.0.0.192 192.0.2.1 192.88.99.1
    192.168.0.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 233.252.0.1
    239.255.255.255 240.0.0.1 255.255.255.255 168.63.129.16
    :: ::1 ::2 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:0:127.0.0.1
    ::127.0.0.1 ::8.8.8.8
    64:ff9b::127.0.0.1 64:ff9b::169.254.169.254 64:ff9b::10.0.0.1 64:ff9b:1::1 64:ff9b:1::8.8.8.8
    100::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:1::1 2001:2::1 2001:10::1 2001:20::1
    2001:db8::1 2002:7f00:1::1 2002:a9fe:a9fe::1 2002:808:808::1 3fff::1 4000::1 5f00::1
    fc00::1 fd00:ec2::254 fdff::1 fe80::1 fe80::1%2 2606:4700::1111%2 fec0::1 ff02::1 ff0e::1
""".split()

PUBLIC = """
    1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.1
    169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.1 192.167.255.255 192.169.0.0
    198.17.255.255 198.20.0.0 223.255.255.255 168.63.129.17
    2606:4700:4700::1111 2a00:1450:4001::200e 2400:cb00::1 2001:200::1 2001:4860:4860::8888
    ::ffff:8.8.8.8 64:ff9b::8.8.8.8
""".split()


@pytest.mark.parametrize("text", PRIVATE)
def test_an_address_that_is_not_everyones_is_refused(text: str) -> None:
    assert not is_public(ip_address(text))
    assert callable_addresses([text], private=False) == []
    assert callable_addresses([text], private=True) == [text]


@pytest.mark.parametrize("text", PUBLIC)
def test_an_address_of_the_internet_is_called(text: str) -> None:
    assert callable_addresses([text], private=False) == [text]


def test_one_private_address_among_public_ones_refuses_the_host() -> None:
    assert callable_addresses(["8.8.8.8", "10.0.0.1"], private=False) == []
    assert callable_addresses(["8.8.8.8", "1.1.1.1"], private=False) == ["8.8.8.8", "1.1.1.1"]


URLS = {
    "https://example.com": Target("https", "example.com", 443, "/"),
    "HTTPS://Example.COM:8443/Hook?a=B": Target("https", "example.com", 8443, "/Hook?a=B"),
    "https://example.com./x": Target("https", "example.com", 443, "/x"),
    "https://example.com?x": Target("https", "example.com", 443, "/?x"),
    "https://example.com:/x": Target("https", "example.com", 443, "/x"),
    "https://xn--mnchen-3ya.de/%2F..;": Target("https", "xn--mnchen-3ya.de", 443, "/%2F..;"),
    "https://8.8.8.8/": Target("https", "8.8.8.8", 443, "/"),
    "https://[2606:4700::1111]:9/": Target("https", "2606:4700::1111", 9, "/"),
}


@pytest.mark.parametrize("url", URLS)
def test_an_https_url_is_taken(url: str) -> None:
    assert read_url(url, private=False) == URLS[url]
    assert read_url(url, private=True) == URLS[url]


def test_http_is_for_private_networks() -> None:
    assert read_url("http://localhost:8080/x", private=False) is None
    assert read_url("http://localhost:8080/x", private=True) == Target(
        "http", "localhost", 8080, "/x"
    )


@pytest.mark.parametrize(
    "url",
    [
        *("", "https://", "https:///x", "https:example.com", "//example.com", "example.com"),
        *("ftp://example.com", "file:///etc/passwd", "gopher://example.com", "javascript:alert(1)"),
        *("https://u@example.com", "https://u:p@example.com", "https://@example.com"),
        *("https://example.com#x", "https://example.com/#", "https://example.com/a b"),
        *(
            "https://example.com\\@8.8.8.8/",
            "https://exam\tple.com",
            "https://example.com/\r\nX: y",
        ),
        *("https://example.com:0/", "https://example.com:65536/", "https://example.com:x/"),
        *("https://münchen.de/", "https://example.com/ü", "https://example.com/\x7f"),
        *("https://127.1/", "https://2130706433/", "https://0x7f000001/", "https://0x7f.1/"),
        *("https://0177.0.0.1/", "https://1.2.3/", "https://1.2.3.4.5/", "https://[::1"),
        *("https://[fe80::1%25eth0]/", "https://[::1]x/", "https://exa_mple..com/"),
        *(" https://example.com", "https://example.com\n", "https://example.com/\x00"),
        "https://example.com/" + "x" * MOST_URL_CHARS,
    ],
)
def test_another_url_is_refused(url: str) -> None:
    assert read_url(url, private=True) is None


def test_the_longest_url_is_taken() -> None:
    url = "https://example.com/"
    assert read_url(url + "x" * (MOST_URL_CHARS - len(url)), private=False) is not None


def test_the_authority_is_what_a_host_header_holds() -> None:
    urls = ("https://a.example/", "https://a.example:444/", "http://a.example:443/")
    targets = [read_url(url, private=True) for url in (*urls, "https://[::1]/", "https://[::1]:9/")]
    assert [target and target.authority for target in targets] == [
        *("a.example", "a.example:444", "a.example:443", "[::1]", "[::1]:9"),
    ]
