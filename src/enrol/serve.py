"""Runs the server: the writer process, and the HTTP processes on uvicorn."""

import msgspec
import uvicorn

from enrol.app import MILLISECONDS_PER_HOUR
from enrol.logs import log
from enrol.settings import Settings, export_settings
from enrol.store.sqlite_process import WriterProcess

KEEP_ALIVE_SECONDS = 75
BACKLOG = 2_048


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then finish what was taken in."""
    with WriterProcess(
        settings.database,
        cache_mib=settings.sqlite_cache_mib,
        idempotency_ms=int(settings.idempotency_hours * MILLISECONDS_PER_HOUR),
    ) as writer:
        export_settings(msgspec.structs.replace(settings, writer_socket=writer.path))
        log("serving", host=settings.host, port=settings.port, workers=settings.workers)
        uvicorn.run(
            "enrol.app:create_app",
            factory=True,
            host=settings.host,
            port=settings.port,
            workers=settings.workers,
            backlog=BACKLOG,
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=int(settings.stop_timeout),
        )
    log("stopped")
