"""API keys: their form, whose call it is, and how long a cached answer is believed."""

import asyncio
import string
import zlib
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from enrol import access
from enrol.access import (
    ALPHABET,
    SCOPES,
    Access,
    NewKey,
    hash_key,
    is_well_formed,
    make_key,
)
from enrol.problems import Problem
from enrol.store.clock import now_ms
from enrol.store.protocol import KeyRecord
from enrol.store.registry import Key, open_registry
from enrol.store.sqlite.store import SqliteStore

WRITE = "customers:write"


class Keys:
    """Keys in a real file, and access to them with a clock that is set by hand."""

    def __init__(self, folder: Path) -> None:
        database = str(folder / "enrol.db")
        self.registry = open_registry(database)
        self.registry.add_project("main", "Main", lenient=True)
        self.store = SqliteStore(database, "", idempotency_ms=1)
        self.seconds = 0.0
        self.access = Access(self.store, 1.0, lambda: self.seconds)

    def add(self, *scopes: str, expires_at: int | None = None) -> NewKey:
        new = make_key()
        text = " ".join(scopes or (WRITE,))
        key = Key(new.key[-9:], "main", new.hint, None, text, now_ms(), expires_at, None)
        self.registry.add_key(key, new.hash)
        return new

    async def ask(self, authorization: str | None, scope: str = WRITE) -> KeyRecord:
        return await self.access.key_of(authorization, scope)

    async def refusal(self, authorization: str | None, scope: str = WRITE) -> tuple[str, str]:
        """The code and the challenge of a refusal."""
        with pytest.raises(Problem) as refused:
            await self.ask(authorization, scope)
        problem = refused.value
        assert problem.status == (403 if problem.code == "access.scope" else 401)
        return problem.code, problem.headers["WWW-Authenticate"]


@pytest.fixture
async def keys(tmp_path: Path) -> AsyncIterator[Keys]:
    keys = Keys(tmp_path)
    yield keys
    keys.store.readers.shutdown()
    keys.registry.close()


def test_a_key_is_a_prefix_32_random_characters_and_a_checksum() -> None:
    key = make_key().key
    assert len(key) == len("enrol_") + 32 + 6
    assert key.startswith("enrol_")
    assert set(key.removeprefix("enrol_")) <= set(string.ascii_letters + string.digits)
    # The checksum is the CRC-32 of all before it in base 62, as secret scanners expect.
    number = 0
    for digit in key[-6:]:
        number = number * 62 + ALPHABET.index(digit)
    assert number == zlib.crc32(key[:-6].encode())


def test_every_key_is_another_and_its_hint_is_its_end() -> None:
    made = [make_key() for _ in range(1_000)]
    assert len({new.key for new in made}) == 1_000
    for new in made:
        assert is_well_formed(new.key)
        assert new.key.endswith(new.hint)
        assert new.hash == sha256(new.key.encode()).digest()


def test_a_key_with_one_character_changed_is_not_well_formed() -> None:
    key = make_key().key
    for place, was in enumerate(key):
        for other in ("0" if was != "0" else "1", "é", " "):
            assert not is_well_formed(key[:place] + other + key[place + 1 :])


@pytest.mark.parametrize("spoil", [str.upper, lambda key: key[:-1], lambda key: key + "0"])
def test_a_text_of_another_form_is_no_key(spoil: Any) -> None:
    assert not is_well_formed(spoil(make_key().key))
    assert not is_well_formed("")


async def test_a_key_brings_its_project_scopes_and_mode(keys: Keys) -> None:
    new = keys.add(WRITE, "customers:read")
    record = await keys.ask(f"Bearer {new.key}")
    assert (record.project, record.project_id, record.lenient) == (1, "main", True)
    assert record.scopes == {WRITE, "customers:read"}


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer  "])
async def test_the_scheme_is_read_without_regard_to_case(scheme: str, keys: Keys) -> None:
    new = keys.add()
    assert (await keys.ask(f"{scheme} {new.key} ")).project == 1


@pytest.mark.parametrize("sent", [None, "", "Basic YTpi", "Bearerenrol_", "Token x"])
async def test_without_a_bearer_key_the_challenge_has_no_error(
    sent: str | None, keys: Keys
) -> None:
    # RFC 6750 section 3.1
    assert await keys.refusal(sent) == ("access.missing", 'Bearer realm="enrol"')


@pytest.mark.parametrize("sent", ["Bearer", "Bearer ", "Bearer x", "Bearer é", "Bearer a b"])
async def test_what_is_no_key_is_told_apart_from_no_key_at_all(sent: str, keys: Keys) -> None:
    code, challenge = await keys.refusal(sent)
    assert code == "access.malformed"
    assert challenge == 'Bearer realm="enrol", error="invalid_token"'


async def test_a_key_that_nobody_has_is_unknown(keys: Keys) -> None:
    code, challenge = await keys.refusal(f"Bearer {make_key().key}")
    assert (code, challenge) == ("access.unknown", 'Bearer realm="enrol", error="invalid_token"')


async def test_a_scope_that_is_missing_is_named(keys: Keys) -> None:
    new = keys.add("customers:read")
    code, challenge = await keys.refusal(f"Bearer {new.key}")
    assert code == "access.scope"
    told = 'error="insufficient_scope", scope="customers:write"'
    assert challenge == f'Bearer realm="enrol", {told}'
    assert (await keys.ask(f"Bearer {new.key}", "customers:read")).project == 1


@pytest.mark.parametrize("scope", SCOPES)
async def test_admin_may_do_all(scope: str, keys: Keys) -> None:
    new = keys.add("admin")
    assert (await keys.ask(f"Bearer {new.key}", scope)).project == 1


async def test_a_revoked_key_is_refused_once_the_cache_has_aged(keys: Keys) -> None:
    new = keys.add()
    sent = f"Bearer {new.key}"
    await keys.ask(sent)
    keys.registry.revoke_key(new.key[-9:])
    keys.seconds = 0.9
    await keys.ask(sent)
    keys.seconds = 1.0
    assert await keys.refusal(sent) == (
        "access.revoked",
        'Bearer realm="enrol", error="invalid_token"',
    )
    # And it stays so, from the cache too.
    assert (await keys.refusal(sent))[0] == "access.revoked"


async def test_a_cached_answer_asks_the_file_once_a_second(keys: Keys) -> None:
    new = keys.add()
    record = await keys.ask(f"Bearer {new.key}")
    # Without the file the cache alone can answer.
    keys.store.readers.shutdown()
    keys.seconds = 0.9
    assert await keys.ask(f"Bearer {new.key}") == record
    keys.seconds = 1.0
    with pytest.raises(RuntimeError):
        await keys.ask(f"Bearer {new.key}")


async def test_a_cache_of_no_time_asks_each_time(keys: Keys) -> None:
    keys.access.cache_seconds = 0
    new = keys.add()
    await keys.ask(f"Bearer {new.key}")
    keys.registry.revoke_key(new.key[-9:])
    assert (await keys.refusal(f"Bearer {new.key}"))[0] == "access.revoked"


async def test_a_key_expires_at_its_time_whatever_the_cache_says(keys: Keys) -> None:
    new = keys.add(expires_at=now_ms() + 250)
    await keys.ask(f"Bearer {new.key}")
    await asyncio.sleep(0.3)
    code, challenge = await keys.refusal(f"Bearer {new.key}")
    assert (code, challenge) == ("access.expired", 'Bearer realm="enrol", error="invalid_token"')


async def test_the_cache_has_a_bound_and_keeps_what_was_asked_last(
    keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "MOST_CACHED", 2)
    first, second, third = (keys.add() for _ in range(3))
    for new in (first, second):
        await keys.ask(f"Bearer {new.key}")
    keys.seconds = 2.0
    for new in (first, third):
        await keys.ask(f"Bearer {new.key}")
    assert list(keys.access.cache) == [first.hash, third.hash]


async def test_a_key_that_is_refused_fills_no_cache(keys: Keys) -> None:
    for _ in range(5):
        await keys.refusal(f"Bearer {make_key().key}")
        await keys.refusal("Bearer x")
    assert not keys.access.cache


async def test_the_cache_holds_hashes_and_no_keys(keys: Keys) -> None:
    new = keys.add()
    await keys.ask(f"Bearer {new.key}")
    assert list(keys.access.cache) == [hash_key(new.key)]
    assert new.key not in repr(keys.access.cache)
