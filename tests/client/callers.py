"""Both clients behind one face, so that a test is written once and runs with each."""

import asyncio
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol
from uuid import UUID

from enrol.client import AsyncClient, AsyncImport, Client, Import, ItemResult, Retry
from tests.client.answering import Answer, Answering
from tests.serving import Project

KINDS = ("sync", "async")
QUICK = Retry(tries=6, first_pause=0.01, longest_pause=0.05)


class Caller(Protocol):
    """A client, and the import that it ran last."""

    last: Import[Any] | AsyncImport[Any]

    def call(self, name: str, *args: Any, **options: Any) -> Any:
        """What one call answers."""

    def each(self, name: str, *args: Any, **options: Any) -> Generator[Any]:
        """What an iterator gives, one by one."""


class SyncCaller:
    def __init__(self, client: Client) -> None:
        self.client = client

    def call(self, name: str, *args: Any, **options: Any) -> Any:
        return getattr(self.client, name)(*args, **options)

    def each(self, name: str, *args: Any, **options: Any) -> Generator[Any]:
        results = getattr(self.client, name)(*args, **options)
        self.last = results
        yield from results


class AsyncCaller:
    def __init__(self, client: AsyncClient, run: Callable[..., Any]) -> None:
        self.client = client
        self.run = run

    def call(self, name: str, *args: Any, **options: Any) -> Any:
        return self.run(getattr(self.client, name)(*args, **options))

    def each(self, name: str, *args: Any, **options: Any) -> Generator[Any]:
        results = getattr(self.client, name)(*args, **options)
        self.last = results
        end = object()
        try:
            while (result := self.run(_next(results, end))) is not end:
                yield result
        finally:
            self.run(results.aclose())


async def _next(results: Any, end: object) -> Any:
    return await anext(results, end)


@contextmanager
def caller_of(
    kind: str, url: str, key: str, project: str, retry: Retry | None = QUICK
) -> Iterator[Caller]:
    """A client of this kind."""
    if kind == "sync":
        with Client(url, key, project, retry=retry) as client:
            yield SyncCaller(client)
        return
    with asyncio.Runner() as runner:

        async def made() -> AsyncClient:
            return AsyncClient(url, key, project, retry=retry)

        asynchronous = runner.run(made())
        try:
            yield AsyncCaller(asynchronous, runner.run)
        finally:
            runner.run(asynchronous.aclose())


def caller_to(kind: str, project: Project, url: str | None = None) -> Any:
    """A client of this kind with a project's key; ``url`` is another way to its server."""
    return caller_of(kind, url or project.server.url, project.key, project.id)


@contextmanager
def caller_told(kind: str, *answers: Answer, key: str = "k") -> Iterator[tuple[Answering, Caller]]:
    """A server that answers as it is told, and a client of this kind to it."""
    with Answering(*answers) as server, caller_of(kind, server.url, key, "p") as caller:
        yield server, caller


def ids_of(caller: Caller, customers: Iterable[object], **options: Any) -> list[UUID]:
    """The IDs of an import."""
    return list(caller.each("create_customers", customers, **options))


def results_of(caller: Caller, customers: Iterable[object], **options: Any) -> list[ItemResult]:
    """The results of an import in partial mode."""
    return list(caller.each("enrol_customers", customers, **options))


def subs_by_id(caller: Caller) -> dict[UUID, str | None]:
    """The ``sub`` of every customer of the project; each is there once."""
    found = list(caller.each("iter_customers"))
    subs = {customer.id: customer.customer_claims[0].sub for customer in found}
    assert len(subs) == len(found) == caller.call("count_customers")
    return subs
