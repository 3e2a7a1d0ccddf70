"""``enrol demo``: the whole way once, on a server of its own, over real HTTP."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from enrol.access import DEFAULT_SCOPES, make_key
from enrol.store.clock import now_ms
from enrol.store.registry import Key, open_registry

HOST: Final = "127.0.0.1"
PROJECT: Final = "demo"
START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 30.0

SAMPLE: Final[dict[str, Any]] = {
    "customerType": "Individual",
    "cmsProjectId": PROJECT,
    "customerData": [
        {
            "customerWallet": {
                "wallet": "tz1VSUr8wwNhLAzempoch5d6hLRiTh8Cjcjb",
                "blockchainNamespace": "tezos",
                "verified": True,
                "createdBy": "demo",
            },
            "customerClaims": {
                "sub": "crm-000001",
                "name": "Amina Karimi",
                "birthdate": "1991-03-08",
                "zoneinfo": "Asia/Kabul",
                "locale": "fa-AF",
                "nationality": "AFG",
            },
        },
        {
            "customerWallet": {
                "wallet": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
                "blockchainNamespace": "eip155",
            },
            "customerClaims": {"sub": "crm-000002", "name": "João da Silva", "locale": "pt-BR"},
        },
        {
            "customerDid": {"did": "did:web:example.com:customers:3"},
            "customerClaims": {"sub": "crm-000003", "name": "山田 花子", "locale": "ja-JP"},
        },
    ],
}


class DemoFailed(Exception):
    """The demo could not run to its end; the text says why."""


def run_demo(*, port: int, keep_serving: bool) -> None:
    """Run the demo; ``keep_serving`` leaves the server up until Ctrl-C."""
    # A stop from outside takes the way of Ctrl-C, which ends the server and removes the folder.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    console = Console(highlight=False, soft_wrap=True)
    with tempfile.TemporaryDirectory(prefix="enrol-demo-") as folder:
        database = str(Path(folder) / "demo.db")
        key = _make_project(database)
        console.print(f"[bold]1.[/] A project [cyan]{PROJECT}[/] and a key for it: [cyan]{key}[/]")
        with _server(database, port or _free_port()) as (port, process):
            console.print(f"[bold]2.[/] The server answers at [cyan]http://{HOST}:{port}[/]\n")
            _enrol(console, port, key)
            if keep_serving:
                console.print(f"\nStill serving at http://{HOST}:{port}; Ctrl-C stops it.")
                _wait(process)
            else:
                console.print("\nStopped. [bold]make serve[/] keeps such a server running.")
    console.print(
        "Next: README.md says how to keep the data (enrol serve --database FILE); "
        "docs/getting-started.md takes you from here to your first import."
    )


def _leave(number: int, _: object) -> None:
    sys.exit(128 + number)


def _make_project(database: str) -> str:
    registry = open_registry(database)
    registry.add_project(PROJECT, "Demo", lenient=False)
    new = make_key()
    scopes = " ".join(DEFAULT_SCOPES)
    registry.add_key(
        Key("key_demo", PROJECT, new.hint, "demo", scopes, now_ms(), None, None), new.hash
    )
    registry.close()
    return new.key


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _server(database: str, port: int) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    command = [sys.executable, "-m", "enrol", "serve", "--host", HOST, "--port", str(port)]
    # The log stays out of the way of what the demo shows, and is told when something fails.
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [*command, "--database", database], stderr=log, start_new_session=True
        )
        try:
            _wait_until_ready(port, process, log)
            yield port, process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def _wait_until_ready(port: int, process: subprocess.Popen[bytes], log: Any) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            status, _ = _call(port, "GET", "/readyz")
        except OSError:
            time.sleep(0.02)
        else:
            if status == 200:
                return
    log.seek(0)
    raise DemoFailed(f"The server did not start:\n{log.read().decode()}")


def _call(
    port: int, method: str, path: str, key: str = "", body: bytes | None = None
) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def _enrol(console: Console, port: int, key: str) -> None:
    text = json.dumps(SAMPLE, ensure_ascii=False, indent=1)
    console.print("[bold]3.[/] The request:")
    console.print(f"curl http://{HOST}:{port}/customers/batch \\", markup=False)
    console.print(f'  -H "Authorization: Bearer {key}" \\', markup=False)
    console.print("  -H \"Content-Type: application/json\" -d @- <<'JSON'", markup=False)
    console.print(text, markup=False, style="dim")
    console.print("JSON\n")
    status, ids = _call(port, "POST", "/customers/batch", key, text.encode())
    if status != 200:
        raise DemoFailed(f"The batch was answered with {status}: {ids}")
    console.print(f"[bold]4.[/] The answer, {status}: the new customers' IDs, in order")
    for customer_id in ids:
        console.print(f"  [green]{customer_id}[/]")
    status, first = _call(port, "GET", f"/customers/{ids[0]}", key)
    if status != 200:
        raise DemoFailed(f"Reading the first customer was answered with {status}.")
    name = first["customerClaims"][0]["name"]
    console.print(f"\n[bold]5.[/] GET /customers/{ids[0]} gives [green]{name}[/] back.")
    console.print(f"   All calls: http://{HOST}:{port}/docs (while it runs)")


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait()
    except KeyboardInterrupt:
        return
    raise DemoFailed("The server ended by itself.")
