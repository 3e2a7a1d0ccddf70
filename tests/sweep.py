"""Ends a server's processes and removes its files, also when the test run itself is killed.

All that a server leaves can be found by its folder alone. A watchdog, this module as a program,
outlives the run and sweeps the folders that it was told of.
"""

import atexit
import ctypes
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

import psutil  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parents[1]


def processes_within(folder: Path) -> list[psutil.Process]:
    """The processes that work in a folder: all of PostgreSQL's have their data folder for it."""
    return [
        process
        for process in psutil.process_iter(["cwd"])
        if process.info["cwd"] and Path(process.info["cwd"]).is_relative_to(folder)
    ]


def kill_within(folder: Path) -> None:
    """Kill the processes in a folder until there is none: one may have forked another meanwhile."""
    while found := processes_within(folder):
        for process in found:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        time.sleep(0.005)


def sweep(home: Path) -> None:
    """End all that runs in a server's folder, and remove it."""
    kill_within(home)
    # A killed server's System V segment outlives it; its number stands in the lock file.
    lines = lock_file(home / "data")
    if len(lines) > 6 and len(lines[6].split()) == 2:
        ctypes.CDLL(None).shmctl(int(lines[6].split()[1]), 0, None)
    shutil.rmtree(home, ignore_errors=True)


def lock_file(data: Path) -> list[str]:
    """The lines of postmaster.pid: process ID, ..., shared memory, state."""
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return []


@cache
def _watchdog() -> subprocess.Popen[str]:
    """A process that sweeps the folders it is told of when this one ends, however that happens.

    PR_SET_PDEATHSIG would end the servers too, but leave their files, and take the end of a
    thread for the end of the process.
    """
    watchdog = subprocess.Popen(
        [sys.executable, "-m", "tests.sweep"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    )
    atexit.register(_dismiss, watchdog)
    return watchdog


def _dismiss(watchdog: subprocess.Popen[str]) -> None:
    watchdog.communicate()


def watch(home: Path) -> None:
    pipe = _watchdog().stdin
    assert pipe is not None
    pipe.write(f"{home}\n")
    pipe.flush()


if __name__ == "__main__":
    for name in sys.stdin.readlines():
        sweep(Path(name.rstrip("\n")))
