"""Changes of one customer come one after another, and others do not wait for them."""

import asyncio
from random import Random

import pytest

from enrol.api.turns import Turns
from tests.conftest import ON_ONE_STORE

pytestmark = ON_ONE_STORE

A, B = b"a" * 16, b"b" * 16


async def test_the_same_customer_is_had_by_one_in_the_order_of_asking() -> None:
    turns, told = Turns(), []

    async def have(number: int) -> None:
        async with turns.of(1, [A]):
            told.append((number, "begins"))
            await asyncio.sleep(0)
            told.append((number, "ends"))

    await asyncio.gather(*map(have, range(5)))
    assert told == [(number, part) for number in range(5) for part in ("begins", "ends")]
    assert turns.turns == {}


@pytest.mark.parametrize(("project", "customer"), [(1, B), (2, A)])
async def test_another_customer_is_not_waited_for(project: int, customer: bytes) -> None:
    turns = Turns()
    async with turns.of(1, [A]), asyncio.timeout(5), turns.of(project, [customer]):
        assert len(turns.turns) == 2


async def test_whoever_wants_several_does_not_wait_for_ever() -> None:
    """In whatever order they are named, one twice too."""
    turns, random, had = Turns(), Random(7), 0
    names = [bytes([number]) * 16 for number in range(6)]

    async def have() -> None:
        nonlocal had
        wanted = random.choices(names, k=4)
        async with turns.of(1, wanted):
            await asyncio.sleep(0)
            had += 1

    async with asyncio.timeout(30):
        await asyncio.gather(*(have() for _ in range(300)))
    assert (had, turns.turns) == (300, {})


async def test_who_fails_or_gives_up_leaves_the_turn_to_others() -> None:
    turns = Turns()
    with pytest.raises(ZeroDivisionError):
        async with turns.of(1, [A, B]):
            raise ZeroDivisionError
    async with turns.of(1, [B]):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01), turns.of(1, [A, B]):
                pass
    assert turns.turns == {}
