"""The types of both clients, as mypy sees them: `make check` holds these lines."""

import inspect
from collections.abc import AsyncGenerator, Generator
from datetime import UTC, datetime
from typing import assert_type
from uuid import UUID

import pytest

import enrol.client
from enrol.api.resources.keys import Scope
from enrol.client import (
    AsyncClient,
    AsyncImport,
    AttemptView,
    BatchView,
    ClaimsView,
    Client,
    CustomerPage,
    CustomerView,
    DidView,
    DossierView,
    EmailView,
    EnrolProblem,
    EventView,
    Import,
    ItemError,
    ItemResult,
    KeyView,
    LookupAnswer,
    NewKeyView,
    SecretView,
    TombstoneView,
    UndoView,
    WalletView,
    WebhookView,
)
from enrol.webhooks.messages import EventType

Customers = Generator[CustomerView]


def waiting(client: Client, problem: EnrolProblem) -> None:
    assert_type(client.create_customers([]), Import[UUID])
    assert_type(client.enrol_customers([{}], batch_size=10, gzip=True), Import[ItemResult])
    assert_type(client.check_customers(iter([1])), Import[ItemResult])
    for customer_id in client.create_customers([], import_id="i", on_conflict="return"):
        assert_type(customer_id, UUID)
    assert_type(client.create_customers([]).done, int)
    assert_type(client.get_customer("a"), CustomerView)
    assert_type(client.get_customer_by_wallet("a"), CustomerView)
    assert_type(client.list_customers(page=2), CustomerPage)
    assert_type(client.iter_customers(), Generator[CustomerView])
    assert_type(client.count_customers(), int)
    assert_type(client.count_findings(), dict[str, int])
    assert_type(client.is_ready(), bool)
    assert_type(problem.errors, tuple[ItemError, ...])
    assert_type(problem.done, int | None)


async def awaited(client: AsyncClient) -> None:
    assert_type(client.create_customers([]), AsyncImport[UUID])
    assert_type(client.enrol_customers([{}], batch_size=10, gzip=True), AsyncImport[ItemResult])
    assert_type(client.check_customers(iter([1])), AsyncImport[ItemResult])
    async for customer_id in client.create_customers(client.iter_customers()):
        assert_type(customer_id, UUID)
    assert_type(await client.get_customer("a"), CustomerView)
    assert_type(await client.get_customer_by_wallet("a"), CustomerView)
    assert_type(await client.list_customers(page=2), CustomerPage)
    assert_type(client.iter_customers(), AsyncGenerator[CustomerView])
    assert_type(await client.count_customers(), int)
    assert_type(await client.count_findings(), dict[str, int])
    assert_type(await client.is_ready(), bool)


def refused(client: Client) -> None:
    """mypy says so too when one of these is not an error any more."""
    client.create_customers([], batch=10)  # type: ignore[call-arg]
    client.create_customers([], batch_size="10")  # type: ignore[arg-type]
    client.create_customers([], on_conflict="replace")  # type: ignore[arg-type]
    client.create_customers(1)  # type: ignore[arg-type]
    client.get_customer(1)  # type: ignore[arg-type]


def sends(client: Client, key: Scope, types: list[EventType]) -> None:
    assert_type(client.create_customer({}, idempotency_key="k"), CustomerView)
    assert_type(client.get_customer_and_tag("a"), tuple[CustomerView, str])
    assert_type(client.list_customers(page=2, tag="a", sort="name", count="none"), CustomerPage)
    assert_type(client.iter_customers(from_date=datetime.now(UTC), limit=5), Customers)
    assert_type(client.update_customer("a", {}, if_match=""), CustomerView)
    assert_type(client.update_claims("a", {}), ClaimsView)
    assert_type(client.restore_customer("a", reason="r"), CustomerView)
    assert_type(client.merge_customers(["a"], "b"), UUID)
    assert_type(client.list_wallets("a"), list[WalletView])
    assert_type(client.add_wallet("a", "w", "eip155", verified=True), WalletView)
    assert_type(client.update_did("a", "b", updated_by=None), DidView)
    assert_type(client.get_email("a", "b"), EmailView)
    assert_type(client.look_up_customers(wallets=["a"], subs=iter("b")), LookupAnswer)
    assert_type(client.look_up_customers(ids=[UUID(int=1)]).data.ids, list[UUID | None])
    assert_type(client.create_customers([]).batch_ids, list[UUID])
    assert_type(client.iter_batches(created_by="k"), Generator[BatchView])
    assert_type(client.undo_batch("a", dry_run=True), UndoView)
    assert_type(client.iter_events(7, wait=20), Generator[EventView])
    assert_type(client.get_events_head().hash, str | None)
    assert_type(client.get_dossier("a"), DossierView)
    assert_type(client.export_customers("csv", type="Individual"), Generator[bytes])
    assert_type(client.erase_customer("a"), TombstoneView)
    assert_type(client.create_key("n", [key]), NewKeyView)
    assert_type(client.list_keys(revoked=True), list[KeyView])
    assert_type(client.create_webhook("u", event_types=types), WebhookView)
    assert_type(client.get_webhook_secret("a"), SecretView)
    assert_type(client.iter_webhook_attempts("a", failed=True), Generator[AttemptView])
    client.remove_wallet("a", "b", if_match="t")


async def awaits(client: AsyncClient, key: Scope) -> None:
    assert_type(await client.create_customer({}), CustomerView)
    assert_type(await client.get_customer_and_tag("a"), tuple[CustomerView, str])
    assert_type(client.iter_customers(status="Active"), AsyncGenerator[CustomerView])
    assert_type(await client.update_customer("a", {}, if_match=""), CustomerView)
    assert_type(await client.list_emails("a"), list[EmailView])
    assert_type(await client.look_up_customers(dids=["a"]), LookupAnswer)
    assert_type(client.create_customers([]).batch_ids, list[UUID])
    async for event in client.iter_events(wait=1):
        assert_type(event, EventView)
    assert_type(await client.undo_batch("a"), UndoView)
    assert_type(client.export_customers(tag="a"), AsyncGenerator[bytes])
    assert_type(await client.create_key("n", [key]), NewKeyView)
    assert_type(await client.ping_webhook("a"), AttemptView)
    await client.delete_customer("a", reason="r")


async def refused_too(client: Client, other: AsyncClient) -> None:
    client.create_key("n", ["all"])  # type: ignore[list-item]
    client.iter_customers(colour="blue")  # type: ignore[call-arg]
    client.list_customers(sort="age")  # type: ignore[arg-type]
    client.get_wallet("a")  # type: ignore[call-arg]
    client.update_wallet("a", "b", verified="yes")  # type: ignore[arg-type]
    client.create_webhook("u", event_types=["made.up"])  # type: ignore[list-item]
    client.get_customer_by_wallet("p", "a")  # type: ignore[call-arg]
    await other.merge_customers("a")  # type: ignore[call-arg]
    other.get_customer("a")  # type: ignore[unused-coroutine]


def public(client: type) -> set[str]:
    return {name for name in vars(client) if not name.startswith("_")}


def test_both_clients_have_the_same_operations() -> None:
    assert public(Client) - {"close"} == public(AsyncClient) - {"aclose"}


def test_every_public_name_is_there() -> None:
    assert all(hasattr(enrol.client, name) for name in enrol.client.__all__)


def signature(client: type, name: str) -> inspect.Signature:
    return inspect.signature(getattr(client, name))


@pytest.mark.parametrize("name", sorted(public(Client) - {"close"}))
def test_help_shows_what_a_method_takes_and_gives(name: str) -> None:
    ours, others = signature(Client, name), signature(AsyncClient, name)
    assert getattr(Client, name).__doc__ == getattr(AsyncClient, name).__doc__
    assert ours.parameters.keys() == others.parameters.keys()
    assert next(iter(ours.parameters)) == "self"
    assert "project" not in ours.parameters
    assert "Call[" not in str(ours.return_annotation)


def test_help_shows_iterators() -> None:
    assert signature(Client, "iter_events").return_annotation == Generator[EventView]
    assert signature(AsyncClient, "iter_events").return_annotation == AsyncGenerator[EventView]
    assert signature(Client, "list_wallets").return_annotation == list[WalletView]
    assert signature(Client, "look_up_customers").return_annotation is LookupAnswer
