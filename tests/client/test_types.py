"""The types of both clients, as mypy sees them: `make check` holds these lines."""

from collections.abc import AsyncGenerator, Generator
from typing import assert_type
from uuid import UUID

import enrol.client
from enrol.client import (
    AsyncClient,
    AsyncImport,
    Client,
    CustomerPage,
    CustomerView,
    EnrolProblem,
    Import,
    ItemError,
    ItemResult,
)


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


def public(client: type) -> set[str]:
    return {name for name in vars(client) if not name.startswith("_")}


def test_both_clients_have_the_same_operations() -> None:
    assert public(Client) - {"close"} == public(AsyncClient) - {"aclose"}


def test_every_public_name_is_there() -> None:
    assert all(hasattr(enrol.client, name) for name in enrol.client.__all__)
