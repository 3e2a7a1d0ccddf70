"""The client for code that waits: calls one after the other, imports in a few threads."""

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import Generic, TypeVar, Unpack
from uuid import UUID

from enrol.client import batches
from enrol.client.batches import Batch, Cutter, ImportOptions, ItemResult, Plan, Sent
from enrol.client.calls import Call
from enrol.client.errors import EnrolError
from enrol.client.resources import batches as batch_calls
from enrol.client.resources import customers, events, keys, lookup, parts, project, webhooks
from enrol.client.sending import Sender, gathers, sends, sends_of, streams_of, walks, walks_of

T = TypeVar("T")


class Client(Sender):
    """Calls Enrol with a key, for the key's project. May be shared by threads.

    ``http`` is for what httpx can do beside: certificates, proxies, other timeouts. Whoever
    brings it closes it.
    """

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

    create_customer = sends_of(customers.create_customer)
    get_customer = sends(customers.get_customer)
    get_customer_and_tag = sends(customers.get_customer_and_tag)
    get_customer_by_wallet = sends_of(customers.get_customer_by_wallet)
    list_customers = sends_of(customers.list_customers)
    iter_customers = walks_of(customers.iter_customers)
    export_customers = streams_of(customers.export_customers)
    count_customers = sends_of(customers.count_customers)
    update_customer = sends(customers.update_customer)
    update_claims = sends(customers.update_claims)
    delete_customer = sends(customers.delete_customer)
    restore_customer = sends(customers.restore_customer)
    merge_customers = sends(customers.merge_customers)
    unmerge_customer = sends(customers.unmerge_customer)

    look_up_customers = gathers(lookup.look_up_customers)

    list_wallets = sends(parts.list_wallets)
    get_wallet = sends(parts.get_wallet)
    add_wallet = sends(parts.add_wallet)
    update_wallet = sends(parts.update_wallet)
    remove_wallet = sends(parts.remove_wallet)
    list_dids = sends(parts.list_dids)
    get_did = sends(parts.get_did)
    add_did = sends(parts.add_did)
    update_did = sends(parts.update_did)
    remove_did = sends(parts.remove_did)
    list_emails = sends(parts.list_emails)
    get_email = sends(parts.get_email)
    add_email = sends(parts.add_email)
    update_email = sends(parts.update_email)
    remove_email = sends(parts.remove_email)

    iter_batches = walks(batch_calls.iter_batches)
    get_batch = sends(batch_calls.get_batch)
    iter_batch_customers = walks(batch_calls.iter_batch_customers)
    undo_batch = sends(batch_calls.undo_batch)

    iter_events = walks(events.iter_events)
    iter_customer_events = walks(events.iter_customer_events)
    get_events_head = sends(events.get_events_head)
    get_dossier = sends(events.get_dossier)
    erase_customer = sends(events.erase_customer)

    create_key = sends(keys.create_key)
    list_keys = sends(keys.list_keys)
    get_key = sends(keys.get_key)
    revoke_key = sends(keys.revoke_key)

    create_webhook = sends(webhooks.create_webhook)
    list_webhooks = sends(webhooks.list_webhooks)
    get_webhook = sends(webhooks.get_webhook)
    change_webhook = sends(webhooks.change_webhook)
    delete_webhook = sends(webhooks.delete_webhook)
    enable_webhook = sends(webhooks.enable_webhook)
    get_webhook_secret = sends(webhooks.get_webhook_secret)
    rotate_webhook_secret = sends(webhooks.rotate_webhook_secret)
    ping_webhook = sends(webhooks.ping_webhook)
    iter_webhook_attempts = walks(webhooks.iter_webhook_attempts)
    redeliver_webhook_message = sends(webhooks.redeliver_webhook_message)

    count_findings = sends_of(project.count_findings)

    def is_alive(self) -> bool:
        """Whether the server answers."""
        return self._succeeds(project.healthz())

    def is_ready(self) -> bool:
        """Whether the server can read and write."""
        return self._succeeds(project.readyz())

    def _succeeds(self, call: Call[None]) -> bool:
        try:
            self._send(call)
        except EnrolError:
            return False
        return True


class Import(Iterator[T], Generic[T]):
    """The results of an import, in the order of its customers, which are read as they are sent.

    ``done`` counts the customers whose call is behind us with all its results handed out: where
    to go on with ``skip``, under the same ``import_id``. Calls beyond it may be stored as well;
    sent again under the same ID, they answer what they answered.
    ``batch_ids`` are the IDs of the batches that were stored, also beyond ``done``, in the order of
    their customers: `Client.undo_batch` takes one back.
    """

    def __init__(self, client: Client, plan: Plan[T], customers: Iterable[object]) -> None:
        self.import_id = plan.settings.import_id
        self.done = plan.settings.skip
        self._client = client
        self._plan = plan
        self._customers = customers
        self._results = self._run()
        self._stored: dict[int, UUID] = {}

    @property
    def batch_ids(self) -> list[UUID]:
        """The IDs of the batches that were stored so far."""
        return [batch_id for _, batch_id in sorted(self._stored.copy().items())]

    def __next__(self) -> T:
        return next(self._results)

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
                    waiting.append((batch, pool.submit(self._sent, call, stop)))
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

    def _sent(self, call: Call[Sent[T]], stop: Event) -> list[T]:
        sent = self._client._send(call, stop)
        if sent.batch_id is not None:
            self._stored[call.first] = sent.batch_id
        return sent.results

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
