"""What a run measured, as tables for people and as JSON for machines."""

import json
import os
import platform
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

Subject = Literal["enrol", "reference", "raw"]


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
class Line:
    """One line of the table: the subjects beside each other, for one size and load."""

    size: int
    clients: int
    enrol: Measurement | None
    reference: Measurement | None
    raw: Measurement | None

    def ratio_to(self, other: Literal["reference", "raw"]) -> float | None:
        """How many times the other's customers a second Enrol takes."""
        beside = self.reference if other == "reference" else self.raw
        if self.enrol is None or beside is None:
            return None
        return self.enrol.customers_per_s / beside.customers_per_s


HEADINGS: Final = (
    "N a call",
    "clients",
    "Enrol /s",
    "p50 ms",
    "p99 ms",
    "reference /s",
    "times it",
    "raw limit /s",
    "of it",
)
TITLE: Final = "Customers enrolled a second over HTTP, each on disk before its ID is told"


def lines(measurements: Sequence[Measurement]) -> list[Line]:
    """Put the subjects beside each other; the raw limit of a size holds for every load."""
    loads = dict.fromkeys((m.size, m.clients) for m in measurements if m.subject != "raw")
    found = {(m.subject, m.size, m.clients): m for m in measurements}
    raw = {m.size: m for m in measurements if m.subject == "raw"}
    return [
        Line(
            size=size,
            clients=clients,
            enrol=found.get(("enrol", size, clients)),
            reference=found.get(("reference", size, clients)),
            raw=raw.get(size),
        )
        for size, clients in loads
    ]


def _cells(line: Line) -> list[str]:
    ours = line.enrol
    return [
        f"{line.size:,}",
        str(line.clients),
        _number(ours.customers_per_s if ours else None),
        _number(ours.p50_ms if ours else None),
        _number(ours.p99_ms if ours else None),
        _number(line.reference.customers_per_s if line.reference else None),
        _number(line.ratio_to("reference")),
        _number(line.raw.customers_per_s if line.raw else None),
        _number(line.ratio_to("raw")),
    ]


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
        "sqlite": sqlite3.sqlite_version,
    }


def show(
    measurements: Sequence[Measurement], facts: Sequence[Fact], console: Console | None = None
) -> None:
    """Print the tables."""
    console = console or Console()
    table = Table(title=TITLE, box=SIMPLE, padding=0, pad_edge=False)
    for heading in HEADINGS:
        table.add_column(heading, justify="right")
    for line in lines(measurements):
        table.add_row(*_cells(line))
    console.print(table)
    aims = Table("figure", "measured", "unit", "aim", "met", box=SIMPLE)
    for fact in facts:
        style = "red" if fact.met is False else None
        aims.add_row(
            fact.name, _number(fact.value), fact.unit, _aim(fact), _verdict(fact), style=style
        )
    console.print(aims)


def as_markdown(measurements: Sequence[Measurement], facts: Sequence[Fact]) -> str:
    """The same tables for ``docs/performance.md``."""
    about = machine()
    rows = [
        f"{TITLE}: N customers a call, so many clients at once.",
        f"Measured on {about['cores']} cores ({about['machine']}, {about['system']}) with Python "
        f"{about['python']}; client and server share the cores.",
        "",
        _row(HEADINGS),
        _row(["--:"] * len(HEADINGS)),
        *(_row(_cells(line)) for line in lines(measurements)),
        "",
        _row(("figure", "measured", "unit", "aim", "met")),
        _row((":--", "--:", ":--", "--:", ":--")),
        *(
            _row((fact.name, _number(fact.value), fact.unit, _aim(fact), _verdict(fact)))
            for fact in facts
        ),
    ]
    return "\n".join(rows) + "\n"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def write_json(path: Path, measurements: Sequence[Measurement], facts: Sequence[Fact]) -> None:
    """Write every figure of the run."""
    content = {
        "machine": machine(),
        "measurements": [asdict(measurement) for measurement in measurements],
        "facts": [asdict(fact) | {"met": fact.met} for fact in facts],
    }
    path.write_text(json.dumps(content, indent=2) + "\n")
