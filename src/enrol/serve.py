"""Runs the server: the listening socket, the writer process, and the HTTP processes on uvicorn."""

import math
import multiprocessing
import os
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

import msgspec
import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors.multiprocess import Multiprocess

from enrol.app import MILLISECONDS_PER_HOUR, create_app
from enrol.heads import BoundedProtocol
from enrol.logs import log, set_up_library_logs
from enrol.settings import Settings, export_settings
from enrol.store.registry import is_postgres

KEEP_ALIVE_SECONDS: Final = 75
BACKLOG: Final = 2_048
ORPHAN_SECONDS: Final = 1.0


class ServeFailed(Exception):
    """The server could not start; the text says why, for who started it."""


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then finish what was taken in. Raises `ServeFailed`."""
    set_up_library_logs()
    _allow_descriptors()
    # Until uvicorn takes over: leave by the way of the `with`, so that nothing stays behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with _listen(settings.host, settings.port) as listener, _writer(settings) as socket_path:
        export_settings(msgspec.structs.replace(settings, writer_socket=socket_path))
        port = listener.getsockname()[1]
        log("serving", host=settings.host, port=port, workers=settings.workers)
        config = _config(settings)
        if settings.workers == 1:
            _run_alone(config, listener)
        else:
            _run_workers(config, listener)
    log("stopped")


def _allow_descriptors() -> None:
    """Open as many files as the machine lets anyone: each connection is one, and the usual bound
    of 1,024 is soon reached by strangers."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextmanager
def _writer(settings: Settings) -> Iterator[str]:
    """The writer of a SQLite file, and where it listens. PostgreSQL takes many writers: each HTTP
    process is one."""
    if is_postgres(settings.database):
        yield ""
        return
    from enrol.store.sqlite.process import WriterProcess

    with WriterProcess(
        settings.database,
        cache_mib=settings.sqlite_cache_mib,
        idempotency_ms=int(settings.idempotency_hours * MILLISECONDS_PER_HOUR),
    ) as writer:
        yield writer.path


def create_worker_app() -> Any:
    """The application of one of several HTTP processes: it ends with the server it belongs to."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    return create_app()


def _listen(host: str, port: int) -> socket.socket:
    """The socket is made here and not by uvicorn, which has no words for a port that is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        reason = (error.strerror or "").partition(" (while")[0]
        raise ServeFailed(f"Cannot listen on {host}, port {port}: {reason}.") from error


def _config(settings: Settings) -> uvicorn.Config:
    alone = settings.workers == 1
    return uvicorn.Config(
        "enrol.app:create_app" if alone else "enrol.serve:create_worker_app",
        factory=True,
        workers=settings.workers,
        http=BoundedProtocol,
        ws="none",
        backlog=BACKLOG,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=math.ceil(settings.stop_timeout),
    )


def _run_alone(config: uvicorn.Config, listener: socket.socket) -> None:
    server = uvicorn.Server(config)

    def stop(*_: object) -> None:
        server.should_exit = True

    # uvicorn has handlers of its own while it serves. Afterwards it raises the signal again, which
    # would end this process before its writer has; and before, one would find no handler at all.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    try:
        server.run([listener])
    except SystemExit:
        raise ServeFailed("The server did not start; its log says why.") from None


def _run_workers(config: uvicorn.Config, listener: socket.socket) -> None:
    supervisor = _Supervisor(config, [listener])
    supervisor.run()
    if any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes):
        raise ServeFailed("The server did not start; its log says why.")


class _Supervisor(Multiprocess):
    def terminate_all(self) -> None:
        # With this end open, clients could still connect, and would wait for nobody.
        _close(self.sockets)
        super().terminate_all()


def _close(sockets: Sequence[socket.socket]) -> None:
    for each in sockets:
        each.close()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        # The writer ends as well: answers that are on their way still get out, no more.
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(ORPHAN_SECONDS)
        os._exit(1)
