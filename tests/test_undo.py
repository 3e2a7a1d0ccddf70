"""`enrol undo` against the served product: an import is taken back, but for whom others changed."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import pytest

from tests.people import customer
from tests.serving import Project, Served

SECONDS = 60.0
CUSTOMERS = 25


class Done(NamedTuple):
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def summary(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.out)
        return told


class Undoing:
    """A project, and the report of an import into it."""

    def __init__(self, project: Project, folder: Path) -> None:
        self.project = project
        self.folder = folder
        self.key = folder / "key.txt"
        self.key.write_text(project.key)
        self.file = folder / "people.jsonl"
        people = [customer() for _ in range(CUSTOMERS)]
        self.file.write_text("".join(f"{json.dumps(each)}\n" for each in people))
        self.report = folder / "report.json"

    def run(self, verb: str, *arguments: str | Path) -> Done:
        named = ["--url", self.project.server.url, "--key-file", str(self.key)]
        named += ["--project", self.project.id, *map(str, arguments)]
        ended = subprocess.run(
            [sys.executable, "-m", "enrol", verb, *named],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return Done(ended.returncode, ended.stdout, ended.stderr)

    def imported(self, *arguments: str) -> Done:
        done = self.run("import", self.file, "--batch", "10", "--json", *arguments)
        assert done.code == 0, done
        self.report.write_text(done.out)
        return done


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Served(tmp_path_factory.mktemp("undo")) as server:
        yield server


@pytest.fixture
def undoing(served: Served, tmp_path: Path) -> Undoing:
    return Undoing(served.new_project(), tmp_path)


@pytest.mark.parametrize("mode", ["atomic", "partial"])
def test_the_report_of_an_import_has_its_batches(undoing: Undoing, mode: str) -> None:
    reported = undoing.imported("--mode", mode).summary["batches"]
    listed = undoing.project.get("/batches").json()["data"]
    assert sorted(reported) == sorted(batch["id"] for batch in listed)
    assert len(reported) == 3
    # An import that is run again was the same batches.
    assert undoing.imported("--mode", mode).summary["batches"] == reported


def test_a_dry_run_has_no_batches(undoing: Undoing) -> None:
    done = undoing.run("import", undoing.file, "--dry-run", "--json")
    assert done.summary["batches"] == []


def test_an_import_is_undone_and_done_again(undoing: Undoing) -> None:
    kept = undoing.project.enrol(customer())
    undoing.imported()
    would = undoing.run("undo", undoing.report, "--dry-run")
    assert would.out == "3 of 3 batches: 25 customers would be removed, 0 left.\n"
    assert undoing.project.total() == CUSTOMERS + 1
    done = undoing.run("undo", undoing.report, "--reason", "The wrong file", "--json")
    assert (done.code, done.summary) == (
        0,
        {
            "complete": True,
            "dryRun": False,
            "error": None,
            "batches": 3,
            "removed": CUSTOMERS,
            "left": [],
        },
    )
    assert undoing.project.total() == 1
    assert undoing.project.customer(kept[0])["deletedAt"] is None
    undoing.imported("--import-id", f"again-{uuid4()}")
    assert undoing.project.total() == CUSTOMERS + 1


def test_who_was_changed_is_left_and_named(undoing: Undoing) -> None:
    undoing.imported()
    project = undoing.project
    one = project.get("/customers", cmsProjectId=project.id).json()["data"][0]["id"]
    project.server.http.patch(f"/customers/{one}", json={"tags": ["vip"]}, headers=project.headers)
    done = undoing.run("undo", undoing.report, "--json")
    assert (done.code, done.summary["removed"]) == (4, CUSTOMERS - 1)
    assert done.summary["left"] == [{"id": one, "reason": "changed"}]
    assert project.total() == 1


def test_batches_are_named_by_their_ids_too(undoing: Undoing) -> None:
    batches = undoing.imported().summary["batches"]
    done = undoing.run("undo", batches[0], batches[0], batches[2])
    assert done.out == "2 of 2 batches: 15 customers removed, 0 left.\n"
    assert undoing.project.total() == 10


def test_a_batch_that_is_not_there(undoing: Undoing) -> None:
    done = undoing.run("undo", str(uuid4()), "--json")
    assert (done.code, done.summary["complete"]) == (1, False)
    assert done.summary["error"]["code"] == "batch.unknown"


@pytest.mark.parametrize(("content", "code"), [(None, 3), ("x", 2), ("{}", 2), ("[1]", 2)])
def test_what_is_no_report(undoing: Undoing, content: str | None, code: int) -> None:
    if content is not None:
        undoing.report.write_text(content)
    done = undoing.run("undo", undoing.report)
    assert (done.code, done.out) == (code, "")
