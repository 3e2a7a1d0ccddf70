"""Settings: where they come from and which wins; a refusal names them and not their values."""

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from enrol.settings import (
    CONFIG_VARIABLE,
    PREFIX,
    Settings,
    SettingsError,
    export_settings,
    load_settings,
)

SECRET = "hush-hush"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "enrol.toml"


def with_file(config: Path, text: str | bytes, **environ: str) -> dict[str, str]:
    """The environment that names a file with this text."""
    config.write_bytes(text.encode() if isinstance(text, str) else text)
    return {CONFIG_VARIABLE: str(config), **environ}


def test_there_is_a_default_for_everything() -> None:
    assert load_settings({}) == Settings()
    assert load_settings({"PATH": "/bin", "ENROLMENT": "x"}) == Settings()


def test_a_variable_is_read_as_the_type_of_its_setting() -> None:
    environ = {
        "ENROL_DATABASE": "/data/e.db",
        "ENROL_PORT": "9000",
        "ENROL_STOP_TIMEOUT": "2.5",
        "ENROL_LOG_REQUESTS": "false",
    }
    settings = load_settings(environ)
    assert settings == Settings(
        database="/data/e.db", port=9000, stop_timeout=2.5, log_requests=False
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", True), ("true", True), ("True", True), ("0", False), ("false", False)],
)
def test_a_switch_is_on_or_off(text: str, value: bool) -> None:
    assert load_settings({"ENROL_LOG_REQUESTS": text}).log_requests is value


def test_flags_win_over_the_environment_the_environment_over_the_file(config: Path) -> None:
    text = 'host = "file"\nport = 1\nworkers = 2\nlog_requests = false\n'
    environ = with_file(config, text, ENROL_PORT="3", ENROL_WORKERS="4")
    settings = load_settings(environ, workers=5, database=None)
    assert (settings.host, settings.port, settings.workers) == ("file", 3, 5)
    assert (settings.log_requests, settings.database) == (False, "enrol.db")


@pytest.mark.parametrize(
    "environ", [{"ENROL_PROT": "1"}, {"ENROL_": "1"}, {"ENROL_X": "x", "ENROL_PORT": "1"}]
)
def test_a_variable_that_is_no_setting_is_named(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=rf"^{min(environ, key=len)} is not a setting\.$"):
        load_settings(environ)


def test_a_line_of_the_file_that_is_no_setting_is_named(config: Path) -> None:
    with pytest.raises(SettingsError, match=r"^prot is not a setting\.$"):
        load_settings(with_file(config, f'prot = "{SECRET}"'))


def wrong(field: msgspec.structs.FieldInfo) -> list[str]:
    """Texts that the field does not take."""
    kind = field.encode_name
    texts = {
        "database": ["", ":memory:"],
        "port": ["-1", "65536", SECRET, ""],
        "workers": ["0", "65", "1.5"],
        "max_json_depth": ["3", "501"],
        "log_requests": ["maybe", ""],
        "webhook_private_addresses": ["maybe", ""],
        "host": [],
        "writer_socket": [],
    }
    return texts.get(kind, ["-1", SECRET, "nan", "-inf", ""])


WRONG = [(field.name, text) for field in msgspec.structs.fields(Settings) for text in wrong(field)]


@pytest.mark.parametrize(("name", "text"), WRONG)
def test_a_value_that_is_not_right_is_named_by_its_setting_and_not_echoed(
    name: str, text: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings({f"{PREFIX}{name.upper()}": text})
    message = str(refused.value)
    assert message.startswith(f"The setting {name} is not right: ")
    assert message.endswith(".")
    assert SECRET not in message
    # The cause would bring the value into a traceback.
    assert refused.value.__context__ is None or refused.value.__suppress_context__


@pytest.mark.parametrize(
    "line",
    [
        f'port = "{SECRET}"',
        f'workers = ["{SECRET}"]',
        f'host = {{ name = "{SECRET}" }}',
        "port = 1.5",
        "stop_timeout = inf",
        "idempotency_hours = nan",
        "database = 2020-01-01",
    ],
)
def test_a_value_of_the_file_that_is_not_right_is_named_alike(line: str, config: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(with_file(config, line))
    assert str(refused.value).startswith(f"The setting {line.partition(' ')[0]} is not right: ")
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        f'database = "{SECRET}',
        f"database = {SECRET}",
        f'database = "a"\ndatabase = "{SECRET}"',
        f"{SECRET}",
        f"database = 'a' {SECRET}",
        b'database = "\xff\xfe"',
    ],
)
def test_a_file_that_is_no_toml_is_named_without_its_text(text: str | bytes, config: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(with_file(config, text))
    assert str(refused.value).startswith(f"{CONFIG_VARIABLE}: {config}: ")
    assert SECRET not in str(refused.value)


def test_a_file_that_cannot_be_read_is_named(config: Path) -> None:
    for path in (config, config.parent):
        with pytest.raises(SettingsError) as refused:
            load_settings({CONFIG_VARIABLE: str(path)})
        assert str(refused.value).startswith(f"{CONFIG_VARIABLE}: {path}: ")


@pytest.fixture
def environment() -> Iterator[None]:
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings(
            database="/data/山田 é.db",
            host="::1",
            port=0,
            workers=64,
            max_items=1,
            body_timeout=0.25,
            idempotency_hours=1e-6,
            access_cache_seconds=0,
            log_requests=False,
            writer_socket="/tmp/x/writer.sock",
        ),
    ],
)
def test_what_is_exported_is_read_again_by_the_next_process(
    settings: Settings, environment: None, config: Path
) -> None:
    # Where the file says else, what was exported wins.
    os.environ.update(with_file(config, 'host = "file"\nmax_items = 7\n'))
    export_settings(settings)
    assert load_settings() == settings


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Settings().port = 1  # type: ignore[misc]
