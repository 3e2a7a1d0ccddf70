"""What `enrol import` says at its end, to people and to programs."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import typer
from msgspec import Struct

from enrol.cli.output import FAILED, fail

if TYPE_CHECKING:
    from enrol.imports.reading import Fault, Survey
    from enrol.imports.running import Running

# Some customers are not there, and those who are right are.
REFUSED = 4
# As a shell counts an end by Ctrl-C.
STOPPED = 130
MOST_PRINTED = 20
MOST_POINTER_CHARS = 100


class Options(Struct, frozen=True, kw_only=True):
    """The command line of an import."""

    file: str
    url: str
    project: str | None
    customer_type: Literal["Individual", "Company"] | None
    file_format: Literal["jsonl", "csv", "json"] | None
    mode: Literal["atomic", "partial"]
    on_conflict: Literal["refuse", "return"]
    unknown_fields: Literal["refuse", "ignore"]
    batch: int
    calls: int
    dry_run: bool
    import_id: str | None
    out: Path | None
    as_json: bool


class Report:
    """What the command says at its end, to people and to programs, and its exit code."""

    def __init__(self, options: Options, survey: "Survey", started: float) -> None:
        from enrol.imports.running import Tally

        self.options = options
        self.survey = survey
        self.started = started
        self.import_id: str | None = None
        self.tally: Tally = Tally()
        self.running: Running | None = None
        self.project_customers: int | None = None

    def conclude(self, digest: str, project_customers: int | None) -> None:
        """Verify that each row of the file has its answer, and say what is there."""
        tally, survey = self.tally, self.survey
        self.project_customers = project_customers
        if digest != survey.digest or tally.answered != survey.customers:
            self.end("file.changed", "The file changed while it was imported: import it again.")
        missing = project_customers is not None and project_customers < tally.created
        if missing and not self.options.dry_run:
            self.end("import.missing", "The project has fewer customers than were created.")
        if tally.refused or survey.malformed:
            refused = tally.refused + survey.malformed
            those = "right" if self.options.dry_run else "there"
            told = f"{refused:,} customers were refused; the other {tally.there:,} are {those}."
            self.end("import.refused", told, REFUSED)
        if self.options.dry_run:
            self.end(None, f"All {tally.there:,} customers are right. Nothing was stored.", 0)
        self.end(None, f"All {tally.there:,} customers of the file are there.", 0)

    def end(self, code: str | None, told: str, exit_code: int = FAILED) -> NoReturn:
        """Print the outcome, and end the command."""
        if self.options.as_json:
            typer.echo(json.dumps(self._summary(code, told, complete=exit_code == 0)))
            raise typer.Exit(exit_code)
        faults, count = self._faults()
        for fault in faults[:MOST_PRINTED]:
            typer.echo(_fault_text(fault, self._word()), err=True)
        if count > MOST_PRINTED:
            typer.echo(
                f"... and {count - MOST_PRINTED:,} more faults (--json lists 1,000)", err=True
            )
        self._print_counts()
        if code is None:
            typer.echo(told)
            raise typer.Exit(exit_code)
        for hint in self._hints(code):
            typer.echo(hint, err=True)
        named = "" if exit_code == REFUSED else f"{code}: "
        fail(f"{named}{told}", exit_code)

    def _faults(self) -> "tuple[list[Fault], int]":
        faults = self.survey.faults + self.tally.faults
        return faults, len(faults) + (self.survey.malformed - len(self.survey.faults)) + (
            self.tally.fault_count - len(self.tally.faults)
        )

    def _word(self) -> str:
        """What a place in the file is called: a JSON body has no lines of its own."""
        from enrol.imports.reading import format_of

        chosen = self.options.file_format or format_of(self.options.file)
        return "customer" if chosen == "json" else "line"

    def _print_counts(self) -> None:
        tally = self.tally
        counts = {
            "customers in the file": self.survey.customers + self.survey.malformed,
            "created": tally.created,
            "existing": tally.exists,
            "created or existing": tally.stored,
            "refused": tally.refused,
            "malformed": self.survey.malformed,
        }
        parts = [f"{name} {n:,}" for name, n in counts.items() if n or name == "created"]
        typer.echo(", ".join(parts) + f"; {time.monotonic() - self.started:.1f} s", err=True)
        if self.import_id:
            typer.echo(f"Import {self.import_id}", err=True)

    def _hints(self, code: str) -> Iterator[str]:
        name = self.import_id
        if code in {"batch.invalid", "batch.conflict"}:
            yield f"{self.tally.there:,} customers before this call are stored; others may be."
            yield f"Mend the lines in their places, and go on with --import-id {name}."
        if code in {"batch.conflict", "idempotency.reused"}:
            yield "If an earlier import stored them, --on-conflict return takes their IDs."
        if code in {"import.unanswered", "import.stopped"}:
            yield "The same command goes on from here."

    def _summary(self, code: str | None, told: str, *, complete: bool) -> dict[str, Any]:
        tally = self.tally
        faults, count = self._faults()
        return {
            "importId": self.import_id,
            "complete": complete,
            "error": code,
            "message": told,
            "customers": self.survey.customers + self.survey.malformed,
            "answered": tally.answered,
            "created": tally.created,
            "existing": tally.exists,
            "createdOrExisting": tally.stored,
            "refused": tally.refused,
            "malformed": self.survey.malformed,
            "projectCustomers": self.project_customers,
            "batches": [str(each) for each in self.running.batch_ids] if self.running else [],
            "seconds": round(time.monotonic() - self.started, 3),
            "faults": [fault._asdict() for fault in faults],
            "faultCount": count,
        }


def _fault_text(fault: "Fault", word: str) -> str:
    place = "call" if fault.line is None else f"{word} {fault.line}"
    # A pointer has names of the file's fields in it: a terminal is not to obey them.
    shown = "".join(c if c.isprintable() else "?" for c in fault.pointer[:MOST_POINTER_CHARS])
    return f"{place}: {shown + ' ' if shown else ''}{fault.code}: {fault.detail}"
