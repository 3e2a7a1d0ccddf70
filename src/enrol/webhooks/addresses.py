"""Where webhooks may go: the form of an endpoint's URL, and the IP addresses behind its host.

An endpoint's URL is chosen by who holds a key, and is called by this server, from within a network
that the key gives no access to (server-side request forgery). So no address is called that is not
reachable by anyone from the internet.
"""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from enrol.customers.formats.hosts import is_host
from enrol.customers.formats.urls import is_url

MOST_URL_CHARS: Final = 2_048
PORTS: Final = {"https": 443, "http": 80}
Address = IPv4Address | IPv6Address

# The special-purpose registries of IANA (RFC 6890), written out although `is_global` knows most of
# them: which ones it knows depends on the version of Python, and a few it takes for global.
_REFUSED_V4: Final = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",  # "this network": Linux connects 0.0.0.0 to itself
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared by carriers (RFC 6598), and metadata of one cloud
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, and metadata of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments (RFC 6890), and metadata of one cloud
        "192.0.2.0/24",
        "192.88.99.0/24",  # relays of 6to4 (RFC 7526)
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast, of which Python takes most for global
        "240.0.0.0/4",
        "168.63.129.16/32",  # a public address that one cloud answers on within its machines
    )
)
# IPv6 the other way round: global unicast is handed out of 2000::/3 alone (RFC 4291 section 2.4),
# so that ULA, link-local, site-local, multicast and all mappings lie outside.
_GLOBAL_V6: Final = IPv6Network("2000::/3")
_REFUSED_V6: Final = tuple(
    ip_network(text)
    for text in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks
        "2001:db8::/32",
        "2002::/16",  # 6to4: holds any IPv4 address
        "3fff::/20",  # documentation (RFC 9637)
    )
)
# Translators and dual stacks connect these to the IPv4 address in the last 32 bits (RFC 6052
# section 2.1, RFC 4291 section 2.5.5.2), which is judged in their place.
_HOLD_V4: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("::ffff:0:0/96"))


class Target(NamedTuple):
    """What an endpoint's URL names: ``http`` or ``https``, the host in ASCII, the port, and the
    path with the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them, without the scheme's own port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def read_url(url: str, *, private: bool) -> Target | None:
    """What the URL names, None when it cannot be an endpoint's.

    It is at most 2,048 visible ASCII characters, https (or, where ``private`` addresses are
    allowed, http), with neither credentials nor a fragment.
    """
    if len(url) > MOST_URL_CHARS or not url.isascii() or "#" in url or not is_url(url):
        return None
    parts = urlsplit(url)
    host = (parts.hostname or "").removesuffix(".")
    if parts.scheme not in PORTS or (parts.scheme == "http" and not private):
        return None
    if not _is_address(host) and (not is_host(host) or _ends_in_a_number(host)):
        return None
    port = PORTS[parts.scheme] if parts.port is None else parts.port
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port, path) if port else None


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _ends_in_a_number(host: str) -> bool:
    """Whether resolvers may take the host for an IPv4 address: 127.1, 2130706433, 0x7f.1."""
    return re.fullmatch("[0-9]+|0[xX][0-9A-Fa-f]*", host.rpartition(".")[2]) is not None


def is_public(address: Address) -> bool:
    """Whether anyone on the internet reaches the same machine by this address."""
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return False
        if any(address in network for network in _HOLD_V4):
            return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
        if address not in _GLOBAL_V6:
            return False
        return address.is_global and not any(address in network for network in _REFUSED_V6)
    return address.is_global and not any(address in network for network in _REFUSED_V4)


def callable_addresses(texts: Iterable[str], *, private: bool) -> list[str]:
    """Those of a host's addresses that may be called: all of them or none.

    A host with one private address among public ones is not one whose owner wants to be called.
    """
    addresses = list(texts)
    allowed = private or all(is_public(ip_address(text)) for text in addresses)
    return addresses if allowed else []
