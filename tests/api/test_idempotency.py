"""Idempotency-Key: the same call twice is one call, whatever lies between."""

import gzip
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.api.refusals import problem
from tests.conftest import NewDatabase
from tests.people import CHECKSUMMED, customer, did, wallet, with_claims, with_did
from tests.serving import Project, Served

WRONG = {"customerClaims": {"nationality": "afg"}}


def keyed(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


def is_replay(answer: httpx.Response) -> bool:
    replayed: str | None = answer.headers.get("idempotency-replayed")
    return replayed == "true"


def same(first: httpx.Response, second: httpx.Response) -> bool:
    """Whether the second answer repeats the first one, and says so."""
    assert not is_replay(first)
    assert is_replay(second)
    assert first.headers["enrol-batch-id"] == second.headers["enrol-batch-id"]
    return (first.status_code, first.content) == (second.status_code, second.content)


@pytest.fixture(scope="module")
def restarted(
    tmp_path_factory: pytest.TempPathFactory, new_database: NewDatabase
) -> Iterator[Served]:
    """A server that tests may start anew with other settings."""
    with Served(tmp_path_factory.mktemp("restarted"), new_database()) as served:
        yield served


def test_the_same_call_answers_the_same_ids(project: Project) -> None:
    body = project.body(customer(), customer())
    first, second = project.post(body, keyed("k")), project.post(body, keyed("k"))
    assert same(first, second)
    assert project.total() == 2


def test_a_call_can_be_repeated_often(project: Project) -> None:
    body = project.body(customer())
    first = project.post(body, keyed("k"))
    assert all(same(first, project.post(body, keyed("k"))) for _ in range(5))


def test_a_repeated_call_writes_nothing(project: Project) -> None:
    body = project.body(customer())
    project.post(body, keyed("k"))
    before = project.rows()
    assert is_replay(project.post(body, keyed("k")))
    assert project.rows() == before


def test_without_a_key_the_same_call_is_another(project: Project) -> None:
    body = project.body(with_claims(name="A"))
    first, second = project.post(body), project.post(body)
    assert first.json() != second.json()
    assert not is_replay(second)


def test_another_key_is_another_call(project: Project) -> None:
    body = project.body(with_claims(name="A"))
    first, second = project.post(body, keyed("k")), project.post(body, keyed("l"))
    assert first.json() != second.json()


def test_the_same_key_with_another_body_is_refused(project: Project) -> None:
    first = project.post(project.body(customer()), keyed("k"))
    before = project.rows()
    answer = project.post(project.body(customer()), keyed("k"))
    assert "errors" not in problem(answer, "idempotency.reused")
    assert first.status_code == 200
    assert project.rows() == before


def test_a_body_of_other_white_space_is_another_body(project: Project) -> None:
    body = json.dumps(project.body(customer())).encode()
    project.post(body, keyed("k"))
    problem(project.post(body + b" ", keyed("k")), "idempotency.reused")


@pytest.mark.parametrize(
    "query", [{"mode": "partial"}, {"onConflict": "return"}, {"unknownFields": "ignore"}], ids=str
)
def test_the_same_key_with_other_parameters_is_refused(
    project: Project, query: dict[str, str]
) -> None:
    body = project.body(customer())
    project.post(body, keyed("k"))
    problem(project.post(body, keyed("k"), **query), "idempotency.reused")


def test_a_parameter_that_names_the_default_changes_nothing(project: Project) -> None:
    body = project.body(customer())
    first = project.post(body, keyed("k"))
    assert same(first, project.post(body, keyed("k"), mode="atomic", onConflict="refuse"))


def test_a_key_in_quotes_is_the_key(project: Project) -> None:
    """The draft writes it as a structured field, that is, in quotes; most clients do not."""
    body = project.body(customer())
    first = project.post(body, keyed('"8e03978e-40d5-43dd-bc93-6894a57f9324"'))
    assert same(first, project.post(body, keyed("8e03978e-40d5-43dd-bc93-6894a57f9324")))


@pytest.mark.parametrize("key", ["", "two words", "k" * 256, "k\u00e9y", '"', '""'], ids=repr)
def test_a_key_has_1_to_255_visible_characters(project: Project, key: str) -> None:
    sent = {b"Idempotency-Key": key.encode(), b"Content-Type": b"application/json"}
    sent[b"Authorization"] = project.headers["Authorization"].encode()
    answer = project.server.http.post(
        "/customers/batch", json=project.body(customer()), headers=sent
    )
    problem(answer, "idempotency.invalid")
    assert project.total() == 0


def test_a_key_of_255_characters_is_taken(project: Project) -> None:
    body = project.body(customer())
    first = project.post(body, keyed("k" * 255))
    assert same(first, project.post(body, keyed("k" * 255)))


def test_a_refused_call_leaves_its_key_free(project: Project) -> None:
    problem(project.post(project.body(WRONG), keyed("k")), "batch.invalid")
    answer = project.post(project.body(customer()), keyed("k"))
    assert answer.status_code == 200
    assert not is_replay(answer)


def test_a_call_in_conflict_leaves_its_key_free(project: Project) -> None:
    known = with_did()
    project.enrol(known)
    problem(project.post(project.body(known), keyed("k")), "batch.conflict")
    assert project.post(project.body(customer()), keyed("k")).status_code == 200


def test_a_repeat_is_no_conflict_with_itself(project: Project) -> None:
    body = project.body(customer())
    first = project.post(body, keyed("k"))
    assert same(first, project.post(body, keyed("k")))
    problem(project.post(body, keyed("l")), "batch.conflict")


def test_a_partial_call_is_repeated_with_all_its_results(project: Project) -> None:
    known = with_did()
    project.enrol(known)
    body = project.body(customer(), WRONG, known, 3, customer())
    first = project.post(body, keyed("k"), mode="partial")
    assert first.status_code == 207
    assert same(first, project.post(body, keyed("k"), mode="partial"))
    assert project.total() == 3


def test_a_call_that_returned_stored_customers_is_repeated(project: Project) -> None:
    known = with_did()
    project.enrol(known)
    body = project.body(known, customer())
    for mode in ("atomic", "partial"):
        first = project.post(body, keyed(mode), mode=mode, onConflict="return")
        again = project.post(body, keyed(mode), mode=mode, onConflict="return")
        assert same(first, again)


@pytest.mark.parametrize("mode", ["atomic", "partial"])
def test_of_two_calls_at_the_same_moment_one_enrols(project: Project, mode: str) -> None:
    body = project.body(customer(), with_claims(name="A"))
    with ThreadPoolExecutor(8) as pool:
        posts = [pool.submit(project.post, body, keyed("k"), mode=mode) for _ in range(16)]
        answers = [post.result() for post in posts]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert sorted(map(is_replay, answers)) == [False] + [True] * 15
    assert project.total() == 2


def test_of_two_bodies_at_the_same_moment_one_is_refused(project: Project) -> None:
    bodies = [project.body(with_claims(name=str(place))) for place in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda body: project.post(body, keyed("k")), bodies))
    assert sorted(answer.status_code for answer in answers) == [200] + [422] * 7
    assert project.total() == 1


def test_a_key_is_scoped_to_the_project(server: Served, project: Project) -> None:
    other = server.new_project()
    first = project.post(project.body(customer()), keyed("k"))
    second = other.post(other.body(customer()), keyed("k"))
    assert (first.status_code, second.status_code) == (200, 200)
    assert not is_replay(second)


def test_two_keys_of_a_project_share_its_idempotency_keys(server: Served, project: Project) -> None:
    """A client whose API key was rolled between its two tries has one batch all the same."""
    body = project.body(customer())
    first = project.post(body, keyed("k"))
    rolled = project._replace(key=server.new_key(project.id).text)
    assert same(first, rolled.post(body, keyed("k")))


def test_a_repeat_needs_the_right_to_write(server: Served, project: Project) -> None:
    body = project.body(customer())
    project.post(body, keyed("k"))
    reader = project._replace(key=server.new_key(project.id, "customers:read").text)
    problem(reader.post(body, keyed("k")), "access.scope")


def test_a_call_sent_with_gzip_is_the_same_call(project: Project) -> None:
    body = json.dumps(project.body(customer())).encode()
    first = project.post(body, keyed("k"))
    packed = project.post(gzip.compress(body), keyed("k") | {"Content-Encoding": "gzip"})
    assert same(first, packed)


def values(item: Any) -> Iterator[str]:
    """Every text of a body but its names."""
    if isinstance(item, dict | list):
        for value in item.values() if isinstance(item, dict) else item:
            yield from values(value)
    elif isinstance(item, str):
        yield item


@pytest.mark.parametrize("mode", ["atomic", "partial"])
def test_the_record_holds_no_personal_data(project: Project, mode: str) -> None:
    known = {"customerWallet": wallet(CHECKSUMMED), "customerDid": did("did:example:marker")}
    project.enrol(known)
    items: list[Any] = [
        {
            "customerWallet": wallet(createdBy="marker-wallet-by"),
            "customerDid": did(createdBy="marker-did-by", updatedBy="marker-updated"),
            "customerClaims": {
                "sub": "marker-sub",
                "name": "marker-name",
                "birthdate": "1991-03-08",
            },
        }
    ]
    if mode == "partial":
        wrong = {"website": "marker-website", "locale": "marker-locale", "nationality": "marker"}
        items += [known, {"customerClaims": wrong}, {"customerWallet": wallet("marker-wallet")}]
        items += ["marker-item", {"customerClaims": {"name": {"marker": "marker-name"}}}]
    answer = project.post(project.body(*items), keyed("marker-key"), mode=mode)
    assert answer.status_code in (200, 207)
    number = "(SELECT project FROM projects WHERE id = $1)"
    query = f"SELECT key_hash, fingerprint, receipt FROM idempotency WHERE project = {number}"
    (row,) = project.server.query(query, project.id)
    held = b"\n".join(row)
    sent = {"marker-key", *values(items)}
    assert [text for text in sent if text.encode() in held] == []


def test_a_repeat_after_a_restart_answers_the_same_ids(restarted: Served) -> None:
    project = restarted.new_project()
    body, mixed = project.body(customer()), project.body(customer(), WRONG)
    first = project.post(body, keyed("k"))
    partly = project.post(mixed, keyed("p"), mode="partial")
    restarted.restart()
    assert same(first, project.post(body, keyed("k")))
    assert same(partly, project.post(mixed, keyed("p"), mode="partial"))


def test_a_repeat_comes_before_every_limit(restarted: Served) -> None:
    """A caller that asks again what became of a call is told, though it would now be refused."""
    project = restarted.new_project()
    picture = {"pictureBase64": "iVBORw0KGgo="}
    body = project.body(customer(), with_claims(name="x" * 100), {"customerClaims": picture})
    first = project.post(body, keyed("k"))
    restarted.restart(max_items=1, max_text_chars=10, max_picture_bytes=2, max_json_depth=4)
    try:
        problem(project.post(body, keyed("l")), "batch.too_many_items")
        assert same(first, project.post(body, keyed("k")))
    finally:
        restarted.settings = {}


def test_a_key_is_forgotten_when_its_time_is_over(restarted: Served) -> None:
    restarted.restart(idempotency_hours=0.6 / 3600)
    project = restarted.new_project()
    body = project.body(with_claims(name="A"))
    first = project.post(body, keyed("k"))
    assert same(first, project.post(body, keyed("k")))
    time.sleep(0.7)
    again = project.post(body, keyed("k"))
    assert (again.status_code, is_replay(again)) == (200, False)
    assert again.json() != first.json()
    time.sleep(0.7)
    assert project.post(project.body(customer()), keyed("k")).status_code == 200
    assert project.rows()["idempotency"] == 1
