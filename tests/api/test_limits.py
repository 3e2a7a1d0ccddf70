"""Limits: each is a setting, and what is beyond it is refused before it costs anything."""

import gzip
import json
import socket
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.api.refusals import EMPTY, faults, problem, refused
from tests.conftest import ON_ONE_STORE, NewDatabase
from tests.people import PNG, customer, did, wallet, with_claims, with_did
from tests.serving import Project, Served
from tests.wire import answer_on, chunk, connected, head, is_closed

pytestmark = ON_ONE_STORE

ITEMS = 3
BODY_BYTES = 20_000
TEXT_CHARS = 100
PICTURE_BYTES = 30
DEPTH = 6
BODY_SECONDS = 0.8
INFLIGHT_BYTES = 50_000
CONNECTIONS = 6


@pytest.fixture(scope="module")
def tight(tmp_path_factory: pytest.TempPathFactory, new_database: NewDatabase) -> Iterator[Served]:
    """A server that takes little."""
    settings = {
        "max_items": ITEMS,
        "max_body_bytes": BODY_BYTES,
        "max_text_chars": TEXT_CHARS,
        "max_picture_bytes": PICTURE_BYTES,
        "max_json_depth": DEPTH,
        "max_listed_errors": 2,
        "max_inflight_bytes": INFLIGHT_BYTES,
        "max_connections": CONNECTIONS,
        "body_timeout": BODY_SECONDS,
    }
    with Served(tmp_path_factory.mktemp("tight"), new_database(), **settings) as served:
        yield served


@pytest.fixture
def project(tight: Served) -> Project:
    return tight.new_project()


def padded(project: Project, size: int) -> bytes:
    """A right body of so many bytes."""
    body = json.dumps(project.body(customer())).encode()
    return body + b" " * (size - len(body))


def packed(body: bytes) -> bytes:
    return gzip.compress(body)


GZIP = {"Content-Encoding": "gzip"}


def test_as_many_items_as_the_limit_are_taken(project: Project) -> None:
    assert len(project.enrol(*(customer() for _ in range(ITEMS)))) == ITEMS


def test_one_item_more_is_refused(project: Project) -> None:
    answer = project.post(project.body(*(customer() for _ in range(ITEMS + 1))))
    document = refused(project, answer, "batch.too_many_items")
    assert document["detail"] == "customerData has more than 3 items."


def test_one_item_more_is_refused_whatever_is_wrong_with_the_rest(project: Project) -> None:
    answer = project.post(project.body(*([None] * (ITEMS + 1))))
    refused(project, answer, "batch.too_many_items")


@pytest.mark.parametrize("mode", ["partial", "dryRun"])
def test_the_limit_of_items_holds_in_every_mode(project: Project, mode: str) -> None:
    answer = project.post(project.body(*[with_did()] * (ITEMS + 1)), mode=mode)
    refused(project, answer, "batch.too_many_items")


def test_the_limit_of_items_by_default(server: Served) -> None:
    project = server.new_project()
    body = project.body(*[with_claims(name="A")] * 10_001)
    document = refused(project, project.post(body), "batch.too_many_items")
    assert "10000" in document["detail"]
    body["customerData"].pop()
    assert len(project.post(body).json()) == project.total() == 10_000


def test_a_body_of_the_limit_is_taken(project: Project) -> None:
    assert project.post(padded(project, BODY_BYTES)).status_code == 200


def test_a_byte_more_is_refused(project: Project) -> None:
    document = refused(project, project.post(padded(project, BODY_BYTES + 1)), "body.too_large")
    assert document["detail"] == "The body has more than 20000 bytes."


def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_sent(project: Project) -> None:
    with connected(project.server) as connection:
        connection.sendall(head(project, f"Content-Length: {10 * BODY_BYTES}"))
        problem(answer_on(connection), "body.too_large")
        assert is_closed(connection)
    assert project.rows() == EMPTY


def test_a_body_whose_length_is_a_lie_beyond_numbers_is_refused(project: Project) -> None:
    with connected(project.server) as connection:
        connection.sendall(head(project, f"Content-Length: {'9' * 40}"))
        assert answer_on(connection).status_code in (400, 413)


@pytest.mark.parametrize("size", [BODY_BYTES, BODY_BYTES + 1])
def test_a_chunked_body_is_counted_while_it_comes_in(project: Project, size: int) -> None:
    body = padded(project, size)
    sent = project.headers | {"Content-Type": "application/json"}
    parts = (body[start : start + 1_000] for start in range(0, len(body), 1_000))
    answer = project.server.http.post("/customers/batch", content=parts, headers=sent)
    if size > BODY_BYTES:
        refused(project, answer, "body.too_large")
    else:
        assert answer.status_code == 200


def test_a_chunked_body_without_end_is_cut_off(project: Project) -> None:
    with connected(project.server) as connection:
        connection.sendall(head(project, "Transfer-Encoding: chunked"))
        for _ in range(BODY_BYTES // 1_000 + 1):
            connection.sendall(chunk(b" " * 1_000))
        problem(answer_on(connection), "body.too_large")
        assert is_closed(connection)
    assert project.rows() == EMPTY


def test_a_chunked_body_in_small_pieces_is_whole(project: Project) -> None:
    body = padded(project, 0)
    with connected(project.server) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(head(project, "Transfer-Encoding: chunked"))
        for start in range(0, len(body), 7):
            connection.sendall(chunk(body[start : start + 7]))
        connection.sendall(chunk(b""))
        assert answer_on(connection).status_code == 200
    assert project.total() == 1


@pytest.mark.parametrize("size", [BODY_BYTES, BODY_BYTES + 1])
def test_a_body_is_counted_after_inflation(project: Project, size: int) -> None:
    body = packed(padded(project, size))
    assert len(body) < 1_000
    answer = project.post(body, GZIP)
    if size > BODY_BYTES:
        refused(project, answer, "body.too_large")
    else:
        assert answer.status_code == 200


def test_a_gzip_bomb_is_refused(project: Project) -> None:
    bomb = packed(b" " * 15_000_000)
    assert len(bomb) < BODY_BYTES
    refused(project, project.post(bomb, GZIP), "body.too_large")


def long(length: int) -> str:
    return "\U0001f600" * length


def texts(length: int) -> list[tuple[dict[str, Any], str]]:
    text = long(length)
    item = {"customerWallet": wallet(createdBy=text)}
    named = {"customerDid": did(createdBy=text, updatedBy=text)}
    claims = dict.fromkeys(("nickname", "name", "address", "gender", "createdBy"), text)
    return [
        *((item, "/customerWallet/createdBy") for _ in range(1)),
        *((named, f"/customerDid/{name}") for name in ("createdBy", "updatedBy")),
        *((with_claims(**{name: text}), f"/customerClaims/{name}") for name in claims),
    ]


@pytest.mark.parametrize("place", range(8))
def test_a_text_has_a_limit_of_characters(project: Project, place: int) -> None:
    """Characters, not bytes: four bytes each here."""
    item, _ = texts(TEXT_CHARS)[place]
    assert project.post(project.body(item)).status_code == 200


@pytest.mark.parametrize("place", range(8))
def test_a_character_more_is_refused(project: Project, place: int) -> None:
    item, pointer = texts(TEXT_CHARS + 1)[place]
    document = refused(project, project.post(project.body(item)), "batch.invalid")
    (found,) = (one for one in document["errors"] if one["pointer"].endswith(pointer))
    assert found["code"] == "text.too_long"
    assert found["detail"].endswith("The limit is 100 characters.")


def test_a_text_of_escapes_is_counted_as_it_reads(project: Project) -> None:
    body = json.dumps(project.body(with_claims(name="@"))).replace("@", "\\u0041" * TEXT_CHARS)
    assert project.post(body.encode()).status_code == 200


def picture(size: int) -> str:
    return b64encode(b64decode(PNG).ljust(size, b"\0")).decode()


def test_a_picture_has_a_limit_of_its_own(project: Project) -> None:
    assert len(project.enrol(with_claims(pictureBase64=picture(PICTURE_BYTES)))) == 1
    answer = project.post(project.body(with_claims(pictureBase64=picture(PICTURE_BYTES + 1))))
    document = problem(answer, "batch.invalid")
    assert faults(document)[0][1] == "picture.too_large"
    assert project.total() == 1


def test_the_body_has_a_limit_of_depth(project: Project) -> None:
    for levels, code in ((DEPTH - 4, "batch.invalid"), (DEPTH - 3, "json.too_deep")):
        nested: object = 1
        for _ in range(levels):
            nested = [nested]
        answer = project.post(project.body(with_claims(name=nested)))
        refused(project, answer, code)


def test_the_list_of_errors_has_a_limit(project: Project) -> None:
    document = refused(project, project.post(project.body({}, {}, {})), "batch.invalid")
    assert (len(document["errors"]), document["errorCount"]) == (2, 3)


def test_a_body_that_comes_too_slowly(project: Project) -> None:
    with connected(project.server) as connection:
        start = time.monotonic()
        connection.sendall(head(project, "Content-Length: 1000") + b"{")
        answer = answer_on(connection)
        problem(answer, "body.timeout")
        assert BODY_SECONDS <= time.monotonic() - start < BODY_SECONDS + 2
        assert is_closed(connection)
    assert project.rows() == EMPTY


def test_a_slow_body_holds_nobody_up(project: Project) -> None:
    with connected(project.server) as connection:
        connection.sendall(head(project, "Content-Length: 1000") + b"{")
        assert len(project.enrol(customer())) == 1
        problem(answer_on(connection), "body.timeout")


def test_a_client_that_goes_away_leaves_nothing(project: Project) -> None:
    body = padded(project, 0)
    with connected(project.server) as connection:
        connection.sendall(head(project, f"Content-Length: {len(body)}") + body[:-1])
    with connected(project.server) as connection:
        connection.sendall(head(project, "Transfer-Encoding: chunked") + chunk(body))
    assert len(project.enrol(customer())) == 1
    assert project.rows()["batches"] == 1


def waiting(project: Project, stack: ExitStack, size: int) -> socket.socket:
    """A connection whose body lacks its last byte."""
    connection = stack.enter_context(connected(project.server))
    connection.sendall(head(project, f"Content-Length: {size}") + b" " * (size - 1))
    return connection


def one_is_turned_away(project: Project, calls: int, size: int) -> None:
    """Of so many calls at once, whose bodies never come to an end, one is not even begun."""
    with ExitStack() as stack:
        held = [waiting(project, stack, size) for _ in range(calls)]
        answers = sorted(map(answer_on, held), key=lambda answer: answer.status_code)
    for answer in answers[:-1]:
        problem(answer, "body.timeout")
    problem(answers[-1], "server.busy")
    assert answers[-1].headers["retry-after"] == "1"
    assert project.rows() == EMPTY


def test_the_bodies_that_are_held_at_once_have_a_limit(project: Project) -> None:
    one_is_turned_away(project, 1 + INFLIGHT_BYTES // BODY_BYTES, BODY_BYTES)
    assert project.post(padded(project, BODY_BYTES)).status_code == 200


def test_the_calls_that_are_served_at_once_have_a_limit(project: Project) -> None:
    one_is_turned_away(project, 1 + CONNECTIONS, 100)
    assert len(project.enrol(customer())) == 1
