"""``enrol undo``: takes back the batches of an import that was wrong."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer
from msgspec import Struct

from enrol.cli.exporting import Project
from enrol.cli.importing import KeyFile, Url, connected, read_key
from enrol.cli.output import NAMED, USAGE, Json, fail, progress_bar

if TYPE_CHECKING:
    from enrol.client import Client

LEFT = 4

What = Annotated[
    list[str], typer.Argument(help="IDs of batches, or files that `enrol import --json` wrote.")
]
Reason = Annotated[str | None, typer.Option("--reason", help="Why; it is kept with the events.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Tell what it would do, and do nothing.")]


class Told(Struct):
    """What the undoing of all batches came to."""

    batches: int = 0
    removed: int = 0
    left: list[dict[str, str]] = []


def add_to(app: typer.Typer) -> None:
    """Give the command line this command."""
    app.command("undo")(undo_batches)


def undo_batches(
    what: What,
    project: Project,
    url: Url = "http://127.0.0.1:8000",
    key_file: KeyFile = None,
    reason: Reason = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Remove the customers that batches created and that nobody has changed since, softly.

    May be run again: what was removed stays so. Exit code 4 when some customers were left.

    Example: enrol undo report.json --project 66b3f1d2 --key-file key.txt --dry-run
    """
    batches = list(dict.fromkeys(batch for each in what for batch in _batches(each)))
    told = Told()
    error: dict[str, str] | None = None
    with connected(url, read_key(key_file), project) as client:
        error = _undo(client, batches, reason, told, dry_run=dry_run, as_json=as_json)
    if as_json:
        summary: dict[str, Any] = {"complete": error is None, "dryRun": dry_run, "error": error}
        counts = {"batches": told.batches, "removed": told.removed, "left": told.left}
        typer.echo(json.dumps(summary | counts))
    else:
        would = "would be " if dry_run else ""
        typer.echo(
            f"{told.batches:,} of {len(batches):,} batches: {told.removed:,} customers "
            f"{would}removed, {len(told.left):,} left."
        )
        if error is not None:
            fail(f"{error['code']}: {error['message']}")
    if error is not None:
        raise typer.Exit(1)
    raise typer.Exit(LEFT if told.left else 0)


def _batches(what: str) -> list[UUID]:
    """The batches that an argument names."""
    try:
        return [UUID(what)]
    except ValueError:
        pass
    try:
        report = json.loads(Path(what).read_text("utf-8"))
        return [UUID(each) for each in report["batches"]]
    except OSError:
        fail(f"There is no batch and no file {what}.", NAMED)
    except (ValueError, KeyError, TypeError):
        fail(f"{what} is no report of `enrol import --json`.", USAGE)


def _undo(
    client: "Client",
    batches: list[UUID],
    reason: str | None,
    told: Told,
    *,
    dry_run: bool,
    as_json: bool,
) -> dict[str, str] | None:
    """Undo one batch after the other; the code and the words of what ended it early."""
    from enrol.client import EnrolError, EnrolProblem

    with progress_bar(as_json=as_json) as show:
        try:
            for batch in batches:
                undone = client.undo_batch(batch, reason, dry_run=dry_run)
                told.batches += 1
                told.removed += undone.removed
                told.left += [{"id": str(one.id), "reason": one.reason} for one in undone.left]
                show("batches", told.batches, len(batches))
        except EnrolProblem as problem:
            return {"code": problem.code, "message": f"{problem.detail} [{problem.request_id}]"}
        except EnrolError as error:
            return {"code": "undo.unanswered", "message": str(error)}
    return None
