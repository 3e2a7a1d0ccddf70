"""``enrol key``."""

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

import typer

from enrol.cli.databases import Database, opened_registry
from enrol.cli.output import NAMED, USAGE, Json, fail, is_visible, print_table, time_text
from enrol.cli.projects import MOST_NAME_CHARS
from enrol.rates import MOST_LIMIT

if TYPE_CHECKING:
    from enrol.store.registry import Key

app = typer.Typer(
    help="API keys: each opens one project.\n\nExample: enrol key create --project 66b3f1d2",
    no_args_is_help=True,
)

RateLimit = Annotated[
    int | None,
    typer.Option(
        "--rate-limit",
        min=0,
        max=MOST_LIMIT,
        help="Calls a minute; 0: any number. Default: as ENROL_RATE_LIMIT says.",
    ),
]


@app.command("create")
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
    rate_limit: RateLimit = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Create an API key. It is shown once, and only its hash is kept.

    Example: enrol key create --project 66b3f1d2 --expires 90d
    """
    from enrol.access import DEFAULT_SCOPES, SCOPES, make_key
    from enrol.store.clock import now_ms
    from enrol.store.registry import Key, ProjectUnknown

    scopes = tuple(scope or DEFAULT_SCOPES)
    if wrong := sorted(set(scopes) - set(SCOPES)):
        fail(f"Not a scope: {', '.join(wrong)}. Scopes: {', '.join(SCOPES)}.", USAGE)
    if name is not None and not is_visible(name, MOST_NAME_CHARS):
        fail(f"The name must have 1 to {MOST_NAME_CHARS} visible characters.", USAGE)
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
        rate_limit=rate_limit,
    )
    with opened_registry(database) as registry:
        try:
            registry.add_key(key, new.hash)
        except ProjectUnknown:
            fail("There is no project with this ID.", NAMED)
    if as_json:
        typer.echo(json.dumps({"key": new.key, **_key_row(key)}))
    else:
        typer.echo(new.key)
        typer.echo(f"This is key {key.id}. Keep it now: it is not shown again.", err=True)


@app.command("list")
def list_keys(
    project: Annotated[str | None, typer.Option("--project", help="Only this project's.")] = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """List the keys, without their secrets; times are UTC.

    Example: enrol key list --project 66b3f1d2
    """
    with opened_registry(database) as registry:
        if project is not None and project not in {row.id for row in registry.list_projects()}:
            fail("There is no project with this ID.", NAMED)
        rows = [_key_row(key) for key in registry.list_keys(project)]
    columns = [
        "ID",
        "Project",
        "Ends in",
        "Name",
        "Scopes",
        "Limit",
        "Created",
        "Expires",
        "Revoked",
    ]
    print_table(columns, rows, as_json=as_json)


@app.command("revoke")
def revoke_key(
    key_id: Annotated[str, typer.Argument(help="The key's ID, as `enrol key list` shows it.")],
    database: Database = None,
) -> None:
    """Revoke a key: within a second no server takes it any more.

    Example: enrol key revoke key_0123456789abcdef
    """
    from enrol.store.registry import KeyUnknown

    with opened_registry(database) as registry:
        try:
            registry.revoke_key(key_id)
        except KeyUnknown:
            fail("There is no key with this ID.", NAMED)
    typer.echo(f"Key {key_id} is revoked.")


def _key_row(key: "Key") -> dict[str, Any]:
    return {
        "id": key.id,
        "projectId": key.project_id,
        "hint": key.hint,
        "name": key.name,
        "scopes": key.scopes,
        "rateLimit": key.rate_limit,
        "createdAt": time_text(key.created_at),
        "expiresAt": time_text(key.expires_at),
        "revokedAt": time_text(key.revoked_at),
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
        fail("--expires takes a date (2027-01-31), a date-time, or days (90d).", USAGE)
    if at <= now:
        fail("--expires lies in the past.", USAGE)
    return int(at.timestamp() * 1000)
