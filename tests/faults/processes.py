"""A served Enrol as its operator sees it: processes, a port, a log; and a client to call it."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import psutil  # type: ignore[import-untyped]

from enrol.access import DEFAULT_SCOPES, make_key
from enrol.store.clock import now_ms
from enrol.store.registry import Key, open_registry

HOST = "127.0.0.1"
START_SECONDS = 20.0
STOP_SECONDS = 20.0
CALL_SECONDS = 60.0
WRITER = "enrol.store.sqlite.writer"
# What a developer or another test has set is not for the servers of a test.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("ENROL_")}


class Reply(NamedTuple):
    """A whole answer; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def data(self) -> Any:
        return json.loads(self.body)


def make_project(database: str, project: str = "main", *scopes: str) -> str:
    """Make a project, and return a key for it."""
    registry = open_registry(database)
    registry.add_project(project, project, lenient=False)
    new = make_key()
    chosen = " ".join(scopes or DEFAULT_SCOPES)
    key = Key(f"key_{project}", project, new.hint, None, chosen, now_ms(), None, None)
    registry.add_key(key, new.hash)
    registry.close()
    return new.key


def wait_until(condition: Callable[[], object], seconds: float, reason: str) -> float:
    """Wait until the condition holds; the seconds it took. ``reason`` says what did not happen."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < seconds, f"{reason} within {seconds} s"
        time.sleep(0.01)
    return time.monotonic() - start


class Client:
    """One keep-alive connection; a call that finds it closed fails, as a plain client would."""

    def __init__(self, port: int, key: str = "", timeout: float = CALL_SECONDS) -> None:
        self.key = key
        self.connection = http.client.HTTPConnection(HOST, port, timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self.connection.close()

    def call(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Reply:
        """One call; ``idempotency_key="a"`` sends ``Idempotency-Key: a``."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.key:
            sent.setdefault("Authorization", f"Bearer {self.key}")
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        self.connection.request(method, path, body, sent)
        response = self.connection.getresponse()
        named = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, named, response.read())

    def post(self, body: bytes, **headers: str) -> Reply:
        return self.call("POST", "/customers/batch", body, **headers)


class Serving:
    """``enrol serve`` in a process group of its own, on a port that the kernel chose, with a SQLite
    file or a PostgreSQL URL for its database.

    ``port`` and ``processes`` are those of the last start. Temporary files of the server go to
    a folder of its own, so that a test can see what is left there.
    """

    def __init__(self, folder: Path, database: str, *flags: str, **settings: str) -> None:
        self.database = database
        self.temporary = folder / "t"
        self.temporary.mkdir(exist_ok=True)
        self.log_path = folder / "log"
        self.flags = flags
        self.environment = ENVIRONMENT | {"TMPDIR": str(self.temporary)}
        # Every user of the machine may read the password of a URL in a command line.
        self.environment["ENROL_DATABASE"] = database
        self.environment |= {f"ENROL_{name.upper()}": value for name, value in settings.items()}
        self.log_start = 0
        self.port = 0
        self.start_seconds = 0.0
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def launch(self) -> None:
        """Start the processes and wait for nothing."""
        command = [sys.executable, "-m", "enrol", "serve", "--port", "0", *self.flags]
        self.log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                command, stderr=log, env=self.environment, start_new_session=True
            )

    def start(self) -> float:
        """Start, and wait until the first answer; the seconds that took."""
        start = time.monotonic()
        self.launch()
        try:
            wait_until(self._is_ready, START_SECONDS, "no answer")
        except BaseException:
            self.kill()
            raise
        self.start_seconds = time.monotonic() - start
        return self.start_seconds

    def _is_ready(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended ({self.process.returncode}):\n{self.log()}")
        told = [line for line in self.lines() if line["event"] == "serving"]
        if not told:
            return False
        self.port = told[-1]["port"]
        return self.is_ready()

    def is_ready(self) -> bool:
        """True when ``/readyz`` answers 200 at once."""
        try:
            with self.client(timeout=5) as client:
                return client.call("GET", "/readyz").status == 200
        except (OSError, http.client.HTTPException):
            return False

    def client(self, key: str = "", timeout: float = CALL_SECONDS) -> Client:
        return Client(self.port, key, timeout)

    def log(self) -> str:
        """What this start has logged."""
        return self.log_path.read_bytes()[self.log_start :].decode()

    def lines(self) -> list[dict[str, Any]]:
        """The whole lines of the log; fails on one that is not JSON."""
        text, _, _ = self.log().rpartition("\n")
        return [json.loads(line) for line in text.splitlines()]

    def leftovers(self) -> list[str]:
        """What the server has left in its folder for temporary files."""
        return [path.name for path in self.temporary.iterdir()]

    def processes(self) -> list[psutil.Process]:
        """The server's process and all beneath it."""
        try:
            top = psutil.Process(self.pid)
            return [p for p in [top, *top.children(recursive=True)] if is_alive(p)]
        except psutil.NoSuchProcess:
            return []

    def writer(self) -> psutil.Process | None:
        """The writer process of a SQLite file, when there is one."""
        found = [process for process in self.processes() if _runs(process, WRITER)]
        return found[0] if found else None

    def workers(self) -> list[psutil.Process]:
        """The HTTP processes of ``--workers``."""
        return [process for process in self.processes() if _runs(process, "spawn_main")]

    def stop(self, number: signal.Signals = signal.SIGTERM, *, group: bool = False) -> int:
        """Send a signal, to the server or to its whole group, and return the exit code."""
        assert self.process is not None
        (os.killpg if group else os.kill)(self.pid, number)
        return self.process.wait(STOP_SECONDS)

    def kill(self) -> None:
        """SIGKILL to the whole group; a server that is gone already is let be."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self.process.wait(STOP_SECONDS)


def is_alive(process: psutil.Process) -> bool:
    """True unless the process has ended, waited for or not."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _runs(process: psutil.Process, word: str) -> bool:
    try:
        return any(word in part for part in process.cmdline())
    except psutil.Error:
        return False


# Runs a command without root's right to pass by the modes of files; for others it changes nothing.
_AS_ORDINARY_USER = """
import ctypes, os, sys
PR_CAPBSET_DROP, OVERRIDE_MODES = 24, (1, 2)
for capability in OVERRIDE_MODES:
    if hasattr(ctypes.CDLL(None), "prctl"):
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
ORDINARY_USER = (sys.executable, "-c", _AS_ORDINARY_USER)


def run_enrol(
    *arguments: str, prefix: Sequence[str] = (), **settings: object
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; output is captured as text."""
    environment = ENVIRONMENT | {name: str(value) for name, value in settings.items()}
    command = [*prefix, sys.executable, "-m", "enrol", *arguments]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
