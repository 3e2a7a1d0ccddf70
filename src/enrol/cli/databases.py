"""The database that a command works on, opened or refused in words."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from enrol.cli.output import NAMED, USAGE, fail
from enrol.settings import Settings, SettingsError, load_settings

if TYPE_CHECKING:
    from enrol.store.registry import Registry

Database = Annotated[
    str | None,
    typer.Option(
        "--database", help="The SQLite file, or a postgresql:// URL. [env: ENROL_DATABASE]"
    ),
]


def read_settings(**flags: str | int | None) -> Settings:
    """The settings, with what the command's flags say; ends the command where they are wrong."""
    try:
        return load_settings(None, **flags)
    except SettingsError as error:
        fail(str(error), USAGE)


@contextmanager
def opened_registry(database: str | None, *, make: bool = False) -> "Iterator[Registry]":
    """The projects and keys of the database that the settings or the flag name.

    Where there is no file, one is made only when asked: a name with a typo is no empty database.
    """
    from enrol.maintenance.places import shown
    from enrol.store.protocol import SchemaTooNew, SchemaTooOld, StoreUnavailable
    from enrol.store.registry import is_postgres, open_registry

    place = read_settings(database=database).database
    name = shown(place)
    if not (make or is_postgres(place) or Path(place).exists()):
        fail(f"There is no database {name}; enrol project create makes one.", NAMED)
    try:
        registry = open_registry(place)
    except SchemaTooNew as error:
        fail(f"{error} It needs the newer Enrol.")
    except SchemaTooOld as error:
        fail(f"{error} Run enrol migrate.")
    except StoreUnavailable as error:
        reason = _reason(place, error.__cause__ or error)
        fail(f"The database {name} cannot be opened: {reason}.")
    try:
        yield registry
    except StoreUnavailable as error:
        fail(f"The database {name} cannot be used: {error}.")
    finally:
        registry.close()


def _reason(place: str, error: BaseException) -> str:
    from enrol.store.registry import is_postgres

    if is_postgres(place):
        # The server's first line: a second one may hold values.
        return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
    file = Path(place).absolute()
    if not file.parent.is_dir():
        return f"there is no folder {file.parent}"
    if file.is_dir():
        return "it is a folder"
    if not os.access(file.parent, os.W_OK):
        return f"the folder {file.parent} cannot be written"
    return str(error.strerror if isinstance(error, OSError) else error)
