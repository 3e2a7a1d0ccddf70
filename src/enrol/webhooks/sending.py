"""Sends one message to one address, once, and tells what became of it.

The address that is connected to is the very one that was judged: a name that is looked up twice
may lead elsewhere the second time. Nothing else decides where the bytes go either: redirects are
not followed, and no proxy is taken from the environment.
"""

import asyncio
import ssl
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final, NamedTuple

import httpcore

from enrol.webhooks.addresses import Target, callable_addresses
from enrol.webhooks.resolving import Lookup

CONNECT_SECONDS: Final = 10.0
# Standard Webhooks: "somewhere between 15 and 30s".
ATTEMPT_SECONDS: Final = 20.0
MOST_ANSWER_BYTES: Final = 4_096
# Shorter than what servers usually keep a connection open for, so that seldom a message meets one
# that is just being closed.
KEEP_ALIVE_SECONDS: Final = 3.0
MOST_IDLE: Final = 64

# What went wrong where no HTTP answer came.
REFUSED_ADDRESS: Final = "address.refused"
UNKNOWN_HOST: Final = "host.unknown"
NOT_CONNECTED: Final = "connect.failed"
NO_TLS: Final = "tls.failed"
TIMED_OUT: Final = "timeout"
BROKEN_ANSWER: Final = "answer.broken"


class Answered(NamedTuple):
    """What became of an attempt: the HTTP status, or an error; seconds of Retry-After; the first
    bytes of the answer."""

    status: int | None
    error: str | None = None
    retry_after: str | None = None
    body: bytes = b""

    @property
    def delivered(self) -> bool:
        """Whether the receiver took the message."""
        return self.status is not None and 200 <= self.status < 300


class AddressRefused(httpcore.ConnectError):
    """The host leads to an address that webhooks must not call."""


class HostUnknown(httpcore.ConnectError):
    """The host has no address."""


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Connects to the addresses of a host that may be called, and to no others.

    TLS still names the host, for httpcore asks for it by the URL's.
    """

    def __init__(
        self, lookup: Lookup, *, private: bool, network: httpcore.AsyncNetworkBackend | None = None
    ) -> None:
        self.lookup = lookup
        self.private = private
        self.network = network or httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolve, judge, connect. Raises `AddressRefused`, `HostUnknown`, or httpcore's errors."""
        try:
            async with asyncio.timeout(timeout):
                found = await self.lookup(host, port)
        except TimeoutError:
            raise httpcore.ConnectTimeout from None
        except OSError:
            raise HostUnknown from None
        addresses = callable_addresses(found, private=self.private)
        if not addresses:
            raise AddressRefused if found else HostUnknown
        # Two are enough for a host whose IPv6 leads nowhere; each gets its share of the time.
        for address in addresses[:2]:
            try:
                return await self.network.connect_tcp(
                    address,
                    port,
                    timeout=None if timeout is None else timeout / 2,
                    local_address=local_address,
                    socket_options=socket_options,
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class Sender:
    """Sends messages over connections that are kept for a moment.

    The pool has no bound of its own: then messages to receivers that are slow would leave no
    connection to the others. Who sends bounds how many messages are on their way.
    """

    def __init__(
        self,
        lookup: Lookup,
        *,
        private: bool,
        context: ssl.SSLContext | None = None,
        network: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        # Here, for most servers send nothing and all of them start.
        import httpx

        self.pool = httpcore.AsyncConnectionPool(
            # httpx's trusts certifi's authorities, or those of SSL_CERT_FILE and SSL_CERT_DIR.
            ssl_context=context or httpx.create_ssl_context(),
            max_connections=None,
            max_keepalive_connections=MOST_IDLE,
            keepalive_expiry=KEEP_ALIVE_SECONDS,
            network_backend=GuardedBackend(lookup, private=private, network=network),
        )

    async def send(
        self,
        target: Target,
        headers: Mapping[str, str],
        body: bytes,
        *,
        seconds: float = ATTEMPT_SECONDS,
    ) -> Answered:
        """One attempt of at most ``seconds``; never raises but when it is cancelled."""
        try:
            async with asyncio.timeout(seconds):
                return await self._post(target, headers, body)
        except (TimeoutError, httpcore.TimeoutException):
            return Answered(None, TIMED_OUT)
        except AddressRefused:
            return Answered(None, REFUSED_ADDRESS)
        except HostUnknown:
            return Answered(None, UNKNOWN_HOST)
        except httpcore.ConnectError as error:
            return Answered(None, NO_TLS if _is_of_tls(error) else NOT_CONNECTED)
        except (httpcore.NetworkError, httpcore.ProtocolError):
            return Answered(None, BROKEN_ANSWER)

    async def _post(self, target: Target, headers: Mapping[str, str], body: bytes) -> Answered:
        url = httpcore.URL(
            scheme=target.scheme, host=target.host, port=target.port, target=target.path
        )
        sent = [
            (b"Host", target.authority.encode()),
            (b"Content-Type", b"application/json"),
            (b"Content-Length", b"%d" % len(body)),
            *((name.encode(), value.encode()) for name, value in headers.items()),
        ]
        limits = {"connect": CONNECT_SECONDS}
        async with self.pool.stream(
            "POST", url, headers=sent, content=body, extensions={"timeout": limits}
        ) as response:
            # Of an answer without end, its beginning is enough; what is left unread closes the
            # connection.
            start = b""
            async for part in response.aiter_stream():
                start += part
                if len(start) >= MOST_ANSWER_BYTES:
                    break
            told = dict(response.headers)
            retry_after = told.get(b"retry-after", told.get(b"Retry-After"))
            text = retry_after.decode("latin-1") if retry_after else None
            return Answered(response.status, None, text, start[:MOST_ANSWER_BYTES])

    async def close(self) -> None:
        """Close every connection."""
        await self.pool.aclose()


def _is_of_tls(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    return error is not None


def retry_after_seconds(text: str | None, now: float) -> float | None:
    """The seconds that a Retry-After header asks for (RFC 9110 section 10.2.3): a count of them,
    or a date; ``now`` is Unix time. None where it says neither."""
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, OverflowError):
        return None
