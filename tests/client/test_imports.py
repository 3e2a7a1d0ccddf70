"""Imports: any number of customers, cut into calls, with results in their order."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from msgspec import Raw

from enrol.client import AsyncClient, Client, CustomerNotEncodable, EnrolProblem
from enrol.customers.model import Customer, CustomerClaims, CustomerContact
from tests.client.answering import ids_for
from tests.client.callers import Caller, caller_to, caller_told, ids_of, results_of, subs_by_id
from tests.people import customer, did, with_claims, with_did
from tests.serving import Project

WRONG = {"customerClaims": {"nationality": "afg"}}


def people(number: int, prefix: str = "s") -> Iterator[dict[str, Any]]:
    """Customers who can be told apart by their subs: s0, s1 ..."""
    return (with_claims(sub=f"{prefix}{place}") for place in range(number))


def test_ids_come_in_the_order_of_the_customers(project: Project, kind: str) -> None:
    with caller_to(kind, project) as caller:
        ids = ids_of(caller, people(2_345), batch_size=500)
        subs = subs_by_id(caller)
    assert [subs[each] for each in ids] == [f"s{place}" for place in range(2_345)]
    assert project.rows()["batches"] == 5


def test_no_customers_are_no_call(caller: Caller, own: Project) -> None:
    assert ids_of(caller, []) == []
    assert own.rows()["batches"] == 0


def test_customers_are_dicts_structs_or_whatever_msgspec_encodes(
    caller: Caller, own: Project
) -> None:
    @dataclass
    class Person:
        customerClaims: dict[str, str]  # noqa: N815

    struct = Customer(customer_claims=CustomerClaims(name="struct", given_name="s"))
    ids = ids_of(caller, [with_claims(name="dict"), struct, Person({"name": "dataclass"})])
    names = [own.customer(str(each))["customerClaims"][0]["name"] for each in ids]
    assert names == ["dict", "struct", "dataclass"]


def test_a_profile_is_sent_as_it_is_written(caller: Caller, own: Project) -> None:
    struct = Customer(
        external_customer_id="a",
        status="Active",
        customer_contact=CustomerContact(email="a@example.com"),
        tags=["a"],
        metadata=Raw(b'{"n": 1.00}'),
    )
    ids = ids_of(caller, [struct, {"externalCustomerId": "b", "metadata": {"n": 2}}])
    one, other = (own.customer(str(each)) for each in ids)
    assert (one["status"], one["tags"]) == ("Active", ["a"])
    assert one["customerEmails"][0]["email"] == "a@example.com"
    assert '"metadata":{"n": 1.00}' in own.get(f"/customers/{ids[0]}").text
    assert other["metadata"] == {"n": 2}


def test_an_async_iterable_is_read_as_it_is_sent(own: Project) -> None:
    async def later() -> AsyncIterator[object]:
        for person in people(25):
            await asyncio.sleep(0)
            yield person

    async def run() -> int:
        async with AsyncClient(own.server.url, own.key, own.id) as client:
            return len([each async for each in client.create_customers(later(), batch_size=10)])

    assert asyncio.run(run()) == own.total() == 25


def test_customers_are_read_no_faster_than_they_are_sent(kind: str) -> None:
    """What is held at once does not grow with the import: 10,000 here, of which a window."""
    read = given = most = 0

    def counted() -> Iterator[dict[str, Any]]:
        nonlocal read, most
        for person in people(10_000):
            read += 1
            most = max(most, read - given)
            yield person

    with caller_told(kind, ids_for) as (_, caller):
        for _ in caller.each("create_customers", counted(), batch_size=100, in_flight=3):
            given += 1
    assert (read, given) == (10_000, 10_000)
    assert most <= 4 * 100


def test_an_endless_iterable_can_be_left_at_any_time(kind: str) -> None:
    endless = (with_claims(sub=str(place)) for place in count())
    with caller_told(kind, ids_for) as (_, caller):
        results = caller.each("create_customers", endless, batch_size=10)
        assert len([next(results) for _ in range(25)]) == 25
        results.close()
    assert caller.last.done == 20


def test_a_call_has_no_more_bytes_than_it_may(kind: str) -> None:
    sizes = [10, 10, 700, 10, 2_000, 10, 10]
    with caller_told(kind, ids_for) as (server, caller):
        people = [with_claims(name="x" * size) for size in sizes]
        assert len(ids_of(caller, people, batch_bytes=900, in_flight=1)) == len(sizes)
    bodies = [asked.body for asked in server.asked]
    assert [body.count(b'"name"') for body in bodies] == [3, 1, 1, 2]
    # The one that is too large alone is alone.
    assert [len(body) > 900 for body in bodies] == [False, False, True, False]


@pytest.mark.parametrize("mode", ["create_customers", "enrol_customers"])
def test_a_packed_import_is_the_same_import(caller: Caller, own: Project, mode: str) -> None:
    people = [customer() for _ in range(30)]
    plain = list(caller.each(mode, people, batch_size=10, import_id="i"))
    packed = list(caller.each(mode, people, batch_size=10, import_id="i", gzip=True))
    assert plain == packed
    assert own.total() == 30


def test_a_repeated_import_gives_the_same_ids(caller: Caller, own: Project) -> None:
    people = [with_claims(name=str(place)) for place in range(25)]
    first = ids_of(caller, people, batch_size=10, import_id="crm-1")
    assert ids_of(caller, people, batch_size=10, import_id="crm-1") == first
    assert own.total() == 25


def test_without_an_import_id_each_import_has_its_own(caller: Caller) -> None:
    seen = set()
    for _ in range(2):
        ids_of(caller, [with_claims(name="A")])
        seen.add(caller.last.import_id)
    assert len(seen) == 2


def test_a_refused_call_names_the_customer_and_how_many_are_done(
    caller: Caller, own: Project
) -> None:
    items = [*people(23), WRONG, *people(10, "t")]
    results = caller.each("create_customers", items, batch_size=10, in_flight=1)
    with pytest.raises(EnrolProblem) as caught:
        list(results)
    problem = caught.value
    assert (problem.status, problem.code, problem.error_count) == (422, "batch.invalid", 1)
    (error,) = problem.errors
    assert (error.index, error.pointer) == (23, "/customerClaims/nationality")
    assert error.code == "country.unknown"
    assert (problem.done, problem.import_id) == (20, caller.last.import_id)
    assert caller.last.done == 20
    assert problem.request_id in own.server.whole_log()
    assert "customer 23" in str(problem)


def test_an_import_goes_on_where_it_ended(caller: Caller, own: Project) -> None:
    """Calls beyond the refused one were stored meanwhile, or are now: each customer once."""
    items: list[object] = [*people(60)]
    right, items[23] = items[23], WRONG
    given: list[UUID] = []
    with pytest.raises(EnrolProblem) as caught:
        given.extend(caller.each("create_customers", items, batch_size=10, in_flight=4))
    done = caught.value.done
    assert done == 20
    items[23] = right
    given += ids_of(caller, items, batch_size=10, import_id=caught.value.import_id, skip=done)
    subs = subs_by_id(caller)
    assert [subs[each] for each in given] == [f"s{place}" for place in range(60)]
    assert own.total() == 60


def test_an_error_of_the_iterable_passes_through(caller: Caller) -> None:
    def broken() -> Iterator[dict[str, Any]]:
        yield from people(25)
        raise LookupError("line 26")

    with pytest.raises(LookupError, match="line 26"):
        ids_of(caller, broken(), batch_size=10)


def test_a_customer_that_is_no_json_is_named(caller: Caller, own: Project) -> None:
    with pytest.raises(CustomerNotEncodable, match=r"customer 12 .*type object") as caught:
        ids_of(caller, [*people(12), object()], batch_size=10, in_flight=1)
    assert (caught.value.index, caught.value.done) == (12, 10)
    assert own.total() == 10


def test_stored_customers_are_returned_if_asked_for(caller: Caller, own: Project) -> None:
    known = with_did()
    (stored,) = own.enrol(known)
    with pytest.raises(EnrolProblem) as caught:
        ids_of(caller, [customer(), known])
    assert caught.value.code == "batch.conflict"
    assert str(caught.value.errors[0].customer_id) == stored
    assert str(ids_of(caller, [customer(), known], on_conflict="return")[1]) == stored


def test_unknown_fields_are_ignored_if_asked_for(caller: Caller) -> None:
    odd = {**with_claims(name="A"), "extra": 1}
    with pytest.raises(EnrolProblem) as caught:
        ids_of(caller, [odd])
    assert caught.value.errors[0].code == "field.unknown"
    assert len(ids_of(caller, [odd], unknown_fields="ignore")) == 1


def test_a_company_is_enrolled_as_one(caller: Caller) -> None:
    (company,) = ids_of(caller, [with_claims(name="A")], customer_type="Company")
    assert caller.call("get_customer", company).type == "Company"


def test_a_partial_import_gives_one_result_a_customer(project: Project, kind: str) -> None:
    known = with_did()
    (stored,) = project.enrol(known)
    items = [*people(12), WRONG, known, *people(10, "t")]
    with caller_to(kind, project) as caller:
        results = results_of(caller, items, batch_size=10, on_conflict="return")
    assert [result.index for result in results] == [*range(24)]
    outcomes = ["created"] * 12 + ["refused", "exists"] + ["created"] * 10
    assert [result.outcome for result in results] == outcomes
    assert str(results[13].id) == stored
    assert results[12].id is None
    (error,) = results[12].errors
    assert (error.index, error.pointer) == (12, "/customerClaims/nationality")
    assert project.total() == 23


def test_a_check_stores_nothing(caller: Caller, own: Project) -> None:
    known = with_did()
    own.enrol(known)
    items = [customer(), known, WRONG]
    results = list(caller.each("check_customers", items, batch_size=2))
    assert [result.outcome for result in results] == ["created", "refused", "refused"]
    assert [result.errors[0].index for result in results[1:]] == [1, 2]
    assert results[0].id is None
    assert own.total() == 1


@pytest.mark.parametrize(
    "options",
    [{"import_id": "two words"}, {"import_id": ""}, {"batch_size": 0}, {"skip": -1}],
    ids=str,
)
def test_options_that_cannot_be_are_refused_at_once(options: Any) -> None:
    with (
        Client("http://127.0.0.1:9", "k", "p") as client,
        pytest.raises(ValueError, match=r"least|visible"),
    ):
        client.create_customers([with_claims(name="A")], **options)


@pytest.mark.parametrize(
    ("url", "key"), [("127.0.0.1:8000", "k"), ("http://a", "k\n"), ("http://a", "")]
)
def test_an_address_or_a_key_that_cannot_be_is_refused_at_once(url: str, key: str) -> None:
    with pytest.raises(ValueError, match=r"begins with|visible"):
        Client(url, key, "p")


def test_calls_under_one_import_id_have_keys_of_their_own(kind: str) -> None:
    with caller_told(kind, ids_for) as (server, caller):
        ids_of(caller, [with_did(did()["did"]) for _ in range(25)], batch_size=10, import_id="i")
        ids_of(caller, [*people(25)], batch_size=10, import_id="i", skip=20)
    keys = [asked.headers["idempotency-key"] for asked in server.asked]
    assert sorted(keys) == ["i-0", "i-10", "i-20", "i-20"]
