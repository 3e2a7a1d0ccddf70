"""Faults of every kind, each a function that harms a server and leaves it to recover."""

import os
import random
import resource
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from enrol.store.sqlite.file import connect
from tests.faults.changes import Changes
from tests.faults.load import Batch, at_once, body_of, note, post
from tests.faults.processes import HOST, Serving, is_alive, wait_until
from tests.faults.relay import AT_ANY_TIME, Relay
from tests.postgres import PostgresServer

RECOVERY_SECONDS = 20.0
# At most so long a fault lasts, a server starts or stops before it is killed, a call waits.
FAULT_SECONDS, START_SECONDS, STOP_SECONDS, CALL_SECONDS = 0.6, 0.5, 0.4, 60.0
CONNECTIONS = "FROM pg_stat_activity WHERE application_name = 'enrol'"
# Another transaction holds all tables that a batch is written to.
HOLD = """
SET statement_timeout = 0; BEGIN; LOCK TABLE identifiers, batches; SELECT pg_sleep({}); COMMIT
"""


@dataclass
class Scene:
    """A server under load with its database; ``batches`` are those that the faults enrol."""

    serving: Serving
    database: str
    key: str
    folder: Path
    chance: random.Random
    postgres: PostgresServer | None = None
    relay: Relay | None = None
    batches: list[Batch] = field(default_factory=list)
    changes: Changes = field(init=False)

    def __post_init__(self) -> None:
        self.changes = Changes(self.folder)

    @property
    def server(self) -> PostgresServer:
        assert self.postgres is not None
        return self.postgres

    def pause(self, seconds: float = FAULT_SECONDS) -> None:
        time.sleep(self.chance.random() * seconds)

    def batch(self, name: str, size: int, *, keyed: bool = True) -> Batch:
        """A new batch, of a name of its own."""
        name = f"{name}.{len(self.batches)}"
        self.batches.append(Batch(name, size, name if keyed else None))
        return self.batches[-1]


Fault = Callable[[Scene], None]


def kill_all(scene: Scene) -> None:
    """All of Enrol's processes at once, as on a machine that loses power."""
    scene.serving.kill()
    scene.serving.start()


def kill_at_start(scene: Scene) -> None:
    """All at once, and again while the next server is starting."""
    scene.serving.kill()
    scene.serving.launch()
    scene.pause(START_SECONDS)
    scene.serving.kill()
    scene.serving.start()


def kill_at_stop(scene: Scene) -> None:
    """All at once, while the server is stopping as it was told."""
    os.kill(scene.serving.pid, signal.SIGTERM)
    scene.pause(STOP_SECONDS)
    scene.serving.kill()
    scene.serving.start()


def kill_first(scene: Scene) -> None:
    """The first process alone: all others end by themselves, beside the next server."""
    processes = scene.serving.processes()
    scene.serving.stop(signal.SIGKILL)
    scene.serving.start()
    gone = partial(any, map(is_alive, processes))
    wait_until(lambda: not gone(), RECOVERY_SECONDS, "processes are left")


def stop_enrol(scene: Scene) -> None:
    """A stop as operators do it, and a start."""
    assert scene.serving.stop() == 0
    scene.serving.start()


def freeze(scene: Scene) -> None:
    """All processes stand still for a while."""
    os.killpg(scene.serving.pid, signal.SIGSTOP)
    scene.pause()
    os.killpg(scene.serving.pid, signal.SIGCONT)


def clients_that_go(scene: Scene) -> None:
    """Calls that break off."""
    for _ in range(20):
        body = body_of(scene.batch("gone", 0).people)
        head = f"POST /customers/batch HTTP/1.1\r\nAuthorization: Bearer {scene.key}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body) + 9}\r\n\r\n"
        with socket.create_connection((HOST, scene.serving.port), timeout=5) as connection:
            connection.sendall(head.encode() + body[: scene.chance.randrange(len(body))])


def crowd(scene: Scene) -> None:
    """256 connections at once."""
    batches = [scene.batch("crowd", 2) for _ in range(256)]
    calls = [
        partial(post, scene.serving, scene.key, body_of(b.people), idempotency_key=b.key or "")
        for b in batches
    ]
    for batch, reply in zip(batches, at_once(calls), strict=True):
        note(batch, reply)


def rivals(scene: Scene) -> None:
    """Two servers are asked to create the same customers at once."""
    folder = scene.folder / f"rival{len(scene.batches)}"
    folder.mkdir()
    with Serving(folder, scene.serving.database) as second:
        for _ in range(10):
            batch = scene.batch("rivals", scene.chance.randint(1, 60), keyed=False)
            both = (scene.serving, second)
            body = body_of(batch.people)
            replies = at_once([partial(post, server, scene.key, body) for server in both])
            winner, loser = sorted(replies, key=lambda reply: reply.status)
            assert (winner.status, loser.status) == (200, 409), replies
            note(batch, winner)
            assert {error["customerId"] for error in loser.data["errors"]} == set(winner.data)
        assert second.stop() == 0


def kill_changes(scene: Scene) -> None:
    """A second server changes customers, and is killed at it, some times."""
    for _ in range(3):
        with scene.changes.changing(scene.serving.database):
            scene.pause()


def kill_writer(scene: Scene) -> None:
    """The writer of the file: the server starts another."""
    writer = scene.serving.writer()
    assert writer is not None
    writer.kill()
    wait_until(lambda: not is_alive(writer), RECOVERY_SECONDS, "the writer did not end")
    wait_until(scene.serving.writer, RECOVERY_SECONDS, "no new writer")


def no_room(scene: Scene) -> None:
    """The writer can write nothing for a while."""
    writer = scene.serving.writer()
    assert writer is not None
    unlimited = resource.RLIM_INFINITY
    with suppress(psutil.NoSuchProcess):
        writer.rlimit(resource.RLIMIT_FSIZE, (1, unlimited))
        scene.pause()
        writer.rlimit(resource.RLIMIT_FSIZE, (unlimited, unlimited))


def hold_file(scene: Scene) -> None:
    """Another program holds the file for a while."""
    connection = connect(scene.database)
    try:
        connection.execute("BEGIN IMMEDIATE")
        scene.pause()
        connection.execute("ROLLBACK")
    finally:
        connection.close()


def kill_writer_of_changes(scene: Scene) -> None:
    """The writer of a second server that changes customers, some times."""
    with scene.changes.changing(scene.serving.database) as process:
        for _ in range(3):
            scene.pause()
            process.kill_writer()


def kill_postgres(scene: Scene) -> None:
    """``kill -9`` of all of PostgreSQL."""
    scene.server.kill()
    scene.pause()
    scene.server.start()


def stop_postgres(scene: Scene) -> None:
    """A stop as operators do it, and a start."""
    scene.server.stop()
    scene.pause()
    scene.server.start()


def stop_postgres_at_once(scene: Scene) -> None:
    """What PostgreSQL calls an immediate stop: it recovers at the start, as after a kill."""
    scene.server.process.send_signal(signal.SIGQUIT)
    scene.server.process.wait(RECOVERY_SECONDS)
    scene.pause()
    scene.server.start()


def kill_backend(scene: Scene) -> None:
    """``kill -9`` of one process of PostgreSQL: it ends all others, and recovers by itself."""
    rows = scene.server.query(f"SELECT pid {CONNECTIONS}")
    if rows:
        with suppress(ProcessLookupError):
            os.kill(int(scene.chance.choice(rows)[0]), signal.SIGKILL)
        time.sleep(0.2)
        wait_until(scene.server.is_ready, RECOVERY_SECONDS, "PostgreSQL did not recover")


def cut_connections(scene: Scene) -> None:
    """PostgreSQL ends Enrol's connections, some times."""
    for _ in range(4):
        scene.server.query(f"SELECT pg_terminate_backend(pid) {CONNECTIONS}")
        scene.pause(0.1)


def cut_commits(scene: Scene) -> None:
    """Connections break just when a commit was sent."""
    assert scene.relay is not None
    for _ in range(6):
        scene.relay.cut_commits(scene.chance.choice(AT_ANY_TIME), scene.chance.randint(1, 3))
        scene.pause(0.15)
    scene.relay.left = 0


def cut_changes(scene: Scene) -> None:
    """Connections break when a commit was sent, of changes too."""
    with scene.changes.changing(scene.serving.database):
        cut_commits(scene)


def kill_backends_of_changes(scene: Scene) -> None:
    """``kill -9`` of a process of PostgreSQL, while customers are changed."""
    with scene.changes.changing(scene.serving.database):
        kill_backend(scene)
        scene.pause()


def out_of_reach(scene: Scene) -> None:
    """PostgreSQL runs, and cannot be reached for a while."""
    assert scene.relay is not None
    scene.relay.reachable = False
    scene.server.query(f"SELECT pg_terminate_backend(pid) {CONNECTIONS}")
    scene.pause(4 * FAULT_SECONDS)
    scene.relay.reachable = True


@contextmanager
def read_only(server: PostgresServer) -> Iterator[None]:
    """PostgreSQL takes no writes within the block."""
    for value in ("on", "off"):
        server.query(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
        server.query("SELECT pg_reload_conf()")
        # Each process reads its settings anew between two statements, once the signal is there.
        time.sleep(0.2)
        if value == "on":
            try:
                yield
            except BaseException:
                server.query("ALTER SYSTEM RESET default_transaction_read_only")
                server.query("SELECT pg_reload_conf()")
                raise


def no_writes(scene: Scene) -> None:
    """PostgreSQL is read-only for a while."""
    with read_only(scene.server):
        scene.pause()


def hold_tables(scene: Scene) -> None:
    """Another program holds the tables for a while."""
    seconds = scene.chance.random() * FAULT_SECONDS
    holder = threading.Thread(
        target=scene.server.query, args=(HOLD.format(seconds), scene.database)
    )
    holder.start()
    holder.join()


OF_ENROL: tuple[Fault, ...] = (
    *(kill_all, kill_at_start, kill_at_stop, kill_first, stop_enrol),
    *(freeze, clients_that_go, crowd, rivals, kill_changes),
)
OF_A_FILE: tuple[Fault, ...] = (
    *OF_ENROL,
    *(kill_writer, kill_writer_of_changes, no_room, hold_file),
)
OF_POSTGRES: tuple[Fault, ...] = (
    *OF_ENROL,
    *(kill_postgres, stop_postgres, stop_postgres_at_once, kill_backend),
    *(cut_connections, cut_commits, cut_changes, kill_backends_of_changes),
    *(out_of_reach, no_writes, hold_tables),
)
