"""``enrol import``: a file of customers into a served project, each of them once."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Literal

import typer

from enrol.cli.import_report import STOPPED, Options, Report
from enrol.cli.output import NAMED, USAGE, Json, fail

if TYPE_CHECKING:
    from enrol.client import Client
    from enrol.imports.reading import Format, Source
    from enrol.imports.running import Result, Running

# As patient as a server that is restarted, moved or restored in the night: seven minutes.
TRIES = 40
SHOWN_EVERY = 200

File = Annotated[
    str, typer.Argument(help="JSON Lines, CSV or a JSON body, also with gzip; - is standard input.")
]
Url = Annotated[str, typer.Option("--url", help="Where Enrol is served.")]
ProjectId = Annotated[
    str | None, typer.Option("--project", help="The project; a JSON body may name it itself.")
]
KeyFile = Annotated[
    str | None,
    typer.Option("--key-file", help="A file with the API key; without it you are asked."),
]
Type = Annotated[
    Literal["Individual", "Company"] | None,
    typer.Option("--type", help="What the customers are: Individual unless the file says."),
]
FileFormat = Annotated[
    Literal["jsonl", "csv", "json"] | None,
    typer.Option("--format", help="The format, where the file's name does not tell."),
]
ModeOption = Annotated[
    Literal["atomic", "partial"],
    typer.Option("--mode", help="Stop at a wrong customer, or store the others."),
]
OnConflict = Annotated[
    Literal["refuse", "return"],
    typer.Option("--on-conflict", help="Refuse customers who are stored, or take their IDs."),
]
UnknownFields = Annotated[
    Literal["refuse", "ignore"],
    typer.Option("--unknown-fields", help="Refuse fields and columns not known, or drop them."),
]
BatchSize = Annotated[int, typer.Option("--batch", min=1, help="Customers a call.")]
Calls = Annotated[int, typer.Option("--calls", min=1, max=64, help="Calls under way at once.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check everything and store nothing.")]
ImportId = Annotated[
    str | None,
    typer.Option("--import-id", help="Go on under this ID; made of the file unless given."),
]
Out = Annotated[
    Path | None, typer.Option("--out", help="Write a line of JSON for each customer with its ID.")
]


def add_to(app: typer.Typer) -> None:
    """Give the command line this command."""
    app.command("import")(import_customers)


def import_customers(
    file: File,
    project: ProjectId = None,
    url: Url = "http://127.0.0.1:8000",
    key_file: KeyFile = None,
    customer_type: Type = None,
    file_format: FileFormat = None,
    mode: ModeOption = "atomic",
    on_conflict: OnConflict = "refuse",
    unknown_fields: UnknownFields = "refuse",
    batch: BatchSize = 1_000,
    calls: Calls = 4,
    dry_run: DryRun = False,
    import_id: ImportId = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Import a file of customers into a project that is served, and verify that all are there.

    Whatever interrupts it: run the same command again within 24 hours. It creates nobody twice
    and ends with the same IDs. Exit code 4 when customers were refused and the others are there.

    Example: enrol import people.csv --project 66b3f1d2 --key-file key.txt --out ids.jsonl
    """
    options = Options(
        file=file,
        url=url,
        project=project,
        customer_type=customer_type,
        file_format=file_format,
        mode=mode,
        on_conflict=on_conflict,
        unknown_fields=unknown_fields,
        batch=batch,
        calls=calls,
        dry_run=dry_run,
        import_id=import_id,
        out=out,
        as_json=as_json,
    )
    _run(options, read_key(key_file, file), key_file)


def read_key(key_file: str | None, file: str | None = None) -> str:
    """The key: never from the command line, which every user of the machine can read."""
    if key_file is None:
        if not sys.stdin.isatty():
            fail("Name the file of the API key: --key-file FILE.", USAGE)
        return str(typer.prompt("API key", hide_input=True, err=True)).strip()
    if key_file == file == "-":
        fail("Standard input is the file already: name a file for the key.", USAGE)
    try:
        text = sys.stdin.readline() if key_file == "-" else Path(key_file).read_text("ascii")
    except OSError as error:
        fail(f"The key's file cannot be read: {error.strerror}.", NAMED)
    except UnicodeDecodeError:
        fail("The key's file holds no API key.", USAGE)
    return text.strip()


def _run(options: Options, key: str, key_file: str | None) -> None:
    from enrol.imports.reading import FileUnreadable, format_of, opened_source

    file_format: Format | None = options.file_format or format_of(options.file)
    if file_format is None:
        fail("The file's name does not tell its format: --format jsonl, csv or json.", USAGE)
    _check_out(options, key_file)
    try:
        with opened_source(options.file, file_format) as source:
            source.drop_unknown = options.unknown_fields == "ignore"
            _import(options, source, key)
    except FileUnreadable as error:
        fail(str(error))
    except FileNotFoundError as error:
        fail(f"There is no file {error.filename}.", NAMED)
    except OSError as error:
        fail(f"{error.filename or 'A file'} cannot be used: {error.strerror}.")


def _check_out(options: Options, key_file: str | None) -> None:
    if options.out is None or not options.out.exists():
        return
    for path, what in ((options.file, "that is imported"), (key_file, "of the key")):
        if path not in (None, "-") and options.out.resolve() == Path(path).resolve():
            fail(f"--out is the file {what}.", USAGE)


def _import(options: Options, source: "Source", key: str) -> None:
    started = time.monotonic()
    project, customer_type = _target(options, source)
    with connected(options.url, key, project) as client:
        survey = source.survey()
        report = Report(options, survey, started)
        if survey.malformed and not options.dry_run:
            report.end("file.malformed", "Nothing was sent: the file has faults.")
        if not survey.customers and not survey.malformed:
            report.end("file.empty", "The file has no customers.")
        with closing(_running(client, source, report, customer_type)) as running:
            _take_all(running, report)
        report.conclude(source.digest, _count(client))


def _target(options: Options, source: "Source") -> tuple[str, str]:
    """The project and the type; what the command line and the file say must not differ."""
    head = source.document_head()
    if head is None:
        project, customer_type = options.project, options.customer_type
    else:
        project = options.project or head.cms_project_id
        customer_type = options.customer_type or head.customer_type
        if head.cms_project_id not in {None, project}:
            fail("The file names another project.", USAGE)
        if head.customer_type not in {None, customer_type}:
            fail("The file names another type.", USAGE)
    if not project:
        fail("Name the project: --project ID.", USAGE)
    return project, customer_type or "Individual"


@contextmanager
def connected(url: str, key: str, project: str) -> "Iterator[Client]":
    """A client of a server that answers; ends the command where there is none."""
    from enrol.client import Client, Retry
    from enrol.maintenance.places import without_credentials

    try:
        client = Client(url, key, project, retry=Retry(tries=TRIES))
    except ValueError as error:
        fail(f"It cannot begin: {error}.", USAGE)
    with client:
        # Asked once, so that a URL with a typo is not tried for minutes.
        if not client.is_alive():
            fail(f"No Enrol answers at {without_credentials(url)}.")
        yield client


def _running(client: "Client", source: "Source", report: Report, customer_type: Any) -> "Running":
    from enrol.client import ImportOptions
    from enrol.imports.running import Running, import_id

    options = report.options
    mode = "dryRun" if options.dry_run else options.mode
    shape = (client.project, customer_type, source.format, options.batch, mode)
    rules = (options.on_conflict, options.unknown_fields)
    report.import_id = options.import_id or import_id(report.survey, *shape, *rules)
    chosen = ImportOptions(
        customer_type=customer_type,
        import_id=report.import_id,
        batch_size=options.batch,
        in_flight=options.calls,
        on_conflict=options.on_conflict,
        unknown_fields=options.unknown_fields,
    )
    try:
        running = Running(client, source, mode, chosen)
    except ValueError as error:
        fail(f"It cannot begin: {error}.", USAGE)
    report.running, report.tally = running, running.tally
    return running


def _take_all(running: "Running", report: Report) -> None:
    """Take every result; ends the command where the server refuses a call or is gone."""
    from enrol.client import EnrolError, EnrolProblem

    try:
        with ExitStack() as stack:
            show = stack.enter_context(_progress(report))
            out = stack.enter_context(report.options.out.open("a")) if report.options.out else None
            for result in running:
                if out:
                    # Only now, so that a key that is refused costs nobody yesterday's results.
                    if report.tally.answered == 1 and out.seekable():
                        out.truncate(0)
                    _write(out, result)
                if report.tally.answered % SHOWN_EVERY == 0:
                    show(report.tally.answered)
    except EnrolProblem as problem:
        faults = running.faults(problem.errors)
        report.tally.add_faults(faults, max(problem.error_count, len(faults)))
        report.end(problem.code, f"{problem.detail} [{problem.request_id}]")
    except EnrolError as error:
        report.end("import.unanswered", str(error))
    except KeyboardInterrupt:
        running.close()
        report.end("import.stopped", "The import was stopped.", STOPPED)


def _write(out: IO[str], result: "Result") -> None:
    faults = [{"pointer": fault.pointer, "code": fault.code} for fault in result.faults]
    row = {"line": result.line, "outcome": result.outcome, "id": result.id and str(result.id)}
    out.write(json.dumps(row | ({"errors": faults} if faults else {})) + "\n")
    # Whoever kills it has every line that was confirmed.
    out.flush()


def _count(client: "Client") -> int | None:
    """How many customers the project has; None to a key that may only write."""
    from enrol.client import EnrolError

    try:
        return client.count_customers()
    except EnrolError:
        return None


@contextmanager
def _progress(report: Report) -> "Iterator[Callable[[int], None]]":
    """A bar on standard error with rate and time left, where a person looks on."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"))
    quiet = report.options.as_json or not console.is_terminal
    began = time.monotonic()
    with Bar(
        *columns, TimeRemainingColumn(), console=console, transient=True, disable=quiet
    ) as bar:
        task = bar.add_task("", total=report.survey.customers, rate="")

        def show(done: int) -> None:
            rate = done / max(time.monotonic() - began, 0.001)
            bar.update(task, completed=done, rate=f"{rate:,.0f}/s")

        yield show
