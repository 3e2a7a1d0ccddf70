"""A request and its answer, as the routes see them, and how a body is read within its limits."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

import msgspec

from enrol.customers.faults import Fault
from enrol.problems import Problem
from enrol.settings import Settings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

JSON: Final = "application/json"
MERGE_PATCH: Final = "application/merge-patch+json"
# Where the scope of a route of the framework holds its `Request`.
REQUEST_ID: Final = "request_id"
GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS
RETRY_SECONDS: Final = "1"
encode_json: Final = msgspec.json.Encoder().encode


class Answer(NamedTuple):
    """What goes back: a status, a body, and headers beside the usual ones."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = {}
    media_type: str = JSON


class ClientGone(Exception):
    """The client closed the connection before its request was whole."""


class Request:
    """An ASGI request."""

    def __init__(self, scope: Scope, receive: Receive, request_id: str) -> None:
        self.scope = scope
        self.receive = receive
        self.request_id = request_id
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.notes: dict[str, str | int | bool | None] = {}

    def header(self, name: bytes) -> str | None:
        """A header's value; ``name`` in lower case."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    def query(self, allowed: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
        """The query parameters, each one of ``allowed`` with one of its values.

        Raises `Problem` ``query.invalid`` naming every fault.
        """
        found: dict[str, str] = {}
        faults = []
        raw = self.scope["query_string"]
        for name, value in parse_qsl(raw.decode("latin-1"), keep_blank_values=True) if raw else ():
            if name not in allowed or name in found:
                hint = f"Known: {', '.join(allowed)}."
                faults.append(Fault(None, "", "query.unknown", hint))
            elif value not in allowed[name]:
                hint = f"{name} is one of: {', '.join(allowed[name])}."
                faults.append(Fault(None, f"/{name}", "query.value", hint))
            found[name] = value
        if faults:
            raise Problem("query.invalid", faults=faults)
        return found


class BodyReader:
    """Reads bodies; knows how many bytes of them the process holds at once."""

    def __init__(self, settings: Settings) -> None:
        self.most = settings.max_body_bytes
        self.most_inflight = settings.max_inflight_bytes
        self.deadlines = Deadlines(settings.body_timeout)
        self.inflight = 0

    async def read(
        self, request: Request, media_types: Sequence[str] = (JSON,), most: int | None = None
    ) -> bytes:
        """The whole body, inflated when it was sent with gzip; `release` it when it is done with.

        ``most`` bytes are taken where that is less than the server's limit. Raises `Problem` for
        a body that is too large, too slow, of none of the media types, not gzip, or more than the
        process can hold now; `ClientGone` for one that breaks off.
        """
        _require(request, media_types)
        most = self.most if most is None else min(most, self.most)
        inflate = _inflater(request, most)
        length = request.header(b"content-length")
        if length is not None and length.isdigit() and int(length) > most:
            raise _too_large(most)
        chunks: list[bytes] = []
        held = 0
        try:
            with self.deadlines.running():
                more = True
                while more:
                    chunk, more = await _next_chunk(request)
                    if inflate is not None:
                        chunk = inflate.take(chunk)
                    held += len(chunk)
                    self._hold(len(chunk))
                    if held > most:
                        raise _too_large(most)
                    chunks.append(chunk)
            if inflate is not None:
                inflate.finish()
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)
        except BaseException:
            self.inflight -= held
            raise

    def release(self, body: bytes) -> None:
        """Hold this body no longer."""
        self.inflight -= len(body)

    def _hold(self, size: int) -> None:
        self.inflight += size
        if self.inflight > self.most_inflight:
            raise Problem("server.busy", headers={"Retry-After": RETRY_SECONDS})


class Deadlines:
    """Ends what takes longer than ``seconds``: one timer for all, for a timer each would cost as
    much as to read a body that is there already."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.started: dict[asyncio.Task[Any], float] = {}
        self.late: set[asyncio.Task[Any]] = set()
        self.timer: asyncio.TimerHandle | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Raises `Problem` when the block takes too long."""
        task = asyncio.current_task()
        assert task is not None
        loop = task.get_loop()
        self.started[task] = loop.time()
        if self.timer is None:
            self.timer = loop.call_later(self.seconds / 4, self._look, loop)
        try:
            yield
        except asyncio.CancelledError:
            if task not in self.late:
                raise
            task.uncancel()
            raise Problem("body.timeout", headers={"Connection": "close"}) from None
        finally:
            del self.started[task]
            self.late.discard(task)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self.timer = None
        # In the order in which they began.
        for task, start in self.started.items():
            if loop.time() - start < self.seconds:
                break
            if task not in self.late:
                self.late.add(task)
                task.cancel()
        if self.started:
            self.timer = loop.call_later(self.seconds / 4, self._look, loop)


async def _next_chunk(request: Request) -> tuple[bytes, bool]:
    message = await request.receive()
    if message["type"] == "http.disconnect":
        raise ClientGone
    return message.get("body", b""), message.get("more_body", False)


def _too_large(most: int) -> Problem:
    detail = f"The body has more than {most} bytes."
    return Problem("body.too_large", detail, headers={"Connection": "close"})


def _require(request: Request, media_types: Sequence[str]) -> None:
    media_type = (request.header(b"content-type") or "").lower()
    name, _, parameters = media_type.partition(";")
    charset = parameters.strip().removeprefix("charset=").strip('"')
    if name.strip() in media_types and charset in ("", "utf-8"):
        return
    accepted = ", ".join(media_types)
    headers = {"Accept": accepted}
    if request.scope["method"] == "PATCH":
        headers["Accept-Patch"] = accepted  # RFC 5789 section 2.2
    detail = f"Send the body as `Content-Type: {'` or `'.join(media_types)}`."
    raise Problem("content_type.unsupported", detail, headers=headers)


def _inflater(request: Request, most: int) -> "_Inflater | None":
    encoding = (request.header(b"content-encoding") or "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip"):
        raise Problem("content_encoding.unsupported", headers={"Accept-Encoding": "gzip"})
    return None if encoding == "identity" else _Inflater(most)


class _Inflater:
    """Inflates gzip, and stops one byte past the limit however small the input is."""

    def __init__(self, most: int) -> None:
        self.left = most
        self.stream = zlib.decompressobj(GZIP_WINDOW)

    def take(self, chunk: bytes) -> bytes:
        try:
            plain = self.stream.decompress(chunk, self.left + 1)
        except zlib.error:
            raise Problem("content_encoding.invalid") from None
        self.left -= len(plain)
        if self.stream.unused_data:
            raise Problem("content_encoding.invalid")
        return plain

    def finish(self) -> None:
        if not self.stream.eof:
            raise Problem("content_encoding.invalid")
