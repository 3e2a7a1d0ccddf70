"""A task is ended though a cancellation was lost on its way."""

import asyncio

from enrol.store.ending import end_tasks


async def test_a_task_that_loses_a_cancellation_is_ended_all_the_same() -> None:
    lost = 0

    async def deaf() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                lost += 1
                if lost == 3:
                    raise

    async def failing() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            raise OSError("the connection was gone")

    tasks = [asyncio.create_task(deaf()), asyncio.create_task(failing())]
    await asyncio.sleep(0)
    await asyncio.wait_for(end_tasks(tasks), 5)
    assert all(task.done() for task in tasks)
    assert lost == 3
    assert isinstance(tasks[1].exception(), OSError)


async def test_no_task_is_no_wait() -> None:
    await asyncio.wait_for(end_tasks([]), 1)
