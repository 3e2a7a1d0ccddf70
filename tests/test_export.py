"""`enrol export` against the served product: a file that is whole, or none."""

import csv
import gzip
import io
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.people import customer, with_claims
from tests.serving import Project, Served

MANY = 20_000
SECONDS = 60.0


class Done(NamedTuple):
    """A command that ended."""

    code: int
    out: bytes
    err: str

    @property
    def summary(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.out)
        return told


class Exporting:
    """`enrol export` of a project, in a process of its own."""

    def __init__(self, project: Project, folder: Path) -> None:
        self.project = project
        self.folder = folder
        self.key = folder / "key.txt"
        self.key.write_text(project.key + "\n")

    def command(self, *arguments: str | Path, verb: str = "export") -> list[str]:
        named = ["--url", self.project.server.url, "--key-file", str(self.key)]
        named += ["--project", self.project.id]
        return [sys.executable, "-m", "enrol", verb, *named, *map(str, arguments)]

    def run(self, *arguments: str | Path, verb: str = "export") -> Done:
        ended = subprocess.run(
            self.command(*arguments, verb=verb), capture_output=True, timeout=SECONDS, check=False
        )
        return Done(ended.returncode, ended.stdout, ended.stderr.decode())

    def files(self) -> list[str]:
        """The names of all files in the folder, but for the key's."""
        return sorted({path.name for path in self.folder.iterdir()} - {self.key.name})


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Served(tmp_path_factory.mktemp("export")) as server:
        yield server


@pytest.fixture
def exporting(served: Served, tmp_path: Path) -> Exporting:
    return Exporting(served.new_project(), tmp_path)


@pytest.fixture(scope="module")
def many(served: Served) -> Project:
    """A project whose file takes a while."""
    project = served.new_project()
    for _ in range(MANY // 5_000):
        project.enrol(*({"customerClaims": {"name": "N", "address": "x" * 2_000}},) * 5_000)
    return project


@pytest.mark.parametrize("name", ["people.jsonl", "people.csv", "people.csv.gz"])
def test_a_file_is_exported_and_imported(exporting: Exporting, name: str, served: Served) -> None:
    people = [customer(name=f'Ann "{n}",\nJunior') for n in range(300)]
    exporting.project.enrol(*people)
    out = exporting.folder / name
    done = exporting.run("--type", "Individual", "--out", out)
    assert done.code == 0, done.err
    assert done.err == f"300 customers are in {out}.\n"
    other = Exporting(served.new_project(), exporting.folder)
    imported = other.run(out, "--json", verb="import")
    assert imported.code == 0, imported.out
    assert imported.summary["created"] == 300
    again = exporting.folder / f"again-{name}"
    assert other.run("--type", "Individual", "--out", again).code == 0
    assert again.read_bytes() == out.read_bytes()


def test_all_that_is_known_is_the_default(exporting: Exporting) -> None:
    ids = exporting.project.enrol(customer(), customer())
    out = exporting.folder / "all"
    assert exporting.run("--out", out).code == 0
    assert [json.loads(line) for line in out.read_text().splitlines()] == [
        exporting.project.customer(one) for one in ids
    ]


def test_filters_are_those_of_the_list(exporting: Exporting) -> None:
    exporting.project.enrol({**customer(), "status": "Active", "tags": ["vip"]}, customer())
    out = exporting.folder / "x.jsonl"
    some = ("--filter", "status=Active", "--filter", "tag=vip")
    done = exporting.run("--out", out, "--type", "Individual", *some, "--json")
    assert (done.code, done.summary["customers"]) == (0, 1), done.err
    assert json.loads(out.read_text())["tags"] == ["vip"]


def test_programs_are_told_in_json(exporting: Exporting) -> None:
    exporting.project.enrol(*(with_claims(name=f'"{n}"\r\n') for n in range(7)))
    out = exporting.folder / "x.csv"
    done = exporting.run("--out", out, "--type", "Individual", "--json")
    assert done.summary.pop("seconds") >= 0
    assert {**done.summary, "seconds": 0} == {
        "file": str(out),
        "format": "csv",
        "complete": True,
        "error": None,
        "message": f"7 customers are in {out}.",
        "customers": 7,
        "bytes": out.stat().st_size,
        "seconds": 0,
    }


def test_standard_output_is_the_file_alone(exporting: Exporting) -> None:
    exporting.project.enrol(with_claims(name="A"))
    done = exporting.run("--format", "csv", "--type", "Individual", "--out", "-")
    assert done.code == 0
    (row,) = csv.DictReader(io.StringIO(done.out.decode()))
    assert row["name"] == "A"


def test_spreadsheets_get_no_formulas(exporting: Exporting) -> None:
    exporting.project.enrol(with_claims(name="=1+1"))
    out = exporting.folder / "x.csv"
    assert exporting.run("--type", "Individual", "--spreadsheet", "--out", out).code == 0
    assert b"'=1+1" in out.read_bytes()


def test_nobody_else_can_read_the_file(exporting: Exporting) -> None:
    out = exporting.folder / "x.jsonl"
    assert exporting.run("--type", "Individual", "--out", out).code == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def _started(exporting: Exporting, out: Path) -> subprocess.Popen[bytes]:
    """An export that has begun to write."""
    process = subprocess.Popen(
        exporting.command("--out", out, "--format", "full", "--json"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + SECONDS
    while not any(path.stat().st_size for path in exporting.folder.glob(".*.part")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.002)
    return process


@pytest.mark.parametrize("before", [None, "yesterday's"])
def test_ctrl_c_leaves_what_was_there(
    exporting: Exporting, many: Project, before: str | None
) -> None:
    exporting = Exporting(many, exporting.folder)
    out = exporting.folder / "x.jsonl"
    if before:
        out.write_text(before)
    process = _started(exporting, out)
    process.send_signal(signal.SIGINT)
    told, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 130
    assert json.loads(told)["error"] == "export.stopped"
    assert json.loads(told)["file"] is None
    assert exporting.files() == ([out.name] if before else [])
    assert before is None or out.read_text() == before


def test_a_server_that_goes_away_leaves_no_file(tmp_path: Path, many: Project) -> None:
    with Served(tmp_path) as own:
        project = own.new_project()
        for _ in range(MANY // 5_000):
            project.enrol(*({"customerClaims": {"name": "N", "address": "x" * 2_000}},) * 5_000)
        folder = tmp_path / "out"
        folder.mkdir()
        exporting = Exporting(project, folder)
        process = _started(exporting, folder / "x.jsonl")
        os.killpg(own.process.pid, signal.SIGKILL)
        told, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 1
    assert json.loads(told)["error"] == "export.unanswered"
    assert exporting.files() == []


def test_a_refusal_is_told_and_leaves_no_file(exporting: Exporting) -> None:
    exporting.key.write_text(
        exporting.project.server.new_key(exporting.project.id, "customers:write").text
    )
    done = exporting.run("--out", exporting.folder / "x", "--json")
    assert (done.code, done.summary["error"]) == (1, "access.scope")
    assert exporting.files() == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("--out", "x.jsonl"),
        ("--out", "x.csv"),
        ("--out", "x.json"),
        ("--out", "x", "--filter", "status"),
        ("--out", "x", "--spreadsheet"),
        ("--out", "-", "--json"),
        (),
    ],
)
def test_a_command_line_that_is_not_right(exporting: Exporting, arguments: tuple[str, ...]) -> None:
    done = exporting.run(*arguments)
    assert done.code == 2, done.err
    assert done.out == b""


def test_a_folder_that_is_not_there(exporting: Exporting) -> None:
    done = exporting.run("--out", exporting.folder / "no" / "x")
    assert done.code == 1
    assert "file.unwritable" in done.err


def test_a_packed_file_is_gzip(exporting: Exporting) -> None:
    exporting.project.enrol(with_claims(name="A"))
    out = exporting.folder / "x.jsonl.gz"
    assert exporting.run("--type", "Individual", "--out", out).code == 0
    assert json.loads(gzip.decompress(out.read_bytes())) == with_claims(name="A")
