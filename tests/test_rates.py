"""Exactly as many calls pass as may: by a clock that is handed in, and over HTTP."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from io import BufferedReader
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrol.access import MOST_STRANGERS, Access, hash_key, make_key
from enrol.problems import Problem
from enrol.rates import WINDOW_SECONDS, Rates, share_of
from enrol.store.protocol import KeyRecord
from enrol.store.registry import open_registry
from enrol.store.sqlite.store import SqliteStore
from tests.api.conformance import Description
from tests.api.refusals import problem
from tests.conftest import NewDatabase
from tests.serving import Project, Served
from tests.wire import connected

LIMIT = 30
FLOOD_SECONDS = 60.0


@given(st.integers(1, 50), st.lists(st.floats(0, 59.99), min_size=1, max_size=120))
def test_exactly_as_many_pass_in_a_window_as_may(limit: int, times: list[float]) -> None:
    rates = Rates()
    assert rates.take("a", limit, 0.0)
    passed = 1 + sum(rates.take("a", limit, now) for now in sorted(times))
    assert passed == min(limit, 1 + len(times))
    # At the very end of the window the next one begins, with the whole of it.
    again = [rates.take("a", limit, 60.0) for _ in range(limit + 1)]
    assert again == [True] * limit + [False]


def test_a_window_begins_with_the_first_call_of_a_name() -> None:
    rates = Rates()
    assert rates.take("a", 1, 100.0)
    assert rates.take("b", 1, 130.0)
    assert not rates.take("a", 1, 159.9)
    assert rates.take("a", 1, 160.0)
    assert not rates.take("b", 1, 189.9)
    assert rates.take("b", 1, 190.0)


def test_the_fields_say_what_may_still_be_done() -> None:
    rates = Rates()
    assert rates.fields("a", 0.0) is None
    rates.take("a", 2, 0.0)
    assert rates.fields("a", 0.5) == (b'"default";q=2;w=60', b'"default";r=1;t=60')
    rates.take("a", 2, 1.0)
    rates.take("a", 2, 2.0)
    assert rates.fields("a", 50.0) == (b'"default";q=2;w=60', b'"default";r=0;t=10')
    assert rates.fields("a", 60.0) is None


def test_who_waits_as_long_as_told_may_pass() -> None:
    rates = Rates()
    rates.take("a", 1, 0.25)
    for now in (0.25, 0.26, 1.0, 59.0, 60.2):
        wait = rates.wait("a", 1, now)
        assert wait > 0
        assert now + wait >= 60.25
        assert not rates.take("a", 1, now)
    assert rates.wait("a", 1, 60.25) == 0


def test_a_limit_that_is_changed_holds_at_once() -> None:
    rates = Rates()
    assert [rates.take("a", 2, 0.0) for _ in range(3)] == [True, True, False]
    assert [rates.take("a", 3, 1.0) for _ in range(2)] == [True, False]
    assert not rates.take("a", 1, 2.0)
    assert rates.fields("a", 2.0) == (b'"default";q=1;w=60', b'"default";r=0;t=58')


def test_what_is_given_back_may_pass() -> None:
    rates = Rates()
    rates.give_back("a", 0.0)
    assert rates.take("a", 1, 0.0)
    rates.give_back("a", 1.0)
    rates.give_back("a", 1.0)
    assert [rates.take("a", 1, 1.0) for _ in range(2)] == [True, False]
    rates.give_back("a", 99.0)
    assert rates.take("a", 1, 99.0)


def test_memory_is_bounded_and_who_waits_is_remembered() -> None:
    rates = Rates(most=100)
    for number in range(100):
        rates.take(f"old-{number}", 1, 0.0)
    for number in range(100):
        assert rates.take(f"new-{number}", 1, 61.0)
        assert len(rates.windows) <= 100
    assert not any(rates.take(f"new-{number}", 1, 62.0) for number in range(100))
    # Where all are young, the one that began first gives way.
    assert rates.take("one more", 1, 62.0)
    assert len(rates.windows) == 100
    assert "new-0" not in rates.windows


@pytest.mark.parametrize(
    ("limit", "processes", "share"),
    [
        (100, 1, (100, 60)),
        (100, 3, (33, 60)),
        (8, 8, (1, 60)),
        # One call each in so many minutes.
        (2, 8, (1, 240)),
        (1, 2, (1, 120)),
        (7, 64, (1, 549)),
    ],
)
def test_each_process_has_its_share(limit: int, processes: int, share: tuple[int, int]) -> None:
    assert share_of(limit, processes) == share


@given(st.integers(1, 500), st.integers(1, 64))
def test_the_shares_of_all_are_no_more_than_the_limit(limit: int, processes: int) -> None:
    calls, seconds = share_of(limit, processes)
    assert calls >= 1
    assert calls * processes * WINDOW_SECONDS <= limit * seconds


def test_a_window_may_last_longer_than_others() -> None:
    rates = Rates()
    assert rates.take("slow", 1, 0.0, 120)
    assert rates.take("quick", 1, 0.0)
    assert rates.fields("slow", 1.0) == (b'"default";q=1;w=120', b'"default";r=0;t=119')
    assert not rates.take("slow", 1, 60.0, 120)
    assert rates.wait("slow", 1, 60.0) == 60
    assert rates.take("quick", 1, 60.0)
    assert rates.take("slow", 1, 120.0, 120)


class CountedStore(SqliteStore):
    """A real store that counts what it is asked for."""

    reads = 0
    at_once = 0
    most_at_once = 0

    async def find_key(self, key_hash: bytes) -> KeyRecord | None:
        self.reads += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await super().find_key(key_hash)
        finally:
            self.at_once -= 1


class Asked:
    """Access to a real file, with a clock that is set by hand."""

    def __init__(self, folder: Path, **limits: int) -> None:
        database = str(folder / "enrol.db")
        self.registry = open_registry(database)
        self.registry.add_project("main", "Main", lenient=False)
        self.store = CountedStore(database, "", idempotency_ms=1)
        self.seconds = 0.0
        self.access = Access(self.store, 1.0, lambda: self.seconds, **limits)

    def add(self) -> str:
        """A key of the project."""
        from enrol.store.registry import Key

        new = make_key()
        key = Key(new.key[-9:], "main", new.hint, None, "customers:read", 0, None, None)
        self.registry.add_key(key, new.hash)
        return new.key

    async def ask(self, key: str, scope: str = "customers:read") -> str:
        """What comes of a call: "passed", or the code of its refusal."""
        try:
            await self.access.key_of(f"Bearer {key}", scope)
        except Problem as refusal:
            return refusal.code
        return "passed"

    async def ask_all(self, *keys: str) -> Counter[str]:
        return Counter(await asyncio.gather(*(self.ask(key) for key in keys)))


@pytest.fixture
async def asked(tmp_path: Path) -> AsyncIterator[Asked]:
    asked = Asked(tmp_path, rate_limit=LIMIT)
    yield asked
    asked.store.readers.shutdown()
    asked.registry.close()


async def test_exactly_as_many_calls_of_a_key_pass(asked: Asked) -> None:
    key = asked.add()
    expected = {"passed": LIMIT, "rate.limited": LIMIT}
    assert await asked.ask_all(*[key] * (2 * LIMIT)) == expected
    asked.seconds = WINDOW_SECONDS - 0.1
    assert await asked.ask(key) == "rate.limited"
    asked.seconds = WINDOW_SECONDS
    assert await asked.ask_all(*[key] * (2 * LIMIT)) == expected


async def test_keys_are_limited_one_by_one(asked: Asked) -> None:
    one, other = asked.add(), asked.add()
    await asked.ask_all(*[one] * LIMIT)
    assert await asked.ask(one) == "rate.limited"
    assert await asked.ask(other) == "passed"


async def test_another_way_to_write_the_header_is_the_same_key(asked: Asked) -> None:
    key = asked.add()
    await asked.ask_all(*[key] * LIMIT)
    for authorization in (f"bearer {key}", f"BEARER  {key} "):
        with pytest.raises(Problem, match=r"rate\.limited"):
            await asked.access.key_of(authorization, "customers:read")


async def test_calls_beyond_the_scope_of_a_key_count(asked: Asked) -> None:
    key = asked.add()
    codes = [await asked.ask(key, "admin") for _ in range(LIMIT + 1)]
    assert codes == ["access.scope"] * LIMIT + ["rate.limited"]


async def test_without_a_limit_nothing_is_counted(tmp_path: Path) -> None:
    free = Asked(tmp_path)
    key = free.add()
    await free.ask_all(*[key] * 1_000)
    assert free.access.rates.windows == {}
    assert free.access.limited == {}
    assert free.access.rate_fields(f"Bearer {key}") is None
    free.store.readers.shutdown()
    free.registry.close()


class TestStrangers:
    """Calls with well-formed keys that nobody has: each costs a read, so they are few."""

    async def test_so_many_a_second_are_read_and_no_more(self, asked: Asked) -> None:
        strange = [make_key().key for _ in range(5 * MOST_STRANGERS)]
        found = await asked.ask_all(*strange)
        assert found == {"access.unknown": MOST_STRANGERS, "server.busy": 400}
        assert asked.store.reads == MOST_STRANGERS
        asked.seconds = 1.0
        await asked.ask_all(*strange)
        assert asked.store.reads == 2 * MOST_STRANGERS

    async def test_keys_that_were_seen_pass_meanwhile(self, asked: Asked) -> None:
        known = asked.add()
        assert await asked.ask(known) == "passed"
        asked.seconds = 1.5  # what was read is too old by now, and is read again
        await asked.ask_all(*(make_key().key for _ in range(2 * MOST_STRANGERS)))
        assert await asked.ask(known) == "passed"
        assert await asked.ask(asked.add()) == "server.busy"
        asked.seconds = 2.5
        assert await asked.ask(asked.add()) == "passed"

    async def test_however_many_real_keys_come_at_once_all_pass(self, asked: Asked) -> None:
        keys = [asked.add() for _ in range(2 * MOST_STRANGERS)]
        assert await asked.ask_all(*keys) == {"passed": 2 * MOST_STRANGERS}
        assert asked.store.most_at_once <= 32

    async def test_a_text_that_is_no_key_is_never_read(self, asked: Asked) -> None:
        assert await asked.ask_all("x", make_key().key + "0") == {"access.malformed": 2}
        assert asked.store.reads == 0

    async def test_the_cache_of_a_flood_holds_no_strangers(self, asked: Asked) -> None:
        strange = make_key().key
        await asked.ask(strange)
        assert hash_key(strange) not in asked.access.cache


@pytest.fixture
def limited(tmp_path: Path, new_database: NewDatabase) -> Any:
    with Served(tmp_path, new_database(), rate_limit=LIMIT) as served:
        yield served


def read_field(text: str) -> tuple[str, dict[str, int]]:
    """The name and the parameters of a structured list of one item."""
    match = re.fullmatch(r'"(\w+)"((?:;[a-z]+=\d+)+)', text)
    assert match, text
    pairs = (pair.split("=") for pair in match[2].split(";")[1:])
    return match[1], {name: int(value) for name, value in pairs}


def call_at_once(project: Project, count: int) -> list[httpx.Response]:
    """So many calls, of both kinds of route, on many connections."""
    return asyncio.run(_call_at_once(project, count))


async def _call_at_once(project: Project, count: int) -> list[httpx.Response]:
    headers = {"Authorization": f"Bearer {project.key}"}
    async with httpx.AsyncClient(
        base_url=project.server.url, headers=headers, timeout=30
    ) as client:
        calls = [
            client.get("/customers", params={"cmsProjectId": project.id})
            if number % 2
            else client.post("/customers/batch", json=project.body())
            for number in range(count)
        ]
        return await asyncio.gather(*calls)


def test_exactly_as_many_of_concurrent_calls_pass_over_http(limited: Served) -> None:
    project, other = limited.new_project(), limited.new_project()
    answers = call_at_once(project, 4 * LIMIT)
    assert Counter(answer.status_code for answer in answers) == {200: LIMIT, 429: 3 * LIMIT}
    left = []
    described = Description(limited.http.get("/openapi.json").json())
    for answer in answers:
        described(answer)
        assert read_field(answer.headers["ratelimit-policy"]) == ("default", {"q": LIMIT, "w": 60})
        name, rate = read_field(answer.headers["ratelimit"])
        assert name == "default"
        assert 0 < rate["t"] <= 60
        left.append(rate["r"])
        if answer.status_code == 429:
            document = problem(answer, "rate.limited")
            assert document["title"] == "Too many calls"
            assert rate["r"] == 0
            # The draft, section 6: not before the end of the window.
            assert rate["t"] <= int(answer.headers["retry-after"]) <= 60
    assert 0 <= min(left) <= max(left) < LIMIT
    # Another key is as free as before; what needs no key is not counted and says nothing.
    assert {answer.status_code for answer in call_at_once(other, LIMIT)} == {200}
    for path in ("/healthz", "/docs"):
        answer = limited.http.get(path)
        assert answer.status_code == 200
        assert "ratelimit" not in answer.headers


def test_several_processes_share_the_limit(tmp_path: Path, new_database: NewDatabase) -> None:
    with Served(tmp_path, new_database(), rate_limit=LIMIT, workers=2) as served:
        answers = call_at_once(served.new_project(), 6 * LIMIT)
    statuses = Counter(answer.status_code for answer in answers)
    assert LIMIT // 2 <= statuses[200] <= LIMIT
    assert statuses[200] + statuses[429] == 6 * LIMIT
    policies = {answer.headers["ratelimit-policy"] for answer in answers}
    assert policies == {f'"default";q={LIMIT // 2};w=60'}


def test_a_limit_below_the_number_of_processes_is_kept_in_longer_windows(
    tmp_path: Path, new_database: NewDatabase
) -> None:
    with Served(tmp_path, new_database(), workers=2) as served:
        project = served.new_project()
        key = served.new_key(project.id, rate_limit=1).text
        answers = call_at_once(project._replace(key=key), 20)
    passed = [answer for answer in answers if answer.status_code == 200]
    # One of each process, in two minutes.
    assert 1 <= len(passed) <= 2
    assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"default";q=1;w=120'}
    waits = {int(a.headers["retry-after"]) for a in answers if a.status_code == 429}
    assert min(waits) > 60


def test_a_key_of_the_same_project_has_a_limit_of_its_own(limited: Served) -> None:
    project = limited.new_project()
    for _ in range(LIMIT):
        assert project.get("/customers", cmsProjectId=project.id).status_code == 200
    assert project.get("/customers", cmsProjectId=project.id).status_code == 429
    second = project._replace(key=limited.new_key(project.id).text)
    answer = second.get("/customers", cmsProjectId=project.id)
    assert read_field(answer.headers["ratelimit"])[1]["r"] == LIMIT - 1


def test_by_default_nothing_is_limited(project: Project) -> None:
    for _ in range(3 * LIMIT):
        answer = project.get("/customers", cmsProjectId=project.id)
    assert answer.status_code == 200
    assert "ratelimit" not in answer.headers
    assert "ratelimit-policy" not in answer.headers


def test_a_flood_of_strangers_is_answered_over_http(limited: Served) -> None:
    """Those whose keys are not read are told to come again, and a known key is served."""
    project = limited.new_project()
    assert project.total() == 0
    answers: list[httpx.Response] = []
    deadline = time.monotonic() + FLOOD_SECONDS
    # A machine that is busy may take a second for the first hundred.
    while not any(answer.status_code == 503 for answer in answers):
        assert time.monotonic() < deadline, Counter(answer.status_code for answer in answers)
        answers += flood(limited, 4 * MOST_STRANGERS)
    assert project.total() == 0
    assert {answer.status_code for answer in answers} == {401, 503}
    for answer in answers:
        problem(answer, "access.unknown" if answer.status_code == 401 else "server.busy")
    assert {answer.headers.get("retry-after") for answer in answers} == {None, "1"}


def flood(served: Served, count: int) -> list[httpx.Response]:
    """So many calls with keys that nobody has, sent at once on one connection."""
    heads = [
        f"GET /customers/x HTTP/1.1\r\nHost: e\r\nAuthorization: Bearer {make_key().key}\r\n\r\n"
        for _ in range(count)
    ]
    with connected(served) as connection:
        connection.sendall("".join(heads).encode())
        stream = connection.makefile("rb")
        return [next_answer(stream) for _ in range(count)]


def next_answer(stream: BufferedReader) -> httpx.Response:
    """The next of several answers on one connection."""
    status = int(stream.readline().split()[1])
    lines = iter(stream.readline, b"\r\n")
    parts = (line.decode().partition(":") for line in lines)
    headers = {name.lower(): value.strip() for name, _, value in parts}
    content = stream.read(int(headers["content-length"]))
    return httpx.Response(status, headers=headers, content=content)
