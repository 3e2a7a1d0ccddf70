"""The client for asyncio: imports keep a few tasks under way."""

import asyncio
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Coroutine,
    Generator,
    Iterable,
)
from contextlib import aclosing
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, Unpack
from uuid import UUID

import httpx

from enrol.client import batches
from enrol.client.batches import Batch, Cutter, ImportOptions, ItemResult, Plan, Sent
from enrol.client.calls import Call, Page
from enrol.client.errors import EnrolError
from enrol.client.methods import dressed
from enrol.client.resources import batches as batch_calls
from enrol.client.resources import (
    customers,
    events,
    keys,
    lookup,
    parts,
    project,
    webhooks,
)
from enrol.client.tries import LIMITS, TIMEOUT, Reply, Retry, Session, Step, tries, unlogged

T = TypeVar("T")
S = TypeVar("S")
P = ParamSpec("P")
Customers = AsyncIterable[object] | Iterable[object]


def _sends(
    call: Callable[P, Call[T]],
) -> Callable[Concatenate["AsyncClient", P], Coroutine[Any, Any, T]]:
    """The method that sends a call."""

    async def method(client: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await client._send(call(*args, **kwargs))

    return dressed(method, call)


def _sends_of(
    call: Callable[Concatenate[str, P], Call[T]],
) -> Callable[Concatenate["AsyncClient", P], Coroutine[Any, Any, T]]:
    """The method that sends a call for the client's project."""

    async def method(client: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await client._send(call(client.project, *args, **kwargs))

    return dressed(method, call, skip=1)


def _walks(
    call: Callable[P, Call[Page[T]]],
) -> Callable[Concatenate["AsyncClient", P], AsyncGenerator[T]]:
    """The method that goes through all pages."""

    def method(client: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[T]:
        return client._walk(call(*args, **kwargs))

    return dressed(method, call, over=AsyncGenerator)


def _walks_of(
    call: Callable[Concatenate[str, P], Call[Page[T]]],
) -> Callable[Concatenate["AsyncClient", P], AsyncGenerator[T]]:
    """The method that goes through all pages of the client's project."""

    def method(client: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[T]:
        return client._walk(call(client.project, *args, **kwargs))

    return dressed(method, call, skip=1, over=AsyncGenerator)


def _gathers(
    calls: Callable[P, Generator[Call[S], S, T]],
) -> Callable[Concatenate["AsyncClient", P], Coroutine[Any, Any, T]]:
    """The method that sends all calls that a function asks for, and gives what it makes of them."""

    async def method(client: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> T:
        asked = calls(*args, **kwargs)
        try:
            call = next(asked)
            while True:
                call = asked.send(await client._send(call))
        except StopIteration as end:
            result: T = end.value
            return result

    return dressed(method, calls)


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

    create_customer = _sends_of(customers.create_customer)
    get_customer = _sends(customers.get_customer)
    get_customer_and_tag = _sends(customers.get_customer_and_tag)
    get_customer_by_wallet = _sends_of(customers.get_customer_by_wallet)
    list_customers = _sends_of(customers.list_customers)
    iter_customers = _walks_of(customers.iter_customers)
    count_customers = _sends_of(customers.count_customers)
    update_customer = _sends(customers.update_customer)
    update_claims = _sends(customers.update_claims)
    delete_customer = _sends(customers.delete_customer)
    restore_customer = _sends(customers.restore_customer)
    merge_customers = _sends(customers.merge_customers)
    unmerge_customer = _sends(customers.unmerge_customer)

    look_up_customers = _gathers(lookup.look_up_customers)

    list_wallets = _sends(parts.list_wallets)
    get_wallet = _sends(parts.get_wallet)
    add_wallet = _sends(parts.add_wallet)
    update_wallet = _sends(parts.update_wallet)
    remove_wallet = _sends(parts.remove_wallet)
    list_dids = _sends(parts.list_dids)
    get_did = _sends(parts.get_did)
    add_did = _sends(parts.add_did)
    update_did = _sends(parts.update_did)
    remove_did = _sends(parts.remove_did)
    list_emails = _sends(parts.list_emails)
    get_email = _sends(parts.get_email)
    add_email = _sends(parts.add_email)
    update_email = _sends(parts.update_email)
    remove_email = _sends(parts.remove_email)

    iter_batches = _walks(batch_calls.iter_batches)
    get_batch = _sends(batch_calls.get_batch)
    iter_batch_customers = _walks(batch_calls.iter_batch_customers)
    undo_batch = _sends(batch_calls.undo_batch)

    iter_events = _walks(events.iter_events)
    iter_customer_events = _walks(events.iter_customer_events)
    get_events_head = _sends(events.get_events_head)
    get_dossier = _sends(events.get_dossier)
    erase_customer = _sends(events.erase_customer)

    create_key = _sends(keys.create_key)
    list_keys = _sends(keys.list_keys)
    get_key = _sends(keys.get_key)
    revoke_key = _sends(keys.revoke_key)

    create_webhook = _sends(webhooks.create_webhook)
    list_webhooks = _sends(webhooks.list_webhooks)
    get_webhook = _sends(webhooks.get_webhook)
    change_webhook = _sends(webhooks.change_webhook)
    delete_webhook = _sends(webhooks.delete_webhook)
    enable_webhook = _sends(webhooks.enable_webhook)
    get_webhook_secret = _sends(webhooks.get_webhook_secret)
    rotate_webhook_secret = _sends(webhooks.rotate_webhook_secret)
    ping_webhook = _sends(webhooks.ping_webhook)
    iter_webhook_attempts = _walks(webhooks.iter_webhook_attempts)
    redeliver_webhook_message = _sends(webhooks.redeliver_webhook_message)

    count_findings = _sends_of(project.count_findings)

    async def is_alive(self) -> bool:
        """Whether the server answers."""
        return await self._succeeds(project.healthz())

    async def is_ready(self) -> bool:
        """Whether the server can read and write."""
        return await self._succeeds(project.readyz())

    async def _succeeds(self, call: Call[None]) -> bool:
        try:
            await self._send(call)
        except EnrolError:
            return False
        return True

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


class AsyncImport(AsyncIterator[T], Generic[T]):
    """The results of an import, in the order of its customers, which are read as they are sent.

    ``done`` counts the customers whose call is behind us with all its results handed out: where
    to go on with ``skip``, under the same ``import_id``. Calls beyond it may be stored as well;
    sent again under the same ID, they answer what they answered.
    ``batches`` are the IDs of the batches that are known to be stored, also beyond ``done``, in the
    order of their customers: `AsyncClient.undo_batch` takes one back. What was under way when it
    was ended, by an error or `aclose`, is not among them; `AsyncClient.iter_batches` shows it.
    """

    def __init__(self, client: AsyncClient, plan: Plan[T], customers: Customers) -> None:
        self.import_id = plan.settings.import_id
        self.done = plan.settings.skip
        self._client = client
        self._plan = plan
        self._customers = customers
        self._results = self._run()
        self._stored: dict[int, UUID] = {}

    @property
    def batches(self) -> list[UUID]:
        """The IDs of the batches that were stored so far."""
        return [batch_id for _, batch_id in sorted(self._stored.items())]

    async def __anext__(self) -> T:
        return await anext(self._results)

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
                    waiting.append((batch, asyncio.create_task(self._sent(call))))
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

    async def _sent(self, call: Call[Sent[T]]) -> list[T]:
        sent = await self._client._send(call)
        if sent.batch_id is not None:
            self._stored[call.first] = sent.batch_id
        return sent.results

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
