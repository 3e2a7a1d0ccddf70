"""Receivers of webhooks on real sockets: they note what comes and answer as they are told."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, Self

HOST = "127.0.0.1"
# A key and a certificate of their own for receiver.example, which nobody else trusts.
CERTIFICATE = Path(__file__).with_name("receiver.pem")


class Received(NamedTuple):
    """One request: its headers by lower-case names, its body, and when it came."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def envelope(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.body)
        return told

    @property
    def type(self) -> str:
        return str(self.envelope["eventType"])

    @property
    def payload(self) -> dict[str, Any]:
        told: dict[str, Any] = self.envelope["payload"]
        return told

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


class Answer(NamedTuple):
    """What a receiver answers, and after how many seconds."""

    status: int = 204
    headers: Mapping[str, str] = MappingProxyType({})
    body: bytes = b""
    after: float = 0.0


class Receiver:
    """A receiver; ``answer`` decides by the request, and may be changed at any time."""

    def __init__(self, port: int = 0, *, tls: bool = False) -> None:
        self.received: list[Received] = []
        self.answer: Callable[[Received], Answer] = lambda _: Answer()
        self.connections = 0
        self.names: list[str | None] = []
        self.server = _Server((HOST, port), _Handler)
        self.server.receiver = self
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(CERTIFICATE)
            context.sni_callback = lambda _socket, name, _context: self.names.append(name)
            self.server.socket = context.wrap_socket(
                self.server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.tls = tls
        self.port: int = self.server.server_address[1]

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}/hook"

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def wait_for(
        self, enough: Callable[[list[Received]], object], seconds: float = 20.0
    ) -> list[Received]:
        """What was received once that is enough."""
        deadline = time.monotonic() + seconds
        while not enough(self.received):
            assert time.monotonic() < deadline, [
                (one.type, one.payload.get("customerId")) for one in self.received
            ]
            time.sleep(0.005)
        return self.received

    def wait_count(self, count: int, seconds: float = 20.0) -> list[Received]:
        """What was received once there are this many."""
        return self.wait_for(lambda received: len(received) >= count, seconds)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 512
    receiver: Receiver

    def handle_error(self, request: object, client_address: object) -> None:
        """A sender that went away is nothing to print."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    timeout = 30

    def setup(self) -> None:
        super().setup()
        self.server.receiver.connections += 1

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the tests ask `received`."""

    def do_POST(self) -> None:
        receiver = self.server.receiver
        length = int(self.headers["content-length"])
        body = self.rfile.read(length)
        if len(body) < length:
            return  # the sender was killed meanwhile
        headers = {name.lower(): value for name, value in self.headers.items()}
        received = Received(self.path, headers, body, time.time())
        receiver.received.append(received)
        answer = receiver.answer(received)
        time.sleep(answer.after)
        with suppress(OSError):
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if "Content-Length" not in answer.headers:
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)


@contextmanager
def silent_listener() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen(512)
        yield listener.getsockname()[1]


def closed_port() -> int:
    """A port that refuses connections."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
