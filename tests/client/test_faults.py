"""What may happen to a call on its way: every customer is there once all the same."""

import os
import signal
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from enrol.client import AnswerUnreadable, Client, EnrolProblem, NotAnswered, Retry
from tests.client.answering import Answering, Asked, Told, ids_for, problem
from tests.client.callers import QUICK, caller_of, caller_to, caller_told, ids_of, subs_by_id
from tests.client.relay import Relay
from tests.people import with_claims, with_did
from tests.serving import Project, Served

PERSON = with_claims(name="A")


def kill_and_start(served: Served) -> None:
    """What a power cut of the server's machine is to a client."""
    os.killpg(served.process.pid, signal.SIGKILL)
    served.process.wait()
    served.http.close()
    time.sleep(0.3)
    served.start()


def test_an_import_outlives_a_server_that_is_killed(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    number = 20_000
    with Served(tmp_path) as served:
        project = served.new_project()
        killing = threading.Thread(target=kill_and_start, args=[served])
        people = (with_claims(sub=f"s{place}") for place in range(number))
        with caller_of(kind, served.url, project.key, project.id, retry=None) as caller:
            ids = []
            for each in caller.each("create_customers", people, batch_size=250):
                ids.append(each)
                if len(ids) == 5_000:
                    killing.start()
            killing.join()
            subs = subs_by_id(caller)
        assert [subs[each] for each in ids] == [f"s{place}" for place in range(number)]
        assert project.rows()["customers"] == number
    assert "ConnectError; try" in caplog.text


def test_answers_that_break_off_are_asked_for_again(project: Project, kind: str) -> None:
    """The batch is stored by then; the repeat has the same key and gets the same IDs."""
    with Relay(project.server.port, cuts=4) as relay:
        with caller_to(kind, project, relay.url) as caller:
            people = [with_claims(name=str(place)) for place in range(300)]
            ids = ids_of(caller, people, batch_size=100)
        assert relay.left == 0
    assert len(set(ids)) == project.total() == 300


@pytest.mark.parametrize("status", [408, 429, 502, 503, 504])
def test_what_passes_is_tried_again_with_the_same_key_and_bytes(kind: str, status: int) -> None:
    with caller_told(kind, Told(status), problem(status, "x"), ids_for) as (server, caller):
        assert len(ids_of(caller, [PERSON, PERSON], gzip=True, import_id="i")) == 2
    first, *others = server.asked
    assert first.headers["idempotency-key"] == "i-0"
    assert len(others) == 2
    for other in others:
        assert (other.path, other.body) == (first.path, first.body)
        assert other.headers == first.headers


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422, 500, 507])
def test_what_does_not_pass_is_told_at_once(kind: str, status: int) -> None:
    with (
        caller_told(kind, problem(status, "some.code")) as (server, caller),
        pytest.raises(EnrolProblem) as caught,
    ):
        ids_of(caller, [PERSON])
    assert (caught.value.status, caught.value.code) == (status, "some.code")
    assert (caught.value.title, caught.value.detail) == ("Told", "As told.")
    assert len(server.asked) == 1


def test_a_failed_import_does_not_wait_for_the_pauses_of_other_calls(kind: str) -> None:
    def told(asked: Asked) -> Told:
        refused = asked.headers["idempotency-key"] == "i-0"
        return problem(422, "some.code") if refused else Told(503)

    patient = Retry(first_pause=60, longest_pause=60)
    start = time.monotonic()
    with (
        Answering(told) as server,
        caller_of(kind, server.url, "k", "p", patient) as caller,
        pytest.raises(EnrolProblem),
    ):
        ids_of(caller, [PERSON] * 8, batch_size=1, import_id="i")
    assert time.monotonic() - start < 10
    assert len(server.asked) <= 4


def test_a_server_that_stays_busy_is_told_in_the_end(kind: str) -> None:
    with (
        caller_told(kind, problem(503, "server.busy")) as (server, caller),
        pytest.raises(EnrolProblem) as caught,
    ):
        caller.call("count_customers")
    assert caught.value.code == "server.busy"
    assert len(server.asked) == QUICK.tries


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_kept_to(kind: str, form: str) -> None:
    def told(_: Any) -> Told:
        # A date is of whole seconds: what it is told at 0.9 of one is 1.1 s away.
        at = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
        return Told(503, headers={"Retry-After": "1" if form == "seconds" else at})

    with caller_told(kind, told, ids_for) as (server, caller):
        assert len(ids_of(caller, [PERSON])) == 1
    first, second = server.asked
    assert 0.99 <= second.at - first.at < 5


@pytest.mark.parametrize("told", ["3600", "9" * 400])
def test_a_retry_after_beyond_all_patience_is_not_waited_for(kind: str, told: str) -> None:
    with (
        caller_told(kind, Told(429, headers={"Retry-After": told})) as (server, caller),
        pytest.raises(EnrolProblem) as caught,
    ):
        ids_of(caller, [PERSON])
    assert (caught.value.code, len(server.asked)) == ("http.429", 1)
    assert caught.value.retry_after == float(told)


@pytest.mark.parametrize("told", ["soon", "-1", "", "Wed"])
def test_a_retry_after_that_says_nothing_is_passed_over(told: str) -> None:
    with caller_told("sync", Told(503, headers={"Retry-After": told}), ids_for) as (_, caller):
        assert len(ids_of(caller, [PERSON])) == 1


def test_pauses_double_up_to_the_longest() -> None:
    retry = Retry(first_pause=1, longest_pause=8)
    for number, most in enumerate([1, 2, 4, 8, 8], 1):
        pauses = {retry.pause(number) for _ in range(50)}
        assert len(pauses) > 1
        assert all(most / 2 <= pause <= most for pause in pauses)
    assert retry.pause(10_000) <= 8


def test_nobody_there_is_said_with_how_far_the_import_came(kind: str) -> None:
    with Answering(ids_for) as server:
        url = server.url
        with caller_of(kind, url, "k", "p") as caller:
            ids_of(caller, [PERSON])
    with caller_of(kind, url, "k", "p") as caller, pytest.raises(NotAnswered) as caught:
        ids_of(caller, [PERSON] * 5, skip=3, import_id="i")
    assert (caught.value.done, caught.value.import_id) == (3, "i")
    assert "6 tries (ConnectError)" in str(caught.value)
    assert caught.value.__notes__ == ["Import i: 3 customers are done."]


ELSEWHERE = [
    Told(200, b"<html>"),
    Told(200, b"[]"),
    Told(200, b'["one"]'),
    Told(200, b'["\xff"]'),
    Told(200, b"{" * 10_000),
]


@pytest.mark.parametrize("told", ELSEWHERE, ids=lambda told: repr(told.body[:10]))
def test_an_answer_that_is_not_enrols_is_said_to_be_none(kind: str, told: Told) -> None:
    with caller_told(kind, told) as (_, caller), pytest.raises(AnswerUnreadable, match="200"):
        ids_of(caller, [PERSON])


@pytest.mark.parametrize("status", [302, 400, 501])
def test_a_refusal_that_is_no_problem_document_has_its_status(kind: str, status: int) -> None:
    told = Told(status, b'{"code": "x", "detail": "marker"}', {"Location": "/elsewhere"})
    with caller_told(kind, told) as (_, caller), pytest.raises(EnrolProblem) as caught:
        caller.call("count_customers")
    assert caught.value.code == f"http.{status}"
    assert "marker" not in str(caught.value)


def test_a_wrong_key_is_told_at_once(kind: str, own: Project) -> None:
    other = own.server.new_project()
    for key, project, code in (
        ("enrol_nonsense", own.id, "access.malformed"),
        (other.key, own.id, "access.project"),
    ):
        with caller_of(kind, own.server.url, key, project) as caller:
            for name in ("create_customers", "iter_customers"):
                asked = [[PERSON]] if name == "create_customers" else []
                with pytest.raises(EnrolProblem) as caught:
                    list(caller.each(name, *asked))
                assert caught.value.code == code
    assert own.total() == 0


def test_a_key_without_the_scope_is_told_so(kind: str, own: Project) -> None:
    reader = own._replace(key=own.server.new_key(own.id, "customers:read").text)
    with caller_to(kind, reader) as caller:
        assert caller.call("count_customers") == 0
        with pytest.raises(EnrolProblem) as caught:
            ids_of(caller, [PERSON])
    assert (caught.value.code, caught.value.done) == ("access.scope", 0)


def test_threads_may_share_a_client(own: Project) -> None:
    with Client(own.server.url, own.key, own.id) as client:
        threads = [
            threading.Thread(
                target=lambda: list(
                    client.create_customers((with_did() for _ in range(40)), batch_size=10)
                )
            )
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert client.count_customers() == 160


def test_an_import_that_ended_has_left_no_thread(own: Project) -> None:
    before = threading.active_count()
    with Client(own.server.url, own.key, own.id) as client:
        with pytest.raises(EnrolProblem):
            list(client.create_customers([{}] * 40, batch_size=2))
        left = client.create_customers((with_did() for _ in range(40)), batch_size=2)
        next(left)
        left.close()
        assert threading.active_count() == before
