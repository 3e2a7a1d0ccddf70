"""Builds the ASGI application of one HTTP process."""

import sys
from typing import Final

from litestar import Litestar, Response
from litestar import Request as LitestarRequest
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException, ValidationException

from enrol.api.edge import Edge
from enrol.api.exporting import route as exporting
from enrol.api.http import REQUEST_ID, ClientGone
from enrol.api.options import options_of
from enrol.api.reference import routes as reference
from enrol.api.resources import (
    batches,
    customers,
    dossier,
    erasure,
    events,
    findings,
    health,
    keys,
    lookup,
    webhook_deliveries,
    webhooks,
)
from enrol.api.resources.editing import customer, emails, merging, parts
from enrol.api.server import Server, build_server
from enrol.collector import collect_seldom
from enrol.customers.faults import Fault
from enrol.logs import set_up_library_logs
from enrol.problems import Problem
from enrol.settings import Settings, load_settings
from enrol.store.protocol import Store
from enrol.store.registry import is_postgres

# In the order of the API's description; a new resource is a module and a name here.
HANDLERS: Final = (
    *customers.HANDLERS,
    *exporting.HANDLERS,
    *lookup.HANDLERS,
    *customer.HANDLERS,
    *parts.HANDLERS,
    *emails.HANDLERS,
    *merging.HANDLERS,
    *batches.HANDLERS,
    *findings.HANDLERS,
    *events.HANDLERS,
    *erasure.HANDLERS,
    *dossier.HANDLERS,
    *keys.HANDLERS,
    *webhooks.HANDLERS,
    *webhook_deliveries.HANDLERS,
    *health.HANDLERS,
    *reference.HANDLERS,
)
MILLISECONDS_PER_HOUR = 3_600_000
# How long the loop waits for the interpreter while a large batch is checked in a thread.
SWITCH_SECONDS = 0.001


def create_app() -> Edge:
    """The application as the settings of this process say: what the HTTP server calls."""
    set_up_library_logs()
    collect_seldom()
    sys.setswitchinterval(SWITCH_SECONDS)
    settings = load_settings()
    return build_app(settings, open_store(settings))


def open_store(settings: Settings) -> Store:
    """The store that the settings name; it connects when the application starts."""
    idempotency_ms = int(settings.idempotency_hours * MILLISECONDS_PER_HOUR)
    # Each database's driver is loaded where it is used alone.
    if is_postgres(settings.database):
        from enrol.store.postgres.store import PostgresStore

        return PostgresStore(settings.database, idempotency_ms=idempotency_ms)
    from enrol.store.sqlite.store import SqliteStore

    return SqliteStore(settings.database, settings.writer_socket, idempotency_ms=idempotency_ms)


def build_app(settings: Settings, store: Store) -> Edge:
    """The application on a store."""
    server = build_server(settings, store)
    edge: Edge

    def provide_server() -> Server:
        return server

    def answer_problem(
        request: LitestarRequest[None, None, State], error: Exception
    ) -> Response[bytes]:
        if isinstance(error, ClientGone):
            raise error  # nobody is there to read an answer
        answer = edge.problem_answer(_known(error), request.scope[REQUEST_ID])  # type: ignore[typeddict-item]
        return Response(
            answer.body,
            status_code=answer.status,
            media_type=answer.media_type,
            headers=dict(answer.headers),
        )

    routes = Litestar(
        # Those of OPTIONS first, or the framework adds its own.
        route_handlers=[*options_of(HANDLERS), *HANDLERS],
        dependencies={"server": Provide(provide_server, sync_to_thread=False, use_cache=True)},
        exception_handlers={Exception: answer_problem, HTTPException: answer_problem},
        openapi_config=None,
        on_startup=[store.open, server.webhooks.start],
        on_shutdown=[server.webhooks.stop, store.close],
        logging_config=None,
    )
    edge = Edge(server, routes)
    return edge


def _known(error: Exception) -> Exception:
    """The problem that a refusal of the framework stands for."""
    if isinstance(error, ValidationException):
        keys = [str(extra.get("key", "")) for extra in error.extra or () if isinstance(extra, dict)]
        faults = [Fault(None, f"/{key}" if key else "", "query.value") for key in keys or [""]]
        return Problem("query.invalid", faults=faults)
    if isinstance(error, HTTPException):
        if error.status_code == 405:
            return Problem("route.method", headers=dict(error.headers or {}))
        if error.status_code < 500:
            return Problem("route.unknown")
    return error
