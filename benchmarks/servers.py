"""Servers under measurement: started as processes of their own, timed, weighed and stopped."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from benchmarks.databases import ROOT, Databases, Place, environment

SystemName = Literal["enrol", "reference"]

HOST: Final = "127.0.0.1"
_REFERENCE_KEY: Final = "reference-key"
_PATIENCE: Final = 60.0


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server that answers, and how long it took from its start to its first answer."""

    process: subprocess.Popen[bytes]
    port: int
    token: str
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
def serve(system: SystemName, databases: Databases, workers: int = 1) -> Iterator[Server]:
    """Run one of the systems on a database of its own, empty but for a project and its key."""
    if system == "enrol":
        # As its users run it: all else is at its default.
        command = ["enrol", "serve", "--host", HOST, "--workers", str(workers)]
        with databases.for_enrol() as place, _running(command, place, place.key) as server:
            yield server
    else:
        command = ["benchmarks.reference.app", "--key", _REFERENCE_KEY]
        with databases.empty() as place, _running(command, place, _REFERENCE_KEY) as server:
            yield server


@contextmanager
def _running(command: list[str], place: Place, token: str) -> Iterator[Server]:
    port = _free_port()
    began = time.perf_counter()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command, "--port", str(port)],
            env=environment(place.database),
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            while not _answers(port):
                if process.poll() is not None or time.perf_counter() - began > _PATIENCE:
                    log.seek(0)
                    raise RuntimeError(f"the server did not start:\n{log.read()[-4000:].decode()}")
                time.sleep(0.005)
            seconds = time.perf_counter() - began
            yield Server(process=process, port=port, token=token, start_seconds=seconds)
        finally:
            _stop(process)


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
