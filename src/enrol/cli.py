"""The ``enrol`` command.

Exit codes: 0 done, 1 failed, 2 the command line or a setting is not right, 3 something that was
named is not there or is there already.
"""

import json
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn
from uuid import uuid4

import typer

from enrol import __version__
from enrol.settings import Settings, SettingsError, load_settings

if TYPE_CHECKING:
    from enrol.store.sqlite.registry import Key, Project, Registry

USAGE, NAMED = 2, 3
MOST_ID_CHARS = 128
MOST_NAME_CHARS = 200

app = typer.Typer(
    name="enrol",
    help="A self-hosted customer registry for people, companies and their blockchain wallets.\n\n"
    "Example: enrol demo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
projects = typer.Typer(
    help='Projects: each holds its own customers.\n\nExample: enrol project create "Token sale"',
    no_args_is_help=True,
)
keys = typer.Typer(
    help="API keys: each opens one project.\n\nExample: enrol key create --project 66b3f1d2",
    no_args_is_help=True,
)
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


@contextmanager
def _registry(database: str | None, *, make: bool = False) -> "Iterator[Registry]":
    """The projects and keys of the file that the settings or the flag name.

    Where there is none, one is made only when asked: a name with a typo is no empty database.
    """
    import apsw

    from enrol.store.protocol import StoreUnavailable
    from enrol.store.sqlite.file import SchemaTooNew
    from enrol.store.sqlite.registry import Registry

    path = _settings(database=database).database
    if not make and not Path(path).exists():
        _fail(f"There is no database {path}; enrol project create makes one.", NAMED)
    try:
        registry = Registry(path)
    except SchemaTooNew as error:
        _fail(f"{error} It needs the newer Enrol.")
    except (StoreUnavailable, apsw.Error) as error:
        _fail(f"The database {path} cannot be opened: {_reason(path, error.__cause__ or error)}.")
    try:
        yield registry
    except apsw.Error as error:
        _fail(f"The database {path} cannot be used: {error}.")
    finally:
        registry.close()


def _reason(path: str, error: BaseException) -> str:
    file = Path(path).absolute()
    if not file.parent.is_dir():
        return f"there is no folder {file.parent}"
    if file.is_dir():
        return "it is a folder"
    if not os.access(file.parent, os.W_OK):
        return f"the folder {file.parent} cannot be written"
    return str(error.strerror if isinstance(error, OSError) else error)


def _time(milliseconds: int | None) -> str | None:
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")


def _visible(text: str, most: int) -> bool:
    return 1 <= len(text) <= most and text.isprintable() and not text.isspace()


def _table(columns: list[str], rows: list[dict[str, Any]], *, as_json: bool) -> None:
    """Print rows as JSON, or as columns that are never cut: an ID is there to be copied."""
    if as_json:
        typer.echo(json.dumps(rows))
        return
    from rich.cells import cell_len

    table = [columns, *([_cell(*field) for field in row.items()] for row in rows)]
    widths = [max(map(cell_len, column)) for column in zip(*table, strict=True)]
    for number, cells in enumerate(table):
        padded = [
            cell + " " * (width - cell_len(cell)) for cell, width in zip(cells, widths, strict=True)
        ]
        typer.secho("  ".join(padded).rstrip(), bold=number == 0)


def _cell(name: str, value: object) -> str:
    if value is None:
        return "-"
    return str(value)[:16].replace("T", " ") if name.endswith("At") else str(value)


@app.command()
def version() -> None:
    """Print the version.

    Example: enrol version
    """
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
    with _registry(settings.database, make=True) as registry:
        # It would serve reads alone: better told once, here, than call by call.
        if registry.connection.readonly("main"):
            _fail(f"The database {settings.database} cannot be written: the file is read-only.")
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

    Example: enrol demo --serve --port 8000
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
    from enrol.store.sqlite.registry import ProjectExists

    chosen = str(uuid4()) if project_id is None else project_id
    if not _visible(chosen, MOST_ID_CHARS) or " " in chosen:
        _fail(f"The ID must have 1 to {MOST_ID_CHARS} visible characters.", USAGE)
    if not _visible(name, MOST_NAME_CHARS):
        _fail(f"The name must have 1 to {MOST_NAME_CHARS} visible characters.", USAGE)
    with _registry(database, make=True) as registry:
        try:
            project = registry.add_project(chosen, name, lenient=lenient)
        except ProjectExists:
            _fail("There is a project with this ID already.", NAMED)
    if as_json:
        typer.echo(json.dumps(_project_row(project)))
    else:
        typer.echo(f"Project {project.id} created.")
        typer.echo(f"Next: enrol key create --project {shlex.quote(project.id)}")


@projects.command("list")
def list_projects(database: Database = None, as_json: Json = False) -> None:
    """List all projects with their number of customers; times are UTC.

    Example: enrol project list --json
    """
    with _registry(database) as registry:
        rows = [_project_row(project) for project in registry.list_projects()]
    _table(["ID", "Name", "Mode", "Created", "Customers"], rows, as_json=as_json)


def _project_row(project: "Project") -> dict[str, Any]:
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

    Example: enrol key create --project 66b3f1d2 --expires 90d
    """
    from enrol.access import DEFAULT_SCOPES, SCOPES, make_key
    from enrol.store.sqlite.file import now_ms
    from enrol.store.sqlite.registry import Key, ProjectUnknown

    scopes = tuple(scope or DEFAULT_SCOPES)
    if wrong := sorted(set(scopes) - set(SCOPES)):
        _fail(f"Not a scope: {', '.join(wrong)}. Scopes: {', '.join(SCOPES)}.", USAGE)
    if name is not None and not _visible(name, MOST_NAME_CHARS):
        _fail(f"The name must have 1 to {MOST_NAME_CHARS} visible characters.", USAGE)
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
    with _registry(database) as registry:
        try:
            registry.add_key(key, new.hash)
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
    """List the keys, without their secrets; times are UTC.

    Example: enrol key list --project 66b3f1d2
    """
    with _registry(database) as registry:
        if project is not None and project not in {row.id for row in registry.list_projects()}:
            _fail("There is no project with this ID.", NAMED)
        rows = [_key_row(key) for key in registry.list_keys(project)]
    columns = ["ID", "Project", "Ends in", "Name", "Scopes", "Created", "Expires", "Revoked"]
    _table(columns, rows, as_json=as_json)


@keys.command("revoke")
def revoke_key(
    key_id: Annotated[str, typer.Argument(help="The key's ID, as `enrol key list` shows it.")],
    database: Database = None,
) -> None:
    """Revoke a key: within a second no server takes it any more.

    Example: enrol key revoke key_0123456789abcdef
    """
    from enrol.store.sqlite.registry import KeyUnknown

    with _registry(database) as registry:
        try:
            registry.revoke_key(key_id)
        except KeyUnknown:
            _fail("There is no key with this ID.", NAMED)
    typer.echo(f"Key {key_id} is revoked.")


def _key_row(key: "Key") -> dict[str, Any]:
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
