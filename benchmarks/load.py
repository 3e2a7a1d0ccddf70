"""A lean load client: bodies over HTTP/1.1 connections that are kept alive, and what it took.

Client and server share the machine, so every microsecond spent here is one the server cannot
have: requests are bytes before the clock starts, and of an answer only the status line, its
``Content-Length`` and the number of its quotes (two an ID) are looked at. A process of its own
(``python -m benchmarks.load``) keeps the client's work out of the server's interpreter.
"""

import argparse
import asyncio
import gc
import json
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from math import ceil, inf
from typing import Final, cast

import uvloop

from benchmarks.people import bodies as generate

PATH: Final = "/customers/batch"
_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"\r\ncontent-length:"
_OK: Final = b"200"


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What one round of calls came to; latencies are in milliseconds."""

    customers_per_s: float
    calls_per_s: float
    p50_ms: float
    p99_ms: float
    seconds: float
    calls: int
    customers: int
    refused: int
    first_refusal: str
    client_cpu_s: float


@dataclass(kw_only=True, slots=True)
class _Round:
    """What the connections of one round share: the work that is left and what was seen."""

    requests: Iterator[bytes]
    deadline: float
    open_clients: int
    done: asyncio.Future[None]
    latencies: list[float] = field(default_factory=list)
    quotes: int = 0
    refused: int = 0
    first_refusal: str = ""


class _Client(asyncio.Protocol):
    """One connection with one call on its way at a time."""

    def __init__(self) -> None:
        self._buffer = b""
        self._missing = 0
        self._accepted = True
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def begin(self, work: _Round) -> None:
        self._round = work
        self._send()

    def close(self) -> None:
        self._transport.close()

    def _send(self) -> None:
        late = time.perf_counter() > self._round.deadline
        request = None if late else next(self._round.requests, None)
        if request is None:
            self._round.open_clients -= 1
            if not self._round.open_clients and not self._round.done.done():
                self._round.done.set_result(None)
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self._missing:
            self._body_received(data)
            return
        self._buffer += data
        end = self._buffer.find(_HEAD_END)
        if end < 0:
            return
        head, body, self._buffer = self._buffer[: end + 2], self._buffer[end + 4 :], b""
        if head[9:12] == b"100":  # Continue: the answer itself is still to come
            self.data_received(body)
            return
        self._accepted = head[9:12] == _OK
        at = head.lower().find(_LENGTH)
        if at < 0:
            self._fail(ConnectionError(f"an answer without Content-Length: {head!r}"))
            return
        self._missing = int(head[at + len(_LENGTH) : head.index(b"\r\n", at + 2)])
        if not self._accepted:
            self._buffer = head + _HEAD_END
        self._body_received(body)

    def _body_received(self, data: bytes) -> None:
        self._missing -= len(data)
        if self._accepted:
            self._round.quotes += data.count(b'"')
        else:
            self._buffer += data
        if self._missing > 0:
            return
        self._round.latencies.append(time.perf_counter() - self._sent_at)
        if not self._accepted:
            self._round.refused += 1
            self._round.first_refusal = self._round.first_refusal or self._buffer.decode()
            self._buffer = b""
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        # Closing after the end of the round is what this side does itself.
        self._fail(exc or ConnectionError("the server closed a connection"))

    def _fail(self, error: Exception) -> None:
        if not self._round.done.done():
            self._round.done.set_exception(error)


def percentile(values: list[float], share: float) -> float:
    """The smallest value that at least ``share`` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(ceil(share * len(ordered)) - 1, 0)] if ordered else 0.0


def _requests(
    host: str, port: int, path: str, token: str, bodies: Iterable[bytes]
) -> Iterator[bytes]:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {token}\r\n"
        "Accept: application/json\r\nContent-Type: application/json\r\nContent-Length: "
    ).encode()
    for body in bodies:
        yield b"%b%d\r\n\r\n%b" % (head, len(body), body)


async def _round_trips(
    host: str, port: int, requests: Iterator[bytes], clients: int, seconds: float
) -> Result:
    """Connect every client, then start the clock and let them work until nothing is left to do."""
    loop = asyncio.get_running_loop()
    connections = [await loop.create_connection(_Client, host, port) for _ in range(clients)]
    cpu, began = time.process_time(), time.perf_counter()
    work = _Round(
        requests=requests,
        deadline=began + seconds,
        open_clients=clients,
        done=loop.create_future(),
    )
    for _, client in connections:
        client.begin(work)
    await work.done
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    for _, client in connections:
        client.close()
    calls, customers = len(work.latencies), work.quotes // 2
    return Result(
        customers_per_s=customers / took,
        calls_per_s=calls / took,
        p50_ms=percentile(work.latencies, 0.5) * 1e3,
        p99_ms=percentile(work.latencies, 0.99) * 1e3,
        seconds=took,
        calls=calls,
        customers=customers,
        refused=work.refused,
        first_refusal=work.first_refusal,
        client_cpu_s=cpu,
    )


def run(
    host: str,
    port: int,
    path: str,
    token: str,
    bodies: Iterable[bytes],
    clients: int,
    *,
    seconds: float = inf,
) -> Result:
    """Send every body once, ``clients`` at a time; begin no call once ``seconds`` are over.

    A list is made ready before the clock starts; what a generator yields is made while the
    server works, which suits filling a database and not measuring one.
    """
    requests = _requests(host, port, path, token, bodies)
    if isinstance(bodies, list):
        requests = iter(list(requests))
    # No cycle is made in a round, and a pause of the collector would be read as latency.
    gc.freeze()
    gc.disable()
    try:
        return uvloop.run(_round_trips(host, port, requests, clients, seconds))
    finally:
        gc.enable()


def main() -> None:
    """Run one round from the command line and print its result as one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", default=PATH)
    parser.add_argument("--token", required=True)
    parser.add_argument("--project", default="bench")
    parser.add_argument("--size", type=int, default=1000, help="customers a call")
    parser.add_argument("--calls", type=int, default=40)
    parser.add_argument("--clients", type=int, default=1, help="calls under way at once")
    parser.add_argument("--start", type=int, default=0, help="which sequence of customers")
    parser.add_argument("--warmup", type=int, default=0, help="further calls, sent beforehand")
    parser.add_argument("--seconds", type=float, default=inf, help="begin no call after these")
    parser.add_argument("--fill", action="store_true", help="generate while sending")
    ask = parser.parse_args()

    where = (ask.host, ask.port, ask.path, ask.token)
    source = generate(ask.calls + ask.warmup, ask.size, ask.project, ask.start)
    warmup = [next(source) for _ in range(ask.warmup)]
    work = source if ask.fill else list(source)
    if warmup:
        run(*where, warmup, ask.clients)
    result = run(*where, work, ask.clients, seconds=ask.seconds)
    print(json.dumps(asdict(result)))
    if result.refused:
        sys.exit(f"{result.refused} calls were refused; the first answer:\n{result.first_refusal}")
    if result.customers != result.calls * ask.size:
        sys.exit(f"{result.calls} calls of {ask.size} answered {result.customers} IDs")


if __name__ == "__main__":
    main()
