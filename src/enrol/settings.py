"""The one typed `Settings`, from ``ENROL_*`` variables and a TOML file.

Nothing else reads the environment. A command's flags win over the environment, the environment
over the file, the file over the defaults.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from enrol.rates import MOST_LIMIT

PREFIX: Final = "ENROL_"
CONFIG_VARIABLE: Final = "ENROL_CONFIG"
MIB: Final = 1024 * 1024

Positive = Annotated[int, Meta(ge=1)]
# The bound is eleven days, and for hours a century: what it keeps out is infinity.
Time = Annotated[float, Meta(gt=0, le=1_000_000)]

# SQLite takes these for databases that are gone with their connection.
NO_FILES: Final = frozenset({"", ":memory:"})
_PLACE: Final = re.compile(r"(.*) - at `\$\.(\w+).*`")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.*)`")


class SettingsError(Exception):
    """A setting that is not known or not of its type; the text names it."""


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How this server runs. Sizes are in bytes, times in seconds, unless the name says else."""

    database: str = "enrol.db"
    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8000
    workers: Annotated[int, Meta(ge=1, le=64)] = 1
    max_items: Positive = 10_000
    max_body_bytes: Positive = 64 * MIB
    max_inflight_bytes: Positive = 256 * MIB
    max_text_chars: Positive = 4_096
    max_picture_bytes: Positive = 1 * MIB
    max_json_depth: Annotated[int, Meta(ge=4, le=500)] = 16
    max_listed_errors: Positive = 1_000
    max_connections: Positive = 1_024
    body_timeout: Time = 60.0
    stop_timeout: Time = 30.0
    idempotency_hours: Time = 24.0
    access_cache_seconds: Annotated[float, Meta(ge=0)] = 1.0
    rate_limit: Annotated[int, Meta(ge=0, le=MOST_LIMIT)] = 0
    sqlite_cache_mib: Positive = 256
    log_requests: bool = True
    webhook_private_addresses: bool = False
    # Where the writer of the SQLite file listens: `enrol serve` tells its processes.
    writer_socket: str = ""


def load_settings(
    environ: Mapping[str, str] | None = None, **flags: str | int | float | bool | None
) -> Settings:
    """Read the settings.

    ``flags`` that are None count as not given. Raises `SettingsError`, whose text names the
    setting and never its value.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    if path := environ.get(CONFIG_VARIABLE):
        values |= _read_file(Path(path))
    known = set(Settings.__struct_fields__)
    for name, value in environ.items():
        field = name.removeprefix(PREFIX).lower()
        if name.startswith(PREFIX) and name != CONFIG_VARIABLE:
            if field not in known:
                raise SettingsError(f"{name} is not a setting.")
            values[field] = value
    values |= {name: value for name, value in flags.items() if value is not None}
    try:
        settings = msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(_reason(str(error))) from None
    if settings.database in NO_FILES:
        raise SettingsError("The setting database is not right: it must name a file.")
    return settings


def export_settings(settings: Settings) -> None:
    """Hand the settings to the processes that this one will start, as ``ENROL_*`` variables."""
    for name, value in msgspec.structs.asdict(settings).items():
        os.environ[PREFIX + name.upper()] = str(value)


def _reason(text: str) -> str:
    """What msgspec found wrong: types and bounds, never a value."""
    if match := _UNKNOWN.fullmatch(text):
        return f"{match[1]} is not a setting."
    match = _PLACE.fullmatch(text)
    what, name = match.groups() if match else (text, "")
    return f"The setting {name} is not right: {what}."


def _read_file(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise SettingsError(f"{CONFIG_VARIABLE}: {path}: {error.strerror}") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{CONFIG_VARIABLE}: {path}: {error}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{CONFIG_VARIABLE}: {path}: it is not UTF-8") from None
