"""What was sent stays out of logs, and out of what errors say of themselves."""

import logging
import traceback
from typing import Any

import httpx
import pytest

from enrol.client import CustomerNotEncodable, EnrolError, EnrolProblem
from tests.client.answering import Told, ids_for, problem
from tests.client.callers import Caller, caller_told, ids_of, results_of
from tests.people import with_claims
from tests.serving import Project

MARKED = "marker-value"


def told_of(error: BaseException) -> str:
    """All that a log or a report shows of an error."""
    return "".join(traceback.format_exception(error)) + repr(error) + repr(error.args)


def test_a_refusal_shows_nothing_that_was_sent(
    caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = with_claims(name=MARKED, nationality=MARKED)
    odd: dict[str, Any] = {**wrong, MARKED: MARKED}
    with pytest.raises(EnrolProblem) as caught:
        ids_of(caller, [wrong, odd])
    assert caught.value.errors
    results_of(caller, [wrong])
    for name in ("get_customer_by_wallet",):
        with pytest.raises(EnrolProblem):
            caller.call(name, MARKED)
    list(caller.each("iter_customers", wallet=MARKED))
    assert MARKED not in told_of(caught.value)
    assert MARKED not in caplog.text


@pytest.mark.parametrize(
    "broken", ["\ud800", {"a": [object]}, object()], ids=["surrogate", "type", "object"]
)
def test_a_customer_that_is_no_json_is_not_shown(broken: object) -> None:
    with (
        caller_told("sync", ids_for) as (_, caller),
        pytest.raises(CustomerNotEncodable) as caught,
    ):
        ids_of(caller, [with_claims(name=MARKED, address=broken)])
    assert MARKED not in told_of(caught.value)


@pytest.mark.parametrize(
    "told",
    [
        Told(200, f'["{MARKED}"]'.encode()),
        Told(400, MARKED.encode()),
        problem(422, "x", errors=[{"pointer": f"/{MARKED}", "code": "y", "detail": MARKED}]),
    ],
    ids=["unreadable", "another's page", "pointers"],
)
def test_an_answer_is_not_repeated(kind: str, told: Told) -> None:
    with caller_told(kind, told) as (_, caller), pytest.raises(EnrolError) as caught:
        ids_of(caller, [with_claims(name=MARKED)])
    assert MARKED not in told_of(caught.value)


def test_a_retry_is_logged_with_its_reason_and_no_more(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told = Told(503, MARKED.encode())
    with caller_told(kind, told, ids_for, key=MARKED) as (server, caller):
        ids_of(caller, [with_claims(name=MARKED)])
    (line,) = [record for record in caplog.records if record.name == "enrol.client"]
    assert line.levelname == "WARNING"
    assert line.getMessage().startswith("POST /customers/batch: 503; try 2 of 6 follows in 0.0 s [")
    assert server.asked[0].headers["x-request-id"] in line.getMessage()
    assert MARKED not in caplog.text


def test_what_others_do_with_httpx_is_logged_as_ever(
    own: Project, caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    caller.call("count_customers")
    assert not [record for record in caplog.records if record.name == "httpx"]
    httpx.get(f"{own.server.url}/healthz")
    assert [record for record in caplog.records if record.name == "httpx"]


def test_reprs_hold_no_key_and_no_body(own: Project) -> None:
    from enrol.client import batches
    from enrol.client.resources import customers

    plan = batches.creating("p", {"import_id": "i"})
    cutter = batches.Cutter("p", plan.settings)
    cutter.add(with_claims(name=MARKED))
    batch = cutter.cut()
    assert batch is not None
    shown = repr([batch, plan.call(batch), customers.get_customer_by_wallet(MARKED, MARKED)])
    assert "POST /customers/batch" in shown
    assert MARKED not in shown
