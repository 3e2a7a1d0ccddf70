"""The help of the operator's commands, and that they are quick to start."""

import re
import subprocess
import sys

import pytest

from tests.maintenance.commands import enrol

COMMANDS = ("migrate", "backup", "restore", "doctor", "move")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_shows_an_example_that_begins_with_the_command(command: str) -> None:
    done = enrol(command, "--help")
    assert done.code == 0
    examples = re.findall(r"Example: (enrol .*\S)", done.out)
    assert len(examples) == 1
    assert examples[0].startswith(f"enrol {command} ")
    assert "--json" in done.out


@pytest.mark.parametrize("command", ["backup", "restore", "move"])
def test_what_is_missing_on_the_command_line_is_told(command: str) -> None:
    done = enrol(command)
    assert (done.code, done.out) == (2, "")
    assert f"Usage: enrol {command}" in done.err


def test_the_command_line_starts_without_a_database_driver() -> None:
    heavy = "{'apsw', 'asyncpg', 'sqlalchemy', 'alembic', 'rich.progress', 'litestar', 'uvicorn'}"
    script = f"import sys, enrol.cli; print(sorted({heavy} & set(sys.modules)))"
    told = subprocess.check_output([sys.executable, "-c", script], text=True)
    assert told == "[]\n"
