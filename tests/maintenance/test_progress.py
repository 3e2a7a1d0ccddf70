"""A bar on a terminal, and nothing for programs."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest


def terminal_output(*arguments: str) -> tuple[str, str]:
    """What a command shows on a terminal, its standard error, and what it prints beside."""
    ours, theirs = pty.openpty()
    environ = {name: text for name, text in os.environ.items() if name not in {"NO_COLOR", "CI"}}
    command = [sys.executable, "-m", "enrol", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=theirs, env=environ | {"TERM": "xterm"}
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                shown += os.read(ours, 65_536)
            except OSError:  # so ends a terminal on Linux
                break
        assert process.stdout is not None
        printed = process.stdout.read()
    os.close(ours)
    assert process.returncode == 0, shown
    return shown.decode(), printed.decode()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a terminal ends in other ways")
def test_a_person_at_a_terminal_sees_a_bar(database: Path, tmp_path: Path) -> None:
    place = ("--database", str(database))
    shown, printed = terminal_output("backup", str(tmp_path / "b.db"), *place)
    assert "Copying" in shown
    assert "Copying" not in printed
    shown, _ = terminal_output("doctor", *place)
    assert "Examining" in shown
    shown, printed = terminal_output("doctor", *place, "--json")
    assert shown == ""
    assert printed.startswith("{")
