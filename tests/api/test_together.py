"""Small calls that come at one moment are read together, and each gets its own answer."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from tests.conftest import ON_ONE_STORE
from tests.people import customer, with_claims, with_wallet
from tests.serving import Project, Served
from tests.wire import connected, head

pytestmark = ON_ONE_STORE

CALLS = 60


async def _post_all(project: Project, bodies: list[Any]) -> list[httpx.Response]:
    limits = httpx.Limits(max_connections=len(bodies))
    async with httpx.AsyncClient(base_url=project.server.url, limits=limits, timeout=30) as client:
        # The connections first, so that the calls meet.
        await asyncio.gather(*(client.get("/healthz") for _ in bodies))
        calls = (
            client.post("/customers/batch", json=body, headers=project.headers) for body in bodies
        )
        return await asyncio.gather(*calls)


def test_each_of_many_calls_gets_its_own_answer(project: Project) -> None:
    kinds = [
        lambda name: project.body(customer(name=name)),
        lambda name: project.body(with_claims(name=name), with_claims(name=name)),
        lambda name: project.body(with_claims(name=name), with_wallet("0x1")),
        lambda name: project.body(),
        lambda name: project.body(customer(name=name)) | {"cmsProjectId": "another"},
        lambda name: project.body(with_claims(name=name, birthdate="soon")),
    ]
    bodies = [kinds[number % len(kinds)](f"Person {number}") for number in range(CALLS)]
    answers = asyncio.run(_post_all(project, bodies))
    for number, answer in enumerate(answers):
        status = (200, 200, 422, 200, 403, 422)[number % len(kinds)]
        assert answer.status_code == status, answer.text
        if status == 200:
            stored = [project.customer(customer_id) for customer_id in answer.json()]
            assert len(stored) == len(bodies[number]["customerData"])
            for shown in stored:
                assert shown["customerClaims"][0]["name"] == f"Person {number}"
    pointers = [
        answers[2].json()["errors"][0]["pointer"],
        answers[5].json()["errors"][0]["pointer"],
    ]
    assert pointers == [
        "/customerData/1/customerWallet/wallet",
        "/customerData/0/customerClaims/birthdate",
    ]
    assert project.total() == CALLS // len(kinds) * 3


@pytest.mark.parametrize("size", [1, 2, 3])
def test_an_answer_comes_in_one_piece(size: int, project: Project, server: Served) -> None:
    body = json.dumps(project.body(*(customer() for _ in range(size)))).encode()
    with connected(server) as connection:
        for _ in range(3):
            connection.sendall(head(project, f"Content-Length: {len(body)}") + body)
            piece = connection.recv(65536)
            # Head and body: one call to the kernel on either side.
            assert piece.startswith(b"HTTP/1.1 ")
            assert piece.endswith((b"]", b"}"))
