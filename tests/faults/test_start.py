"""A server that cannot start says why, in a line, with exit code 1, and leaves nothing behind."""

import socket
from pathlib import Path

import apsw
import pytest

from enrol.store.protocol import SCHEMA_VERSION
from tests.faults.processes import HOST, Serving, make_project, run_enrol


def _refused(tmp_path: Path, database: Path, *flags: str, code: int = 1) -> str:
    """The one line of a start that fails."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    arguments = ["serve", "--port", "0", "--database", str(database), *flags]
    done = run_enrol(*arguments, TMPDIR=temporary)
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert list(temporary.iterdir()) == []
    (line,) = done.stderr.splitlines()
    return line


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    line = _refused(tmp_path, tmp_path / "nowhere" / "enrol.db")
    assert line.endswith(f"there is no folder {tmp_path / 'nowhere'}.")


def test_a_database_that_is_a_folder(tmp_path: Path) -> None:
    assert _refused(tmp_path, tmp_path).endswith("cannot be opened: it is a folder.")


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    database = tmp_path / "enrol.db"
    database.write_text("This is no database, but a letter.\n" * 100)
    assert _refused(tmp_path, database).endswith("file is not a database.")
    assert database.read_text().startswith("This is no database")


def test_a_newer_schema(tmp_path: Path) -> None:
    database = tmp_path / "enrol.db"
    make_project(str(database))
    connection = apsw.Connection(str(database))
    connection.pragma("user_version", SCHEMA_VERSION + 1)
    connection.close()
    line = _refused(tmp_path, database)
    assert f"schema {SCHEMA_VERSION + 1}" in line
    assert line.endswith("It needs the newer Enrol.")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_that_is_taken(workers: str, tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as other:
        port = str(other.getsockname()[1])
        flags = ("--workers", workers, "--port", port)
        line = _refused(tmp_path, tmp_path / "enrol.db", *flags)
    assert line == f"Cannot listen on {HOST}, port {port}: Address already in use."


def test_the_port_of_another_server(tmp_path: Path) -> None:
    database = tmp_path / "enrol.db"
    with Serving(tmp_path, str(database)) as serving:
        line = _refused(tmp_path, database, "--port", str(serving.port))
        assert line.endswith("Address already in use.")
        assert serving.is_ready()


def test_an_address_that_is_not_of_this_machine(tmp_path: Path) -> None:
    # 192.0.2.0/24 is for documentation: no machine has it.
    line = _refused(tmp_path, tmp_path / "enrol.db", "--host", "192.0.2.1")
    assert line.startswith("Cannot listen on 192.0.2.1, port 0: ")


@pytest.mark.parametrize("flags", [("--port", "65536"), ("--workers", "0"), ("--workers", "65")])
def test_a_flag_that_is_not_right_is_an_error_of_usage(
    flags: tuple[str, str], tmp_path: Path
) -> None:
    line = _refused(tmp_path, tmp_path / "enrol.db", *flags, code=2)
    assert line.startswith(f"The setting {flags[0].removeprefix('--')} is not right: ")
    assert not (tmp_path / "enrol.db").exists()


def test_a_long_path_to_temporary_files_is_none_too_long_for_the_writer(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 20)
    folder.mkdir()
    with Serving(folder, str(folder / "enrol.db")) as serving:
        assert serving.is_ready()
        assert serving.stop() == 0
