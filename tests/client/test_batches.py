"""Both clients export a project, and undo the batches of an import."""

import json
from collections.abc import Iterator

import pytest

from enrol.client import EnrolProblem
from tests.client.callers import KINDS, Caller, caller_of
from tests.people import customer
from tests.serving import Project


@pytest.fixture(params=KINDS)
def caller(request: pytest.FixtureRequest, project: Project) -> Iterator[Caller]:
    with caller_of(request.param, project.server.url, project.key, project.id) as found:
        yield found


def test_an_export_comes_piece_by_piece(caller: Caller, project: Project) -> None:
    people = [customer(name=f"N {n}") for n in range(600)]
    project.enrol(*people)
    pieces = caller.each("export_customers", "jsonl", type="Individual")
    lines = b"".join(pieces).splitlines()
    assert [json.loads(line) for line in lines] == people


def test_an_export_that_is_refused(caller: Caller) -> None:
    with pytest.raises(EnrolProblem, match=r"query\.invalid"):
        list(caller.each("export_customers", "csv"))


def test_the_batches_of_an_import_are_undone(caller: Caller, project: Project) -> None:
    ids = list(caller.each("create_customers", [customer() for _ in range(5)], batch_size=2))
    batches = caller.last.batch_ids
    assert len(batches) == 3
    assert caller.call("undo_batch", batches[0], dry_run=True).removed == 2
    assert project.total() == 5
    project.server.http.patch(
        f"/customers/{ids[0]}", json={"tags": ["vip"]}, headers=project.headers
    )
    undone = caller.call("undo_batch", batches[0], "The wrong file")
    assert (undone.batch_id, undone.removed) == (batches[0], 1)
    assert [(one.id, one.reason) for one in undone.left] == [(ids[0], "changed")]
    assert project.total() == 4
