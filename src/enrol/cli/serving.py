"""The commands that run Enrol: serve, demo, version."""

from typing import Annotated

import typer

from enrol import __version__
from enrol.cli.databases import Database, opened_registry, read_settings
from enrol.cli.output import fail


def add_to(app: typer.Typer) -> None:
    """Give the command line these commands."""
    for command in (version, serve, demo):
        app.command()(command)


def version() -> None:
    """Print the version.

    Example: enrol version
    """
    typer.echo(__version__)


def serve(
    host: Annotated[str | None, typer.Option(help="Where to listen.")] = None,
    port: Annotated[int | None, typer.Option(help="On which port.")] = None,
    database: Database = None,
    workers: Annotated[int | None, typer.Option(help="How many HTTP processes.")] = None,
) -> None:
    """Serve the API until SIGTERM or Ctrl-C.

    Example: enrol serve --port 8000 --database /var/lib/enrol/enrol.db
    """
    settings = read_settings(host=host, port=port, database=database, workers=workers)
    with opened_registry(settings.database, make=True) as registry:
        from enrol.store.sqlite.session import SqliteSession

        session = registry.database
        # It would serve reads alone: better told once, here, than call by call.
        if isinstance(session, SqliteSession) and session.connection.readonly("main"):
            fail(f"The database {settings.database} cannot be written: the file is read-only.")
    from enrol.serve import ServeFailed
    from enrol.serve import serve as run

    try:
        run(settings)
    except ServeFailed as error:
        fail(str(error))


def demo(
    keep_serving: Annotated[
        bool, typer.Option("--serve", help="Keep the server running until Ctrl-C.")
    ] = False,
    port: Annotated[int, typer.Option(help="On which port; 0 takes a free one.")] = 0,
) -> None:
    """Show the whole way once: a server, a project, a key, a batch, the IDs.

    The data lives in a temporary folder and is gone afterwards.

    Example: enrol demo --serve --port 8000
    """
    from enrol.demo import DemoFailed, run_demo

    try:
        run_demo(port=port, keep_serving=keep_serving)
    except DemoFailed as error:
        fail(str(error))
