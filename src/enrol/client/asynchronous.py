"""The client for asyncio: imports keep a few tasks under way."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable
from contextlib import aclosing
from types import TracebackType
from typing import Generic, Self, TypeVar, Unpack
from uuid import UUID

import httpx

from enrol.api.views import CustomerPage, CustomerView
from enrol.client import batches, calls
from enrol.client.batches import Batch, Cutter, ImportOptions, ItemResult, Plan
from enrol.client.calls import Call, ExportFormat, Pages, UndoneBatch
from enrol.client.errors import EnrolError, NotAnswered
from enrol.client.tries import LIMITS, TIMEOUT, Reply, Retry, Session, Step, tries, unlogged

T = TypeVar("T")
Customers = AsyncIterable[object] | Iterable[object]


class AsyncClient:
    """Calls Enrol with a key, for the key's project, from one event loop.

    ``http`` is for what httpx can do beside: certificates, proxies, other timeouts. Whoever
    brings it closes it.
    """

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

    def create_customers(
        self, customers: Customers, **options: Unpack[ImportOptions]
    ) -> "AsyncImport[UUID]":
        """Enrol customers; gives their IDs in order. Each call is stored whole or not at all."""
        return AsyncImport(self, batches.creating(self.project, options), customers)

    def enrol_customers(
        self, customers: Customers, **options: Unpack[ImportOptions]
    ) -> "AsyncImport[ItemResult]":
        """Enrol the customers that are right; gives one result for each, in order."""
        return AsyncImport(self, batches.enrolling(self.project, options), customers)

    def check_customers(
        self, customers: Customers, **options: Unpack[ImportOptions]
    ) -> "AsyncImport[ItemResult]":
        """What `enrol_customers` would do, and nothing is stored. Of two customers that repeat one
        another it sees those that are in the same call."""
        return AsyncImport(self, batches.checking(self.project, options), customers)

    async def get_customer(self, customer_id: UUID | str) -> CustomerView:
        """One customer. Raises `EnrolProblem` ``customer.unknown``."""
        return await self._send(calls.get_customer(customer_id))

    async def get_customer_by_wallet(self, address: str) -> CustomerView:
        """The customer of a wallet, in any spelling. Raises as `get_customer` does."""
        return await self._send(calls.get_customer_by_wallet(self.project, address))

    async def list_customers(
        self, *, page: int = 1, limit: int = 100, wallet: str | None = None
    ) -> CustomerPage:
        """A page of customers, newest first, and the count of all."""
        return await self._send(calls.list_customers(self.project, wallet, page=page, limit=limit))

    async def iter_customers(
        self, *, wallet: str | None = None, limit: int = calls.MOST_LISTED
    ) -> AsyncIterator[CustomerView]:
        """All customers, newest first, each once, in pages of ``limit``."""
        pages = Pages(self.project, wallet, limit)
        while pages.more:
            for customer in pages.take(await self._send(pages.next_call())):
                yield customer

    async def export_customers(
        self, file_format: ExportFormat = "full", **filters: str | bool
    ) -> AsyncGenerator[bytes]:
        """The file of an export, piece by piece as it comes. ``filters`` are parameters of
        ``GET /customers/export``, by their names there. Raises `NotAnswered` where it breaks off.
        """
        call = calls.export_customers(self.project, file_format, filters)
        steps = tries(call, self._session)
        step = next(steps)
        while True:
            reply: Reply = None
            if isinstance(step, float):
                await asyncio.sleep(step)
            else:
                reply = await self._begin(step)
            if isinstance(reply, httpx.Response) and reply.status_code in call.statuses:
                async with aclosing(_pieces(call, reply)) as pieces:
                    async for piece in pieces:
                        yield piece
                return
            step = steps.send(reply)

    async def _begin(self, request: httpx.Request) -> httpx.Response | httpx.RequestError:
        """The beginning of an answer; the whole, where it is a refusal."""
        try:
            with unlogged():
                reply = await self._http.send(request, stream=True)
                if reply.status_code not in calls.OK:
                    await reply.aread()
                return reply
        except httpx.RequestError as error:
            return error

    async def undo_batch(
        self, batch_id: UUID | str, reason: str | None = None, *, dry_run: bool = False
    ) -> UndoneBatch:
        """Remove the customers that a batch created and that nobody has changed since, or tell
        what that would do. Raises `EnrolProblem` ``batch.unknown``."""
        return await self._send(calls.undo_batch(batch_id, reason, dry_run=dry_run))

    async def count_customers(self) -> int:
        """How many customers the project has."""
        # Null only where the call says that it wants none.
        return (await self.list_customers(limit=1)).total_count or 0

    async def count_findings(self) -> dict[str, int]:
        """How many findings of each code the project has."""
        return await self._send(calls.count_findings(self.project))

    async def is_alive(self) -> bool:
        """Whether the server answers."""
        return await self._succeeds(calls.healthz())

    async def is_ready(self) -> bool:
        """Whether the server can read and write."""
        return await self._succeeds(calls.readyz())

    async def _succeeds(self, call: Call[None]) -> bool:
        try:
            await self._send(call)
        except EnrolError:
            return False
        return True

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


async def _pieces(call: Call[None], reply: httpx.Response) -> AsyncGenerator[bytes]:
    try:
        async for piece in reply.aiter_bytes():
            yield piece
    except httpx.RequestError as error:
        raise NotAnswered(call.name, 1, type(error).__name__, call.request_id) from error
    finally:
        await reply.aclose()


class AsyncImport(AsyncIterator[T], Generic[T]):
    """The results of an import, in the order of its customers, which are read as they are sent.

    ``done`` counts the customers whose call is behind us with all its results handed out: where
    to go on with ``skip``, under the same ``import_id``. Calls beyond it may be stored as well;
    sent again under the same ID, they answer what they answered.
    """

    def __init__(self, client: AsyncClient, plan: Plan[T], customers: Customers) -> None:
        self.import_id = plan.settings.import_id
        self.done = plan.settings.skip
        self._client = client
        self._plan = plan
        self._customers = customers
        self._results = self._run()

    async def __anext__(self) -> T:
        return await anext(self._results)

    @property
    def batch_ids(self) -> list[UUID]:
        """The batches that were answered so far: `undo_batch` takes each of them."""
        return self._plan.batches()

    async def aclose(self) -> None:
        """End it here: what is under way is broken off, nothing more is sent."""
        await self._results.aclose()

    async def _run(self) -> AsyncGenerator[T]:
        most = self._plan.settings.in_flight
        waiting: deque[tuple[Batch, asyncio.Task[list[T]]]] = deque()
        try:
            async with aclosing(self._cut()) as cut:
                async for batch in cut:
                    call = self._plan.call(batch)
                    waiting.append((batch, asyncio.create_task(self._client._send(call))))
                    while waiting and (len(waiting) >= most or waiting[0][1].done()):
                        for result in await waiting[0][1]:
                            yield result
                        self.done = waiting.popleft()[0].end
            while waiting:
                for result in await waiting[0][1]:
                    yield result
                # The caller asks for more, so it is through with these.
                self.done = waiting.popleft()[0].end
        except EnrolError as error:
            error.place_in_import(self.import_id, self.done)
            raise
        finally:
            for _, task in waiting:
                task.cancel()
            await asyncio.gather(*(task for _, task in waiting), return_exceptions=True)

    async def _cut(self) -> AsyncGenerator[Batch]:
        cutter = Cutter(self._plan.project, self._plan.settings)
        async for customer in _each(self._customers):
            if batch := cutter.add(customer):
                yield batch
        if batch := cutter.cut():
            yield batch


async def _each(customers: Customers) -> AsyncIterator[object]:
    if isinstance(customers, AsyncIterable):
        async for customer in customers:
            yield customer
    else:
        for customer in customers:
            yield customer
