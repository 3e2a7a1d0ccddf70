"""Servers that are killed in the midst of indexing: nobody is lost from the index, nobody twice."""

import random
import re
import time
from functools import partial
from urllib.parse import quote

import pytest

from tests.faults.load import Load, body_of, people, post
from tests.faults.processes import Client, Serving, wait_until

BATCHES = 9
SIZE = 1_000
RECOVERY_SECONDS = 30.0


def page(client: Client, address: str) -> tuple[list[str], int, str | None, bool]:
    """The IDs of a page, how many there are, the address of the next, and if all was indexed."""
    reply = client.call("GET", address)
    assert reply.status == 200, reply
    found = re.search('<([^>]*)>; rel="next"', reply.headers["link"])
    ids = [customer["id"] for customer in reply.data["data"]]
    behind = "enrol-index-behind" in reply.headers
    return ids, reply.data["totalCount"], found and found[1], not behind


def listed(client: Client, **filters: str) -> tuple[list[str], int]:
    """Every ID of a filtered list, by its cursors, and the count of the first page."""
    query = "".join(f"&{name}={quote(value)}" for name, value in filters.items())
    address: str | None = f"/customers?cmsProjectId=main&limit=1000{query}"
    ids: list[str] = []
    counts = []
    while address is not None:
        some, count, address, _ = page(client, address)
        ids += some
        counts.append(count)
    assert len(set(counts)) == 1
    return ids, counts[0]


def has_another(serving: Serving, pid: int) -> bool:
    """Whether the server has a writer in the place of one that was killed."""
    writer = serving.writer()
    return writer is not None and writer.pid != pid


def is_indexed(client: Client) -> bool:
    return page(client, "/customers?cmsProjectId=main&limit=1&type=Individual")[3]


@pytest.mark.timeout(240)
def test_a_server_killed_while_it_indexes_loses_nobody_and_has_nobody_twice(
    serving: Serving, key: str
) -> None:
    chance = random.Random(1)
    stored: list[str] = []
    for number in range(BATCHES):
        reply = post(serving, key, body_of(people(f"batch{number}", SIZE)))
        assert reply.status == 200
        stored += reply.data
        # Somewhere in the slices that follow.
        time.sleep(0.25 + chance.random() * 0.4)
        writer = serving.writer()
        if writer is not None and number % 2:
            writer.kill()
            wait_until(partial(has_another, serving, writer.pid), RECOVERY_SECONDS, "no new writer")
            wait_until(serving.is_ready, RECOVERY_SECONDS, "not ready")
        else:
            serving.kill()
            serving.start()
    with serving.client(key) as client:
        wait_until(lambda: is_indexed(client), 2 * RECOVERY_SECONDS, "not indexed")
        for filters in ({"type": "Individual"}, {"sort": "name"}, {"status": "No status"}):
            ids, count = listed(client, **filters)
            assert len(ids) == len(set(ids)) == count
            assert set(ids) == set(stored)


@pytest.mark.timeout(240)
def test_lists_stay_right_while_customers_are_imported(serving: Serving, key: str) -> None:
    assert post(serving, key, body_of(people("first", 500))).status == 200
    load = Load(key, threads=2, seed=3)
    with serving.client(key) as client, load.flowing():
        first, _ = listed(client)
        load.go(serving.port)
        for _ in range(2):
            for filters in ({}, {"sort": "createdAt"}, {"type": "Individual", "sort": "name"}):
                ids: list[str] = []
                address: str | None = "/customers?cmsProjectId=main&limit=200" + "".join(
                    f"&{name}={value}" for name, value in filters.items()
                )
                while address is not None and len(ids) < 3_000:
                    some, _, address, _ = page(client, address)
                    ids += some
                assert len(ids) == len(set(ids)), filters
                if address is None:
                    assert set(first) <= set(ids), filters
        load.end()
        wait_until(lambda: is_indexed(client), 2 * RECOVERY_SECONDS, "not indexed")
        all_of_them, count = listed(client)
        filtered, same = listed(client, type="Individual")
        assert count == same == len(filtered)
        assert set(all_of_them) == set(filtered)
