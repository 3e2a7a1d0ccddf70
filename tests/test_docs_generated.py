"""The guides say what the code says: tables, settings and commands."""

import importlib.util
from pathlib import Path
from types import ModuleType

import msgspec
import pytest
import typer

from enrol.cli import app
from enrol.settings import Settings

DOCS = Path(__file__).resolve().parents[1] / "docs"


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["api.md", "operations.md"])
def test_a_pages_tables_are_those_of_the_code(page: str) -> None:
    assert generator().generated(page) == (DOCS / page).read_text(), "run: make docs"


def test_every_setting_has_its_meaning() -> None:
    names = {field.name for field in msgspec.structs.fields(Settings)}
    assert set(generator().MEANINGS) == names


def test_every_command_is_documented() -> None:
    text = (DOCS / "operations.md").read_text()
    group = typer.main.get_command(app)
    commands = []
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", None)
        commands += [f"enrol {name} {each}" for each in inner] if inner else [f"enrol {name}"]
    assert len(commands) >= 8
    assert [command for command in commands if f"`{command}" not in text] == []
