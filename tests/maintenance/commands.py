"""The operator's commands, run in this process, and the databases that they are tried on."""

import json
import re
import shutil
from pathlib import Path
from typing import Any, NamedTuple

from typer.testing import CliRunner

from enrol.cli import app
from enrol.store.sqlite.file import connect
from tests.people import customer, with_claims, with_did, with_wallet
from tests.postgres import PASSWORD
from tests.serving import Served

# What must never be seen in an output: values of customers, the password of a database.
PERSONAL = "Amina Karimi"
SECRETS = (PERSONAL, "did:example:", "0x", PASSWORD)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Done(NamedTuple):
    """A command that ran."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        assert self.code == 0, self
        return json.loads(self.out)


def enrol(*arguments: str | Path, **settings: object) -> Done:
    """Run a command; what it prints is held to show nobody's data."""
    environ: dict[str, str | None] = {
        f"ENROL_{name.upper()}": str(value) for name, value in settings.items()
    }
    result = CliRunner().invoke(app, [*map(str, arguments)], prog_name="enrol", env=environ)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    done = Done(result.exit_code, COLOUR.sub("", result.stdout), COLOUR.sub("", result.stderr))
    assert not [text for text in SECRETS if text in done.out + done.err]
    return done


def findings(database: str | Path, **settings: object) -> dict[str, tuple[str, str]]:
    """What the doctor says of a database: check to level and message."""
    done = enrol("doctor", "--database", database, "--json", **settings)
    told = json.loads(done.out)
    assert done.code == (1 if told["level"] == "error" else 0)
    return {each["check"]: (each["level"], each["message"]) for each in told["findings"]}


def troubles(database: str | Path, **settings: object) -> dict[str, str]:
    """The checks that are not ok, with their levels."""
    found = findings(database, **settings)
    # How full the disk is, is the machine's affair.
    return {
        check: level for check, (level, _) in found.items() if level != "ok" and check != "disk"
    }


def enrol_people(folder: Path) -> Path:
    """A database that a server filled: two projects, all parts, findings, receipts."""
    with Served(folder) as served:
        strict, lenient = (
            served.new_project(lenient=mode, project_id=name)
            for mode, name in ((False, "strict"), (True, "lenient"))
        )
        for number in range(3):
            people = [customer(name=PERSONAL, birthdate="1990-02-03") for _ in range(40)]
            answer = strict.post(strict.body(*people), {"Idempotency-Key": f"k-{number}"})
            assert answer.status_code == 200, answer.text
        lenient.enrol(with_claims(name="Ünï 山田 😀", birthdate="soon"), with_did("did:example:a"))
        lenient.enrol(with_wallet("tz1VSUr8wwNhLAzempoch5d6hLRiTh8Cjcjb", "tezos"))
    return Path(served.database)


def copy_of(database: Path, folder: Path, name: str = "enrol.db") -> Path:
    """A file of a test's own."""
    return Path(shutil.copy(database, folder / name))


def change(database: Path, *statements: str) -> None:
    """Do to a file what Enrol would not."""
    connection = connect(str(database))
    connection.pragma("foreign_keys", False)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def rows(database: Path, query: str) -> list[Any]:
    """What a file holds."""
    connection = connect(str(database), read_only=True)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()
