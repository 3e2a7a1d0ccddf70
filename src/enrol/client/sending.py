"""How the client for code that waits sends, and how a call becomes a method of it."""

import time
from collections.abc import Callable, Generator
from threading import Event
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar

import httpx

from enrol.client.calls import Call, Page
from enrol.client.errors import EnrolError, NotAnswered
from enrol.client.methods import dressed
from enrol.client.tries import LIMITS, TIMEOUT, Reply, Retry, Session, Step, tries, unlogged

T = TypeVar("T")
S = TypeVar("S")
P = ParamSpec("P")


def sends(call: Callable[P, Call[T]]) -> Callable[Concatenate["Sender", P], T]:
    """The method that sends a call."""

    def method(client: "Sender", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return client._send(call(*args, **kwargs))

    return dressed(method, call)


def sends_of(
    call: Callable[Concatenate[str, P], Call[T]],
) -> Callable[Concatenate["Sender", P], T]:
    """The method that sends a call for the client's project."""

    def method(client: "Sender", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return client._send(call(client.project, *args, **kwargs))

    return dressed(method, call, skip=1)


def walks(
    call: Callable[P, Call[Page[T]]],
) -> Callable[Concatenate["Sender", P], Generator[T]]:
    """The method that goes through all pages."""

    def method(client: "Sender", /, *args: P.args, **kwargs: P.kwargs) -> Generator[T]:
        return client._walk(call(*args, **kwargs))

    return dressed(method, call, over=Generator)


def walks_of(
    call: Callable[Concatenate[str, P], Call[Page[T]]],
) -> Callable[Concatenate["Sender", P], Generator[T]]:
    """The method that goes through all pages of the client's project."""

    def method(client: "Sender", /, *args: P.args, **kwargs: P.kwargs) -> Generator[T]:
        return client._walk(call(client.project, *args, **kwargs))

    return dressed(method, call, skip=1, over=Generator)


def gathers(
    calls: Callable[P, Generator[Call[S], S, T]],
) -> Callable[Concatenate["Sender", P], T]:
    """The method that sends all calls that a function asks for, and gives what it makes of them."""

    def method(client: "Sender", /, *args: P.args, **kwargs: P.kwargs) -> T:
        asked = calls(*args, **kwargs)
        try:
            call = next(asked)
            while True:
                call = asked.send(client._send(call))
        except StopIteration as end:
            result: T = end.value
            return result

    return dressed(method, calls)


def streams_of(
    call: Callable[Concatenate[str, P], Call[None]],
) -> Callable[Concatenate["Sender", P], Generator[bytes]]:
    """The method that gives an answer piece by piece, of a call for the client's project."""

    def method(client: "Sender", /, *args: P.args, **kwargs: P.kwargs) -> Generator[bytes]:
        return client._stream(call(client.project, *args, **kwargs))

    return dressed(method, call, skip=1, gives=Generator[bytes])


class Sender:
    """Sends calls with a key, and waits for the answers."""

    def __init__(
        self,
        url: str,
        key: str,
        project: str,
        *,
        retry: Retry | None = None,
        http: httpx.Client | None = None,
    ) -> None:
        self.project = project
        self._own = http is None
        self._http = http or httpx.Client(timeout=TIMEOUT, limits=LIMITS)
        self._session = Session(url=url, key=key, retry=retry or Retry(), http=self._http)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        if self._own:
            self._http.close()

    def _walk(self, call: Call[Page[T]] | None) -> Generator[T]:
        while call is not None:
            sent = time.monotonic()
            page = self._send(call)
            yield from page.items
            call = page.next
            if call is not None and not page.items:
                time.sleep(max(0.0, sent + page.least - time.monotonic()))

    def _send(self, call: Call[T], stop: Event | None = None) -> T:
        """Send a call; ``stop`` ends its tries and pauses."""
        stop = stop or Event()
        steps = tries(call, self._session)
        step = next(steps)
        while True:
            try:
                step = steps.send(self._do(step, stop))
            except StopIteration as end:
                result: T = end.value
                return result

    def _do(self, step: Step, stop: Event) -> Reply:
        if isinstance(step, float):
            stop.wait(step)
            return None
        if stop.is_set():
            raise Stopped
        try:
            with unlogged():
                return self._http.send(step)
        except httpx.RequestError as error:
            return error

    def _stream(self, call: Call[None]) -> Generator[bytes]:
        """The answer, piece by piece as it comes. It is not asked for again once it has begun:
        raises `NotAnswered` where it breaks off."""
        steps = tries(call, self._session)
        step = next(steps)
        while True:
            reply: Reply = None
            if isinstance(step, float):
                time.sleep(step)
            else:
                reply = self._begin(call, step)
            if isinstance(reply, httpx.Response) and reply.status_code in call.statuses:
                yield from _pieces(call, reply)
                return
            step = steps.send(reply)

    def _begin(
        self, call: Call[None], request: httpx.Request
    ) -> httpx.Response | httpx.RequestError:
        """The beginning of an answer; the whole, where it is a refusal."""
        try:
            with unlogged():
                reply = self._http.send(request, stream=True)
                if reply.status_code not in call.statuses:
                    reply.read()
                return reply
        except httpx.RequestError as error:
            return error


class Stopped(EnrolError):
    """The import ended before this call was sent; nobody is there to be told."""


def _pieces(call: Call[None], reply: httpx.Response) -> Generator[bytes]:
    try:
        yield from reply.iter_bytes()
    except httpx.RequestError as error:
        raise NotAnswered(call.name, 1, type(error).__name__, call.request_id) from error
    finally:
        reply.close()
