"""What an answer with many pictures takes of the server's memory, and that it is whole."""

import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]
import pytest

from enrol.settings import MIB
from tests.api.conformance import Description
from tests.conftest import ON_TWO_STORES, NewDatabase
from tests.people import PNG, with_claims
from tests.serving import Project, Served

pytestmark = ON_TWO_STORES

PICTURED = 60
PICTURE = b64encode(b"\x89PNG\r\n\x1a\n" + bytes(1 * MIB - 8)).decode()
MOST_GROWTH = 100 * MIB


@pytest.fixture(scope="module")
def heavy(
    tmp_path_factory: pytest.TempPathFactory, new_database: NewDatabase
) -> Iterator[tuple[Project, list[str], str]]:
    """A project of which each customer has a picture, all that fits into one; and their batch."""
    folder: Path = tmp_path_factory.mktemp("heavy")
    with Served(folder, new_database(), max_body_bytes=200 * MIB, sqlite_cache_mib=8) as served:
        project = served.new_project()
        # Of the last one all is small, so that what is around pictures is seen.
        body = project.body(
            *(with_claims(name=f"n{n:02}", pictureBase64=PICTURE) for n in range(PICTURED)),
            with_claims(name="last", pictureBase64=PNG),
        )
        answer = project.post(body)
        assert answer.status_code == 200, answer.text
        # What it took to store them is not what is measured.
        served.restart()
        yield project, answer.json(), answer.headers["enrol-batch-id"]


def size_of(served: Served) -> int:
    """What the processes of a server hold in memory."""
    serving = psutil.Process(served.process.pid)
    return sum(each.memory_info().rss for each in (serving, *serving.children(recursive=True)))


def ask(project: Project, method: str, path: str, **sent: Any) -> tuple[httpx.Response, int]:
    """The answer of a call, and how much the server has grown by it."""
    before = size_of(project.server)
    http = project.server.http
    with http.stream(method, path, headers=project.headers, timeout=120, **sent) as answer:
        grown = 0
        read: list[bytes] = []
        for number, chunk in enumerate(answer.iter_bytes()):
            read.append(chunk)
            if number % 200 == 0:
                grown = max(grown, size_of(project.server) - before)
        assert answer.status_code == 200
    whole = httpx.Response(
        200, headers=answer.headers, content=b"".join(read), request=answer.request
    )
    return whole, max(grown, size_of(project.server) - before)


def test_a_page_of_pictures_is_whole_and_takes_no_more_memory_than_a_few(
    heavy: tuple[Project, list[str], str],
) -> None:
    project, ids, batch = heavy
    described = Description(project.server.http.get("/openapi.json").json())
    page = {"cmsProjectId": project.id, "limit": 1_000, "sort": "name"}
    lookup = {"ids": ids, "wallets": ["0x1"]}
    calls: list[tuple[str, str, dict[str, Any], str]] = [
        ("GET", "/customers", {"params": page}, "data"),
        ("GET", "/customers", {"params": {**page, "currentPage": 1, "limit": 50}}, "data"),
        ("GET", f"/batches/{batch}/customers", {"params": {"limit": 1_000}}, "data"),
        ("POST", "/customers/lookup?include=customers", {"json": lookup}, "customers"),
    ]
    for method, path, sent, member in calls:
        answer, grown = ask(project, method, path, **sent)
        assert grown < MOST_GROWTH, (path, grown // MIB)
        shown = answer.json()
        customers = shown.pop(member)
        names = [each["customerClaims"][0]["name"] for each in customers]
        expected = ["last", *(f"n{number:02}" for number in range(PICTURED))]
        if member == "data" and "batches" not in path:
            assert names == expected[: sent["params"]["limit"]]
            assert shown == {"totalCount": PICTURED + 1}
            assert ('rel="next"' in answer.headers["link"]) == (len(names) == 50)
        else:
            assert sorted(names) == expected
        pictures = {each["customerClaims"][0]["pictureBase64"] for each in customers}
        assert pictures == {PICTURE, PNG}
        assert answer.headers["content-type"].startswith("application/json")
        assert answer.headers["cache-control"] == "no-store"
        assert "x-request-id" in answer.headers
        described(answer)


def test_what_is_small_is_sent_whole(heavy: tuple[Project, list[str], str]) -> None:
    project, ids, _ = heavy
    for limit in (1, 2):
        query = {"cmsProjectId": project.id, "limit": limit, "sort": "name"}
        answer = project.server.http.get("/customers", params=query, headers=project.headers)
        assert int(answer.headers["content-length"]) == len(answer.content)
        assert len(answer.json()["data"]) == limit
    nobody = project.get("/customers", cmsProjectId=project.id, search="nobody")
    assert nobody.json() == {"data": [], "totalCount": 0}
    assert "content-length" in nobody.headers
    answer = project.call("POST", "/customers/lookup?include=customers", {"ids": ids[-1:]})
    assert [each["id"] for each in answer.json()["customers"]] == ids[-1:]
    assert list(json.loads(answer.content)) == ["data", "ambiguousWallets", "customers"]
    answer = project.call("POST", "/customers/lookup?include=customers", {"subs": ["x"]})
    assert answer.json()["customers"] == []
