"""A database that a real server filled, and a copy of it for each test."""

import os
from pathlib import Path

import pytest

from tests.maintenance.commands import copy_of, enrol_people
from tests.postgres import PostgresServer


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Not to be written: copy it."""
    return enrol_people(tmp_path_factory.mktemp("filled"))


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a developer has set is not for these commands."""
    for name in [name for name in os.environ if name.startswith(("ENROL_", "PG"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def database(filled: Path, tmp_path: Path) -> Path:
    """A database with customers, for its test alone."""
    return copy_of(filled, tmp_path)


@pytest.fixture
def programs(postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> PostgresServer:
    """A PostgreSQL whose own pg_dump and pg_restore are in the PATH, behind the machine's."""
    path = f"{os.environ['PATH']}{os.pathsep}{postgres.installation.bin}"
    monkeypatch.setenv("PATH", path)
    return postgres
