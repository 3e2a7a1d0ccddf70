"""The unique keys of a SQLite file: runs of new ones, and their way into the large table."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from random import Random

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enrol.store.sqlite.file import connect, prepare, transaction
from enrol.store.sqlite.keys import identifiers
from enrol.store.sqlite.keys.hash_filter import HASH_SPACE
from enrol.store.sqlite.keys.identifiers import Shelf, find
from enrol.store.sqlite.keys.shelves import Shelves

PROJECT = 1
CONSTANTS = {
    "RUN_KEYS": 50,
    "KEYS_PER_SLICE": 40,
    "FEWEST_TOGETHER": 400,
    "MOST_TOGETHER": 800,
    "FEWEST_FILTERED": 200,
    "MOST_PROBED": 100,
}
Open = Callable[[], apsw.Connection]


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens the file once more."""
    for name, value in CONSTANTS.items():
        monkeypatch.setattr(identifiers, name, value)
    path = str(tmp_path / "keys.db")
    prepare(path)
    connections = []

    def once_more() -> apsw.Connection:
        connections.append(connect(path))
        # What a crash leaves is asked in tests/faults; here are thousands of commits.
        connections[-1].pragma("synchronous", "off")
        return connections[-1]

    yield once_more
    for connection in connections:
        connection.close()


@pytest.fixture
def file(opened: Open) -> apsw.Connection:
    return opened()


def keys(first: int, count: int) -> dict[bytes, bytes]:
    """Hashes, each with the ID of its customer."""
    numbers = range(first, first + count)
    return {sha256(b"%d" % n).digest()[:16]: n.to_bytes(16, "big") for n in numbers}


class Undone(Exception):
    """The turn is to be rolled back."""


def file_slice(file: apsw.Connection, shelf: Shelf) -> None:
    if shelf.is_due:
        shelf.file_slice(file, 2 * CONSTANTS["MOST_TOGETHER"])


def add(file: apsw.Connection, shelf: Shelf, new: dict[bytes, bytes]) -> None:
    with transaction(file):
        assert shelf.find(file, sorted(new)) == {}
        shelf.add(file, sorted(new.items()))
        file_slice(file, shelf)


def stored(file: apsw.Connection, table: str) -> set[bytes]:
    return {key for (key,) in file.execute(f"SELECT hash FROM {table}")}


def assert_found(file: apsw.Connection, shelf: Shelf, everything: dict[bytes, bytes]) -> None:
    """Each is found, by any reader and by the writer, many at once and alone."""
    assert stored(file, "identifiers") | stored(file, "identifiers_new") == set(everything)
    assert find(file, PROJECT, list(everything)) == everything
    assert shelf.find(file, sorted(everything)) == everything
    for key in Random(1).sample(sorted(everything), 40):
        assert find(file, PROJECT, [key]) == {key: everything[key]}
        assert shelf.find(file, [key]) == {key: everything[key]}
    assert shelf.find(file, sorted(keys(10**6, 500))) == {}


@pytest.mark.parametrize("size", [1, 7, 40, 300, 1_000])
def test_every_key_is_found_wherever_it_stands(file: apsw.Connection, size: int) -> None:
    shelf = Shelf(file, PROJECT)
    everything: dict[bytes, bytes] = {}
    for start in range(0, 6_000, size):
        new = keys(start, size)
        add(file, shelf, new)
        everything |= new
        if start % 600 == 0 and len(everything) > 40:
            assert_found(file, shelf, everything)
    assert_found(file, shelf, everything)
    assert stored(file, "identifiers")


def test_most_keys_are_filed_and_leave_their_runs(file: apsw.Connection) -> None:
    shelf = Shelf(file, PROJECT)
    for start in range(0, 12_000, 40):
        add(file, shelf, keys(start, 40))
    # Those that are filed together, those that came meanwhile, and those to be deleted.
    most = 3 * CONSTANTS["MOST_TOGETHER"]
    assert len(stored(file, "identifiers_new")) < most
    assert len(stored(file, "identifiers")) > 12_000 - most
    assert shelf.new.keys() == stored(file, "identifiers_new")


def test_a_filter_that_knows_all_saves_the_look_and_misses_nothing(file: apsw.Connection) -> None:
    shelf = Shelf(file, PROJECT)
    for start in range(0, 8_000, 40):
        add(file, shelf, keys(start, 40))
    filed = sorted(stored(file, "identifiers"))
    assert shelf.filter.known == HASH_SPACE
    assert shelf.filter.suspects(filed) == filed
    strangers = sorted(keys(10**6, 2_000))
    assert len(shelf.filter.suspects(strangers)) < len(strangers) / 5


def test_another_projects_keys_are_not_found(file: apsw.Connection) -> None:
    add(file, Shelf(file, PROJECT), keys(0, 5))
    assert find(file, PROJECT + 1, list(keys(0, 5))) == {}
    assert Shelf(file, PROJECT + 1).find(file, sorted(keys(0, 5))) == {}


def test_no_keys_are_asked_without_a_query(file: apsw.Connection) -> None:
    assert find(file, PROJECT, []) == {}
    assert Shelf(file, PROJECT).find(file, []) == {}


@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.integers(1, 90), st.sampled_from(["", "again", "undone"])),
        max_size=60,
    )
)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_two_writers_that_start_again_and_fail_lose_no_key(
    opened: Open, turns: list[tuple[int, int, str]]
) -> None:
    """Two servers on one file, in any order; a writer may be new, and a transaction undone."""
    files = [opened(), opened()]
    (last,) = files[0].execute("SELECT max(project) FROM identifiers_new").fetchall()
    project = int(str(last[0] or 0)) + 1  # the file is that of the examples before
    everything: dict[bytes, bytes] = {}
    number = 0
    shelves = [Shelf(file, project) for file in files]
    for who, count, event in turns:
        new = keys(number, count)
        if event == "again":
            shelves[who] = Shelf(files[who], project)
        if event == "undone":
            with suppress(Undone), transaction(files[who]):
                shelves[who].find(files[who], sorted(new))
                shelves[who].add(files[who], sorted(new.items()))
                file_slice(files[who], shelves[who])
                raise Undone
            shelves[who] = Shelf(files[who], project)
            continue
        add(files[who], shelves[who], new)
        everything |= new
        number += count
        told = shelves[who].find(files[who], sorted(everything))
        assert told == everything
    for file, shelf in zip(files, shelves, strict=True):
        with transaction(file):
            assert shelf.find(file, sorted(everything)) == everything


def test_a_writer_learns_that_another_gave_up_a_key_and_took_it_again(opened: Open) -> None:
    one, two = opened(), opened()
    first, second = Shelf(one, PROJECT), Shelf(two, PROJECT)
    number = 0
    while first.filing is None or first.filing.last == 0:
        add(one, first, keys(number, 40))
        number += 40
    with transaction(two):
        assert second.find(two, sorted(keys(0, 4))) == keys(0, 4)
        second.release(two, sorted(keys(0, 4)))
    add(two, second, keys(0, 4))
    # The run that they were in is filed and deleted.
    for start in range(number, number + 2_000, 40):
        add(one, first, keys(start, 40))
        with transaction(one):
            for key, owner in keys(0, 4).items():
                assert first.find(one, [key]) == {key: owner}


def test_a_run_whose_keys_are_all_given_up_is_no_ones_newest(opened: Open) -> None:
    one, two = opened(), opened()
    first = Shelf(one, PROJECT)
    for start in range(0, 300, 60):
        add(one, first, keys(start, 60))
    with transaction(one):
        assert first.find(one, sorted(keys(60, 1))) == keys(60, 1)
        first.release(one, sorted(keys(60, 240)))
    # A server that starts now knows of no later run than the first.
    second = Shelf(two, PROJECT)
    for number in range(500, 540):
        add(two, second, keys(number, 1))
        with transaction(one):
            assert first.find(one, sorted(keys(number, 1))) == keys(number, 1)
        add(one, first, keys(number + 100, 1))


def test_a_key_that_is_given_up_is_gone_wherever_it_stood(file: apsw.Connection) -> None:
    shelf = Shelf(file, PROJECT)
    everything: dict[bytes, bytes] = {}
    for start in range(0, 6_000, 40):
        new = keys(start, 40)
        add(file, shelf, new)
        everything |= new
    filed, in_runs = stored(file, "identifiers"), stored(file, "identifiers_new")
    given_up = Random(1).sample(sorted(everything), 3_000)
    assert all(not each.isdisjoint(given_up) for each in (filed - in_runs, in_runs - filed))
    for part in (given_up[:100], given_up[100:]):
        with transaction(file):
            shelf.release(file, part)
        for key in part:
            del everything[key]
    assert_found(file, shelf, everything)
    assert shelf.new.keys() == stored(file, "identifiers_new")
    # Taken again, by others, while the runs that they had been in are filed and deleted.
    again = {key: bytes(16) for key in given_up}
    for start in range(0, len(given_up), 50):
        add(file, shelf, {key: again[key] for key in given_up[start : start + 50]})
    everything |= again
    assert_found(file, shelf, everything)


TURNS = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from(["add", "add", "release", "release all", "retake", "start", "undo"]),
        st.integers(1, 120),
    ),
    max_size=60,
)


@given(TURNS, st.randoms(use_true_random=False))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_two_writers_that_give_up_and_take_keys_agree_with_a_plain_dict(
    opened: Open, turns: list[tuple[int, str, int]], chance: Random
) -> None:
    """Runs, filing, release and taking again in any order, by two servers on one file."""
    files = [opened(), opened()]
    (last,) = (
        files[0]
        .execute(
            "SELECT max(project) FROM (SELECT project FROM identifiers UNION ALL "
            "SELECT project FROM identifiers_new)"
        )
        .fetchall()
    )
    project = int(str(last[0] or 0)) + 1  # the file is that of the examples before
    shelves = [Shelf(file, project) for file in files]
    held: dict[bytes, bytes] = {}
    free: dict[bytes, bytes] = {}
    number = 0
    for who, what, count in turns:
        file, shelf = files[who], shelves[who]
        if what == "start":
            shelves[who] = Shelf(file, project)
            continue
        new: dict[bytes, bytes] = {}
        gone: list[bytes] = []
        if what in ("add", "undo"):
            new = keys(number, count)
            number += count
        elif what == "retake":
            chosen = chance.sample(sorted(free), min(count, len(free)))
            new = {key: chance.randbytes(16) for key in chosen}
        else:
            share = len(held) if what == "release all" else min(count, len(held))
            gone = chance.sample(sorted(held), share)
        # Some at a time: to ask for all would be answered without what the shelf remembers.
        some = [*chance.sample(sorted(held), min(5, len(held))), *sorted(free)[:2]]
        try:
            with transaction(file):
                for key in some:
                    assert shelf.find(file, [key]) == ({key: held[key]} if key in held else {})
                assert shelf.find(file, sorted(new)) == {}
                if gone:
                    shelf.release(file, gone)
                if new:
                    shelf.add(file, sorted(new.items()))
                    file_slice(file, shelf)
                if what == "undo":
                    raise Undone
        except Undone:
            shelves[who] = Shelf(file, project)
            continue
        free |= {key: held.pop(key) for key in gone}
        held |= new
        for key in new:
            free.pop(key, None)
        asked = sorted({*held, *free})[:60]
        wanted = {key: held[key] for key in asked if key in held}
        assert find(file, project, asked) == wanted
    for file, shelf in zip(files, shelves, strict=True):
        with transaction(file):
            everything = sorted({*held, *free})
            for key in chance.sample(everything, min(100, len(everything))):
                assert shelf.find(file, [key]) == ({key: held[key]} if key in held else {})
            assert shelf.find(file, everything) == held


@pytest.mark.parametrize("seed", range(3))
def test_a_key_that_is_taken_again_outlives_the_run_that_it_had_been_in(
    opened: Open, seed: int
) -> None:
    """One server has filed it and deleted its run; another still means to delete that run."""
    chance = Random(seed)
    files = [opened(), opened()]
    shelves = [Shelf(file, PROJECT) for file in files]
    held: dict[bytes, bytes] = {}
    for turn in range(200):
        who = chance.choice([0, 0, 1])
        file, shelf = files[who], shelves[who]
        filed = sorted(stored(file, "identifiers") - stored(file, "identifiers_new"))
        again = chance.sample(filed, min(5, len(filed)))
        with transaction(file):
            for key in chance.sample(sorted(held), min(20, len(held))):
                assert shelf.find(file, [key]) == {key: held[key]}
            shelf.release(file, again)
        taken = keys(turn * 60, chance.randrange(1, 60))
        taken |= {key: chance.randbytes(16) for key in again}
        add(file, shelf, taken)
        held |= taken
    for file, shelf in zip(files, shelves, strict=True):
        with transaction(file):
            for key, owner in held.items():
                assert shelf.find(file, [key]) == {key: owner}


def test_a_filter_believes_no_key_free_that_another_writer_has_filed(opened: Open) -> None:
    """Though the other gave up all that was left in runs."""
    one, two = opened(), opened()
    first = Shelf(one, PROJECT)
    for start in range(0, 8_000, 40):
        add(one, first, keys(start, 40))
    assert first.filter.known == HASH_SPACE
    second = Shelf(two, PROJECT)
    for start in range(8_000, 12_000, 40):
        add(two, second, keys(start, 40))
    with transaction(two):
        second.release(two, sorted(stored(two, "identifiers_new")))
    with transaction(one):
        for key in sorted(stored(one, "identifiers"))[::7]:
            assert first.find(one, [key]), "nobody has it, says the filter"


def test_filing_goes_on_though_another_writer_gives_up_a_key_now_and_then(opened: Open) -> None:
    files = [opened(), opened()]
    shelves = [Shelf(file, PROJECT) for file in files]
    for turn in range(600):
        new = keys(turn * 40, 40)
        add(files[turn % 2], shelves[turn % 2], new)
        if turn % 5 == 0:
            with transaction(files[turn % 2]):
                shelves[turn % 2].release(files[turn % 2], sorted(new)[:1])
    in_runs = stored(files[0], "identifiers_new")
    assert len(in_runs) < 4 * CONSTANTS["MOST_TOGETHER"]
    for file, shelf in zip(files, shelves, strict=True):
        # What a server knows beyond that has been filed by the other.
        assert len(shelf.new) < len(in_runs) + 2 * CONSTANTS["MOST_TOGETHER"]
        with transaction(file):
            assert shelf.find(file, sorted(in_runs)[:50])


@pytest.mark.parametrize("projects", [1, 2, 3, 12])
def test_all_projects_fit_into_memory_and_are_filed(
    opened: Open, monkeypatch: pytest.MonkeyPatch, projects: int
) -> None:
    """Where they write in turn, so that none is forgotten between two of its calls."""
    most = 3 * CONSTANTS["MOST_TOGETHER"] // 2
    monkeypatch.setattr("enrol.store.sqlite.keys.shelves.MOST_KEYS_KNOWN", most)
    file = opened()
    shelves = Shelves(file)
    turns = 1_200
    for turn in range(turns):
        new = keys(turn * 40, 40)
        with transaction(file):
            shelf = shelves.of(turn % projects)
            assert shelf.find(file, sorted(new)) == {}
            shelf.add(file, sorted(new.items()))
            shelves.file_slice(shelf)
            shelves.forget_some()
        assert sum(len(shelf.new) for shelf in shelves.by_project.values()) <= most
    assert len(stored(file, "identifiers_new")) < 2 * most
    everything = keys(0, turns * 40)
    assert stored(file, "identifiers") | stored(file, "identifiers_new") == set(everything)


def test_filing_goes_on_though_all_that_was_to_be_filed_is_given_up(file: apsw.Connection) -> None:
    shelf = Shelf(file, PROJECT)
    number = 0
    while shelf.filing is None or shelf.filing.last == 0:
        add(file, shelf, keys(number, 40))
        number += 40
    with transaction(file):
        shelf.release(file, sorted(keys(0, number)))
    anew = Shelf(file, PROJECT)
    for start in range(number, number + 3_000, 40):
        add(file, anew, keys(start, 40))
    assert_found(file, anew, keys(number, 3_000))
