"""Lists out of the index are those that a look at every customer makes."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enrol.customers.search.entry import (
    ANY_FINDING,
    BY_CREATED,
    BY_NAME,
    BY_UPDATED,
    FINDING,
    NAMESPACE,
    SINGLE,
    TAG,
    facet,
)
from enrol.customers.search.sets import CHUNK
from enrol.customers.search.words import name_key, name_words, search_terms
from enrol.store.search import paging
from enrol.store.search.listing import find_listed, find_newest
from enrol.store.search.matching import Filters
from enrol.store.search.paging import Order
from tests.conftest import ON_TWO_STORES, NewDatabase
from tests.store.search.database import (
    PROJECT,
    Base,
    add_events,
    index_all,
    insert,
    open_base,
)

pytestmark = ON_TWO_STORES

# Two full chunks and a part of a third.
SIZE = 2 * CHUNK + 1_500
START = 1_700_000_000_000
NAMES = ["name", "given_name", "family_name"]
GIVEN = "Anna Iwan Иван 王小明 José Zoë Müller Mark Marta Maria Öz O'Brien".split()
FAMILY = "Müller Петров Lee Smith López Ng García Mueller Marx 山田 Kováč Ivanov".split()
COUNTRIES = ["DEU", "FRA", "JPN", "BRA", None]
STATUSES = ["Active", "Rejected", None]
SPACES = ["eip155", "tezos", "solana"]
TAGS = ["vip", "x" * 80, "ü"]
CODES = ["a.b", "c.d"]


@dataclass
class Model:
    """What is stored of one customer."""

    id: bytes
    created_at: int
    columns: dict[str, Any]
    namespaces: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    updated_at: int | None = None
    deleted_at: int | None = None
    merged_into: bytes | None = None

    @property
    def facets(self) -> set[bytes]:
        found = {facet(kind, self.columns[column] or "") for column, kind in SINGLE.items()}
        found |= {facet(NAMESPACE, each) for each in self.namespaces}
        found |= {facet(TAG, each) for each in json.loads(self.columns["tags"] or "[]")}
        found |= {facet(FINDING, each) for each in self.codes}
        return found | ({ANY_FINDING} if self.codes else set())

    def key(self, sort: int) -> tuple[Any, ...]:
        if sort == BY_NAME:
            text = self.columns["name"] or " ".join(
                filter(None, (self.columns["given_name"], self.columns["family_name"]))
            )
            return name_key(text), self.id
        if sort == BY_UPDATED:
            return self.updated_at or self.created_at, self.id
        return self.created_at, self.id

    def passes(self, filters: Filters) -> bool:
        if filters.deleted_before is None:
            if self.deleted_at is not None or self.merged_into is not None:
                return False
        elif self.deleted_at is None or self.deleted_at >= filters.deleted_before:
            return False
        if filters.created is not None:
            start, end = filters.created
            if self.created_at < start or (end is not None and self.created_at >= end):
                return False
        if filters.ids is not None and self.id not in filters.ids:
            return False
        words = name_words(self.columns[name] for name in NAMES)
        return self.facets.issuperset(filters.facets) and all(
            any(word.startswith(t.word) if t.prefix else word == t.word for word in words)
            for t in filters.terms
        )


class World:
    """The customers of a database, and of the model beside it."""

    def __init__(self, base: Base) -> None:
        self.base = base
        self.random = random.Random(5)
        self.customers: dict[bytes, Model] = {}
        self.seq = 0
        self.at = START

    def customer(self, at: int) -> Model:
        pick = self.random
        given, family = pick.choice(GIVEN), pick.choice(FAMILY)
        whole = f"{given} {family}" if pick.random() < 0.5 else None
        rare = f"Rare{pick.randrange(SIZE)}" if pick.random() < 0.2 else given
        columns = {
            "type": pick.choice(["Individual", "Company"]),
            "name": whole,
            "given_name": rare if pick.random() < 0.9 else None,
            "family_name": family,
            "country_of_residence": pick.choice(COUNTRIES),
            "nationality": pick.choice(COUNTRIES),
            "status": pick.choice(STATUSES),
            "risk_score": None,
            "onboarding_level": None,
            "tags": json.dumps(pick.sample(TAGS, pick.randrange(3)))
            if pick.random() < 0.3
            else None,
        }
        customer_id = at.to_bytes(6, "big") + b"\x70" + pick.randbytes(9)
        spaces = pick.sample(SPACES, pick.randrange(3))
        codes = pick.sample(CODES, pick.randrange(3)) if pick.random() < 0.2 else []
        return Model(customer_id, at, columns, spaces, codes)

    def add(self, count: int, *, late: bool = False) -> None:
        models = []
        for _ in range(count):
            # Some at the same millisecond, as those of a batch.
            self.at += self.random.randrange(3)
            at = self.at - self.random.randrange(1, 50_000) if late else self.at
            models.append(self.customer(at))
        self.customers |= {one.id: one for one in models}
        base, key = self.base, {"project": PROJECT}
        rows = [
            {**key, "id": m.id, "batch_id": bytes(16), "created_at": m.created_at, **m.columns}
            for m in models
        ]
        insert(base, "customers", rows)
        parts = [(m, space) for m in models for space in m.namespaces]
        insert(
            base,
            "wallets",
            [
                {**key, "customer_id": m.id, "id": self.random.randbytes(16), "namespace": space}
                | {"address": "a", "created_at": m.created_at}
                for m, space in parts
            ],
        )
        insert(
            base,
            "findings",
            [
                {**key, "customer_id": m.id, "pointer": "/x", "code": code}
                for m in models
                for code in m.codes
            ],
        )
        # In the order of the commits, which is not that of the creation.
        if late:
            self.random.shuffle(models)
        self.seq = add_events(base, self.seq, [("customer.created", m.id) for m in models])

    def change(self, count: int) -> None:
        """Rename, delete, restore, merge and erase."""
        pick, rows, events = self.random, [], []
        for model in pick.sample(list(self.customers.values()), count):
            self.at += pick.randrange(3)
            model.updated_at = self.at
            kind = pick.choice(["updated", "updated", "deleted", "restored", "merged"])
            if kind == "updated":
                fresh = self.customer(self.at).columns
                model.columns = {**fresh, "type": model.columns["type"]}
            elif kind == "deleted":
                model.deleted_at = self.at
            elif kind == "restored":
                model.deleted_at = None
            else:
                model.merged_into = bytes(16)
            events.append((f"customer.{kind}", model.id))
            own = [model.columns[name] for name in CHANGED_COLUMNS]
            state = model.updated_at, model.deleted_at, model.merged_into
            rows.append((*own, *state, PROJECT, model.id))
        self.base.write(CHANGE, rows)
        self.seq = add_events(self.base, self.seq, events)

    def erase(self, count: int) -> None:
        ids = self.random.sample(list(self.customers), count)
        for each in ids:
            del self.customers[each]
        gone = "UPDATE customers SET name = NULL, erased_at = 1 WHERE project = $1 AND id = $2"
        self.base.write(gone, [(PROJECT, each) for each in ids[::2]])
        gone = "DELETE FROM customers WHERE project = $1 AND id = $2"
        self.base.write(gone, [(PROJECT, each) for each in ids[1::2]])
        self.seq = add_events(self.base, self.seq, [("customer.erased", each) for each in ids])


CHANGED_COLUMNS = (
    *("name", "given_name", "family_name", "country_of_residence", "nationality"),
    *("status", "tags"),
)
CHANGE = (
    "UPDATE customers SET "
    + ", ".join(f"{name} = ${place}" for place, name in enumerate(CHANGED_COLUMNS, 1))
    + ", updated_at = $8, deleted_at = $9, merged_into = $10 WHERE project = $11 AND id = $12"
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, new_database: NewDatabase) -> Iterator[World]:
    base = open_base(tmp_path_factory.mktemp("oracle"), new_database())
    made = World(base)
    made.add(CHUNK - 200)
    index_all(base)
    made.add(300, late=True)
    made.change(400)
    index_all(base, 97)
    made.add(SIZE - CHUNK - 100)
    made.change(300)
    index_all(base)
    made.change(900)
    made.erase(60)
    index_all(base)
    yield made
    base.close()


TERMS = st.sampled_from(
    [
        *(*GIVEN, *FAMILY, "mar", "m", "Ma", "rare", "rare1", "rare12", "山", "明", "anna müller"),
        *("ivan pet", "xiaoming", "zz", "o'bri", "lee ng", "ro"),
    ]
)
FACETS = st.lists(
    st.sampled_from(
        [
            *(facet(b"t", "Company"), facet(b"c", "DEU"), facet(b"c", ""), facet(b"n", "JPN")),
            *(facet(b"s", "Active"), facet(b"s", ""), facet(b"r", ""), facet(b"w", "tezos")),
            *(facet(TAG, "vip"), facet(TAG, "x" * 80), facet(FINDING, "a.b"), ANY_FINDING),
            *(facet(b"t", "Individual"), facet(b"w", "dash"), facet(b"w", "eip155")),
        ]
    ),
    max_size=3,
)
TIMES = st.integers(START - 1_000, START + SIZE + 5_000)
FILTERS = st.builds(
    Filters,
    FACETS,
    st.just(()) | TERMS.map(search_terms),
    st.none() | st.tuples(TIMES, st.none() | TIMES),
    st.none() | TIMES,
)


@settings(max_examples=250, deadline=None)
@given(
    filters=FILTERS,
    sort=st.sampled_from([BY_CREATED, BY_UPDATED, BY_NAME]),
    down=st.booleans(),
    limit=st.sampled_from([1, 7, 100, 1_000]),
    skip=st.sampled_from([0, 0, 1, 50, 3_000, 9_000]),
    few=st.sampled_from([paging.SORTED, 30]),
    at_once=st.sampled_from([paging.SORTED_AT_ONCE, 30]),
)
def test_a_list_is_what_a_look_at_all_finds(
    world: World,
    filters: Filters,
    sort: int,
    down: bool,
    limit: int,
    skip: int,
    few: int,
    at_once: int,
) -> None:
    """``few`` are sorted; in a large project far more have to be walked past."""
    with patch.object(paging, "SORTED", few), patch.object(paging, "SORTED_AT_ONCE", at_once):
        look_at_all(world, filters, sort, down, limit, skip)


def look_at_all(
    world: World, filters: Filters, sort: int, down: bool, limit: int, skip: int
) -> None:
    expected = sorted(
        (one for one in world.customers.values() if one.passes(filters)),
        key=lambda one: one.key(sort),
        reverse=down,
    )
    ids = [one.id for one in expected]
    base, order = world.base, Order(sort, down, skip=skip)
    found = base.run(find_listed(base.dialect, PROJECT, filters, order, limit))
    assert found.total == len(ids)
    assert [each for _, each in found.page] == ids[skip:][:limit]
    # On from there by cursors, for some pages.
    place = skip + limit
    for _ in range(4):
        if not found.page:
            break
        order = Order(sort, down, found.page[-1][0])
        found = base.run(find_listed(base.dialect, PROJECT, filters, order, limit))
        assert [each for _, each in found.page] == ids[place:][:limit]
        place += limit


@pytest.mark.parametrize("down", [True, False])
@pytest.mark.parametrize("sort", [BY_CREATED, BY_UPDATED, BY_NAME])
@pytest.mark.parametrize("filters", [Filters(), Filters((facet(b"t", "Company"),))])
def test_every_customer_comes_in_its_turn(
    world: World, filters: Filters, sort: int, down: bool
) -> None:
    expected = [one for one in world.customers.values() if one.passes(filters)]
    expected.sort(key=lambda one: one.key(sort), reverse=down)
    base, seen, order = world.base, [], Order(sort, down)
    while True:
        found = base.run(find_listed(base.dialect, PROJECT, filters, order, 1_000))
        if not found.page:
            break
        seen += [each for _, each in found.page]
        order = Order(sort, down, found.page[-1][0])
    assert seen == [one.id for one in expected]


@given(st.lists(st.integers(0, SIZE - 100), max_size=5))
@settings(max_examples=20, deadline=None)
def test_only_some_may_be_asked_for(world: World, places: list[int]) -> None:
    ids = list(world.customers)
    filters = Filters(ids=tuple(ids[place] for place in places))
    found = world.base.run(find_listed(world.base.dialect, PROJECT, filters, Order(), 10))
    assert {each for _, each in found.page} == {
        one.id for one in world.customers.values() if one.passes(filters)
    }


def test_the_newest_are_counted_however_far_behind_the_index_is(world: World) -> None:
    base = world.base
    for step in (lambda: None, lambda: world.add(40), lambda: world.change(500)):
        step()
        live = sorted(one.id for one in world.customers.values() if one.passes(Filters()))
        found = base.run(find_newest(PROJECT, Order(), 100))
        assert found is not None
        assert found.total == len(live)
        assert [each for _, each in found.page] == live[::-1][:100]
        after = base.run(find_newest(PROJECT, Order(after=live[-50]), 10))
        assert after is not None
        assert [each for _, each in after.page] == live[:-50][::-1][:10]
    world.erase(20)
    live = [one.id for one in world.customers.values() if one.passes(Filters())]
    found = base.run(find_newest(PROJECT, Order(), 1))
    assert found is not None
    assert found.total == len(live)


def test_an_index_that_is_made_anew_finds_the_same(world: World) -> None:
    base = world.base
    index_all(base)
    filters = Filters(terms=tuple(search_terms("mar")))
    before = base.run(find_listed(base.dialect, PROJECT, filters, Order(), 1_000))
    for table in ("progress", "numbers", "entries", "sets", "chunks", "orders"):
        base.write(f"DELETE FROM search_{table} WHERE project = $1", [(PROJECT,)])
    base.write(
        "INSERT INTO search_words (search_words) VALUES ('delete-all')"
        if base.dialect == "sqlite"
        else "DELETE FROM search_words WHERE 1 = 1",
        [()],
    )
    index_all(base)
    after = base.run(find_listed(base.dialect, PROJECT, filters, Order(), 1_000))
    assert after == before
