"""What docs/client.md shows works as it stands there."""

import os
import re
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest

from enrol.client import Client, EnrolProblem
from tests.client.operations.test_repeats import ONCE
from tests.client.test_imports import WRONG, people
from tests.people import wallet
from tests.serving import Project

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "client.md"
CSV, CALLS, ERRORS = re.findall(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)


def test_the_import_of_a_csv_file(own: Project, tmp_path: Path) -> None:
    path = tmp_path / "crm.csv"
    rows = [f"s{place},João,{wallet()['wallet']}\n" for place in range(1_234)]
    path.write_text("id,name,wallet\n" + "".join(rows), "utf-8")
    command = [sys.executable, "-W", "error", "-c", CSV, own.server.url, own.id, str(path)]
    environment = os.environ | {"KEY": own.key, "PYTHONUTF8": "1"}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    ids = Path(f"{path}.ids").read_text("utf-8").split()
    assert own.customer(ids[1_233])["customerClaims"][0]["sub"] == "s1233"
    assert len(set(ids)) == own.total() == 1_234


def test_every_other_call(own: Project, capsys: pytest.CaptureFixture[str]) -> None:
    (other,) = own.enrol({"customerClaims": {"sub": "crm-8", "name": "A"}, "status": "Active"})
    with Client(own.server.url, own.key, own.id) as client:
        exec(CALLS, {"client": client})  # noqa: S102
        (made,) = (each for each in client.iter_customers() if str(each.id) != other)
    assert made.tags == ["vip"]
    first, found, *events = capsys.readouterr().out.splitlines()
    assert first == f"{other} []"
    assert found == repr([made.id, UUID(other)])
    assert [line.split()[1] for line in events] == [
        *("customer.created", "customer.created", "customer.updated"),
    ]


def test_every_method_is_named() -> None:
    told = set(re.findall(r"`(\w+)", GUIDE.read_text("utf-8")))
    assert {name for name in vars(Client) if not name.startswith("_")} <= told
    others = GUIDE.read_text("utf-8").partition("All others are sent again only")[2]
    named = set(re.findall(r"`(\w+)", others.partition("\n\n")[0]))
    assert named >= ONCE
    assert named - ONCE == {"NotAnswered", "list_keys"}


def test_what_is_said_of_an_error(own: Project, capsys: pytest.CaptureFixture[str]) -> None:
    with Client(own.server.url, own.key, own.id) as client:
        exec(ERRORS, {"client": client, "people": [*people(3), WRONG], "ids": []})  # noqa: S102
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("batch.invalid ")
    assert second.startswith("3 /customerClaims/nationality country.unknown ")


def test_what_is_said_of_customers_that_were_removed(own: Project) -> None:
    with Client(own.server.url, own.key, own.id) as client:
        list(client.create_customers(people(30), import_id="i", batch_size=10))
        with pytest.raises(EnrolProblem) as caught:
            list(client.create_customers([*people(30)][1:], import_id="i", batch_size=10))
        assert (caught.value.code, caught.value.done) == ("idempotency.reused", 0)
        again = client.create_customers([*people(30)][1:], on_conflict="return")
        assert len(set(again)) == 29
        assert client.count_customers() == 30
