"""The hosted API's reference client: the real axios, with the URL and the token changed alone."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import pytest

from enrol.demo import SAMPLE
from tests.people import claims, customer, wallet
from tests.serving import Project

CLIENT = Path(__file__).with_name("js") / "create_customers.mjs"
AXIOS = CLIENT.parent / "node_modules" / "axios" / "package.json"
NODE = Path(sys.executable).with_name("node")
# What axios takes without `maxBodyLength: Infinity`.
DEFAULT_MOST_BODY_BYTES = 10 * 1024 * 1024


class Told(NamedTuple):
    """What the client printed: the data of an answer, or the status and data of an error."""

    status: int
    data: Any


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    """Never skipped: without the client the promise to its users is not tested."""
    for path in (NODE, AXIOS):
        if not path.exists():
            pytest.fail(f"{path.name} is not installed; `make setup` does it", pytrace=False)


def send(project: Project, body: object, folder: Path, path: str = "/customers/batch") -> Told:
    """Run the client on a body."""
    file = folder / "body.json"
    file.write_text(json.dumps(body, ensure_ascii=False), "utf-8")
    # No proxy: the server is on this machine.
    environ = {"PATH": os.defpath, "TOKEN": project.key}
    done = subprocess.run(
        [NODE, CLIENT, f"{project.server.url}{path}", file],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    if done.returncode == 0:
        return Told(200, json.loads(done.stdout))
    status, _, data = done.stdout.partition(" ")
    return Told(int(status), json.loads(data))


def test_the_client_has_the_reference_pages_config() -> None:
    text = CLIENT.read_text("utf-8")
    for line in (
        "import axios from 'axios';",
        "method: 'post',",
        "maxBodyLength: Infinity,",
        "'Content-Type': 'application/json',",
        "'Accept': 'application/json',",
        "'Authorization': `Bearer ${process.env.TOKEN}`,",
    ):
        assert line in text


def test_axios_gets_the_ids_in_order(project: Project, tmp_path: Path) -> None:
    told = send(project, {**SAMPLE, "cmsProjectId": project.id}, tmp_path)
    assert told.status == 200
    assert [UUID(text).version for text in told.data] == [7, 7, 7]
    names = [project.customer(text)["customerClaims"][0]["name"] for text in told.data]
    assert names == [item["customerClaims"]["name"] for item in SAMPLE["customerData"]]


def test_axios_gets_an_empty_array_for_nobody(project: Project, tmp_path: Path) -> None:
    assert send(project, project.body(), tmp_path) == (200, [])


def test_axios_sends_ten_thousand_customers_in_a_body_beyond_its_own_limit(
    project: Project, tmp_path: Path
) -> None:
    body = project.body(*(customer(address="Straße " * 160) for _ in range(10_000)))
    told = send(project, body, tmp_path)
    assert (tmp_path / "body.json").stat().st_size > DEFAULT_MOST_BODY_BYTES
    assert told.status == 200, told
    assert len(set(told.data)) == 10_000
    last = project.customer(told.data[-1])["customerClaims"][0]
    assert last["sub"] == body["customerData"][-1]["customerClaims"]["sub"]
    assert project.total() == 10_000


def _refused(told: Told, status: int, code: str) -> dict[str, Any]:
    """The document of an error, which axios has parsed though it is no plain JSON by its type."""
    assert isinstance(told.data, dict)
    assert (told.status, told.data["status"], told.data["code"]) == (status, status, code)
    assert told.data["message"] == told.data["detail"]
    return told.data


def test_axios_reads_every_fault_of_a_batch(project: Project, tmp_path: Path) -> None:
    body = project.body(customer(birthdate="soon"), customer(), customer(locale="??"))
    document = _refused(send(project, body, tmp_path), 422, "batch.invalid")
    pointers = [error["pointer"] for error in document["errors"]]
    assert pointers == [
        "/customerData/0/customerClaims/birthdate",
        "/customerData/2/customerClaims/locale",
    ]


def test_axios_is_told_of_a_taken_wallet_in_the_words_of_the_hosted_api(
    project: Project, tmp_path: Path
) -> None:
    taken = {"customerWallet": wallet()}
    assert send(project, project.body(taken), tmp_path).status == 200
    again = send(project, project.body(taken), tmp_path)
    document = _refused(again, 409, "batch.conflict")
    assert document["message"] == "Wallet already attached to another identity"


def test_axios_is_told_of_a_wrong_key_project_and_size(project: Project, tmp_path: Path) -> None:
    body = project.body({"customerClaims": claims()})
    stranger = project._replace(key=project.key[:-1] + ("0" if project.key[-1] != "0" else "1"))
    _refused(send(stranger, body, tmp_path), 401, "access.malformed")
    other = {**body, "cmsProjectId": str(uuid4())}
    _refused(send(project, other, tmp_path), 403, "access.project")
    many = project.body(*({"customerClaims": {}} for _ in range(10_001)))
    _refused(send(project, many, tmp_path), 413, "batch.too_many_items")
    _refused(send(project, body, tmp_path, "/nothing"), 404, "route.unknown")
    assert project.total() == 0


@pytest.mark.parametrize("path", ["//customers/batch", "/customers/batch?mode=partial"])
def test_axios_reaches_the_call_by_a_doubled_slash_and_with_a_query(
    path: str, project: Project, tmp_path: Path
) -> None:
    told = send(project, project.body({"customerClaims": claims()}), tmp_path, path)
    assert (told.status, len(told.data)) == (200, 1)
