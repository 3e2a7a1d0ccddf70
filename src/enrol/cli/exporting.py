"""``enrol export``: the customers of a served project in a file that is whole, or not there."""

import gzip
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer
from msgspec import Struct

from enrol.cli.import_report import STOPPED
from enrol.cli.importing import KeyFile, Url, connected, read_key
from enrol.cli.output import FAILED, USAGE, Json, fail, progress_bar

if TYPE_CHECKING:
    from enrol.client import Client, ExportFormat

STANDARD_OUTPUT = "-"
SHOWN_EVERY = 0.1

Project = Annotated[str, typer.Option("--project", help="The project.")]
Out = Annotated[
    str, typer.Option("--out", help="The file to write, packed if it ends in .gz; - is the screen.")
]
FileFormat = Annotated[
    Literal["full", "jsonl", "csv"] | None,
    typer.Option(
        "--format",
        help="jsonl and csv can be imported, full has all that is known; by the file's name.",
    ),
]
Type = Annotated[
    Literal["Individual", "Company"] | None,
    typer.Option("--type", help="Only these; a file that can be imported has one type."),
]
Filters = Annotated[
    list[str] | None,
    typer.Option("--filter", help="As GET /customers takes it, status=Active say; repeatable."),
]
Spreadsheet = Annotated[
    bool, typer.Option("--spreadsheet", help="A CSV file to look at: no cell is a formula.")
]


class Outcome(Struct):
    """What was written."""

    customers: int = 0
    size: int = 0


def add_to(app: typer.Typer) -> None:
    """Give the command line this command."""
    app.command("export")(export_customers)


def export_customers(
    project: Project,
    out: Out,
    url: Url = "http://127.0.0.1:8000",
    key_file: KeyFile = None,
    file_format: FileFormat = None,
    customer_type: Type = None,
    filters: Filters = None,
    spreadsheet: Spreadsheet = False,
    as_json: Json = False,
) -> None:
    """Export the customers of a project that is served into a file, for `enrol import` or to keep.

    The file gets its name once it is whole: what was interrupted leaves none.

    Example: enrol export --project 66b3f1d2 --key-file key.txt --type Individual --out people.csv
    """
    chosen = file_format or _format_of(out)
    if chosen != "full" and customer_type is None:
        fail("A file that can be imported has customers of one type: --type Individual.", USAGE)
    if spreadsheet and chosen != "csv":
        fail("--spreadsheet is for --format csv.", USAGE)
    if out == STANDARD_OUTPUT and as_json:
        fail("Standard output is the file already: --json needs another --out.", USAGE)
    asked: dict[str, str | bool] = dict(_pairs(filters or []))
    if customer_type is not None:
        asked["type"] = customer_type
    if spreadsheet:
        asked["spreadsheet"] = True
    started = time.monotonic()
    outcome = Outcome()

    def end(code: str | None, told: str, exit_code: int = FAILED) -> NoReturn:
        _end(out, chosen, outcome, started, code, told, exit_code, as_json=as_json)

    with connected(url, read_key(key_file), project) as client:
        _write(client, chosen, asked, out, outcome, end, as_json=as_json)
    end(None, f"{outcome.customers:,} customers are in {_shown(out)}.", 0)


def _format_of(out: str) -> "ExportFormat":
    from enrol.imports.reading import format_of

    found = format_of(out)
    if found == "json":
        fail("An export is JSON Lines or CSV: --format full, jsonl or csv.", USAGE)
    return found or "full"


def _pairs(filters: list[str]) -> Iterator[tuple[str, str]]:
    for each in filters:
        name, equals, value = each.partition("=")
        if not equals or not name:
            fail("A filter is NAME=VALUE, status=Active say.", USAGE)
        yield name, value


def _write(
    client: "Client",
    chosen: "ExportFormat",
    asked: dict[str, str | bool],
    out: str,
    outcome: Outcome,
    end: Callable[..., NoReturn],
    *,
    as_json: bool,
) -> None:
    """Write the file; ends the command where that fails."""
    from enrol.client import EnrolError, EnrolProblem

    count = _records if chosen == "csv" else _lines
    try:
        with ExitStack() as stack:
            file = stack.enter_context(_opened(out))
            show = stack.enter_context(progress_bar(as_json=as_json or out == STANDARD_OUTPUT))
            total = _total(client, asked)
            shown = 0.0
            for piece, records in count(client.export_customers(chosen, parameters=asked)):
                file.write(piece)
                outcome.size += len(piece)
                outcome.customers += records
                if time.monotonic() - shown > SHOWN_EVERY:
                    show("customers", outcome.customers, total)
                    shown = time.monotonic()
    except EnrolProblem as problem:
        end(problem.code, f"{problem.detail} [{problem.request_id}]")
    except EnrolError as error:
        end("export.unanswered", str(error))
    except OSError as error:
        end("file.unwritable", f"The file cannot be written: {error.strerror}.")
    except KeyboardInterrupt:
        end("export.stopped", "The export was stopped.", STOPPED)


@contextmanager
def _opened(out: str) -> Iterator[IO[bytes] | Any]:
    """Where the file is written: beside its place, which it takes when it is whole and on disk.
    Nobody else can read it, for it is people's data."""
    if out == STANDARD_OUTPUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(out)
    file = tempfile.NamedTemporaryFile(  # noqa: SIM115 - it is renamed
        dir=path.parent, prefix=f".{path.name}.", suffix=".part", delete=False
    )
    try:
        with file:
            if path.suffix == ".gz":
                with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
                    yield packed
            else:
                yield file
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(file.name).unlink()
        raise


def _lines(pieces: Iterable[bytes]) -> Iterator[tuple[bytes, int]]:
    """The pieces of JSON Lines, and how many customers end in each."""
    for piece in pieces:
        yield piece, piece.count(b"\n")


def _records(pieces: Iterable[bytes]) -> Iterator[tuple[bytes, int]]:
    """The same of CSV, where a quoted cell may have lines, and a header leads."""
    quoted, header = False, 1
    for piece in pieces:
        ends = 0
        for place, text in enumerate(piece.split(b'"')):
            quoted ^= place > 0
            ends += 0 if quoted else text.count(b"\n")
        yield piece, ends - min(header, ends)
        header -= min(header, ends)


def _total(client: "Client", asked: dict[str, str | bool]) -> int | None:
    """How many there will be, where all are asked for."""
    from enrol.client import EnrolError

    if asked:
        return None
    try:
        return client.count_customers()
    except EnrolError:
        return None


def _shown(out: str) -> str:
    return "the file" if out == STANDARD_OUTPUT else out


def _end(
    out: str,
    chosen: str,
    outcome: Outcome,
    started: float,
    code: str | None,
    told: str,
    exit_code: int,
    *,
    as_json: bool,
) -> NoReturn:
    if as_json:
        summary = {
            "file": out if code is None else None,
            "format": chosen,
            "complete": code is None,
            "error": code,
            "message": told,
            "customers": outcome.customers,
            "bytes": outcome.size,
            "seconds": round(time.monotonic() - started, 3),
        }
        typer.echo(json.dumps(summary))
        raise typer.Exit(exit_code)
    if code is not None:
        fail(f"{code}: {told}", exit_code)
    typer.echo(told, err=True)
    raise typer.Exit(exit_code)
