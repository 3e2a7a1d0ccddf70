"""Reading customers back, page by page and one by one."""

from typing import Any
from uuid import uuid4

import pytest

from enrol.client import EnrolProblem
from tests.client.answering import Told
from tests.client.callers import Caller, caller_of, caller_to, caller_told, ids_of
from tests.people import CHECKSUMMED, customer, with_claims, with_wallet
from tests.serving import Project


def test_a_customer_is_read_by_its_id_and_its_wallet(project: Project, kind: str) -> None:
    with caller_to(kind, project) as caller:
        (enrolled,) = ids_of(caller, [with_wallet(CHECKSUMMED)])
        by_id = caller.call("get_customer", str(enrolled))
        assert by_id.id == enrolled
        assert by_id.customer_wallets[0].wallet == CHECKSUMMED
        assert caller.call("get_customer_by_wallet", CHECKSUMMED.lower()) == by_id
        found = list(caller.each("iter_customers", wallet=f"eip155:1:{CHECKSUMMED}"))
    assert found == [by_id]


def test_a_customer_that_is_not_there_is_a_problem(caller: Caller) -> None:
    for name, wanted in (("get_customer", uuid4()), ("get_customer_by_wallet", CHECKSUMMED)):
        with pytest.raises(EnrolProblem) as caught:
            caller.call(name, wanted)
        assert (caught.value.status, caught.value.code) == (404, "customer.unknown")
        assert caught.value.done is None


@pytest.mark.parametrize("address", ["..", "a/b", "a?b#c", "a%2Fb", "ü"])
def test_an_address_stays_one_segment_of_the_path(caller: Caller, address: str) -> None:
    with pytest.raises(EnrolProblem) as caught:
        caller.call("get_customer_by_wallet", address)
    assert caught.value.code == "customer.unknown"


def test_a_project_id_may_hold_a_slash(kind: str, own: Project) -> None:
    odd = own.server.new_project(project_id=f"a/b ..%2F {uuid4()}")
    with caller_to(kind, odd) as caller:
        ids_of(caller, [with_wallet(CHECKSUMMED), with_claims(name="A", birthdate="1850")])
        assert caller.call("get_customer_by_wallet", CHECKSUMMED).cms_project_id == odd.id
        assert caller.call("count_findings") == {"claims.birthdate_old": 1}
        assert caller.call("count_customers") == 2


def test_every_customer_comes_once_however_large_the_pages(caller: Caller) -> None:
    ids = ids_of(caller, [customer() for _ in range(20)])
    for limit in (1, 7, 20, 1_000):
        found = [each.id for each in caller.each("iter_customers", limit=limit)]
        assert found == sorted(ids, reverse=True)


@pytest.mark.parametrize("more", [1, 5, 17])
def test_customers_who_are_enrolled_meanwhile_repeat_nobody(
    caller: Caller, own: Project, more: int
) -> None:
    """They push others to the next page: one page is repeated, or several."""
    ids = ids_of(caller, [with_claims(name=str(place)) for place in range(20)])
    found = []
    for place, each in enumerate(caller.each("iter_customers", limit=5)):
        found.append(each.id)
        if place in (3, 11):
            own.enrol(*(with_claims(name="new") for _ in range(more)))
    assert found == sorted(ids, reverse=True)


def test_a_page_tells_how_many_there_are(caller: Caller) -> None:
    ids = ids_of(caller, [customer() for _ in range(5)])
    page = caller.call("list_customers", page=2, limit=2)
    assert page.total_count == 5
    assert [each.id for each in page.data] == sorted(ids, reverse=True)[2:4]


def test_a_query_that_is_refused_is_a_problem(caller: Caller) -> None:
    with pytest.raises(EnrolProblem) as caught:
        caller.call("list_customers", limit=1_001)
    (error,) = caught.value.errors
    assert (error.index, error.pointer, error.code) == (None, "/limit", "query.value")


def test_health_is_asked_for_once(kind: str, own: Project) -> None:
    with caller_to(kind, own) as caller:
        assert caller.call("is_alive")
        assert caller.call("is_ready")
    away: Any = Told(503)
    with caller_told(kind, away) as (server, caller):
        assert not caller.call("is_ready")
    assert len(server.asked) == 1
    with caller_of(kind, server.url, "k", "p") as caller:
        assert not caller.call("is_alive")
