"""The writer as a child process: started with the server, started again when it dies."""

import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from enrol.logs import log, log_error

RESTART_SECONDS: Final = 0.2
STOP_SECONDS: Final = 30.0
SOCKET: Final = "writer.sock"
# The address of a Unix socket has 104 bytes on some systems, 108 on others.
MOST_PATH_BYTES: Final = 103


def _place() -> str:
    """The folder for temporary files, or a plain one where its path is too long for a socket."""
    usual = tempfile.gettempdir()
    longest = f"{usual}/enrol-12345678/{SOCKET}"
    return usual if len(os.fsencode(longest)) <= MOST_PATH_BYTES else "/tmp"


class WriterProcess:
    """``with WriterProcess(...) as writer:`` a writer listens at ``writer.path``."""

    def __init__(self, database: str, *, cache_mib: int, idempotency_ms: int) -> None:
        # Only this user may enter: the socket takes rows without asking who sends them.
        self.folder = tempfile.TemporaryDirectory(prefix="enrol-", dir=_place())
        self.path = str(Path(self.folder.name) / SOCKET)
        self.arguments = [database, self.path, str(cache_mib), str(idempotency_ms)]
        self.stopping = threading.Event()
        # Held while a writer is started, so that a stop never misses the newest one.
        self.starting = threading.Lock()
        self.process = self._start()
        self.watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self.watcher.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self.starting:
            self.stopping.set()
        self._close_stdin()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.watcher.join()
        self.folder.cleanup()

    def _start(self) -> subprocess.Popen[bytes]:
        Path(self.path).unlink(missing_ok=True)
        command = [sys.executable, "-m", "enrol.store.sqlite.writer", *self.arguments]
        return subprocess.Popen(command, stdin=subprocess.PIPE)

    def _close_stdin(self) -> None:
        if self.process.stdin:
            self.process.stdin.close()

    def _watch(self) -> None:
        while True:
            code = self.process.wait()
            if self.stopping.wait(RESTART_SECONDS):
                return
            log("writer died", level="error", code=code)
            with self.starting:
                if self.stopping.is_set():
                    return
                self._close_stdin()
                try:
                    self.process = self._start()
                except OSError as error:
                    # No process, memory or descriptor to be had just now: the loop tries again.
                    log_error("writer not started", error)
