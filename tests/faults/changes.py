"""Processes that change customers, killed and started again, and what they were told."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psutil  # type: ignore[import-untyped]

from tests.faults.changing import key_of
from tests.faults.processes import ENVIRONMENT, wait_until

START_SECONDS = 20.0
EVENTS = """
SELECT e.seq, e.customer_id, e.data, l.id, l.first, l.last
FROM events AS e JOIN links AS l ON l.project = e.project AND e.seq BETWEEN l.first AND l.last
WHERE e.type = 'customer.updated' ORDER BY e.seq
"""
EMAILS = "SELECT customer_id, email FROM emails"
CHANGED = """
SELECT id, version, metadata, CAST(updated_at IS NULL AS integer) FROM customers WHERE version > 0
"""


class Told(NamedTuple):
    """A change: the ID it was sent with, and what its caller was told (None: nothing)."""

    id: bytes
    answer: str | None
    seq: int | None


class Changes:
    """What the processes of a test have printed, each into a file of the folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "changes"
        self.folder.mkdir()
        self.files: list[Path] = []

    @contextmanager
    def changing(self, database: str) -> Iterator["Changing"]:
        """A process that changes customers within the block; then it is killed with its writer."""
        self.files.append(self.folder / f"c{len(self.files)}")
        with Changing(database, self.files[-1]) as process:
            yield process

    def told(self) -> dict[str, Told]:
        """Each change that was sent, by its token."""
        found: dict[str, Told] = {}
        for file in self.files:
            # A line may be torn by a kill.
            for line in file.read_text().rpartition("\n")[0].splitlines():
                word, token, *rest = line.split()
                if word == "sent":
                    found[token] = Told(bytes.fromhex(rest[0]), None, None)
                else:
                    seq = int(rest[0]) if rest else None
                    found[token] = found[token]._replace(answer=word, seq=seq)
        return found


class Changing:
    """One such process."""

    def __init__(self, database: str, file: Path) -> None:
        self.file = file
        command = [sys.executable, "-m", "tests.faults.changing", database, file.name]
        with file.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                stdout=output,
                stderr=subprocess.DEVNULL,
                env=ENVIRONMENT,
                start_new_session=True,
            )

    def __enter__(self) -> "Changing":
        self.wait_for(1)
        return self

    def __exit__(self, *_: object) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def wait_for(self, number: int) -> None:
        """Wait until so many changes were applied."""
        wait_until(lambda: self.count() >= number, START_SECONDS, "too few changes were applied")

    def count(self) -> int:
        """How many changes were applied, as far as it was told."""
        assert self.process.poll() is None, "the process that changes customers ended"
        return self.file.read_text().count("applied ")

    def kill_writer(self) -> None:
        """Kill the writer of a file; its process starts another."""
        for child in psutil.Process(self.process.pid).children():
            child.kill()


def check_changes(
    rows: Callable[..., list[tuple[Any, ...]]], told: dict[str, Told]
) -> dict[bytes, bytes]:
    """Each change is stored whole or not at all, once, on the version that it was decided on; and
    all that was told is true. Gives the unique keys that there are by them, with their owners."""
    versions: dict[bytes, int] = {}
    tokens: dict[bytes, str] = {}
    stored: list[tuple[bytes, str]] = []
    for seq, customer, data, change_id, first, last in rows(EVENTS):
        token, on = json.loads(data)["token"], json.loads(data)["on"]
        assert first == last == seq, token
        assert told[token].id == change_id, token
        assert told[token].answer in ("applied", None), token
        assert told[token].seq in (seq, None), token
        assert on == versions.get(customer, 0), f"{token}: an update was lost"
        versions[customer], tokens[customer] = seq, token
        stored.append((customer, token))
    applied = {token for token, one in told.items() if one.answer == "applied"}
    assert applied <= {token for _, token in stored}
    assert sorted(rows(EMAILS)) == sorted(stored)
    changed = {one: (version, json.loads(text), no) for one, version, text, no in rows(CHANGED)}
    assert changed == {
        customer: (version, {"token": tokens[customer]}, 0)
        for customer, version in versions.items()
    }
    return {key_of(token): customer for customer, token in tokens.items()}
