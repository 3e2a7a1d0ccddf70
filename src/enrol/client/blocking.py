"""The client for code that waits: calls one after the other, imports in a few threads."""

import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
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


class Client:
    """Calls Enrol with a key, for the key's project. May be shared by threads.

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

    def create_customers(
        self, customers: Iterable[object], **options: Unpack[ImportOptions]
    ) -> "Import[UUID]":
        """Enrol customers; gives their IDs in order. Each call is stored whole or not at all."""
        return Import(self, batches.creating(self.project, options), customers)

    def enrol_customers(
        self, customers: Iterable[object], **options: Unpack[ImportOptions]
    ) -> "Import[ItemResult]":
        """Enrol the customers that are right; gives one result for each, in order."""
        return Import(self, batches.enrolling(self.project, options), customers)

    def check_customers(
        self, customers: Iterable[object], **options: Unpack[ImportOptions]
    ) -> "Import[ItemResult]":
        """What `enrol_customers` would do, and nothing is stored. Of two customers that repeat one
        another it sees those that are in the same call."""
        return Import(self, batches.checking(self.project, options), customers)

    def get_customer(self, customer_id: UUID | str) -> CustomerView:
        """One customer. Raises `EnrolProblem` ``customer.unknown``."""
        return self._send(calls.get_customer(customer_id))

    def get_customer_by_wallet(self, address: str) -> CustomerView:
        """The customer of a wallet, in any spelling. Raises as `get_customer` does."""
        return self._send(calls.get_customer_by_wallet(self.project, address))

    def list_customers(
        self, *, page: int = 1, limit: int = 100, wallet: str | None = None
    ) -> CustomerPage:
        """A page of customers, newest first, and the count of all."""
        return self._send(calls.list_customers(self.project, wallet, page=page, limit=limit))

    def iter_customers(
        self, *, wallet: str | None = None, limit: int = calls.MOST_LISTED
    ) -> Iterator[CustomerView]:
        """All customers, newest first, each once, in pages of ``limit``."""
        pages = Pages(self.project, wallet, limit)
        while pages.more:
            yield from pages.take(self._send(pages.next_call()))

    def export_customers(
        self, file_format: ExportFormat = "full", **filters: str | bool
    ) -> Generator[bytes]:
        """The file of an export, piece by piece as it comes. ``filters`` are parameters of
        ``GET /customers/export``, by their names there. Raises `NotAnswered` where it breaks off.
        """
        call = calls.export_customers(self.project, file_format, filters)
        steps = tries(call, self._session)
        step = next(steps)
        while True:
            reply: Reply = None
            if isinstance(step, float):
                time.sleep(step)
            else:
                reply = self._begin(step)
            if isinstance(reply, httpx.Response) and reply.status_code in call.statuses:
                yield from _pieces(call, reply)
                return
            step = steps.send(reply)

    def _begin(self, request: httpx.Request) -> httpx.Response | httpx.RequestError:
        """The beginning of an answer; the whole, where it is a refusal."""
        try:
            with unlogged():
                reply = self._http.send(request, stream=True)
                if reply.status_code not in calls.OK:
                    reply.read()
                return reply
        except httpx.RequestError as error:
            return error

    def undo_batch(
        self, batch_id: UUID | str, reason: str | None = None, *, dry_run: bool = False
    ) -> UndoneBatch:
        """Remove the customers that a batch created and that nobody has changed since, or tell
        what that would do. Raises `EnrolProblem` ``batch.unknown``."""
        return self._send(calls.undo_batch(batch_id, reason, dry_run=dry_run))

    def count_customers(self) -> int:
        """How many customers the project has."""
        # Null only where the call says that it wants none.
        return self.list_customers(limit=1).total_count or 0

    def count_findings(self) -> dict[str, int]:
        """How many findings of each code the project has."""
        return self._send(calls.count_findings(self.project))

    def is_alive(self) -> bool:
        """Whether the server answers."""
        return self._succeeds(calls.healthz())

    def is_ready(self) -> bool:
        """Whether the server can read and write."""
        return self._succeeds(calls.readyz())

    def _succeeds(self, call: Call[None]) -> bool:
        try:
            self._send(call)
        except EnrolError:
            return False
        return True

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
            raise _Stopped
        try:
            with unlogged():
                return self._http.send(step)
        except httpx.RequestError as error:
            return error


def _pieces(call: Call[None], reply: httpx.Response) -> Generator[bytes]:
    try:
        yield from reply.iter_bytes()
    except httpx.RequestError as error:
        raise NotAnswered(call.name, 1, type(error).__name__, call.request_id) from error
    finally:
        reply.close()


class _Stopped(EnrolError):
    """The import ended before this call was sent; nobody is there to be told."""


class Import(Iterator[T], Generic[T]):
    """The results of an import, in the order of its customers, which are read as they are sent.

    ``done`` counts the customers whose call is behind us with all its results handed out: where
    to go on with ``skip``, under the same ``import_id``. Calls beyond it may be stored as well;
    sent again under the same ID, they answer what they answered.
    """

    def __init__(self, client: Client, plan: Plan[T], customers: Iterable[object]) -> None:
        self.import_id = plan.settings.import_id
        self.done = plan.settings.skip
        self._client = client
        self._plan = plan
        self._customers = customers
        self._results = self._run()

    def __next__(self) -> T:
        return next(self._results)

    @property
    def batch_ids(self) -> list[UUID]:
        """The batches that were answered so far: `undo_batch` takes each of them."""
        return self._plan.batches()

    def close(self) -> None:
        """End it here: what is under way is waited for, nothing more is sent."""
        self._results.close()

    def _run(self) -> Generator[T]:
        most = self._plan.settings.in_flight
        stop = Event()
        waiting: deque[tuple[Batch, Future[list[T]]]] = deque()
        with ThreadPoolExecutor(most, thread_name_prefix="enrol-import") as pool:
            try:
                for batch in self._cut():
                    call = self._plan.call(batch)
                    waiting.append((batch, pool.submit(self._client._send, call, stop)))
                    while waiting and (len(waiting) >= most or waiting[0][1].done()):
                        yield from self._take(*waiting.popleft())
                while waiting:
                    yield from self._take(*waiting.popleft())
            except EnrolError as error:
                error.place_in_import(self.import_id, self.done)
                raise
            finally:
                stop.set()
                pool.shutdown(cancel_futures=True)

    def _cut(self) -> Iterator[Batch]:
        cutter = Cutter(self._plan.project, self._plan.settings)
        for customer in self._customers:
            if batch := cutter.add(customer):
                yield batch
        if batch := cutter.cut():
            yield batch

    def _take(self, batch: Batch, sent: "Future[list[T]]") -> Iterator[T]:
        yield from sent.result()
        # The caller asks for more, so it is through with these.
        self.done = batch.end
