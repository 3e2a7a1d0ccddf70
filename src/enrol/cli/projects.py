"""``enrol project``."""

import json
import shlex
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

import typer

from enrol.cli.databases import Database, opened_registry
from enrol.cli.output import NAMED, USAGE, Json, fail, is_visible, print_table, time_text

if TYPE_CHECKING:
    from enrol.store.registry import Project

MOST_ID_CHARS = 128
MOST_NAME_CHARS = 200

app = typer.Typer(
    help='Projects: each holds its own customers.\n\nExample: enrol project create "Token sale"',
    no_args_is_help=True,
)


@app.command("create")
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
    from enrol.store.registry import ProjectExists

    chosen = str(uuid4()) if project_id is None else project_id
    if not is_visible(chosen, MOST_ID_CHARS) or " " in chosen:
        fail(f"The ID must have 1 to {MOST_ID_CHARS} visible characters.", USAGE)
    if chosen in (".", ".."):
        # In a path these are steps, which clients take before they send it.
        fail("The ID must not be . or ..: no path could name it.", USAGE)
    if not is_visible(name, MOST_NAME_CHARS):
        fail(f"The name must have 1 to {MOST_NAME_CHARS} visible characters.", USAGE)
    with opened_registry(database, make=True) as registry:
        try:
            project = registry.add_project(chosen, name, lenient=lenient)
        except ProjectExists:
            fail("There is a project with this ID already.", NAMED)
    if as_json:
        typer.echo(json.dumps(_project_row(project)))
    else:
        typer.echo(f"Project {project.id} created.")
        typer.echo(f"Next: enrol key create --project {shlex.quote(project.id)}")


@app.command("list")
def list_projects(database: Database = None, as_json: Json = False) -> None:
    """List all projects with their number of customers; times are UTC.

    Example: enrol project list --json
    """
    with opened_registry(database) as registry:
        rows = [_project_row(project) for project in registry.list_projects()]
    print_table(["ID", "Name", "Mode", "Created", "Customers"], rows, as_json=as_json)


def _project_row(project: "Project") -> dict[str, Any]:
    return {
        "id": project.id,
        "name": project.name,
        "mode": "lenient" if project.lenient else "strict",
        "createdAt": time_text(project.created_at),
        "customers": project.customers,
    }
