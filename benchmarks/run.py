"""The benchmark: Enrol, the reference and the raw limit side by side, in one run, on each store.

``python -m benchmarks.run`` takes about a quarter of an hour, with ``--quick`` two minutes. The
subjects take turns load by load, each on a database of its own, so that a slow moment of the
machine hits them alike; of several turns the median counts.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple, get_args

from rich.console import Console

from benchmarks import report
from benchmarks.databases import (
    PROJECT,
    ROOT,
    Databases,
    StoreName,
    databases_of,
    environment,
)
from benchmarks.people import bodies
from benchmarks.report import Fact, Measurement, Part, Subject
from benchmarks.servers import HOST, Server, SystemName, serve
from benchmarks.wallets import measure_wallets

# Each by its module and how many connections it has; the fastest counts.
RAW_LIMITS: Final[dict[StoreName, tuple[tuple[str, int], ...]]] = {
    "sqlite": (("benchmarks.raw_limit", 1),),  # one writer is all that SQLite has
    "postgresql": (("benchmarks.raw_copy", 1), ("benchmarks.raw_copy", 2)),
}
FILL_SIZE: Final = 10_000
FLAT_SIZE: Final = 1_000
FLAT_CLIENTS: Final = (8, 1)
MANY_WORKERS: Final = 2
TITLES: Final[dict[StoreName, str]] = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}

RATE_AIMS: Final[dict[StoreName, dict[tuple[int, int], float]]] = {
    "sqlite": {(1_000, 8): 40_000.0, (1_000, 1): 25_000.0, (1, 64): 8_000.0},
    "postgresql": {(1_000, 8): 30_000.0},
}
RATIO_AIMS: Final[dict[StoreName, dict[Subject, float]]] = {
    "sqlite": {"reference": 8.0, "raw": 0.6},
    "postgresql": {"reference": 8.0, "raw": 0.5},
}
RATIO_UNITS: Final[dict[Subject, str]] = {
    "reference": "times the reference",
    "raw": "of the raw limit",
}
RATIO_LOAD: Final = (1_000, 8)
START_AIM: Final = 1.5
MEMORY_AIM: Final = 12.0
FLAT_AIM: Final = 0.8


class Load(NamedTuple):
    """Customers a call, calls at once, and how many calls make a quick and a full round."""

    size: int
    clients: int
    quick_calls: int
    full_calls: int


LOADS: Final = (
    Load(1, 1, 1_000, 3_000),
    Load(10, 1, 400, 2_000),
    Load(100, 1, 100, 500),
    Load(1_000, 1, 20, 60),
    Load(1, 64, 6_000, 20_000),
    Load(1_000, 8, 48, 120),
    Load(10_000, 2, 4, 10),
)
# The reference gets fewer calls: it needs several times as long for each, and a smaller database
# at the end of the round is to its advantage.
REFERENCE_SHARE: Final = 5


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much a run does on one store."""

    quick: bool
    systems: tuple[SystemName, ...]
    databases: Databases
    console: Console

    @property
    def turns(self) -> int:
        """How often everything is measured."""
        return 1 if self.quick else 3

    @property
    def seconds(self) -> float:
        """The longest that one round may begin calls: a slow machine gets a shorter round."""
        return 1.5 if self.quick else 2.0

    @property
    def stored(self) -> int:
        """The customers of the full database that an empty one is compared with."""
        return 50_000 if self.quick else 1_000_000

    def calls(self, load: Load, subject: Subject) -> int:
        """The calls of one round: a subject's share, and enough to keep every client busy."""
        calls = load.quick_calls if self.quick else load.full_calls
        return max(calls // REFERENCE_SHARE, 2 * load.clients) if subject == "reference" else calls

    def subjects(self, load: Load) -> Iterator[Subject]:
        """Who is measured with a load, but for the raw limit."""
        for system in self.systems:
            yield system
            if system == "enrol" and load.clients > 1:
                yield "workers"

    def say(self, text: str) -> None:
        """Tell whoever waits what is going on, apart from the results."""
        self.console.print(text, style="dim", highlight=False)


def _json_line(*command: str, database: str = "") -> dict[str, Any]:
    """Run a module of this package in a process of its own and read the line that it prints."""
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env=environment(database),
        stdout=subprocess.PIPE,
        check=False,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{command[0]} failed, see above")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def drive(
    server: Server, *, size: int, clients: int, calls: int, start: int, seconds: float | None = None
) -> dict[str, Any]:
    """Send calls to a server from the load client's own process.

    Without a limit of seconds it is no measurement: nothing warms up, all calls are sent, and
    their bodies are made on the way.
    """
    warmup = 0 if seconds is None else 2 if size >= FLAT_SIZE else 2 * clients
    options = {
        "host": HOST,
        "port": server.port,
        "token": server.token,
        "project": PROJECT,
        "size": size,
        "clients": clients,
        "calls": calls,
        "start": start,
        "warmup": warmup,
    }
    words = [f"--{name}={value}" for name, value in options.items()]
    words.append("--fill" if seconds is None else f"--seconds={seconds}")
    return _json_line("benchmarks.load", *words)


def measure_raw(plan: Plan, load: Load, module: str, connections: int) -> dict[str, Any]:
    """The raw limit: the rows of the same customers into the same tables, durable."""
    words = [f"--size={load.size}", f"--calls={plan.calls(load, 'raw')}"]
    words += [f"--seconds={plan.seconds}", f"--connections={connections}"]
    with plan.databases.empty() as place:
        return _json_line(module, *words, database=place.database)


def _measurement(subject: Subject, load: Load, turns: Sequence[dict[str, Any]]) -> Measurement:
    """The median of the turns, figure by figure."""
    names = ("customers_per_s", "calls_per_s", "p50_ms", "p99_ms")
    figures = {name: median(float(turn[name]) for turn in turns) for name in names}
    return Measurement(subject=subject, size=load.size, clients=load.clients, **figures)


def measure_load(
    plan: Plan, load: Load, starts: dict[SystemName, list[float]], *, raw: bool
) -> list[Measurement]:
    """One load, for every subject in turn, each time on an empty database."""
    limits = RAW_LIMITS[plan.databases.store] if raw else ()
    turns: dict[tuple[Subject, int], list[dict[str, Any]]] = defaultdict(list)
    for _ in range(plan.turns):
        for module, connections in limits:
            turns["raw", connections].append(measure_raw(plan, load, module, connections))
        for subject in plan.subjects(load):
            system: SystemName = "reference" if subject == "reference" else "enrol"
            workers = MANY_WORKERS if subject == "workers" else 1
            with serve(system, plan.databases, workers) as server:
                if subject != "workers":
                    starts[system].append(server.start_seconds)
                figures = drive(
                    server,
                    size=load.size,
                    clients=load.clients,
                    calls=plan.calls(load, subject),
                    start=1,
                    seconds=plan.seconds,
                )
            turns[subject, 1].append(figures)
    rows: dict[Subject, Measurement] = {}
    for (subject, _), figures_of in turns.items():
        row = _measurement(subject, load, figures_of)
        if subject not in rows or rows[subject].customers_per_s < row.customers_per_s:
            rows[subject] = row
    return list(rows.values())


def measure_loads(plan: Plan) -> tuple[list[Measurement], list[Fact]]:
    """Every load, and how long the servers took to start."""
    found: list[Measurement] = []
    starts: dict[SystemName, list[float]] = {system: [] for system in plan.systems}
    # The limit of a size holds for any number of clients: it is measured once, beside the load
    # that has the most calls.
    busiest = {load.size: load for load in LOADS}
    for load in LOADS:
        rows = measure_load(plan, load, starts, raw=busiest[load.size] is load)
        for row in rows:
            plan.say(
                f"{row.subject:>9}  N={row.size:<6} {row.clients:>2} clients  "
                f"{row.customers_per_s:>9,.0f} customers/s  p50 {row.p50_ms:,.1f} ms"
            )
        found += rows
    return found, [
        Fact(
            name=f"{system}: start to first answer",
            value=median(seconds),
            unit="s",
            at_most=START_AIM if system == "enrol" else None,
        )
        for system, seconds in starts.items()
    ]


def measure_memory(plan: Plan, system: SystemName) -> Fact:
    """The peak of memory for one body of 10,000 over that of the idle server, in bodies.

    The peaks of a server's processes are added up, though they need not come at one moment.
    PostgreSQL's own are not among them.
    """
    size = len(next(bodies(1, FILL_SIZE, PROJECT, start=1)))
    with serve(system, plan.databases) as server:
        drive(server, size=1, clients=1, calls=10, start=0)
        idle = server.memory("VmRSS")
        server.forget_peak()
        drive(server, size=FILL_SIZE, clients=1, calls=1, start=1)
        peak = server.memory("VmHWM")
    return Fact(
        name=f"{system}: peak memory for one body of {FILL_SIZE:,}",
        value=(peak - idle) / size,
        unit="bodies",
        at_most=MEMORY_AIM if system == "enrol" else None,
    )


def measure_flatness(plan: Plan) -> list[Fact]:
    """What is left of the speed once many customers are stored."""
    rates: dict[tuple[str, int], list[float]] = {}
    calls = 32 if plan.quick else 64
    with serve("enrol", plan.databases) as full:
        drive(full, size=FILL_SIZE, clients=2, calls=plan.stored // FILL_SIZE, start=2)
        for turn in range(plan.turns):
            for clients in FLAT_CLIENTS:
                with serve("enrol", plan.databases) as empty:
                    for name, server in (("full", full), ("empty", empty)):
                        figures = drive(
                            server,
                            size=FLAT_SIZE,
                            clients=clients,
                            calls=calls,
                            start=10 + 10 * turn + clients,
                            seconds=plan.seconds,
                        )
                        rates.setdefault((name, clients), []).append(figures["customers_per_s"])
    return [
        Fact(
            name=f"N={FLAT_SIZE:,}, clients: {clients}; {plan.stored:,} stored over none",
            value=median(rates["full", clients]) / median(rates["empty", clients]),
            unit="times",
            at_least=FLAT_AIM,
        )
        for clients in FLAT_CLIENTS
    ]


def aims(store: StoreName, measurements: Sequence[Measurement]) -> list[Fact]:
    """What the loads came to, beside what they are meant to."""
    facts = []
    for line in report.lines(measurements):
        load = (line.size, line.clients)
        aim = RATE_AIMS[store].get(load)
        for subject in ("enrol", "workers"):
            ours = line.of(subject)
            name = f"N={line.size:,}, clients: {line.clients}"
            if subject == "workers":
                name += f", workers: {MANY_WORKERS}"
            if ours and aim:
                rate = ours.customers_per_s
                facts.append(Fact(name=name, value=rate, unit="customers/s", at_least=aim))
            for other, least in RATIO_AIMS[store].items():
                ratio = line.ratio(subject, other)
                if ratio and load == RATIO_LOAD:
                    unit = RATIO_UNITS[other]
                    facts.append(Fact(name=name, value=ratio, unit=unit, at_least=least))
    return facts


def measure_store(plan: Plan) -> Part:
    """All that is measured on one store."""
    databases = plan.databases
    title = f"{TITLES[databases.store]} {databases.version}"
    plan.say(title)
    measurements, starts = measure_loads(plan)
    facts = aims(databases.store, measurements) + starts
    facts += [measure_memory(plan, system) for system in plan.systems]
    if "enrol" in plan.systems:
        facts += measure_flatness(plan)
    return Part(title=title, measurements=measurements, facts=facts)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short turn of everything")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure here")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables here")
    parser.add_argument("--store", choices=get_args(StoreName), help="leave the other store out")
    parser.add_argument(
        "--only", choices=get_args(SystemName), help="leave the other system out of the run"
    )
    return parser.parse_args()


def main() -> None:
    """Measure, print, and write what is asked for."""
    options = _options()
    console = Console(stderr=True)
    stores: tuple[StoreName, ...] = (options.store,) if options.store else get_args(StoreName)
    parts = []
    for store in stores:
        with (
            tempfile.TemporaryDirectory(prefix="enrol-bench-") as directory,
            databases_of(store, Path(directory)) as databases,
        ):
            if databases is None:
                console.print(f"{TITLES[store]} is not installed here: left out.", style="red")
                continue
            plan = Plan(
                quick=options.quick,
                systems=(options.only,) if options.only else get_args(SystemName),
                databases=databases,
                console=console,
            )
            parts.append(measure_store(plan))
    if options.only != "reference":
        parts.append(Part(title="Addresses", measurements=[], facts=measure_wallets()))
    report.show(parts)
    if options.json:
        report.write_json(options.json, parts)
    if options.markdown:
        options.markdown.write_text(report.as_markdown(parts))


if __name__ == "__main__":
    main()
