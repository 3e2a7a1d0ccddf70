"""The unique keys of a SQLite file: a small table, a large one, and slices on their way."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import apsw
import pytest

from enrol.store import sqlite_identifiers
from enrol.store.sqlite_file import connect, prepare, transaction
from enrol.store.sqlite_identifiers import Shelf, find

PROJECT = 1
TABLES = ("identifiers", "identifiers_new")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[apsw.Connection]:
    monkeypatch.setattr(sqlite_identifiers, "KEYS_PER_SLICE", 40)
    path = str(tmp_path / "keys.db")
    prepare(path)
    connection = connect(path)
    yield connection
    connection.close()


def keys(first: int, count: int) -> dict[bytes, bytes]:
    """Hashes, each with the ID of its customer."""
    numbers = range(first, first + count)
    return {sha256(b"%d" % n).digest()[:16]: n.to_bytes(16, "big") for n in numbers}


def add(file: apsw.Connection, shelf: Shelf, new: dict[bytes, bytes]) -> None:
    with transaction(file):
        shelf.add(file, [(PROJECT, key, owner) for key, owner in sorted(new.items())])
        shelf.file_slice(file)


def stored(file: apsw.Connection, table: str) -> set[bytes]:
    return {key for (key,) in file.execute(f"SELECT hash FROM {table}")}


@pytest.mark.parametrize("size", [1, 7, 40, 300])
def test_every_key_is_in_exactly_one_table_and_is_found(file: apsw.Connection, size: int) -> None:
    shelf = Shelf(file, PROJECT)
    everything: dict[bytes, bytes] = {}
    for start in range(0, 3_000, size):
        new = keys(start, size)
        add(file, shelf, new)
        everything |= new
    large, small = (stored(file, table) for table in TABLES)
    assert large & small == set()
    assert large | small == set(everything)
    assert find(file, PROJECT, everything) == everything


def test_most_keys_are_filed_and_the_small_table_stays_small(file: apsw.Connection) -> None:
    shelf = Shelf(file, PROJECT)
    for start in range(0, 8_000, 40):
        add(file, shelf, keys(start, 40))
    assert len(stored(file, "identifiers_new")) < 1_500
    assert len(stored(file, "identifiers")) > 6_500


def test_a_key_that_is_stored_is_refused_by_the_small_table(file: apsw.Connection) -> None:
    shelf = Shelf(file, PROJECT)
    add(file, shelf, keys(0, 5))
    with pytest.raises(apsw.ConstraintError):
        add(file, shelf, keys(4, 1))


def test_another_projects_keys_are_not_found(file: apsw.Connection) -> None:
    add(file, Shelf(file, PROJECT), keys(0, 5))
    assert find(file, PROJECT + 1, keys(0, 5)) == {}


def test_no_keys_are_asked_without_a_query(file: apsw.Connection) -> None:
    assert find(file, PROJECT, []) == {}


def test_a_shelf_that_is_opened_again_goes_on(file: apsw.Connection) -> None:
    everything: dict[bytes, bytes] = {}
    for start in range(0, 2_000, 100):
        new = keys(start, 100)
        add(file, Shelf(file, PROJECT), new)
        everything |= new
    assert find(file, PROJECT, everything) == everything
