"""The command line on real files: what it prints, for people and for programs, and exit codes."""

import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import apsw
import pytest
from typer.testing import CliRunner

from enrol import __version__
from enrol.access import hash_key, is_well_formed
from enrol.cli import app
from enrol.store.sqlite.file import connect
from tests.faults.processes import run_enrol

COMMANDS = (
    *("", "version", "serve", "demo"),
    *("project", "project create", "project list"),
    *("key", "key create", "key list", "key revoke"),
    "import",
    "export",
    "undo",
)
TIME = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")


class Done(NamedTuple):
    """A command that ran."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        assert self.code == 0, self
        return json.loads(self.out)


@pytest.fixture(autouse=True)
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that all commands of a test work on."""
    path = tmp_path / "enrol.db"
    monkeypatch.setenv("ENROL_DATABASE", str(path))
    monkeypatch.setenv("COLUMNS", "100")
    return path


def enrol(*arguments: str) -> Done:
    result = CliRunner().invoke(app, arguments, prog_name="enrol")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    # Typer colours its help in some CI services, terminal or not.
    out, err = (re.sub(r"\x1b\[[0-9;]*m", "", text) for text in (result.stdout, result.stderr))
    return Done(result.exit_code, out, err)


def rows(database: Path, query: str) -> list[Any]:
    connection = connect(str(database), read_only=True)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_version() -> None:
    assert enrol("version") == (0, f"{__version__}\n", "")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_shows_an_example_that_begins_with_the_command(command: str) -> None:
    done = enrol(*command.split(), "--help")
    assert done.code == 0
    examples = re.findall(r"Example: (enrol .*\S)", done.out)
    assert len(examples) == 1
    assert examples[0].startswith(f"enrol {command}".strip())
    # What the example names is a command: its own help answers.
    words = [word for word in examples[0].split()[1:3] if word.isalpha()]
    assert enrol(*words, "--help").code == 0


def test_the_examples_of_project_and_key_run() -> None:
    created = enrol("project", "create", "Token sale", "--id", "66b3f1d2")
    assert created == (
        0,
        "Project 66b3f1d2 created.\nNext: enrol key create --project 66b3f1d2\n",
        "",
    )
    assert enrol("key", "create", "--project", "66b3f1d2", "--expires", "90d").code == 0
    assert enrol("key", "list", "--project", "66b3f1d2").code == 0
    assert len(enrol("project", "list", "--json").data) == 1


def test_a_project_has_the_id_that_it_brings_or_a_new_one() -> None:
    brought = enrol("project", "create", "Sale", "--id", "mine", "--lenient", "--json").data
    assert TIME.fullmatch(brought.pop("createdAt"))
    assert brought == {"id": "mine", "name": "Sale", "mode": "lenient", "customers": 0}
    new = enrol("project", "create", "Sale", "--json").data
    assert UUID(new["id"]).version == 4
    assert new["mode"] == "strict"
    listed = enrol("project", "list", "--json").data
    assert [project["id"] for project in listed] == ["mine", new["id"]]


@pytest.mark.parametrize(
    "project_id",
    [
        "a",
        "a" * 128,
        "山田-é",
        "a/b//c",
        "[bold]x[/]",
        "--x",
        "';DROP--",
        "😀",
        "%00",
    ],
)
def test_an_id_of_1_to_128_visible_characters_is_taken(project_id: str, database: Path) -> None:
    created = enrol("project", "create", f"--id={project_id}", "--json", "--", "Sale")
    assert created.data["id"] == project_id
    key = enrol("key", "create", f"--project={project_id}", "--json").data
    assert key["projectId"] == project_id
    assert project_id in enrol("project", "list").out
    assert enrol("key", "list", f"--project={project_id}", "--json").data[0]["id"] == key["id"]


@pytest.mark.parametrize(
    "project_id",
    ["", " ", "a b", "a\tb", "a\n", "a\x00b", "\x1b[31m", "a" * 129, "\u00a0", "\u200b", "\u202e"],
)
def test_any_other_id_is_refused(project_id: str, database: Path) -> None:
    refused = enrol("project", "create", "Sale", f"--id={project_id}")
    assert refused == (2, "", "The ID must have 1 to 128 visible characters.\n")
    assert not database.exists()


@pytest.mark.parametrize("name", ["", " ", "a\nb", "\x1b[31m", "a" * 201])
def test_a_name_that_cannot_be_shown_is_refused(name: str) -> None:
    refused = enrol("project", "create", "--", name)
    assert (refused.code, refused.out) == (2, "")
    assert enrol("project", "create", "Sale", "--id", "p").code == 0
    assert enrol("key", "create", "--project", "p", f"--name={name}").code == 2


def test_an_id_that_is_taken_is_told(database: Path) -> None:
    assert enrol("project", "create", "One", "--id", "p").code == 0
    again = enrol("project", "create", "Two", "--id", "p", "--json")
    assert again == (3, "", "There is a project with this ID already.\n")
    assert rows(database, "SELECT name FROM projects") == [("One",)]


def test_processes_that_create_projects_at_once_get_numbers_of_their_own(database: Path) -> None:
    def create(number: int) -> subprocess.CompletedProcess[str]:
        arguments = ("project", "create", "Sale", "--id", f"p{number}")
        return run_enrol(*arguments, ENROL_DATABASE=database)

    # Each of them finds no file, and makes it.
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(create, range(6)))
    assert [process.stderr for process in done if process.returncode] == []
    numbers = rows(database, "SELECT project FROM projects ORDER BY 1")
    assert numbers == [(number,) for number in range(1, 7)]
    assert len(rows(database, "SELECT value FROM meta WHERE name = 'secret'")) == 1


def test_the_file_can_be_read_by_its_owner_alone(database: Path) -> None:
    enrol("project", "create", "Sale")
    connection = connect(str(database))
    connection.execute("UPDATE projects SET name = 'x'")
    modes = {path.name: path.stat().st_mode & 0o777 for path in database.parent.glob("enrol.db*")}
    connection.close()
    assert modes == {"enrol.db": 0o600, "enrol.db-wal": 0o600, "enrol.db-shm": 0o600}


def test_a_key_stands_alone_on_standard_output(database: Path) -> None:
    enrol("project", "create", "Sale", "--id", "p")
    command = 'KEY=$("$0" -m enrol key create --project p) && printf "<%s>" "$KEY"'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable], capture_output=True, text=True, check=True
    )
    key = done.stdout.removeprefix("<").removesuffix(">")
    assert is_well_formed(key)
    assert re.fullmatch(r"This is key key_[0-9a-f]{16}\. Keep it now: .*\n", done.stderr)
    ((stored,),) = rows(database, "SELECT hash FROM api_keys")
    assert stored == hash_key(key)
    assert key.encode() not in database.read_bytes()


def test_a_key_as_json() -> None:
    enrol("project", "create", "Sale", "--id", "p")
    flags = ["--name", "CRM", "--scope", "customers:read", "--scope", "admin", "--json"]
    key = enrol("key", "create", "--project", "p", *flags).data
    text = key.pop("key")
    assert is_well_formed(text)
    assert key["hint"] == text[-4:]
    assert TIME.fullmatch(key["createdAt"])
    assert list(key) == [
        *("id", "projectId", "hint", "name", "scopes", "rateLimit"),
        *("createdAt", "expiresAt", "revokedAt"),
    ]
    assert (key["name"], key["scopes"]) == ("CRM", "customers:read admin")
    assert (key["rateLimit"], key["expiresAt"], key["revokedAt"]) == (None, None, None)
    assert enrol("key", "list", "--json").data == [key]


@pytest.mark.parametrize("limit", [0, 600])
def test_a_key_may_have_a_limit_of_its_own(limit: int) -> None:
    enrol("project", "create", "Sale", "--id", "p")
    key = enrol("key", "create", "--project", "p", "--rate-limit", str(limit), "--json").data
    assert key["rateLimit"] == limit
    refused = enrol("key", "create", "--project", "p", "--rate-limit", "-1")
    assert refused.code == 2
    assert len(enrol("key", "list", "--json").data) == 1


def test_a_key_writes_and_reads_unless_told_otherwise() -> None:
    enrol("project", "create", "Sale", "--id", "p")
    key = enrol("key", "create", "--project", "p", "--json").data
    assert key["scopes"] == "customers:write customers:read"


def test_a_scope_that_is_not_known_is_refused(database: Path) -> None:
    enrol("project", "create", "Sale", "--id", "p")
    refused = enrol("key", "create", "--project", "p", "--scope", "admin", "--scope", "root")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err == ("Not a scope: root. Scopes: customers:write, customers:read, admin.\n")
    assert rows(database, "SELECT * FROM api_keys") == []


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2999-01-31", "2999-01-31T00:00:00+00:00"),
        ("2999-01-31T10:30", "2999-01-31T10:30:00+00:00"),
        ("2999-01-31T10:30:00Z", "2999-01-31T10:30:00+00:00"),
        ("2999-01-31T10:30:00+02:00", "2999-01-31T08:30:00+00:00"),
    ],
)
def test_a_key_expires_at_a_date_or_a_date_time(text: str, at: str) -> None:
    enrol("project", "create", "Sale", "--id", "p")
    key = enrol("key", "create", "--project", "p", "--expires", text, "--json").data
    assert key["expiresAt"] == at


def test_a_key_expires_after_days() -> None:
    enrol("project", "create", "Sale", "--id", "p")
    key = enrol("key", "create", "--project", "p", "--expires", "90d", "--json").data
    left = datetime.fromisoformat(key["expiresAt"]) - datetime.now(UTC)
    assert timedelta(days=89, hours=23) < left <= timedelta(days=90)


@pytest.mark.parametrize(
    "text",
    ["", "d", "0d", "-1d", "soon", "2020-01-01", "2999-13-01", "90", "9" * 12 + "d", "1.5d"],
)
def test_an_expiry_that_is_none_is_refused(text: str, database: Path) -> None:
    enrol("project", "create", "Sale", "--id", "p")
    refused = enrol("key", "create", "--project", "p", f"--expires={text}")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith("--expires ")
    assert rows(database, "SELECT * FROM api_keys") == []


def test_a_revoked_key_stays_in_the_list_with_its_time(database: Path) -> None:
    enrol("project", "create", "Sale", "--id", "p")
    key = enrol("key", "create", "--project", "p", "--json").data["id"]
    assert enrol("key", "revoke", key) == (0, f"Key {key} is revoked.\n", "")
    (before,) = enrol("key", "list", "--json").data
    assert TIME.fullmatch(before["revokedAt"])
    # Once more changes nothing: the time is that of the first.
    assert enrol("key", "revoke", key).code == 0
    assert enrol("key", "list", "--json").data == [before]


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("key", "create", "--project", "q"), "There is no project with this ID.\n"),
        (("key", "list", "--project", "q"), "There is no project with this ID.\n"),
        (("key", "revoke", "key_1"), "There is no key with this ID.\n"),
    ],
)
def test_what_is_named_and_not_there_has_its_own_code(
    command: tuple[str, ...], told: str, database: Path
) -> None:
    path = f"There is no database {database}; enrol project create makes one.\n"
    assert enrol(*command) == (3, "", path)
    assert not database.exists()
    enrol("project", "create", "Sale", "--id", "p")
    assert enrol(*command) == (3, "", told)


def test_lists_read_well() -> None:
    assert enrol("project", "create", "Token [b]sale[/b]", "--id", "p").code == 0
    assert enrol("project", "create", "山田", "--id", "a" * 128, "--lenient").code == 0
    header, first, second = enrol("project", "list").out.splitlines()
    assert header.split() == ["ID", "Name", "Mode", "Created", "Customers"]
    # Nothing is cut or folded: an ID is there to be copied.
    assert second.split()[0] == "a" * 128
    today = datetime.now(UTC).date().isoformat()
    assert first.split()[:4] == ["p", "Token", "[b]sale[/b]", "strict"]
    assert today in first or (datetime.now(UTC) - timedelta(minutes=1)).date().isoformat() in first
    # Wide characters take two cells, and the columns still stand beneath one another.
    assert header.index("Mode") == first.index("strict") == second.index("lenient") + 2
    enrol("key", "create", "--project", "p", "--name", "CRM", "--expires", "2999-01-31")
    header, line = enrol("key", "list").out.splitlines()
    assert header.split() == [
        *("ID", "Project", "Ends", "in", "Name", "Scopes", "Limit"),
        *("Created", "Expires", "Revoked"),
    ]
    for text in ("p", "CRM", "customers:write customers:read", "2999-01-31 00:00", "-"):
        assert line[header.index("Project") :].count(text) >= 1
    assert all(text == text.rstrip() for text in (header, line))


def test_a_list_of_nothing_is_an_empty_list() -> None:
    enrol("project", "create", "Sale", "--id", "p")
    assert enrol("key", "list", "--json").data == []
    assert enrol("key", "list").out.startswith("ID ")


def test_customers_are_counted_in_the_list(database: Path) -> None:
    enrol("project", "create", "Sale", "--id", "p")
    connection = connect(str(database))
    for number in (3, 4):
        row = (1, bytes([number] * 16), "key_1", "atomic", 5, number, 0, 5 - number, 0)
        columns = "project, id, key_id, mode, items, created, existing, refused, created_at"
        connection.execute(f"INSERT INTO batches ({columns}) VALUES ({', '.join('?' * 9)})", row)
    connection.close()
    assert enrol("project", "list", "--json").data[0]["customers"] == 7


def test_a_flag_wins_over_the_environment(tmp_path: Path, database: Path) -> None:
    other = tmp_path / "other.db"
    assert enrol("project", "create", "Sale", "--database", str(other)).code == 0
    assert other.exists()
    assert not database.exists()


def test_a_setting_that_is_not_right_is_an_error_of_usage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ENROL_PORT", "hush")
    refused = enrol("project", "list")
    assert (refused.code, refused.out) == (2, "")
    assert "port" in refused.err
    assert "hush" not in refused.err


def test_a_database_that_another_process_holds_is_told(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("enrol.store.sqlite.file.BUSY_MILLISECONDS", 50)
    enrol("project", "create", "Sale", "--id", "p")
    other = apsw.Connection(str(database))
    other.execute("BEGIN IMMEDIATE")
    refused = enrol("project", "create", "Sale")
    other.close()
    assert refused.code == 1
    assert refused.err == f"The database {database} cannot be used: database is locked.\n"


@pytest.mark.parametrize(
    "arguments", [("nothing",), ("key", "create"), ("project", "create"), ("serve", "--port", "x")]
)
def test_a_command_line_that_is_not_right(arguments: tuple[str, ...]) -> None:
    done = enrol(*arguments)
    assert (done.code, done.out) == (2, "")
    assert "Usage: enrol" in done.err


def test_the_module_and_the_command_are_the_same() -> None:
    command = Path(sys.executable).with_name("enrol")
    for start in ([command], [sys.executable, "-m", "enrol"]):
        done = subprocess.run([*start, "version"], capture_output=True, text=True, check=True)
        assert done.stdout == f"{__version__}\n"
