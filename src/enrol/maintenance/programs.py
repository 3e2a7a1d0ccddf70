"""PostgreSQL's own programs, pg_dump and pg_restore: found, and run without showing a password."""

import os
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from enrol.maintenance import MaintenanceFailed
from enrol.maintenance.databases import PostgresDatabase
from enrol.maintenance.places import Place

POLL_SECONDS: Final = 0.2
PASSWORD: Final = "PGPASSWORD"
VERSION: Final = re.compile(r"\(PostgreSQL\) (\d+)")


def server_version(database: PostgresDatabase) -> int:
    """The server's major version."""
    ((number,),) = database.rows("SELECT current_setting('server_version_num')::integer")
    return int(number) // 10_000


def find_program(name: str, server: int) -> Path:
    """The program of the server's version, or else of the next newer one that is in the PATH."""
    found: dict[int, Path] = {}
    for folder in os.get_exec_path():
        path = Path(folder, name)
        if path.is_file() and os.access(path, os.X_OK):
            version = _version(path)
            if version is not None:
                found.setdefault(version, path)
    if not found:
        raise MaintenanceFailed(
            f"There is no {name} in the PATH: install the client programs of PostgreSQL {server}."
        )
    fitting = [version for version in found if version >= server]
    if not fitting:
        raise MaintenanceFailed(
            f"{name} is of PostgreSQL {max(found)}, older than the server ({server}): "
            f"install the client programs of PostgreSQL {server} and put them into the PATH."
        )
    return found[min(fitting)]


def _version(path: Path) -> int | None:
    try:
        told = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return None
    match = VERSION.search(told.stdout)
    return int(match[1]) if match else None


def run_program(
    path: Path, place: Place | None, arguments: Sequence[str], watch: Callable[[], None]
) -> str:
    """Run to the end and return what it prints; ``watch`` is called while it runs."""
    command = [str(path), *arguments]
    if place is not None:
        # It must not wait for a person at a terminal.
        command += ["--no-password", "--dbname", place.without_password]
    with _password_in_environment(place):
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    try:
        out, err = _wait(process, watch)
    except BaseException:
        process.kill()
        process.wait()
        raise
    if process.returncode:
        raise MaintenanceFailed(f"{path.name} failed: {_first_line(err)}")
    return out


def _wait(process: "subprocess.Popen[str]", watch: Callable[[], None]) -> tuple[str, str]:
    while True:
        try:
            return process.communicate(timeout=POLL_SECONDS)
        except subprocess.TimeoutExpired:
            watch()


def _first_line(text: str) -> str:
    """The first error; the lines after it may hold values of a row."""
    lines = text.strip().splitlines() or ["it gives no reason."]
    return next((line for line in lines if "error:" in line), lines[0])


@contextmanager
def _password_in_environment(place: Place | None) -> Iterator[None]:
    """Children that are started in the block find the password; no command line shows it.

    By `os.putenv`, for only the settings read the environment: it is set here, and not read.
    """
    password = None if place is None else place.password
    if password is None:
        yield
        return
    os.putenv(PASSWORD, password)
    try:
        yield
    finally:
        os.unsetenv(PASSWORD)


def bytes_of(path: Path) -> int:
    """The size of a file that grows."""
    return path.stat().st_size if path.exists() else 0
