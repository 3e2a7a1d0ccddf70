"""The edge of the API: request IDs, logs, and every refusal and error as a problem document."""

import asyncio
import re
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, unquote

from litestar.types import ASGIApp
from uuid_utils import uuid7

from enrol.api import batch
from enrol.api.http import (
    REQUEST_ID,
    Answer,
    ClientGone,
    Message,
    Receive,
    Request,
    Scope,
    Send,
)
from enrol.api.server import Server
from enrol.logs import flush_lines, log_error, write_line
from enrol.problems import MEDIA_TYPE, Problem, problem_document
from enrol.store.protocol import StoreFull, StoreUnavailable

Headers = tuple[tuple[bytes, bytes], ...]
# A UUID alone: digits of any other number may be those of a telephone, a card or a wallet.
_SAFE_REQUEST_ID: Final = re.compile(rb"[0-9A-Fa-f]{8}(-?)(?:[0-9A-Fa-f]{4}\1){3}[0-9A-Fa-f]{12}")
# RFC 9110 section 5.3 reads two of these as one list, which none of them is.
_ONCE: Final = (
    *(b"host", b"authorization", b"content-type", b"content-encoding", b"content-length"),
    b"idempotency-key",
)
_SLASHES: Final = re.compile("/{2,}")
_ALWAYS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
)


def problem_of(error: Exception, **fields: Any) -> Problem:
    """The problem that an exception becomes; what is not expected is logged."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, StoreFull):
        return Problem("store.full")
    if isinstance(error, StoreUnavailable):
        log_error("store unavailable", error, **fields)
        return Problem("store.unavailable", headers={"Retry-After": "1"})
    log_error("request failed", error, **fields)
    return Problem("server.error")


class Edge:
    """The outermost ASGI application."""

    def __init__(self, server: Server, routes: ASGIApp) -> None:
        self.server = server
        self.access = server.access
        self.routes = routes
        self.most_errors = server.settings.max_listed_errors
        self.log_requests = server.settings.log_requests
        self.most_active = server.settings.max_connections
        self.active = 0
        self.lines_wait = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event."""
        if scope["type"] != "http":
            await self.routes(scope, receive, send)  # type: ignore[arg-type]
            return
        start = time.perf_counter()
        self.active += 1
        request = Request(scope, receive, _request_id(scope))
        scope["path"] = path = _path(scope)
        try:
            if _repeats_a_header(scope):
                answer = self.problem_answer(Problem("header.repeated"), request)
                await send_answer(send, answer, request.request_id)
                status, route = answer.status, "unknown"
            elif path == batch.PATH:
                status = await self._batch(request, send)
                route = path
            else:
                status = await self._other(request, send)
                route = scope.get("path_template") or "unknown"
        except ClientGone:
            status, route = 499, path if path == batch.PATH else "unknown"
        finally:
            self.active -= 1
        if self.log_requests:
            write_line(
                "request",
                request_id=request.request_id,
                method=scope["method"] if scope["method"].isalpha() else "?",
                route=route,
                status=status,
                ms=round((time.perf_counter() - start) * 1000, 2),
                **request.notes,
            )
            # Calls that were answered in one turn of the loop are logged by one write.
            if not self.lines_wait:
                self.lines_wait = True
                asyncio.get_running_loop().call_soon(self._flush_lines)

    def _flush_lines(self) -> None:
        self.lines_wait = False
        flush_lines()

    async def _batch(self, request: Request, send: Send) -> int:
        try:
            if self.active > self.most_active:
                raise Problem("server.busy", headers={"Retry-After": "1"})
            if request.scope["method"] != "POST":
                raise Problem("route.method", headers={"Allow": "POST"})
            answer = await batch.post_batch(self.server, request)
        except ClientGone:
            raise
        except Exception as error:
            answer = self.problem_answer(error, request)
        await send_answer(send, answer, request.request_id, self._rate_headers(request))
        return answer.status

    async def _other(self, request: Request, send: Send) -> int:
        status = 500

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message.get("headers", ()),
                    *_ALWAYS,
                    *self._rate_headers(request),
                    (b"x-request-id", request.request_id.encode()),
                ]
            await send(message)

        request.scope[REQUEST_ID] = request
        await self.routes(request.scope, request.receive, send_on)  # type: ignore[arg-type]
        return status

    def _rate_headers(self, request: Request) -> Headers:
        """What the call's key may still do, where keys are limited at all."""
        if not self.access.limited:
            return ()
        fields = self.access.rate_fields(request.header(b"authorization"))
        if fields is None:
            return ()
        policy, rate = fields
        return (b"ratelimit-policy", policy), (b"ratelimit", rate)

    def problem_answer(self, error: Exception, request: Request) -> Answer:
        """The problem document of whatever went wrong."""
        problem = problem_of(error, request_id=request.request_id)
        request.notes["code"] = problem.code
        body = problem_document(problem, request.request_id, self.most_errors)
        return Answer(body, problem.status, problem.headers, MEDIA_TYPE)


def _repeats_a_header(scope: Scope) -> bool:
    """Whether two readers could take the request for different ones."""
    names = [name for name, _ in scope["headers"]]
    if len(set(names)) == len(names):
        return False
    return any(names.count(name) > 1 for name in _ONCE)


def _path(scope: Scope) -> str:
    """The path as the routes match it. What had to be percent-encoded stays so, for an ID that its
    owner chose may hold a slash; handlers decode the segments that they take."""
    path: str = scope["path"]
    if b"%" in scope["raw_path"]:
        segments = scope["raw_path"].decode("latin-1").split("/")
        path = "/".join(quote(unquote(segment), safe="") for segment in segments)
    return _SLASHES.sub("/", path)


def _request_id(scope: Scope) -> str:
    """The caller's ID where it can hold no personal data, else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _SAFE_REQUEST_ID.fullmatch(value):
            return str(value.decode())
    return str(uuid7())


async def send_answer(send: Send, answer: Answer, request_id: str, more: Headers = ()) -> None:
    """Send an answer that is whole."""
    headers = [
        (b"content-type", answer.media_type.encode()),
        (b"content-length", str(len(answer.body)).encode()),
        (b"x-request-id", request_id.encode()),
        *_ALWAYS,
        *more,
        *_encoded(answer.headers),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]
