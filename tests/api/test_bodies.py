"""Small bodies, by a route of the framework behind the edge: media types, limits, all faults."""

import asyncio
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from litestar import Litestar, patch, post
from litestar import Request as LitestarRequest
from litestar.datastructures import State
from msgspec import UNSET, Meta, Struct, UnsetType

from enrol.api.bodies import JSON_OR_PATCH, MOST_BYTES, read_json
from enrol.api.edge import Edge
from enrol.api.http import Message
from enrol.app import build_app, open_store
from enrol.settings import Settings
from tests.api.refusals import faults, problem
from tests.conftest import ON_ONE_STORE

pytestmark = ON_ONE_STORE

CHARS = 50


class Note(Struct, kw_only=True, rename="camel"):
    note_text: str
    count: Annotated[int, Meta(ge=1, le=9)] | None | UnsetType = UNSET


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Edge]:
    """The application with two routes more, which read a `Note` and answer it."""
    settings = Settings(database=str(tmp_path / "enrol.db"), max_text_chars=CHARS)
    edge = build_app(settings, open_store(settings))

    @post("/notes", status_code=200)
    async def post_note(request: LitestarRequest[None, None, State]) -> Note:
        return await read_json(edge.server, request, Note)

    @patch("/notes")
    async def patch_note(request: LitestarRequest[None, None, State]) -> Note:
        return await read_json(edge.server, request, Note, media_types=JSON_OR_PATCH)

    assert isinstance(edge.routes, Litestar)
    edge.routes.register(post_note)
    edge.routes.register(patch_note)
    yield edge
    assert edge.server.bodies.inflight == 0


async def send(
    edge: Edge, content: object, method: str = "POST", /, **headers: str
) -> httpx.Response:
    """Send a body: bytes go as they are, all else as JSON."""
    sent = content if isinstance(content, bytes) else json.dumps(content).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    transport = httpx.ASGITransport(edge)
    async with httpx.AsyncClient(transport=transport, base_url="http://enrol.test") as client:
        return await client.request(
            method, "/notes", content=sent, headers={"Content-Type": "application/json"} | named
        )


async def test_a_body_is_read(edge: Edge) -> None:
    body = {"noteText": "é", "count": None}
    answer = await send(edge, body)
    assert (answer.status_code, answer.json()) == (200, body)


async def test_a_body_with_gzip_is_read(edge: Edge) -> None:
    body = json.dumps({"noteText": "a"}).encode()
    answer = await send(edge, gzip.compress(body), Content_Encoding="gzip")
    assert answer.json() == {"noteText": "a"}
    problem(await send(edge, b"x", Content_Encoding="gzip"), "content_encoding.invalid")
    problem(await send(edge, body, Content_Encoding="br"), "content_encoding.unsupported")


async def test_all_faults_come_at_once(edge: Edge) -> None:
    answer = await send(edge, {"notetext": "canary-4711", "count": 10})
    document = problem(answer, "body.invalid")
    assert faults(document) == [
        ("/count", "field.value"),
        ("/noteText", "field.missing"),
        ("/notetext", "field.unknown"),
    ]
    assert "Did you mean noteText?" in answer.text
    assert "canary-4711" not in answer.text


async def test_the_limit_of_texts_is_that_of_the_settings(edge: Edge) -> None:
    assert (await send(edge, {"noteText": "x" * CHARS})).status_code == 200
    document = problem(await send(edge, {"noteText": "x" * (CHARS + 1)}), "body.invalid")
    assert faults(document) == [("/noteText", "text.too_long")]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "json.invalid"),
        (b"{", "json.invalid"),
        (b"[" * 100, "json.too_deep"),
        (b"[" + b"0," * 30_000 + b"0]", "json.too_many_values"),
        (b'"' + b"x" * MOST_BYTES + b'"', "body.too_large"),
        (b"[]", "body.invalid"),
    ],
)
async def test_what_is_no_small_json_is_refused(edge: Edge, body: bytes, code: str) -> None:
    problem(await send(edge, body), code)


async def test_a_route_says_which_media_types_it_takes(edge: Edge) -> None:
    body, merge = {"noteText": "a"}, "application/merge-patch+json"
    assert (await send(edge, body, "PATCH", Content_Type=merge)).status_code == 200
    assert (await send(edge, body, "PATCH")).status_code == 200
    answer = await send(edge, body, Content_Type=merge)
    document = problem(answer, "content_type.unsupported")
    assert document["detail"] == "Send the body as `Content-Type: application/json`."
    assert answer.headers["accept"] == "application/json"
    assert "accept-patch" not in answer.headers
    answer = await send(edge, body, "PATCH", Content_Type="text/plain")
    document = problem(answer, "content_type.unsupported")
    accepted = "application/json, application/merge-patch+json"
    assert answer.headers["accept"] == answer.headers["accept-patch"] == accepted
    assert document["detail"].endswith("or `application/merge-patch+json`.")


async def test_a_caller_that_goes_away_is_no_failure(
    edge: Edge, capsys: pytest.CaptureFixture[str]
) -> None:
    """The body breaks off: nothing is answered, and the log has the call and no error."""
    answered: list[Message] = []
    messages: Iterator[dict[str, Any]] = iter(
        [
            {"type": "http.request", "body": b'{"noteText":', "more_body": True},
            {"type": "http.disconnect"},
        ]
    )

    async def receive() -> Message:
        return next(messages)

    async def answer(message: Message) -> None:
        answered.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/notes",
        "raw_path": b"/notes",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
        "http_version": "1.1",
        "server": ("enrol.test", 80),
        "client": ("192.0.2.1", 9),
        "scheme": "http",
        "root_path": "",
    }
    await edge(scope, receive, answer)
    assert answered == []
    await asyncio.sleep(0)
    log = capsys.readouterr().err
    assert '"status":499' in log
    assert '"level":"error"' not in log
