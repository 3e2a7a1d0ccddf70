"""What the commands print: failures, tables, times, progress."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from enrol.maintenance import Progress

if TYPE_CHECKING:
    from rich.progress import TaskID

FAILED, USAGE, NAMED = 1, 2, 3

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def fail(message: str, code: int = FAILED) -> NoReturn:
    """Say why on standard error, and end with the exit code."""
    typer.secho(message, err=True, fg=typer.colors.RED)
    raise typer.Exit(code)


def time_text(milliseconds: int | None) -> str | None:
    """Unix milliseconds as an ISO 8601 time in UTC."""
    if milliseconds is None:
        return None
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    return at.isoformat(timespec="seconds")


def is_visible(text: str, most: int) -> bool:
    """True for 1 to ``most`` characters that a terminal shows."""
    return 1 <= len(text) <= most and text.isprintable() and not text.isspace()


def print_table(columns: list[str], rows: list[dict[str, Any]], *, as_json: bool) -> None:
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


@contextmanager
def progress_bar(*, as_json: bool) -> Iterator[Progress]:
    """A bar a step on standard error while the block runs; nothing where no person looks on."""
    from rich.console import Console
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    tasks: dict[str, TaskID] = {}
    with Bars(console=console, transient=True, disable=as_json or not console.is_terminal) as bars:

        def show(step: str, done: int, total: int | None) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step, total=total)
            bars.update(tasks[step], completed=done, total=total)

        yield show
