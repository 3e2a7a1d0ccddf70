"""The ``enrol`` command.

Exit codes: 0 done, 1 failed, 2 the command line or a setting is not right, 3 something that was
named is not there or is there already.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, NoReturn
from uuid import uuid4

import typer

from enrol import __version__
from enrol.settings import Settings, SettingsError, load_settings

USAGE, NAMED = 2, 3
MOST_ID_CHARS = 128

app = typer.Typer(
    name="enrol",
    help="A self-hosted customer registry for people, companies and their blockchain wallets.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
projects = typer.Typer(help="Projects: each holds its own customers.", no_args_is_help=True)
keys = typer.Typer(help="API keys: each opens one project.", no_args_is_help=True)
app.add_typer(projects, name="project")
app.add_typer(keys, name="key")

Database = Annotated[
    str | None, typer.Option("--database", help="The SQLite file. [env: ENROL_DATABASE]")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def main() -> None:
    """Run the command line."""
    app()


def _settings(**flags: str | int | None) -> Settings:
    try:
        return load_settings(None, **flags)
    except SettingsError as error:
        _fail(str(error), USAGE)


def _fail(message: str, code: int = 1) -> NoReturn:
    typer.secho(message, err=True, fg=typer.colors.RED)
    raise typer.Exit(code)


def _registry(database: str | None) -> Any:
    from enrol.store.protocol import StoreUnavailable
    from enrol.store.sqlite_file import SchemaTooNew
    from enrol.store.sqlite_registry import Registry

    try:
        return Registry(_settings(database=database).database)
    except (StoreUnavailable, SchemaTooNew) as error:
        _fail(str(error))


def _time(milliseconds: int | None) -> str | None:
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")


def _table(columns: list[str], rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(rows))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, box=None, header_style="bold")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    Console().print(table)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Where to listen.")] = None,
    port: Annotated[int | None, typer.Option(help="On which port.")] = None,
    database: Database = None,
    workers: Annotated[int | None, typer.Option(help="How many HTTP processes.")] = None,
) -> None:
    """Serve the API until SIGTERM or Ctrl-C.

    Example: enrol serve --port 8000 --database /var/lib/enrol/enrol.db
    """
    settings = _settings(host=host, port=port, database=database, workers=workers)
    _registry(settings.database).close()
    from enrol.serve import ServeFailed
    from enrol.serve import serve as run

    try:
        run(settings)
    except ServeFailed as error:
        _fail(str(error))


@app.command()
def demo(
    keep_serving: Annotated[
        bool, typer.Option("--serve", help="Keep the server running until Ctrl-C.")
    ] = False,
    port: Annotated[int, typer.Option(help="On which port; 0 takes a free one.")] = 0,
) -> None:
    """Show the whole way once: a server, a project, a key, a batch, the IDs.

    The data lives in a temporary folder and is gone afterwards.
    """
    from enrol.demo import DemoFailed, run_demo

    try:
        run_demo(port=port, keep_serving=keep_serving)
    except DemoFailed as error:
        _fail(str(error))


@projects.command("create")
def create_project(
    name: Annotated[str, typer.Argument(help="What people call it.")],
    project_id: Annotated[
        str | None,
        typer.Option("--id", help="An ID you have already: 1 to 128 visible characters."),
    ] = None,
    lenient: Annotated[
        bool, typer.Option("--lenient", help="Take badly formatted values, as findings.")
    ] = False,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Create a project.

    Example: enrol project create "Token sale" --id 66b3f1d2
    """
    from enrol.store.sqlite_registry import ProjectExists

    chosen = str(uuid4()) if project_id is None else project_id
    if not (1 <= len(chosen) <= MOST_ID_CHARS and chosen.isprintable() and " " not in chosen):
        _fail("The ID must have 1 to 128 visible characters.", USAGE)
    registry = _registry(database)
    try:
        project = registry.add_project(chosen, name, lenient=lenient)
    except ProjectExists:
        _fail("There is a project with this ID already.", NAMED)
    if as_json:
        typer.echo(json.dumps(_project_row(project)))
    else:
        typer.echo(f"Project {project.id} created.")
        typer.echo(f"Next: enrol key create --project {project.id}")


@projects.command("list")
def list_projects(database: Database = None, as_json: Json = False) -> None:
    """List all projects with their number of customers."""
    rows = [_project_row(project) for project in _registry(database).list_projects()]
    _table(["ID", "Name", "Mode", "Created", "Customers"], rows, as_json=as_json)


def _project_row(project: Any) -> dict[str, Any]:
    return {
        "id": project.id,
        "name": project.name,
        "mode": "lenient" if project.lenient else "strict",
        "createdAt": _time(project.created_at),
        "customers": project.customers,
    }


@keys.command("create")
def create_key(
    project: Annotated[str, typer.Option("--project", help="The project's ID.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(
            "--scope",
            help="customers:write, customers:read or admin; may be repeated. "
            "Default: write and read.",
        ),
    ] = None,
    expires: Annotated[
        str | None,
        typer.Option("--expires", help="A date (2027-01-31), a date-time, or days (90d)."),
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="A note of whose it is.")] = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Create an API key. It is shown once, and only its hash is kept.

    Example: enrol key create --project 66b3f1d2 --scope customers:write --expires 90d
    """
    from enrol.access import DEFAULT_SCOPES, SCOPES, make_key
    from enrol.store.sqlite_file import now_ms
    from enrol.store.sqlite_registry import Key, ProjectUnknown

    scopes = tuple(scope or DEFAULT_SCOPES)
    if wrong := sorted(set(scopes) - set(SCOPES)):
        _fail(f"Not a scope: {', '.join(wrong)}. Scopes: {', '.join(SCOPES)}.", USAGE)
    new = make_key()
    key = Key(
        id=f"key_{uuid4().hex[:16]}",
        project_id=project,
        hint=new.hint,
        name=name,
        scopes=" ".join(scopes),
        created_at=now_ms(),
        expires_at=_expiry(expires),
        revoked_at=None,
    )
    try:
        _registry(database).add_key(key, new.hash)
    except ProjectUnknown:
        _fail("There is no project with this ID.", NAMED)
    if as_json:
        typer.echo(json.dumps({"key": new.key, **_key_row(key)}))
    else:
        typer.echo(new.key)
        typer.echo(f"This is key {key.id}. Keep it now: it is not shown again.", err=True)


@keys.command("list")
def list_keys(
    project: Annotated[str | None, typer.Option("--project", help="Only this project's.")] = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """List the keys, without their secrets."""
    rows = [_key_row(key) for key in _registry(database).list_keys(project)]
    columns = ["ID", "Project", "Ends in", "Name", "Scopes", "Created", "Expires", "Revoked"]
    _table(columns, rows, as_json=as_json)


@keys.command("revoke")
def revoke_key(
    key_id: Annotated[str, typer.Argument(help="The key's ID, as `enrol key list` shows it.")],
    database: Database = None,
) -> None:
    """Revoke a key: within a second no server takes it any more."""
    from enrol.store.sqlite_registry import KeyUnknown

    try:
        _registry(database).revoke_key(key_id)
    except KeyUnknown:
        _fail("There is no key with this ID.", NAMED)
    typer.echo(f"Key {key_id} is revoked.")


def _key_row(key: Any) -> dict[str, Any]:
    return {
        "id": key.id,
        "projectId": key.project_id,
        "hint": key.hint,
        "name": key.name,
        "scopes": key.scopes,
        "createdAt": _time(key.created_at),
        "expiresAt": _time(key.expires_at),
        "revokedAt": _time(key.revoked_at),
    }


def _expiry(text: str | None) -> int | None:
    """Unix milliseconds of a date, a date-time (UTC when it has no offset), or days from now."""
    if text is None:
        return None
    now = datetime.now(UTC)
    try:
        if text.endswith("d"):
            at = now + timedelta(days=int(text[:-1]))
        else:
            at = datetime.fromisoformat(text)
            at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    except (ValueError, OverflowError):
        _fail("--expires takes a date (2027-01-31), a date-time, or days (90d).", USAGE)
    if at <= now:
        _fail("--expires lies in the past.", USAGE)
    return int(at.timestamp() * 1000)
