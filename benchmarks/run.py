"""The benchmark: Enrol, the reference and the raw limit side by side, in one run.

``python -m benchmarks.run`` takes some minutes, with ``--quick`` about one. The subjects take
turns load by load, each on a database of its own, so that a slow moment of the machine hits
them alike; of several turns the median counts.
"""

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final, Literal, NamedTuple, get_args

from rich.console import Console

from benchmarks import report
from benchmarks.people import bodies
from benchmarks.report import Fact, Measurement, Subject
from benchmarks.servers import HOST, PROJECT, ROOT, Server, SystemName, serve
from benchmarks.wallets import measure_wallets

RAW_LIMIT: Final = "benchmarks.raw_limit"
FILL_SIZE: Final = 10_000
FLAT_SIZE: Final = 1_000
FLAT_CLIENTS: Final = (8, 1)

RATE_AIMS: Final = {(1_000, 8): 40_000.0, (1_000, 1): 25_000.0, (1, 64): 8_000.0}
RATIO_AIMS: Final[dict[Literal["reference", "raw"], float]] = {"reference": 8.0, "raw": 0.6}
RATIO_UNITS: Final = {"reference": "times the reference", "raw": "of the raw limit"}
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
    Load(1, 1, 1_000, 8_000),
    Load(10, 1, 400, 4_000),
    Load(100, 1, 100, 1_000),
    Load(1_000, 1, 20, 120),
    Load(10_000, 1, 3, 12),
    Load(1, 64, 6_000, 40_000),
    Load(1_000, 8, 48, 240),
    Load(10_000, 2, 4, 16),
)
# The reference gets fewer calls: it needs several times as long for each, and a smaller database
# at the end of the round is to its advantage.
REFERENCE_SHARE: Final = 5


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much a run does."""

    quick: bool
    systems: tuple[SystemName, ...]
    directory: Path
    console: Console

    @property
    def turns(self) -> int:
        """How often everything is measured."""
        return 1 if self.quick else 3

    @property
    def seconds(self) -> float:
        """The longest that one round may begin calls: a slow machine gets a shorter round."""
        return 2.0 if self.quick else 6.0

    @property
    def stored(self) -> int:
        """The customers of the full database that an empty one is compared with."""
        return 100_000 if self.quick else 1_000_000

    def calls(self, load: Load, subject: Subject) -> int:
        """The calls of one round: a subject's share, and enough to keep every client busy."""
        calls = load.quick_calls if self.quick else load.full_calls
        return max(calls // REFERENCE_SHARE, 2 * load.clients) if subject == "reference" else calls

    def say(self, text: str) -> None:
        """Tell whoever waits what is going on, apart from the results."""
        self.console.print(text, style="dim", highlight=False)


def _json_line(*command: str) -> dict[str, Any]:
    """Run a module of this package in a process of its own and read the line that it prints."""
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, stdout=subprocess.PIPE, check=False, text=True
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


def measure_raw(size: int, calls: int, seconds: float) -> dict[str, Any] | None:
    """The raw limit: the same rows into the same tables by bare executemany, durable.

    ``benchmarks.raw_limit --size N --calls K --seconds S`` prints one JSON line with the same
    figures as the load client's.
    """
    if importlib.util.find_spec(RAW_LIMIT) is None:
        return None
    return _json_line(RAW_LIMIT, f"--size={size}", f"--calls={calls}", f"--seconds={seconds}")


def _measurement(subject: Subject, load: Load, turns: Sequence[dict[str, Any]]) -> Measurement:
    """The median of the turns, figure by figure."""
    names = ("customers_per_s", "calls_per_s", "p50_ms", "p99_ms")
    figures = {name: median(float(turn[name]) for turn in turns) for name in names}
    return Measurement(subject=subject, size=load.size, clients=load.clients, **figures)


def measure_loads(plan: Plan) -> tuple[list[Measurement], list[Fact]]:
    """Every load, for every subject in turn, each time on an empty database; and the starts."""
    found = []
    starts: dict[SystemName, list[float]] = {system: [] for system in plan.systems}
    for load in LOADS:
        turns: dict[Subject, list[dict[str, Any]]] = {}
        for _ in range(plan.turns):
            # One writer is all that SQLite has: more clients have no other limit.
            calls = plan.calls(load, "raw")
            if load.clients == 1 and (raw := measure_raw(load.size, calls, plan.seconds)):
                turns.setdefault("raw", []).append(raw)
            for system in plan.systems:
                with serve(system, plan.directory) as server:
                    starts[system].append(server.start_seconds)
                    figures = drive(
                        server,
                        size=load.size,
                        clients=load.clients,
                        calls=plan.calls(load, system),
                        start=1,
                        seconds=plan.seconds,
                    )
                turns.setdefault(system, []).append(figures)
        for subject, figures_of in turns.items():
            row = _measurement(subject, load, figures_of)
            plan.say(
                f"{subject:>9}  N={load.size:<6} {load.clients:>2} clients  "
                f"{row.customers_per_s:>9,.0f} customers/s  p50 {row.p50_ms:,.1f} ms"
            )
            found.append(row)
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
    """
    size = len(next(bodies(1, FILL_SIZE, PROJECT, start=1)))
    with serve(system, plan.directory) as server:
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
    calls = 32 if plan.quick else 120
    with serve("enrol", plan.directory) as full:
        drive(full, size=FILL_SIZE, clients=2, calls=plan.stored // FILL_SIZE, start=2)
        for turn in range(plan.turns):
            for clients in FLAT_CLIENTS:
                with serve("enrol", plan.directory) as empty:
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


def aims(measurements: Sequence[Measurement]) -> list[Fact]:
    """What the loads came to, beside what they are meant to."""
    facts = []
    for line in report.lines(measurements):
        name = f"N={line.size:,}, clients: {line.clients}"
        aim = RATE_AIMS.get((line.size, line.clients))
        if line.enrol and aim:
            rate = line.enrol.customers_per_s
            facts.append(Fact(name=name, value=rate, unit="customers/s", at_least=aim))
        for other, least in RATIO_AIMS.items():
            ratio = line.ratio_to(other)
            if ratio and (line.size, line.clients) == RATIO_LOAD:
                facts.append(Fact(name=name, value=ratio, unit=RATIO_UNITS[other], at_least=least))
    return facts


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short turn of everything")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure here")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables here")
    parser.add_argument(
        "--only", choices=get_args(SystemName), help="leave the other system out of the run"
    )
    return parser.parse_args()


def main() -> None:
    """Measure, print, and write what is asked for."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="enrol-bench-") as directory:
        plan = Plan(
            quick=options.quick,
            systems=(options.only,) if options.only else get_args(SystemName),
            directory=Path(directory),
            console=Console(stderr=True),
        )
        measurements, starts = measure_loads(plan)
        facts = aims(measurements) + starts
        facts += [measure_memory(plan, system) for system in plan.systems]
        if "enrol" in plan.systems:
            facts += measure_flatness(plan)
            facts += measure_wallets()
    report.show(measurements, facts)
    if options.json:
        report.write_json(options.json, measurements, facts)
    if options.markdown:
        options.markdown.write_text(report.as_markdown(measurements, facts))


if __name__ == "__main__":
    main()
