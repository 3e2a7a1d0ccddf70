"""Servers under measurement: started as processes of their own, timed, weighed and stopped."""

import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

SystemName = Literal["enrol", "reference"]

HOST: Final = "127.0.0.1"
PROJECT: Final = "bench"
ROOT: Final = Path(__file__).resolve().parents[1]
_REFERENCE_KEY: Final = "reference-key"
_PATIENCE: Final = 60.0
_numbers: Final = itertools.count(1)


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server that answers, and how long it took from its start to its first answer."""

    process: subprocess.Popen[bytes]
    port: int
    token: str
    database: Path
    start_seconds: float

    def pids(self) -> list[int]:
        """The server's process and all that descend from it."""
        return _family(self.process.pid)

    def memory(self, kind: Literal["VmRSS", "VmHWM"]) -> int:
        """Bytes resident now (VmRSS), or at most since `forget_peak` (VmHWM), all processes."""
        total = 0
        for pid in self.pids():
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith(kind):
                    total += int(line.split()[1]) * 1024
        return total

    def forget_peak(self) -> None:
        """Make the kernel count the peak of resident memory from now on."""
        for pid in self.pids():
            Path(f"/proc/{pid}/clear_refs").write_text("5")


@contextmanager
def serve(system: SystemName, directory: Path) -> Iterator[Server]:
    """Run one of the systems on a database of its own, empty but for a project and its key."""
    with serve_enrol(directory) if system == "enrol" else serve_reference(directory) as server:
        yield server


@contextmanager
def serve_enrol(directory: Path) -> Iterator[Server]:
    """Run ``enrol serve`` as its users do, with every setting at its default."""
    # The command line makes one database; every server of a run gets a copy of it, with whatever
    # the commands may have put beside it.
    template, token = _enrol_template(directory)
    home = shutil.copytree(template.parent, directory / f"enrol-{next(_numbers)}")
    database = home / template.name
    command = [sys.executable, "-m", "enrol", "serve", "--host", HOST, "--database", str(database)]
    with _running(command, database, token) as server:
        yield server


@contextmanager
def serve_reference(directory: Path) -> Iterator[Server]:
    """Run the reference application."""
    home = directory / f"reference-{next(_numbers)}"
    home.mkdir()
    database = home / "reference.db"
    module = "benchmarks.reference.app"
    command = [sys.executable, "-m", module, "--database", str(database), "--key", _REFERENCE_KEY]
    with _running(command, database, _REFERENCE_KEY) as server:
        yield server


@cache
def _enrol_template(directory: Path) -> tuple[Path, str]:
    """A database with the project and a key to it, made by Enrol's own commands."""
    database = directory / "template" / "enrol.db"
    database.parent.mkdir()
    _enrol(database, "project", "create", "Bench", "--id", PROJECT, "--json")
    made = json.loads(_enrol(database, "key", "create", "--project", PROJECT, "--json"))
    return database, str(made["key"])


def _enrol(database: Path, *words: str) -> bytes:
    done = subprocess.run(
        [sys.executable, "-m", "enrol", *words],
        env=_environment(database),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    return done.stdout


def _environment(database: Path) -> dict[str, str]:
    """The environment without the settings that its owner may have made for another server."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("ENROL_")}
    return plain | {"ENROL_DATABASE": str(database)}


@contextmanager
def _running(command: list[str], database: Path, token: str) -> Iterator[Server]:
    port = _free_port()
    log = database.parent / "server.log"
    began = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--port", str(port)],
            env=_environment(database),
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        while not _answers(port):
            if process.poll() is not None or time.perf_counter() - began > _PATIENCE:
                raise RuntimeError(f"the server did not start:\n{log.read_text()[-4000:]}")
            time.sleep(0.005)
        seconds = time.perf_counter() - began
        yield Server(
            process=process, port=port, token=token, database=database, start_seconds=seconds
        )
    finally:
        _stop(process)
        shutil.rmtree(database.parent)


def _family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found = [pid]
    for member in found:
        for children in Path(f"/proc/{member}/task").glob("*/children"):
            found += map(int, children.read_text().split())
    return found


def _runs(pid: int) -> bool:
    """Whether a process is there and not merely waiting to be collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "XZ"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop a server and see all of its processes end: none may disturb what is measured next."""
    family = _family(process.pid)
    process.terminate()
    patience = time.perf_counter() + _PATIENCE
    while any(map(_runs, family)) and time.perf_counter() < patience:
        time.sleep(0.005)
    for pid in filter(_runs, family):
        os.kill(pid, signal.SIGKILL)
    process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    """Whether ``/healthz`` answers 200."""
    try:
        with socket.create_connection((HOST, port), timeout=5) as connection:
            connection.sendall(
                f"GET /healthz HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode()
            )
            return connection.recv(64).split(b" ")[1:2] == [b"200"]
    except OSError:
        return False
