"""How the client for asyncio sends, and how a call becomes a method of it."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import httpx

from enrol.client.calls import Call, Page
from enrol.client.errors import NotAnswered
from enrol.client.methods import dressed
from enrol.client.tries import LIMITS, TIMEOUT, Reply, Retry, Session, Step, tries, unlogged

T = TypeVar("T")
S = TypeVar("S")
P = ParamSpec("P")


def sends(
    call: Callable[P, Call[T]],
) -> Callable[Concatenate["AsyncSender", P], Coroutine[Any, Any, T]]:
    """The method that sends a call."""

    async def method(client: "AsyncSender", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await client._send(call(*args, **kwargs))

    return dressed(method, call)


def sends_of(
    call: Callable[Concatenate[str, P], Call[T]],
) -> Callable[Concatenate["AsyncSender", P], Coroutine[Any, Any, T]]:
    """The method that sends a call for the client's project."""

    async def method(client: "AsyncSender", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await client._send(call(client.project, *args, **kwargs))

    return dressed(method, call, skip=1)


def walks(
    call: Callable[P, Call[Page[T]]],
) -> Callable[Concatenate["AsyncSender", P], AsyncGenerator[T]]:
    """The method that goes through all pages."""

    def method(client: "AsyncSender", /, *args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[T]:
        return client._walk(call(*args, **kwargs))

    return dressed(method, call, over=AsyncGenerator)


def walks_of(
    call: Callable[Concatenate[str, P], Call[Page[T]]],
) -> Callable[Concatenate["AsyncSender", P], AsyncGenerator[T]]:
    """The method that goes through all pages of the client's project."""

    def method(client: "AsyncSender", /, *args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[T]:
        return client._walk(call(client.project, *args, **kwargs))

    return dressed(method, call, skip=1, over=AsyncGenerator)


def gathers(
    calls: Callable[P, Generator[Call[S], S, T]],
) -> Callable[Concatenate["AsyncSender", P], Coroutine[Any, Any, T]]:
    """The method that sends all calls that a function asks for, and gives what it makes of them."""

    async def method(client: "AsyncSender", /, *args: P.args, **kwargs: P.kwargs) -> T:
        asked = calls(*args, **kwargs)
        try:
            call = next(asked)
            while True:
                call = asked.send(await client._send(call))
        except StopIteration as end:
            result: T = end.value
            return result

    return dressed(method, calls)


def streams_of(
    call: Callable[Concatenate[str, P], Call[None]],
) -> Callable[Concatenate["AsyncSender", P], AsyncGenerator[bytes]]:
    """The method that gives an answer piece by piece, of a call for the client's project."""

    def method(
        client: "AsyncSender", /, *args: P.args, **kwargs: P.kwargs
    ) -> AsyncGenerator[bytes]:
        return client._stream(call(client.project, *args, **kwargs))

    return dressed(method, call, skip=1, gives=AsyncGenerator[bytes])


class AsyncSender:
    """Sends calls with a key, from one event loop."""

    def __init__(
        self,
        url: str,
        key: str,
        project: str,
        *,
        retry: Retry | None = None,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        self.project = project
        self._own = http is None
        self._http = http or httpx.AsyncClient(timeout=TIMEOUT, limits=LIMITS)
        self._session = Session(url=url, key=key, retry=retry or Retry(), http=self._http)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        if self._own:
            await self._http.aclose()

    async def _walk(self, call: Call[Page[T]] | None) -> AsyncGenerator[T]:
        loop = asyncio.get_running_loop()
        while call is not None:
            sent = loop.time()
            page = await self._send(call)
            for item in page.items:
                yield item
            call = page.next
            if call is not None and not page.items:
                await asyncio.sleep(max(0.0, sent + page.least - loop.time()))

    async def _send(self, call: Call[T]) -> T:
        steps = tries(call, self._session)
        step = next(steps)
        while True:
            try:
                step = steps.send(await self._do(step))
            except StopIteration as end:
                result: T = end.value
                return result

    async def _do(self, step: Step) -> Reply:
        if isinstance(step, float):
            await asyncio.sleep(step)
            return None
        try:
            with unlogged():
                return await self._http.send(step)
        except httpx.RequestError as error:
            return error

    async def _stream(self, call: Call[None]) -> AsyncGenerator[bytes]:
        """The answer, piece by piece as it comes. It is not asked for again once it has begun:
        raises `NotAnswered` where it breaks off."""
        steps = tries(call, self._session)
        step = next(steps)
        while True:
            reply: Reply = None
            if isinstance(step, float):
                await asyncio.sleep(step)
            else:
                reply = await self._begin(call, step)
            if isinstance(reply, httpx.Response) and reply.status_code in call.statuses:
                break
            step = steps.send(reply)
        try:
            async for piece in reply.aiter_bytes():
                yield piece
        except httpx.RequestError as error:
            raise NotAnswered(call.name, 1, type(error).__name__, call.request_id) from error
        finally:
            await reply.aclose()

    async def _begin(
        self, call: Call[None], request: httpx.Request
    ) -> httpx.Response | httpx.RequestError:
        """The beginning of an answer; the whole, where it is a refusal."""
        try:
            with unlogged():
                reply = await self._http.send(request, stream=True)
                if reply.status_code not in call.statuses:
                    await reply.aread()
                return reply
        except httpx.RequestError as error:
            return error
