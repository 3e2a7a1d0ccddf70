"""What a run measured, as tables for people and as JSON for machines."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

Subject = Literal["enrol", "workers", "reference", "raw"]


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One subject's figures with ``size`` customers a call and ``clients`` calls at once."""

    subject: Subject
    size: int
    clients: int
    customers_per_s: float
    calls_per_s: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One figure that stands for itself, beside what it is meant to be at least, or at most."""

    name: str
    value: float
    unit: str
    at_least: float | None = None
    at_most: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the aim is met; None when there is none."""
        if self.at_least is not None:
            return self.value >= self.at_least
        return None if self.at_most is None else self.value <= self.at_most


@dataclass(frozen=True, kw_only=True)
class Part:
    """What was measured on one store, or apart from any."""

    title: str
    measurements: list[Measurement]
    facts: list[Fact]


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the table: the subjects beside each other, for one size and load."""

    size: int
    clients: int
    found: dict[Subject, Measurement]

    def of(self, subject: Subject) -> Measurement | None:
        """What a subject was measured at."""
        return self.found.get(subject)

    def ratio(self, subject: Subject, other: Subject) -> float | None:
        """How many times the other's customers a second a subject takes."""
        ours, beside = self.of(subject), self.of(other)
        if ours is None or beside is None:
            return None
        return ours.customers_per_s / beside.customers_per_s


HEADINGS: Final = (
    "N a call",
    "clients",
    "Enrol /s",
    "p50 ms",
    "p99 ms",
    "2 workers /s",
    "reference /s",
    "times it",
    "raw limit /s",
    "of it",
)
TITLE: Final = "Customers enrolled a second over HTTP, each on disk before its ID is told"


def lines(measurements: Sequence[Measurement]) -> list[Line]:
    """Put the subjects beside each other; the raw limit of a size holds for every load."""
    loads = dict.fromkeys((m.size, m.clients) for m in measurements if m.subject != "raw")
    return [
        Line(
            size=size,
            clients=clients,
            found={
                m.subject: m
                for m in measurements
                if m.size == size and (m.clients == clients or m.subject == "raw")
            },
        )
        for size, clients in loads
    ]


def _cells(line: Line) -> list[str]:
    ours = line.of("enrol")
    return [
        f"{line.size:,}",
        str(line.clients),
        _rate(ours),
        _number(ours.p50_ms if ours else None),
        _number(ours.p99_ms if ours else None),
        _rate(line.of("workers")),
        _rate(line.of("reference")),
        _number(line.ratio("enrol", "reference")),
        _rate(line.of("raw")),
        _number(line.ratio("enrol", "raw")),
    ]


def _rate(measurement: Measurement | None) -> str:
    return _number(measurement.customers_per_s if measurement else None)


def _number(value: float | None) -> str:
    """Three figures are as much as a noisy machine can tell."""
    if value is None:
        return ""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _aim(fact: Fact) -> str:
    if fact.at_least is not None:
        return f"≥ {_number(fact.at_least)}"
    return "" if fact.at_most is None else f"≤ {_number(fact.at_most)}"


def _verdict(fact: Fact) -> str:
    return {True: "yes", False: "no", None: ""}[fact.met]


def machine() -> dict[str, str | int | None]:
    """What the figures were taken on."""
    return {
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def show(parts: Sequence[Part], console: Console | None = None) -> None:
    """Print the tables."""
    console = console or Console()
    for part in parts:
        if part.measurements:
            table = Table(title=f"{part.title}. {TITLE}", box=SIMPLE, padding=0, pad_edge=False)
            for heading in HEADINGS:
                table.add_column(heading, justify="right")
            for line in lines(part.measurements):
                table.add_row(*_cells(line))
            console.print(table)
        aims = Table("figure", "measured", "unit", "aim", "met", title=part.title, box=SIMPLE)
        for fact in part.facts:
            style = "red" if fact.met is False else None
            aims.add_row(*_fact_cells(fact), style=style)
        console.print(aims)


def _fact_cells(fact: Fact) -> tuple[str, ...]:
    return fact.name, _number(fact.value), fact.unit, _aim(fact), _verdict(fact)


def as_markdown(parts: Sequence[Part]) -> str:
    """The same tables for ``docs/performance.md``."""
    about = machine()
    rows = [
        f"{TITLE}: N customers a call, so many clients at once.",
        f"Measured on {about['cores']} cores ({about['machine']}, {about['system']}) with Python "
        f"{about['python']}; client, server and database share the cores.",
    ]
    for part in parts:
        rows += ["", f"## {part.title}", ""]
        if part.measurements:
            rows += [_row(HEADINGS), _row(["--:"] * len(HEADINGS))]
            rows += [_row(_cells(line)) for line in lines(part.measurements)]
            rows.append("")
        rows += [
            _row(("figure", "measured", "unit", "aim", "met")),
            _row((":--", "--:", ":--", "--:", ":--")),
            *(_row(_fact_cells(fact)) for fact in part.facts),
        ]
    return "\n".join(rows) + "\n"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def write_json(path: Path, parts: Sequence[Part]) -> None:
    """Write every figure of the run."""
    content = {
        "machine": machine(),
        "parts": [
            {
                "title": part.title,
                "measurements": [asdict(measurement) for measurement in part.measurements],
                "facts": [asdict(fact) | {"met": fact.met} for fact in part.facts],
            }
            for part in parts
        ],
    }
    path.write_text(json.dumps(content, indent=2) + "\n")
