"""One attempt: where its bytes go, and what is told of it."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpcore
import pytest

from enrol.webhooks.addresses import read_url
from enrol.webhooks.resolving import Lookup, Resolver
from enrol.webhooks.sending import MOST_ANSWER_BYTES, Answered, Sender, retry_after_seconds
from tests.webhooks.receivers import (
    CERTIFICATE,
    HOST,
    Answer,
    Receiver,
    closed_port,
    silent_listener,
)

BODY = b'{"eventType":"ping","payload":{}}'


@pytest.fixture
async def senders() -> AsyncIterator[Callable[..., Sender]]:
    made: list[Sender] = []

    def make(
        lookup: Lookup | None = None,
        *,
        private: bool = True,
        context: ssl.SSLContext | None = None,
        network: httpcore.AsyncNetworkBackend | None = None,
    ) -> Sender:
        made.append(Sender(lookup or Resolver(), private=private, context=context, network=network))
        return made[-1]

    yield make
    for sender in made:
        await sender.close()


async def post(sender: Sender, url: str, **more: float) -> Answered:
    target = read_url(url, private=True)
    assert target is not None
    return await sender.send(target, {"webhook-id": "msg_1"}, BODY, **more)


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def answering(talk: Talk) -> AsyncIterator[int]:
    """The port of a server that talks like this, and then closes."""
    ends: list[asyncio.Future[None]] = []

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends.append(asyncio.get_running_loop().create_future())
        try:
            with suppress(OSError):
                await talk(reader, writer)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            ends[-1].set_result(None)

    server = await asyncio.start_server(converse, HOST, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        await asyncio.gather(*ends)


def leading_to(*answers: list[str]) -> tuple[Lookup, list[str]]:
    """A resolver that gives these answers in turn, the last for ever, and what it was asked."""
    left, asked = list(answers), []

    async def lookup(host: str, port: int) -> list[str]:
        asked.append(host)
        return left.pop(0) if len(left) > 1 else left[0]

    return lookup, asked


async def test_a_message_arrives_as_it_is(senders) -> None:
    with Receiver() as receiver:
        answered = await post(senders(), f"{receiver.url}?a=b")
    assert answered == Answered(204)
    assert answered.delivered
    (received,) = receiver.received
    assert (received.path, received.body) == ("/hook?a=b", BODY)
    assert received.headers["content-type"] == "application/json"
    assert received.headers["webhook-id"] == "msg_1"
    assert received.headers["host"] == f"{HOST}:{receiver.port}"


async def test_messages_share_a_connection(senders) -> None:
    sender = senders()
    with Receiver() as receiver:
        for _ in range(5):
            assert (await post(sender, receiver.url)).delivered
    assert receiver.connections == 1


@pytest.mark.parametrize("status", [199 + 1, 201, 299, 300, 304, 400, 401, 404, 410, 500, 503])
async def test_only_200_to_299_is_delivered(senders, status: int) -> None:
    with Receiver() as receiver:
        receiver.answer = lambda _: Answer(status, {"Retry-After": "7"}, b"")
        answered = await post(senders(), receiver.url)
    assert answered == Answered(status, None, "7")
    assert answered.delivered == (status < 300)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(senders, status: int) -> None:
    with Receiver() as receiver, Receiver() as inner:
        receiver.answer = lambda _: Answer(status, {"Location": inner.url})
        answered = await post(senders(), receiver.url)
        assert (answered.status, answered.delivered) == (status, False)
        receiver.answer = lambda _: Answer(status, {"Location": "http://169.254.169.254/latest/"})
        assert (await post(senders(), receiver.url)).status == status
    assert inner.received == []


async def test_no_proxy_is_taken_from_the_environment(
    senders, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Receiver() as receiver, Receiver() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "https_proxy"):
            monkeypatch.setenv(name, f"http://{HOST}:{proxy.port}")
        assert (await post(senders(), receiver.url)).delivered
    assert proxy.received == []


async def test_a_private_address_is_not_connected_to(senders) -> None:
    with Receiver() as receiver:
        answered = await post(senders(private=False), receiver.url)
    assert answered == Answered(None, "address.refused")
    assert receiver.connections == 0


async def test_a_host_that_leads_to_a_private_address_is_not_connected_to(senders) -> None:
    for address in (HOST, "::ffff:127.0.0.1"):
        lookup, asked = leading_to([address])
        with Receiver() as receiver:
            url = f"http://receiver.example:{receiver.port}/"
            answered = await post(senders(lookup, private=False), url)
        assert answered == Answered(None, "address.refused")
        assert (asked, receiver.connections) == (["receiver.example"], 0)


class OwnInternet(httpcore.AnyIOBackend):
    """Connects to this machine whatever the address, and notes it."""

    def __init__(self) -> None:
        self.connected: list[str] = []

    async def connect_tcp(
        self, host: str, port: int, *args: Any, **more: Any
    ) -> httpcore.AsyncNetworkStream:
        self.connected.append(host)
        return await super().connect_tcp(HOST, port, *args, **more)


async def test_what_is_connected_to_is_the_address_that_was_judged(senders) -> None:
    # A name server that plays tricks answers first what is public and then what is not.
    lookup, asked = leading_to(["8.8.8.8"], ["169.254.169.254"])
    network = OwnInternet()
    with Receiver() as receiver:
        sender = senders(lookup, private=False, network=network)
        url = f"http://receiver.example:{receiver.port}/"
        receiver.answer = lambda _: Answer(headers={"Connection": "close"})
        assert (await post(sender, url)).delivered
        assert (asked, network.connected) == (["receiver.example"], ["8.8.8.8"])
        # The next connection asks again, and the new address is judged as well.
        assert (await post(sender, url)).error == "address.refused"
    assert (len(asked), network.connected) == (2, ["8.8.8.8"])


async def test_the_second_address_is_tried(senders) -> None:
    lookup, _ = leading_to(["::1", HOST])
    with Receiver() as receiver:
        answered = await post(senders(lookup), f"http://receiver.example:{receiver.port}/")
    assert answered.delivered


@pytest.fixture
def trusting() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=CERTIFICATE)


async def test_tls_is_with_the_host_and_not_with_its_address(senders, trusting) -> None:
    lookup, _ = leading_to([HOST])
    with Receiver(tls=True) as receiver:
        sender = senders(lookup, context=trusting)
        assert (await post(sender, f"https://receiver.example:{receiver.port}/")).delivered
        answered = await post(sender, f"https://other.example:{receiver.port}/")
    assert answered == Answered(None, "tls.failed")
    assert receiver.names == ["receiver.example", "other.example"]
    assert len(receiver.received) == 1


async def test_a_certificate_that_is_not_trusted_is_refused(senders) -> None:
    lookup, _ = leading_to([HOST])
    with Receiver(tls=True) as receiver:
        answered = await post(senders(lookup), f"https://receiver.example:{receiver.port}/")
    assert answered == Answered(None, "tls.failed")
    assert receiver.received == []


async def test_nobody_there(senders) -> None:
    assert await post(senders(), f"http://{HOST}:{closed_port()}/") == Answered(
        None, "connect.failed"
    )


@pytest.mark.parametrize("host", ["nowhere.invalid", "a" * 64 + ".example"])
async def test_a_host_that_is_not_there(senders, host: str) -> None:
    target = read_url("http://x.example/", private=True)
    assert target is not None
    answered = await senders().send(target._replace(host=host), {}, BODY)
    assert answered == Answered(None, "host.unknown")


async def test_a_name_server_that_does_not_answer_is_not_waited_for(senders) -> None:
    async def never(_host: str, _port: int) -> list[str]:
        await asyncio.sleep(60)
        return []

    assert (await post(senders(never), "http://x.example/", seconds=0.1)).error == "timeout"


async def test_who_never_answers_is_not_waited_for(senders) -> None:
    with silent_listener() as port:
        start = time.monotonic()
        answered = await post(senders(), f"http://{HOST}:{port}/", seconds=0.3)
    assert answered == Answered(None, "timeout")
    assert 0.2 < time.monotonic() - start < 5


async def test_an_answer_that_drips_does_not_hold_the_sender(senders) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not reader.at_eof():
            writer.write(b"1\r\nx\r\n")
            with suppress(TimeoutError):
                await asyncio.wait_for(reader.read(1_000), 0.01)

    async with answering(drip) as port:
        answered = await post(senders(), f"http://{HOST}:{port}/", seconds=0.3)
    assert answered.error == "timeout"


async def test_of_a_long_answer_the_beginning_is_read(senders) -> None:
    with Receiver() as receiver:
        receiver.answer = lambda _: Answer(200, {}, b"x" * 50_000_000)
        answered = await post(senders(), receiver.url)
    assert answered == Answered(200, None, None, b"x" * MOST_ANSWER_BYTES)


@pytest.mark.parametrize("text", [b"", b"SMTP ready\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Len"])
async def test_an_answer_that_is_none(senders, text: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(text)

    async with answering(answer) as port:
        answered = await post(senders(), f"http://{HOST}:{port}/")
    assert answered == Answered(None, "answer.broken")


async def test_slow_receivers_leave_connections_to_others(senders) -> None:
    sender = senders()
    with silent_listener() as port, Receiver() as receiver:
        slow = [
            asyncio.create_task(post(sender, f"http://{HOST}:{port}/", seconds=10))
            for _ in range(200)
        ]
        await asyncio.sleep(0.1)
        start = time.monotonic()
        assert (await post(sender, receiver.url)).delivered
        assert time.monotonic() - start < 2
        for each in slow:
            each.cancel()
        await asyncio.gather(*slow, return_exceptions=True)


async def test_a_resolver_looks_a_host_up_once_at_a_time() -> None:
    resolver = Resolver()
    answers = [asyncio.create_task(resolver("localhost", 80)) for _ in range(50)]
    await asyncio.sleep(0)
    assert len(resolver.running) == 1
    found = await asyncio.gather(*answers)
    assert resolver.running == {}
    assert all(one == found[0] for one in found)
    assert HOST in found[0]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *((None, None), ("", None), ("soon", None), ("-1", None), ("1.5", None), ("²", None)),
        *(("0", 0.0), (" 120 ", 120.0), ("9" * 400, 999_999_999.0)),
        ("Thu, 01 Jan 1970 00:20:00 GMT", 200.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Thu, 99 Jan 1970 00:00:00 GMT", None),
    ],
)
def test_retry_after(text: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(text, 1_000.0) == seconds
