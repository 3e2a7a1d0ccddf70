"""A small HTTP server that answers as it is told, and remembers what it was asked."""

import gzip
import json
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import NamedTuple, Self
from uuid import UUID


class Asked(NamedTuple):
    """A request, and when it came."""

    at: float
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Told(NamedTuple):
    """An answer."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}


def ids_for(asked: Asked) -> Told:
    """What Enrol answers to a batch: an ID a customer."""
    packed = asked.headers.get("content-encoding") == "gzip"
    body = gzip.decompress(asked.body) if packed else asked.body
    items = json.loads(body)["customerData"]
    return Told(200, json.dumps([str(UUID(int=place)) for place in range(len(items))]).encode())


def problem(status: int, code: str, **members: object) -> Told:
    """A problem document."""
    body = {"code": code, "detail": "As told.", "title": "Told", "status": status, **members}
    return Told(status, json.dumps(body).encode(), {"Content-Type": "application/problem+json"})


Answer = Told | Callable[[Asked], Told]


class Answering:
    """``with Answering(answer, ...)``: each request gets the next answer, all others the last."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.asked: list[Asked] = []
        self.lock = threading.Lock()
        answering = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                length = int(self.headers.get("content-length", 0))
                body = self.rfile.read(length)
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(time.monotonic(), self.command, self.path, headers, body)
                told = answering.next_answer(asked)
                self.send_response(told.status)
                for name, value in told.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(told.body)))
                self.end_headers()
                self.wfile.write(told.body)

            do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=[0.02])

    def next_answer(self, asked: Asked) -> Told:
        with self.lock:
            self.asked.append(asked)
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer if isinstance(answer, Told) else answer(asked)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.server.shutdown()
        self.thread.join()
        # Its threads serve connections that clients may keep; they are daemons.
        self.server.block_on_close = False
        self.server.server_close()
