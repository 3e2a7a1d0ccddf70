"""What is found and gone through: filters, lookups, batches, events."""

import json
import threading
import time
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from itertools import islice
from typing import Any
from uuid import UUID, uuid4

import pytest

from enrol.client import EnrolProblem, LookupWallet, NotAnswered, NotEncodable
from enrol.client.resources import lookup
from tests.client.answering import Asked, Told
from tests.client.callers import Caller, caller_told, ids_of
from tests.client.operations.test_editing import refused
from tests.people import CHECKSUMMED, customer, did, with_claims, with_did, with_wallet
from tests.serving import Project

EAST = timezone(timedelta(hours=9))
HOUR = timedelta(hours=1)


def found(caller: Caller, **filters: Any) -> list[UUID]:
    return [each.id for each in caller.each("iter_customers", **filters)]


def test_filters_are_met_over_several_pages(caller: Caller) -> None:
    marked = [
        {**with_claims(name=f"Zoé {place:02}", nationality="FRA"), "tags": ["t"]}
        for place in range(12)
    ]
    ids = ids_of(caller, [*marked, *(with_claims(name="Other") for _ in range(5))])[:12]
    newest_first = sorted(ids, reverse=True)
    for limit in (1, 5, 12, 1_000):
        assert found(caller, limit=limit, tag="t") == newest_first
        assert found(caller, limit=limit, search="zoe", nationality="FRA") == newest_first
        assert found(caller, limit=limit, tag="t", sort="createdAt") == newest_first[::-1]
        assert found(caller, limit=limit, tag="t", sort="name") == ids
    assert caller.call("count_customers", tag="t") == 12
    page = caller.call("list_customers", tag="t", sort="name", page=2, limit=5, count="none")
    assert ([each.id for each in page.data], page.total_count) == (ids[5:10], None)


def test_times_are_dates_datetimes_or_their_text(caller: Caller) -> None:
    ids = ids_of(caller, [with_claims(name="A")])
    now, day = datetime.now(UTC), timedelta(days=1)
    for at in (now, now.replace(tzinfo=None), now.astimezone(EAST)):
        assert found(caller, from_date=at - HOUR, to_date=at + HOUR) == ids
        assert found(caller, from_date=at + HOUR) == found(caller, to_date=at - HOUR) == []
    for text in (now.date().isoformat(), (now - HOUR).isoformat()):
        assert found(caller, from_date=text) == ids
    assert found(caller, from_date=now - day, to_date=now + day) == ids
    assert found(caller, from_date=now.date() - day, to_date=now.date() + day) == ids
    assert found(caller, from_date=now + day) == found(caller, to_date=now - day) == []
    caller.call("delete_customer", ids[0])
    assert found(caller) == []
    assert found(caller, soft_deleted_before=now + day) == ids


def test_one_customer_is_found_by_what_is_its_own(caller: Caller) -> None:
    one = {**customer(), "externalCustomerId": "ext-1"}
    ids = ids_of(caller, [one, customer()])[:1]
    assert found(caller, wallet=one["customerWallet"]["wallet"].upper().replace("X", "x")) == ids
    assert found(caller, did=one["customerDid"]["did"]) == ids
    assert found(caller, sub=one["customerClaims"]["sub"]) == ids
    assert found(caller, external_customer_id="ext-1", namespace="eip155") == ids
    assert found(caller, sub="nobody") == []
    # One in two spellings of an address; this list has no cursor.
    assert len(found(caller, wallet=one["customerWallet"]["wallet"], limit=1)) == 1


def test_what_is_no_filter_value_is_a_problem(caller: Caller) -> None:
    problem = refused("query.invalid", lambda: found(caller, status="odd", search=""))
    assert {error.pointer for error in problem.errors} == {"/status", "/search"}


def test_customers_are_looked_up_by_all_that_is_theirs(caller: Caller) -> None:
    sent = [{**customer(), "externalCustomerId": f"ext-{place}"} for place in range(3)]
    ids = ids_of(caller, sent)
    answer = caller.call(
        "look_up_customers",
        wallets=[
            sent[1]["customerWallet"]["wallet"],
            CHECKSUMMED,
            LookupWallet(wallet=sent[0]["customerWallet"]["wallet"], blockchain_namespace="eip155"),
        ],
        ids=[ids[2], str(uuid4()), "none"],
        dids=[sent[0]["customerDid"]["did"], did()["did"]],
        subs=(each["customerClaims"]["sub"] for each in sent),
        external_customer_ids=["ext-2", "ext-9"],
    )
    data = answer.data
    assert data.wallets == [ids[1], None, ids[0]]
    assert data.ids == [ids[2], None, None]
    assert data.dids == [ids[0], None]
    assert data.subs == ids
    assert data.external_customer_ids == [ids[2], None]
    assert (answer.ambiguous_wallets, answer.customers) == ([], None)


def test_any_number_is_looked_up(caller: Caller) -> None:
    sent = [customer() for _ in range(7)]
    ids = ids_of(caller, sent)
    wallets = [CHECKSUMMED] * 25_003
    subs = ["nobody"] * 10_001
    for place, each in enumerate(sent):
        wallets[place * 4_000] = each["customerWallet"]["wallet"]
        subs[place * 1_600] = each["customerClaims"]["sub"]
    data = caller.call("look_up_customers", wallets=iter(wallets), subs=subs).data
    assert (len(data.wallets), len(data.subs)) == (25_003, 10_001)
    assert data.wallets[::4_000] == ids == data.subs[:9_601:1_600]
    assert sum(each is not None for each in [*data.wallets, *data.subs]) == 14


def test_customers_found_are_given_once(caller: Caller) -> None:
    sent = [customer() for _ in range(3)]
    ids = ids_of(caller, sent)
    subs = [each["customerClaims"]["sub"] for each in sent]
    answer = caller.call("look_up_customers", subs=subs * 700, include_customers=True)
    assert answer.data.subs == ids * 700
    assert sorted(each.id for each in answer.customers) == sorted(ids)


def test_nothing_is_looked_up_without_a_call(kind: str) -> None:
    with caller_told(kind, Told(500)) as (server, caller):
        answer = caller.call("look_up_customers", include_customers=True)
        assert (answer.data.wallets, answer.customers) == ([], [])
        with pytest.raises(TypeError, match="subs is a text"):
            caller.call("look_up_customers", subs="letters")
        with pytest.raises(NotEncodable, match="The value 1 of subs"):
            caller.call("look_up_customers", subs=["a", "\ud800"])
    assert server.asked == []


def test_a_lookup_is_cut_by_bytes_too_and_its_faults_are_placed(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    (found_id,) = ids_of(caller, [with_claims(sub="s")])
    long = ["x" * 60_000] * 100
    assert caller.call("look_up_customers", subs=[*long, "s"]).data.subs == [None] * 100 + [
        found_id
    ]
    monkeypatch.setattr(lookup, "MOST_ASKED", 10)
    odd = LookupWallet(wallet="a", blockchain_namespace="odd")
    act = partial(caller.call, "look_up_customers", wallets=["a"] * 13 + [odd])
    assert refused("body.invalid", act).errors[0].pointer == "/wallets/13/blockchainNamespace"


def test_ambiguous_wallets_are_counted_over_all_calls(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookup, "MOST_ASKED", 2)
    none: dict[str, Any] = {"ids": [], "dids": [], "subs": [], "externalCustomerIds": []}

    def told(asked: Asked) -> Told:
        wallets = json.loads(asked.body).get("wallets", [])
        data = {**none, "wallets": [str(UUID(int=1))] * len(wallets)}
        return Told(200, json.dumps({"data": data, "ambiguousWallets": [0]}).encode())

    with caller_told(kind, told) as (server, caller):
        answer = caller.call("look_up_customers", wallets=[*"abcde"])
    assert answer.ambiguous_wallets == [0, 2, 4]
    assert len(server.asked) == 3


def test_an_export_comes_in_pieces(caller: Caller) -> None:
    ids = ids_of(caller, [with_claims(name=f"A{place}") for place in range(300)])
    lines = b"".join(caller.each("export_customers")).splitlines()
    assert [json.loads(line)["id"] for line in lines] == [str(each) for each in sorted(ids)]
    caller.call("update_customer", ids[7], {"tags": ["t"]})
    rows = b"".join(caller.each("export_customers", "csv", type="Individual", tag="t"))
    assert b"A7" in rows
    assert rows.count(b"\n") == 2
    problem = refused("query.invalid", lambda: list(caller.each("export_customers", "csv")))
    assert problem.errors[0].pointer == "/type"


def test_an_export_that_is_left_leaves_the_client_in_order(caller: Caller) -> None:
    ids_of(caller, [with_claims(name=f"A{place}") for place in range(600)])
    pieces = caller.each("export_customers")
    next(pieces)
    pieces.close()
    assert caller.call("count_customers") == 600


def test_an_export_that_does_not_begin_is_asked_for_again(kind: str) -> None:
    with caller_told(kind, Told(503), Told(200, b"lines")) as (server, caller):
        assert list(caller.each("export_customers")) == [b"lines"]
    assert len(server.asked) == 2


def test_an_export_that_breaks_off_is_said_to(kind: str) -> None:
    """And not asked for again: whoever has a part of it already would have that twice."""
    headers = {"Transfer-Encoding": "chunked", "Connection": "close"}
    with caller_told(kind, Told(200, b"5\r\nlines\r\n", headers)) as (server, caller):
        pieces = caller.each("export_customers")
        assert next(pieces) == b"lines"
        with pytest.raises(NotAnswered, match="1 tries"):
            next(pieces)
    assert len(server.asked) == 1


def test_batches_are_gone_through_and_undone(caller: Caller) -> None:
    ids = ids_of(caller, [with_did() for _ in range(25)], batch_size=10)
    made = caller.last.batch_ids
    batches = list(caller.each("iter_batches", limit=2))
    assert [each.id for each in batches] == sorted(made, reverse=True)
    assert [caller.call("get_batch", each).counts.created for each in made] == [10, 10, 5]
    by_batch = [
        [one.id for one in caller.each("iter_batch_customers", each, limit=3)] for each in made
    ]
    assert by_batch == [ids[:10], ids[10:20], ids[20:]]
    caller.call("update_customer", ids[0], {"tags": ["kept"]})
    told = caller.call("undo_batch", made[0], dry_run=True)
    assert (told.removed, [left.id for left in told.left]) == (9, ids[:1])
    assert caller.call("count_customers") == 25
    assert caller.call("undo_batch", made[0], reason="a wrong file") == told
    assert caller.call("get_batch", made[0]).undone.removed == 9
    assert found(caller) == sorted([ids[0], *ids[10:]], reverse=True)
    for filters, number in (
        ({"created_by": batches[0].created_by}, 3),
        ({"created_by": "key_other"}, 0),
        ({"from_date": datetime.now(UTC).date() - timedelta(days=1)}, 3),
        ({"to_date": "2001-01-01"}, 0),
    ):
        assert len(list(caller.each("iter_batches", limit=2, **filters))) == number
    refused("batch.unknown", partial(caller.call, "get_batch", uuid4()))
    refused("batch.unknown", lambda: list(caller.each("iter_batch_customers", uuid4())))


def test_an_import_names_its_batches(caller: Caller, own: Project) -> None:
    """In the order of the customers, also those behind a call that is refused."""
    known = with_did()
    own.enrol(known)
    sent = [with_did(), with_did(), known, with_did(), with_did()]
    with pytest.raises(EnrolProblem):
        ids_of(caller, sent, batch_size=2, in_flight=1)
    (stored,) = caller.last.batch_ids
    assert caller.call("get_batch", stored).counts.created == 2
    list(caller.each("check_customers", sent, batch_size=2))
    assert caller.last.batch_ids == []
    list(caller.each("enrol_customers", sent, batch_size=2, import_id="i"))
    first = caller.last.batch_ids
    assert [caller.call("get_batch", each).counts.created for each in first] == [0, 1, 1]
    list(caller.each("enrol_customers", sent, batch_size=2, import_id="i"))
    assert caller.last.batch_ids == first


def test_events_are_gone_through_from_a_cursor(caller: Caller) -> None:
    ids = ids_of(caller, [with_wallet() for _ in range(12)])
    caller.call("update_customer", ids[3], {"tags": ["a"]})
    events = list(caller.each("iter_events", limit=5))
    assert [each.seq for each in events] == list(range(1, len(events) + 1))
    assert [each.customer_id for each in events if each.type == "customer.created"] == ids
    head = caller.call("get_events_head")
    assert (head.seq, len(head.hash)) == (events[-1].seq, 64)
    assert list(caller.each("iter_events", events[4].seq, limit=3)) == events[5:]
    updated = [each for each in events if each.type == "customer.updated"]
    assert list(caller.each("iter_events", type="customer.updated", limit=1)) == updated
    of_one = [each for each in events if each.customer_id == ids[3]]
    assert list(caller.each("iter_events", customer_id=ids[3], limit=1)) == of_one
    assert list(caller.each("iter_customer_events", ids[3], limit=1)) == of_one
    assert list(caller.each("iter_customer_events", ids[3], of_one[0].seq)) == of_one[1:]
    history = partial(caller.each, "iter_customer_events", ids[3])
    assert list(history(type="customer.updated")) == updated
    refused("events.ahead", lambda: list(caller.each("iter_events", head.seq + 1)))
    refused("customer.unknown", lambda: list(caller.each("iter_customer_events", uuid4())))


def test_events_are_followed(caller: Caller, own: Project) -> None:
    own.enrol(with_did(), with_did())

    def enrol_later() -> None:
        time.sleep(1.5)
        own.server.http.post(
            "/customers/batch", json=own.body(with_did()), headers=own.headers
        ).raise_for_status()

    later = threading.Thread(target=enrol_later)
    later.start()
    events = caller.each("iter_events", limit=1, wait=1)
    try:
        # The third is there after a page or two that were empty.
        assert [each.seq for each in islice(events, 3)] == [1, 2, 3]
    finally:
        events.close()
        later.join()


def test_a_server_that_does_not_wait_is_not_asked_all_the_time(kind: str) -> None:
    event: dict[str, Any] = {
        "id": str(UUID(int=1)),
        "seq": 1,
        "type": "t",
        "customerId": None,
        "batchId": None,
        "actor": "k",
        "fields": [],
        "data": None,
        "createdAt": "2026-01-01T00:00:00.000Z",
    }
    empty = Told(200, json.dumps({"data": [], "nextAfter": "0"}).encode())
    full = Told(200, json.dumps({"data": [event], "nextAfter": "1"}).encode())
    with caller_told(kind, empty, empty, full) as (server, caller):
        start = time.monotonic()
        assert next(caller.each("iter_events", wait=20)).seq == 1
        # A second for each empty answer, by the clock of who asks: a server may be late to notice.
        assert time.monotonic() - start >= 2 * 0.99
    assert len(server.asked) == 3


def test_the_address_of_the_next_page_is_the_clients_own(kind: str) -> None:
    """Behind a proxy that serves it under a prefix, or a server that names another."""
    page = b'{"data":[],"totalCount":null}'
    link = '</elsewhere?after=c%2Bd&limit=9>; rel="next"'
    first = Told(200, page, {"Link": f'</customers?limit=9>; rel="first", {link}'})
    with caller_told(kind, first, Told(200, page)) as (server, caller):
        assert list(caller.each("iter_customers", tag="w")) == []
    assert [asked.path for asked in server.asked] == [
        "/customers?cmsProjectId=p&tag=w&sort=-createdAt&limit=1000",
        "/customers?cmsProjectId=p&tag=w&sort=-createdAt&limit=1000&after=c%2Bd&count=none",
    ]
