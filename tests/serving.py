"""The product as its users run it: `enrol serve` in processes of its own, on a file and a port."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self
from uuid import uuid4

import httpx

from enrol.access import DEFAULT_SCOPES, make_key
from enrol.store.clock import now_ms
from enrol.store.registry import Key, is_postgres, open_registry
from enrol.store.sqlite.file import connect
from enrol.store.sqlite.session import SqliteSession

HOST = "127.0.0.1"
START_SECONDS = 30.0
STOP_SECONDS = 10.0
# Below the ports that the system hands out; each process of the suite begins somewhere else.
PORTS = range(20_000, 32_000)

# The tables that hold what callers sent or did.
TABLES = (
    *("customers", "wallets", "dids", "emails", "events", "findings", "batches", "idempotency"),
    *("identifiers", "identifiers_new"),
)


def free_ports() -> Iterator[int]:
    """Ports that nobody listens on just now."""
    start = os.getpid() * 37 % len(PORTS)
    for port in (*PORTS[start:], *PORTS[:start]):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        yield port


_ports = free_ports()


class Served:
    """A running server, on a SQLite file in ``folder`` unless a URL is given. ``settings`` are
    `ENROL_*` without the prefix, in lower case."""

    def __init__(self, folder: Path, database: str | None = None, **settings: object) -> None:
        self.database = database or str(folder / "enrol.db")
        self.log = folder / "enrol.log"
        self.port = next(_ports)
        self.settings = settings
        self.registry = open_registry(self.database)
        session = self.registry.database
        if isinstance(session, SqliteSession):
            # The tests' projects need not outlive the power: two waits for the disk less a test.
            session.connection.pragma("synchronous", "off")

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that hold what callers sent or did."""
        return tuple(t for t in TABLES if self.on_file or t != "identifiers_new")

    @property
    def on_file(self) -> bool:
        """Whether the database is a SQLite file."""
        return not is_postgres(self.database)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self.registry.close()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        """Start the server and wait until it serves."""
        environ = {name: text for name, text in os.environ.items() if not name.startswith("ENROL_")}
        environ |= {f"ENROL_{name.upper()}": str(value) for name, value in self.settings.items()}
        command = [sys.executable, "-m", "enrol", "serve", "--host", HOST]
        command += ["--port", str(self.port), "--database", self.database]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, env=environ, start_new_session=True
            )
        self.http = httpx.Client(base_url=self.url, timeout=30)
        deadline = time.monotonic() + START_SECONDS
        while not self.is_ready():
            assert self.process.poll() is None, self.log_text()
            assert time.monotonic() < deadline, self.log_text()
            time.sleep(0.02)

    def is_ready(self) -> bool:
        try:
            return self.http.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        """Stop the server as an operator does, and at the end whatever is left of it."""
        self.http.close()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def restart(self, **settings: object) -> None:
        """The same file served anew, with settings changed."""
        self.stop()
        self.settings = {**self.settings, **settings}
        self.start()

    def log_text(self) -> str:
        """The log so far."""
        return self.log.read_text("utf-8")

    def whole_log(self) -> str:
        """The log with every call that was answered: one more comes behind all of their lines."""
        self.http.get("/healthz")
        return self.log_text()

    def new_project(self, *, lenient: bool = False, project_id: str | None = None) -> "Project":
        """A project of its own, with a key that reads and writes."""
        added = self.registry.add_project(project_id or f"p-{uuid4()}", "Test", lenient=lenient)
        return Project(self, added.id, self.new_key(added.id).text)

    def new_key(
        self,
        project_id: str,
        *scopes: str,
        expires_at: int | None = None,
        rate_limit: int | None = None,
    ) -> "IssuedKey":
        """A key, read and write unless other scopes are named."""
        new, key_id = make_key(), f"key_{uuid4().hex[:16]}"
        text = " ".join(scopes or DEFAULT_SCOPES)
        key = Key(key_id, project_id, new.hint, None, text, now_ms(), expires_at, None, rate_limit)
        self.registry.add_key(key, new.hash)
        return IssuedKey(key_id, new.key)

    def query(self, statement: str, *bindings: Any) -> list[tuple[Any, ...]]:
        """What the database holds, read beside the server; values are $1, $2 ..."""
        if not self.on_file:
            return self.registry.database.rows(statement, *bindings)
        connection = connect(self.database, read_only=True)
        try:
            return list(connection.execute(statement, bindings))
        finally:
            connection.close()


class IssuedKey(NamedTuple):
    """A key's ID and its text."""

    id: str
    text: str


class Project(NamedTuple):
    """A project of a running server, and a key to it."""

    server: Served
    id: str
    key: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def body(self, *items: object, customer_type: str = "Individual") -> dict[str, Any]:
        """The body that enrols these customers."""
        return {"customerType": customer_type, "cmsProjectId": self.id, "customerData": [*items]}

    def post(
        self, body: object, headers: dict[str, str] | None = None, /, **query: str
    ) -> httpx.Response:
        """``POST /customers/batch``: bytes go as they are, all else as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = self.headers | {"Content-Type": "application/json"} | (headers or {})
        return self.server.http.post(
            "/customers/batch", content=content, headers=sent, params=query
        )

    def enrol(self, *items: object, **query: str) -> list[str]:
        """The IDs of customers that are taken."""
        answer = self.post(self.body(*items), **query)
        assert answer.status_code == 200, answer.text
        ids: list[str] = answer.json()
        return ids

    def get(self, path: str, **query: str | int) -> httpx.Response:
        return self.server.http.get(path, params=query, headers=self.headers)

    def call(
        self, method: str, path: str, body: object = None, /, **headers: str
    ) -> httpx.Response:
        """Any call, with a body in JSON unless it is bytes already."""
        sent: dict[str, Any] = {}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            sent["content"] = body if isinstance(body, bytes) else json.dumps(body).encode()
            named = {"Content-Type": "application/json"} | named
        return self.server.http.request(method, path, headers=self.headers | named, **sent)

    def customer(self, customer_id: str) -> dict[str, Any]:
        """A stored customer as the API shows it."""
        answer = self.get(f"/customers/{customer_id}")
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    def total(self) -> int:
        """How many customers the API says there are."""
        answer = self.get("/customers", cmsProjectId=self.id, limit=1)
        assert answer.status_code == 200, answer.text
        count: int = answer.json()["totalCount"]
        return count

    def rows(self) -> dict[str, int]:
        """How many rows of this project each table holds."""
        tables = self.server.tables
        number = "(SELECT project FROM projects WHERE id = $1)"
        count = f"(SELECT count(*) FROM {{}} WHERE project = {number})"
        (counts,) = self.server.query(f"SELECT {', '.join(map(count.format, tables))}", self.id)
        # PostgreSQL keeps no new keys apart.
        return dict.fromkeys(TABLES, 0) | dict(zip(tables, counts, strict=True))
