"""The feed of events: every event once, in order, behind a cursor that may be kept for ever."""

import threading
import time
from itertools import pairwise
from typing import Any
from uuid import UUID

import httpx
import pytest

from enrol.api.resources.events import LOOK_SECONDS
from tests.api.conformance import Description
from tests.api.refusals import faults, problem
from tests.api.test_openapi import DOCUMENT
from tests.people import customer
from tests.serving import Project, Served

DESCRIPTION = Description(DOCUMENT)


def page(project: Project, path: str = "/events", **query: str | int) -> dict[str, Any]:
    """A page of events, which is as the document says."""
    answer = project.get(path, **query)
    assert answer.status_code == 200, answer.text
    DESCRIPTION(answer)
    found: dict[str, Any] = answer.json()
    return found


def at(project: Project, url: str) -> httpx.Response:
    """What stands at an address whose query is written out."""
    return project.server.http.get(url, headers=project.headers)


def followed(project: Project, path: str, limit: int) -> tuple[list[dict[str, Any]], int]:
    """All events, by the links from page to page; and how many pages they took."""
    events: list[dict[str, Any]] = []
    url, pages = f"{path}?limit={limit}", 0
    while url:
        answer = at(project, url)
        events += answer.json()["data"]
        link = answer.links.get("next")
        url, pages = link["url"] if link else "", pages + 1
    return events, pages


def test_a_batch_is_one_event_a_customer(project: Project) -> None:
    answer = project.post(project.body(customer(), customer(), customer()))
    found = page(project)
    assert [event["customerId"] for event in found["data"]] == answer.json()
    assert [event["seq"] for event in found["data"]] == [1, 2, 3]
    assert found["nextAfter"] == "3"
    (first, *_) = found["data"]
    created_at = project.customer(answer.json()[0])["createdAt"]
    assert first | {"id": ""} == {
        "id": "",
        "seq": 1,
        "type": "customer.created",
        "customerId": answer.json()[0],
        "batchId": answer.headers["enrol-batch-id"],
        "actor": first["actor"],
        "fields": [],
        "data": None,
        "createdAt": created_at,
    }
    key_ids = {key.id for key in project.server.registry.list_keys(project.id)}
    assert {event["actor"] for event in found["data"]} == key_ids
    ids = [UUID(event["id"]) for event in found["data"]]
    assert len(set(ids)) == 3
    assert {each.version for each in ids} == {8}
    assert [event["id"] for event in page(project)["data"]] == [str(each) for each in ids]


def test_an_empty_project_has_an_empty_feed(project: Project) -> None:
    assert page(project) == {"data": [], "nextAfter": "0"}
    assert page(project, "/events/head") == {"seq": 0, "hash": None}


def test_pages_follow_one_another_without_a_gap(project: Project) -> None:
    ids = [one for count in (3, 1, 6) for one in project.enrol(*(customer() for _ in range(count)))]
    events, pages = followed(project, "/events", 4)
    assert [event["customerId"] for event in events] == ids
    assert [event["seq"] for event in events] == [*range(1, 11)]
    assert pages == 3
    events, pages = followed(project, "/events", 10)
    assert len(events) == 10
    # The last page was full, so that more might have come.
    assert pages == 2


def test_a_cursor_goes_on_later(project: Project) -> None:
    project.enrol(customer(), customer())
    cursor = page(project)["nextAfter"]
    assert page(project, after=cursor) == {"data": [], "nextAfter": cursor}
    (late,) = project.enrol(customer())
    (event,) = page(project, after=cursor)["data"]
    assert (event["seq"], event["customerId"]) == (3, late)


def test_a_feed_of_one_type_or_one_customer(project: Project) -> None:
    one, two, three = project.enrol(customer(), customer(), customer())
    assert page(project, type="customer.updated") == {"data": [], "nextAfter": "3"}
    assert len(page(project, type="customer.created")["data"]) == 3
    (event,) = page(project, customerId=two)["data"]
    assert (event["seq"], event["customerId"]) == (2, two)
    assert page(project, customerId=two, after=2) == {"data": [], "nextAfter": "3"}
    assert page(project, customerId=three, limit=1, type="customer.created")["nextAfter"] == "3"
    stranger = "019a91f2-6c00-7a33-b7d4-5e8a1c6f3290"
    assert page(project, customerId=stranger)["data"] == []
    history = page(project, f"/customers/{one}/events")
    assert [event["seq"] for event in history["data"]] == [1]
    assert history["nextAfter"] == "3"
    problem(project.get(f"/customers/{stranger}/events"), "customer.unknown")
    problem(project.get("/customers/me/events"), "customer.unknown")


def test_a_project_has_numbers_and_ids_of_its_own(server: Served, project: Project) -> None:
    other = server.new_project()
    project.enrol(customer())
    other.enrol(customer())
    (mine,), (theirs,) = page(project)["data"], page(other)["data"]
    assert mine["seq"] == theirs["seq"] == 1
    assert mine["id"] != theirs["id"]
    problem(other.get(f"/customers/{mine['customerId']}/events"), "customer.unknown")
    assert page(other, customerId=mine["customerId"])["data"] == []


def test_the_head_covers_all_events(project: Project) -> None:
    heads = []
    for count in (1, 2):
        project.enrol(*(customer() for _ in range(count)))
        heads.append(page(project, "/events/head"))
    assert [head["seq"] for head in heads] == [1, 3]
    assert len({head["hash"] for head in heads}) == 2
    assert {len(bytes.fromhex(head["hash"])) for head in heads} == {32}


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("after=-1", "/after"),
        ("after=", "/after"),
        ("after=9223372036854775808", "/after"),
        ("after=1&after=1", "/after"),
        ("limit=0", "/limit"),
        ("limit=1001", "/limit"),
        ("limit=1e1", "/limit"),
        ("wait=21", "/wait"),
        ("type=", "/type"),
        ("type=%00", "/type"),
        ("customerId=me", "/customerId"),
        ("customerId=null", "/customerId"),
        ("after=null", "/after"),
    ],
)
def test_a_query_that_is_not_right_is_refused(project: Project, query: str, place: str) -> None:
    answer = at(project, f"/events?{query}")
    DESCRIPTION(answer)
    assert faults(problem(answer, "query.invalid")) == [(place, "query.value")]


def test_a_cursor_of_another_database_is_refused(project: Project) -> None:
    """Whoever went on with it would never see the events up to there."""
    (one,) = project.enrol(customer())
    assert page(project, after=1)["data"] == []
    for url in ("/events?after=2", f"/customers/{one}/events?after=2"):
        answer = at(project, url)
        DESCRIPTION(answer)
        problem(answer, "events.ahead")


def test_all_faults_of_a_query_are_told_at_once(project: Project) -> None:
    answer = at(project, "/events?after=x&limit=x&since=1")
    found = faults(problem(answer, "query.invalid"))
    assert found == [("/after", "query.value"), ("/limit", "query.value"), ("", "query.unknown")]


def test_a_call_waits_for_the_next_event(project: Project) -> None:
    answers: list[tuple[httpx.Response, float]] = []

    def wait(seconds: int) -> None:
        answers.append((project.get("/events", wait=seconds), time.monotonic()))

    start = time.monotonic()
    wait(1)
    ((empty, end),) = answers
    assert empty.json() == {"data": [], "nextAfter": "0"}
    assert end - start >= 1
    answers.clear()
    waiting = threading.Thread(target=wait, args=(20,))
    waiting.start()
    time.sleep(2 * LOOK_SECONDS)
    assert answers == []
    (one,) = project.enrol(customer())
    written = time.monotonic()
    waiting.join()
    ((answer, end),) = answers
    assert [event["customerId"] for event in answer.json()["data"]] == [one]
    assert end - written < 5


def test_a_history_is_in_the_order_of_the_feed(project: Project) -> None:
    project.enrol(*(customer() for _ in range(30)))
    seqs = [event["seq"] for event in page(project)["data"]]
    assert all(later - before == 1 for before, later in pairwise(seqs))


def test_the_history_of_those_who_were_merged_is_the_targets_too(project: Project) -> None:
    one, two, three = project.enrol(customer(), customer(), customer())
    paths = {"one": one, "two": two}
    for number in range(3):
        for name, customer_id in paths.items():
            body = {"tags": [f"{name}-{number}"]}
            assert project.call("PATCH", f"/customers/{customer_id}", body).status_code == 200
    merge = {"sourceCustomerIds": [one], "targetCustomerId": two}
    assert project.call("POST", "/customers/merge", merge).status_code == 200
    whole = project.get(f"/customers/{two}/events").json()["data"]
    told = {event["customerId"] for event in whole}
    assert told == {one, two}
    seqs = [event["seq"] for event in whole]
    assert seqs == sorted(set(seqs))
    feed = project.get("/events").json()["data"]
    assert whole == [event for event in feed if event["customerId"] != three]
    # The same, a few at a time.
    paged, after = [], "0"
    for _ in whole:
        page = project.get(f"/customers/{two}/events", after=after, limit=2).json()
        paged += page["data"]
        after = page["nextAfter"]
    assert paged == whole
    updates = project.get(f"/customers/{two}/events", type="customer.updated").json()["data"]
    assert updates == [event for event in whole if event["type"] == "customer.updated"]
    # The source keeps its own alone.
    own = project.get(f"/customers/{one}/events").json()["data"]
    assert {event["customerId"] for event in own} == {one}
