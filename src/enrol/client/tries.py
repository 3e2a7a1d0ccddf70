"""One call until it is answered: when it is sent again, how long to wait, how the answer is read.

Neither client's way to wait or to send is known here: `tries` is a generator that asks for
both, so that there is one of it.
"""

import logging
import random
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, TypeVar

import httpx
from msgspec import Struct

from enrol import __version__
from enrol.client.calls import Call
from enrol.client.errors import (
    UNREADABLE,
    AnswerUnreadable,
    EnrolProblem,
    NotAnswered,
    read_problem,
)

T = TypeVar("T")
# What a client is asked to do, a request to send or seconds to wait; and what comes of it.
Step = httpx.Request | float
Reply = httpx.Response | httpx.RequestError | None

# 507 is not among them: a disk that is full is not emptied by asking again.
PASSING: Final = frozenset({408, 429, 502, 503, 504})
# The caller's mistakes, which no second try mends.
_LASTING: Final = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)
TIMEOUT: Final = httpx.Timeout(60.0, connect=10.0)
# No limit, so no connection is ever closed to make room and no request waits for one: httpcore may
# close one that it has just given away (its issue 1110), and loses the places of requests that are
# cancelled while they wait (1093). How many there are is `in_flight`.
LIMITS: Final = httpx.Limits(max_connections=None, max_keepalive_connections=None)

log = logging.getLogger("enrol.client")


class Retry(Struct, frozen=True, kw_only=True):
    """How patient a call is: ``tries`` in all, with pauses (in seconds) that double from
    ``first_pause`` to ``longest_pause``. A ``Retry-After`` is kept to; one beyond ``patience`` is
    not waited for, and the refusal is raised."""

    tries: int = 10
    first_pause: float = 0.25
    longest_pause: float = 15.0
    patience: float = 120.0

    def pause(self, number: int) -> float:
        """The wait after the try of this number, from 1: half of it chance, so that clients whose
        server comes back do not all return at the same moment."""
        most = min(self.first_pause * 2.0 ** min(number - 1, 32), self.longest_pause)
        return most * random.uniform(0.5, 1.0)


@dataclass(frozen=True, kw_only=True)
class Session:
    """Whom both clients talk to, and how."""

    url: str
    key: str = field(repr=False)
    retry: Retry
    http: httpx.Client | httpx.AsyncClient = field(repr=False)

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise ValueError("the URL begins with http:// or https://")
        if not self.key.isascii() or not self.key.isprintable() or not self.key:
            raise ValueError("the key is not visible ASCII characters")

    def request(self, call: Call[T]) -> httpx.Request:
        """The request of a call, alike each time."""
        headers = {
            "Accept": "application/json, application/problem+json",
            "Authorization": f"Bearer {self.key}",
            "User-Agent": f"enrol/{__version__}",
            "X-Request-Id": call.request_id,
            **call.headers,
        }
        return self.http.build_request(
            call.method, self.url.rstrip("/") + call.path, headers=headers, content=call.content
        )


def tries(call: Call[T], session: Session) -> Generator[Step, Reply, T]:
    """Ask for the request to be sent, again if need be, and return what was answered.

    Raises `EnrolProblem`, `NotAnswered`, `AnswerUnreadable`.
    """
    retry = session.retry
    number = 0
    while True:
        number += 1
        reply = yield session.request(call)
        assert reply is not None
        last = number >= retry.tries or not call.repeated
        if isinstance(reply, httpx.RequestError):
            reason, asked = type(reply).__name__, None
            if last or not isinstance(reply, httpx.TransportError) or isinstance(reply, _LASTING):
                raise NotAnswered(call.name, number, reason, call.request_id) from reply
        else:
            reason, asked = str(reply.status_code), _retry_after(reply)
            if last or reply.status_code not in PASSING or (asked or 0) > retry.patience:
                return _read(call, reply)
        pause = max(retry.pause(number), asked or 0.0)
        log.warning(
            "%s: %s; try %d of %d follows in %.1f s [%s]",
            *(call.name, reason, number + 1, retry.tries, pause, call.request_id),
        )
        yield pause


def _read(call: Call[T], reply: httpx.Response) -> T:
    if reply.status_code not in call.statuses:
        raise _problem(call, reply)
    if call.note:
        call.note(reply.headers)
    try:
        return call.parse(reply.content)
    except UNREADABLE:
        # From None: what msgspec says may hold a value.
        raise AnswerUnreadable(call.name, reply.status_code, call.request_id) from None


def _problem(call: Call[T], reply: httpx.Response) -> EnrolProblem:
    return read_problem(
        reply.status_code,
        reply.headers.get("content-type", ""),
        reply.content,
        first=call.first,
        request_id=call.request_id,
        retry_after=_retry_after(reply),
    )


def _retry_after(reply: httpx.Response) -> float | None:
    """The seconds of ``Retry-After``, which may be a date; None without one that can be read."""
    text = reply.headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())


_ours: ContextVar[bool] = ContextVar("ours", default=False)


def _is_not_ours(record: logging.LogRecord) -> bool:
    return not _ours.get()


@contextmanager
def unlogged() -> Generator[None]:
    """Keeps httpx from logging the URL of what is sent meanwhile: it writes it whole (its issue
    2760), and the address of a wallet is in it. The lines of `enrol.client` tell as much."""
    # Adding it again changes nothing.
    logging.getLogger("httpx").addFilter(_is_not_ours)
    token = _ours.set(True)
    try:
        yield
    finally:
        _ours.reset(token)
