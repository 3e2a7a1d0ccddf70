"""`enrol import` against the served product: each customer there, once, whatever comes between."""

import csv
import gzip
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.people import with_claims
from tests.serving import Project, Served

MANY = 20_000
RUN_SECONDS = 120.0


class Done(NamedTuple):
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def summary(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.out)
        return told


class Importing:
    """`enrol import` into a project, in a process of its own."""

    def __init__(self, project: Project, folder: Path) -> None:
        self.project = project
        self.folder = folder
        self.key = folder / "key.txt"
        self.key.write_text(project.key + "\n")

    def command(self, *arguments: str | Path) -> list[str]:
        named = ["--url", self.project.server.url, "--key-file", str(self.key)]
        named += ["--project", self.project.id]
        # The last of an option counts.
        return [sys.executable, "-m", "enrol", "import", *named, *map(str, arguments)]

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "COLUMNS": "100"},
        )

    def run(self, *arguments: str | Path, stdin: bytes = b"") -> Done:
        ended = subprocess.run(
            self.command(*arguments),
            input=stdin,
            capture_output=True,
            timeout=RUN_SECONDS,
            check=False,
        )
        return Done(ended.returncode, ended.stdout.decode(), ended.stderr.decode())

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def subs(self) -> list[str]:
        """The subs of all customers of the project, sorted."""
        rows = self.project.server.query(
            "SELECT sub FROM customers c JOIN projects p ON p.project = c.project WHERE p.id = $1",
            self.project.id,
        )
        return sorted(row[0] for row in rows)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Served(tmp_path_factory.mktemp("import")) as server:
        yield server


@pytest.fixture
def importing(served: Served, tmp_path: Path) -> Importing:
    return Importing(served.new_project(), tmp_path)


def jsonl(customers: Sequence[object]) -> str:
    return "".join(f"{json.dumps(each)}\n" for each in customers)


def as_csv(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def file_of(kind: str, number: int) -> str:
    subs = [f"crm-{place:06}" for place in range(number)]
    if kind == "csv":
        return as_csv(["sub", "name"], [(sub, f"Name {sub}") for sub in subs])
    return jsonl([with_claims(sub=sub, name=f"Name {sub}") for sub in subs])


def results(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def wait_for_lines(path: Path, number: int) -> None:
    deadline = time.monotonic() + RUN_SECONDS
    while not path.exists() or path.read_bytes().count(b"\n") < number:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def customers_by_sub(importing: Importing) -> dict[str, Any]:
    answer = importing.project.get("/customers", cmsProjectId=importing.project.id, limit=1_000)
    return {each["customerClaims"][0]["sub"]: each for each in answer.json()["data"]}


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_an_import_killed_in_the_middle_and_run_again_has_each_once(
    importing: Importing, kind: str
) -> None:
    path, out = importing.write(f"crm.{kind}", file_of(kind, MANY)), importing.folder / "ids.jsonl"
    arguments = (path, "--out", out, "--batch", "250")
    killed = importing.start(*arguments)
    wait_for_lines(out, 2_000)
    killed.kill()
    killed.communicate()
    before = [json.loads(line) for line in out.read_text().splitlines()[:2_000]]
    assert 2_000 <= len(importing.subs()) < MANY

    done = importing.run(*arguments)
    assert done.code == 0, done
    assert f"All {MANY:,} customers of the file are there." in done.out
    assert importing.subs() == [f"crm-{place:06}" for place in range(MANY)]
    after = results(out)
    assert after[:2_000] == before
    assert len({row["id"] for row in after}) == MANY
    first = 2 if kind == "csv" else 1
    assert [row["line"] for row in after] == list(range(first, MANY + first))
    shown = customers_by_sub(importing)
    assert shown[f"crm-{MANY - 1:06}"]["id"] == after[-1]["id"]

    again = importing.run(*arguments)
    assert again.code == 0
    assert results(out) == after
    assert len(importing.subs()) == MANY


def test_ctrl_c_ends_it_in_words_and_the_same_command_goes_on(importing: Importing) -> None:
    path, out = importing.write("crm.jsonl", file_of("jsonl", 5_000)), importing.folder / "out"
    arguments = (path, "--out", out, "--batch", "100")
    stopped = importing.start(*arguments)
    wait_for_lines(out, 500)
    stopped.send_signal(signal.SIGINT)
    _, err = stopped.communicate(timeout=RUN_SECONDS)
    assert stopped.returncode == 130
    assert "The same command goes on from here." in err
    assert "Traceback" not in err
    assert importing.run(*arguments).code == 0
    assert len(importing.subs()) == 5_000


def test_a_server_restarted_in_the_middle_is_waited_for(tmp_path: Path) -> None:
    with Served(tmp_path) as server:
        importing = Importing(server.new_project(), tmp_path)
        path, out = importing.write("crm.jsonl", file_of("jsonl", 5_000)), tmp_path / "out"
        running = importing.start(path, "--out", out, "--batch", "50")
        wait_for_lines(out, 500)
        server.restart()
        told, err = running.communicate(timeout=RUN_SECONDS)
        assert running.returncode == 0, err
        assert "All 5,000 customers of the file are there." in told
        assert len(importing.subs()) == 5_000


def test_a_file_that_changes_meanwhile_is_told(importing: Importing) -> None:
    path, out = importing.write("crm.jsonl", file_of("jsonl", 5_000)), importing.folder / "out"
    running = importing.start(path, "--out", out, "--batch", "50", "--json")
    wait_for_lines(out, 500)
    with path.open("a") as file:
        file.write(jsonl([with_claims(sub="late")]))
    told, _ = running.communicate(timeout=RUN_SECONDS)
    assert (running.returncode, json.loads(told)["error"]) == (1, "file.changed")


def test_malformed_lines_are_named_and_nothing_is_sent(importing: Importing) -> None:
    lines = ['{"customerClaims": {"sub": "a"}}', '{"secret-a": ', "", '["secret-b"]']
    lines += ['{"customerClaims": {"name": "\xff"}}', '{"customerClaims": {"sub": "b"}}']
    path = importing.write("crm.jsonl", "\n".join(lines).encode("latin-1"))
    done = importing.run(path)
    assert done.code == 1
    assert re.findall(r"^line \d+: \S+", done.err, re.MULTILINE) == [
        "line 2: json.invalid:",
        "line 4: field.type:",
        "line 5: text.encoding:",
    ]
    assert "secret" not in done.err + done.out
    assert importing.subs() == []


def test_malformed_rows_of_a_csv_file_are_named(importing: Importing) -> None:
    text = "sub,name,wallet,blockchainNamespace,verified\r\n"
    text += 'a,"two\r\nlines",,,\r\nb,too,few\r\nc,,,,perhaps\r\n,,,,\r\nd,\xff,,,\r\ne,"open\r\n'
    done = importing.run(importing.write("crm.csv", text.encode("latin-1")), "--json")
    assert done.code == 1
    faults = [(each["line"], each["pointer"], each["code"]) for each in done.summary["faults"]]
    assert faults == [
        (4, "", "csv.columns"),
        (5, "/customerWallet/verified", "field.type"),
        (6, "", "item.empty"),
        (7, "/customerClaims/name", "text.encoding"),
        (8, "", "csv.syntax"),
    ]
    assert done.summary["error"] == "file.malformed"
    assert importing.subs() == []


@pytest.mark.parametrize(
    ("header", "code"),
    [("sub,surname", "field.unknown"), ("sub,sub", "field.duplicate"), ("1,2", "field.unknown")],
)
def test_a_header_is_known_or_named_by_its_column(
    importing: Importing, header: str, code: str
) -> None:
    done = importing.run(importing.write("crm.csv", f"{header}\na,b\n"))
    assert done.code == 1
    assert f"line 1: {code}: " in done.err
    assert "surname" not in done.err


def test_unknown_columns_can_be_dropped(importing: Importing) -> None:
    path = importing.write("crm.csv", "sub,shoe size\na,44\n")
    assert importing.run(path, "--unknown-fields", "ignore").code == 0
    assert importing.subs() == ["a"]


def test_a_line_that_is_too_long_is_named_and_the_next_is_read(importing: Importing) -> None:
    long = json.dumps(with_claims(name="x" * 5 * 1024 * 1024))
    path = importing.write("crm.jsonl", f"{long}\n{{\n")
    done = importing.run(path, "--json")
    faults = [(each["line"], each["code"]) for each in done.summary["faults"]]
    assert faults == [(1, "line.too_long"), (2, "json.invalid")]


def test_faults_of_the_server_are_named_by_line_and_pointer(importing: Importing) -> None:
    people: list[object] = [with_claims(sub=f"s{place}") for place in range(30)]
    people[25] = with_claims(sub="s25", nationality="secret")
    path = importing.write("crm.jsonl", "\n" + jsonl(people))
    done = importing.run(path, "--batch", "10", "--calls", "1")
    assert done.code == 1
    assert "line 27: /customerClaims/nationality country.unknown: " in done.err
    assert "20 customers before this call are stored" in done.err
    assert "secret" not in done.err
    assert len(importing.subs()) == 20

    # The line mended in its place, under the same ID.
    name = re.search(r"--import-id (\S+)\.", done.err)
    assert name
    people[25] = with_claims(sub="s25")
    path = importing.write("crm.jsonl", "\n" + jsonl(people))
    again = ("--batch", "10", "--import-id", name[1])
    assert importing.run(path, *again).code == 0
    assert len(importing.subs()) == 30


def test_partial_stores_the_rest_and_has_an_exit_code_of_its_own(importing: Importing) -> None:
    people = [with_claims(sub="a"), with_claims(sub="b", nationality="x"), with_claims(sub="c")]
    path, out = importing.write("crm.jsonl", jsonl(people)), importing.folder / "out.jsonl"
    for _ in range(2):
        done = importing.run(path, "--mode", "partial", "--out", out, "--json")
        assert done.code == 4
        assert (done.summary["created"], done.summary["refused"]) == (2, 1)
        assert done.summary["error"] == "import.refused"
        assert [row["outcome"] for row in results(out)] == ["created", "refused", "created"]
        errors = results(out)[1]["errors"]
        assert errors == [{"pointer": "/customerClaims/nationality", "code": "country.unknown"}]
    assert importing.subs() == ["a", "c"]


def test_a_dry_run_names_all_faults_and_stores_nothing(importing: Importing) -> None:
    text = jsonl([with_claims(sub="a"), with_claims(sub="b", nationality="x")]) + "{\n"
    done = importing.run(importing.write("crm.jsonl", text), "--dry-run")
    assert done.code == 4
    assert "line 2: /customerClaims/nationality country.unknown" in done.err
    assert "line 3: json.invalid" in done.err
    right = importing.run(importing.write("right.jsonl", file_of("jsonl", 2_500)), "--dry-run")
    assert right.code == 0
    assert "All 2,500 customers are right. Nothing was stored." in right.out
    assert importing.subs() == []


def test_customers_who_are_stored_are_refused_or_give_their_ids(importing: Importing) -> None:
    importing.project.enrol(with_claims(sub="a"))
    path = importing.write("crm.csv", "sub\na\nb\n")
    refused = importing.run(path)
    assert refused.code == 1
    assert "line 2: /customerClaims/sub conflict.sub: " in refused.err
    assert "--on-conflict return" in refused.err
    done = importing.run(path, "--on-conflict", "return", "--json")
    assert (done.code, done.summary["createdOrExisting"]) == (0, 2)
    told = importing.run(path, "--on-conflict", "return", "--mode", "partial", "--json")
    assert (told.code, told.summary["existing"], told.summary["projectCustomers"]) == (0, 2, 2)


def test_every_column_arrives_where_it_belongs(importing: Importing) -> None:
    header = ["sub", "name", "createdBy", "wallet", "blockchainNamespace", "verified"]
    header += ["walletCreatedBy", "did", "didCreatedBy", "didUpdatedBy", "address"]
    row = ["a", "Ann", "crm", f"0x{'0' * 39}1", "eip155", "TRUE", "w", "did:example:1", "d", "u"]
    text = as_csv(header, [[*row, 'Main "Street" 1,\r\nTown'], ["b", *[""] * 10]])
    done = importing.run(importing.write("crm.csv", b"\xef\xbb\xbf" + text.encode()), "--json")
    assert done.code == 0, done
    people = customers_by_sub(importing)
    assert people["a"]["customerClaims"][0]["address"] == 'Main "Street" 1,\r\nTown'
    assert people["a"]["customerClaims"][0]["createdBy"] == "crm"
    wallet, did = people["a"]["customerWallets"][0], people["a"]["customerDids"][0]
    assert (wallet["verified"], wallet["createdBy"]) == (True, "w")
    assert (did["did"], did["createdBy"], did["updatedBy"]) == ("did:example:1", "d", "u")
    assert people["b"]["customerClaims"][0]["name"] is None


def test_every_column_of_a_profile_arrives_where_it_belongs(importing: Importing) -> None:
    header = ["sub", "externalCustomerId", "status", "riskScore", "onboardingLevel", "email"]
    header += ["phone", "twitter", "discord", "telegram", "tags", "metadata"]
    row = ["a", "x", "To be reviewed", "High", "KYC", "a@example.com", "+12025550100", "t", "d"]
    row += ["g", "vip; newsletter ;", '{ "n" : 1.0, "s":"é" }']
    text = as_csv(header, [row, ["b", *[""] * 11]])
    done = importing.run(importing.write("crm.csv", text), "--json")
    assert done.code == 0, done
    people = customers_by_sub(importing)
    one, other = people["a"], people["b"]
    assert (one["externalCustomerId"], one["status"]) == ("x", "To be reviewed")
    assert (one["riskScore"], one["onboardingLevel"]) == ("High", "KYC")
    assert [email["email"] for email in one["customerEmails"]] == ["a@example.com"]
    names = ("phone", "twitter", "discord", "telegram")
    assert one["customerContact"] == dict(zip(names, ["+12025550100", "t", "d", "g"], strict=True))
    assert (one["tags"], one["metadata"]) == (["vip", "newsletter"], {"n": 1.0, "s": "é"})
    assert (other["status"], other["customerEmails"], other["tags"]) == ("No status", [], [])


def test_metadata_that_are_no_object_are_named(importing: Importing) -> None:
    text = as_csv(["sub", "metadata"], [["a", '{"a":1}'], ["b", "[1]"], ["c", "secret"]])
    done = importing.run(importing.write("crm.csv", text), "--json")
    faults = [(each["line"], each["pointer"], each["code"]) for each in done.summary["faults"]]
    assert faults == [(3, "/metadata", "field.type"), (4, "/metadata", "field.type")]
    assert "secret" not in done.err + done.out
    assert importing.subs() == []


def test_a_body_of_the_api_is_imported_as_it_is(importing: Importing) -> None:
    body = importing.project.body(
        with_claims(sub="a"), with_claims(sub="b"), customer_type="Company"
    )
    path = importing.write("body.json", json.dumps(body, indent=1))
    assert importing.run(path, "--type", "Individual").code == 2
    assert importing.run(path, "--project", "another").code == 2
    done = importing.run(path, "--json")
    assert (done.code, done.summary["created"]) == (0, 2)
    assert customers_by_sub(importing)["a"]["type"] == "Company"
    broken = importing.run(importing.write("broken.json", '{"secret": 1}'))
    assert broken.code == 1
    assert "secret" not in broken.err


def test_gzip_and_standard_input_are_the_same_import(importing: Importing) -> None:
    text = file_of("csv", 1_500).encode()
    plain = importing.run(importing.write("crm.csv", text), "--json")
    packed = importing.run(importing.write("packed.csv.gz", gzip.compress(text)), "--json")
    piped = importing.run("-", "--format", "csv", "--json", stdin=gzip.compress(text))
    pipe = importing.run("/dev/stdin", "--format", "csv", "--json", stdin=text)
    assert [each.code for each in (plain, packed, piped, pipe)] == [0, 0, 0, 0]
    assert len({each.summary["importId"] for each in (plain, packed, piped, pipe)}) == 1
    assert len(importing.subs()) == 1_500
    cut = importing.run(importing.write("cut.csv.gz", gzip.compress(text)[:-20]))
    assert cut.code == 1
    assert "gzip" in cut.err
    assert importing.run("-", stdin=text).code == 2


def test_a_key_that_is_not_known_is_refused_and_never_printed(importing: Importing) -> None:
    path = importing.write("crm.csv", "sub\na\n")
    wrong = importing.project.key[:-1] + ("0" if importing.project.key[-1] != "0" else "1")
    importing.key.write_text(wrong)
    done = importing.run(path)
    assert done.code == 1
    assert "access." in done.err
    assert wrong not in done.err + done.out
    key = importing.project.key.encode()
    out = importing.write("ids.jsonl", "yesterday\n")
    assert importing.run(path, "--out", out).code == 1
    assert out.read_text() == "yesterday\n"
    assert importing.run(path, "--key-file", "-", "--out", out, stdin=key).code == 0
    assert [row["outcome"] for row in results(out)] == ["created"]
    importing.key.write_text("a key\nof two lines")
    assert importing.run(path).code == 2
    importing.key.unlink()
    assert importing.run(path).code == 3


def test_a_key_that_may_only_write_is_enough(importing: Importing) -> None:
    key = importing.project.server.new_key(importing.project.id, "customers:write")
    importing.key.write_text(key.text)
    done = importing.run(importing.write("crm.csv", "sub\na\n"), "--json")
    assert (done.code, done.summary["projectCustomers"]) == (0, None)


def test_what_is_not_there_is_said(importing: Importing) -> None:
    assert importing.run("nowhere.csv").code == 3
    assert importing.run(importing.write("crm.xls", "x")).code == 2
    empty = importing.run(importing.write("crm.jsonl", "\n"), "--json")
    assert (empty.code, empty.summary["error"]) == (1, "file.empty")
    path = importing.write("crm.csv", "sub\na\n")
    assert importing.run(path, "--out", path).code == 2
    assert importing.run(path, "--import-id", "two words").code == 2
    away = importing.run(path, "--url", "http://127.0.0.1:1")
    assert (away.code, path.read_text()) == (1, "sub\na\n")
    assert "No Enrol answers" in away.err


def test_the_help_has_an_example(importing: Importing) -> None:
    done = importing.run("--help")
    assert done.code == 0
    assert "Example: enrol import " in done.out


def test_on_a_terminal_a_bar_shows_the_way(importing: Importing) -> None:
    path = importing.write("crm.jsonl", file_of("jsonl", 3_000))
    terminal, end = os.openpty()
    with subprocess.Popen(
        importing.command(path, "--batch", "200"),
        stdout=subprocess.PIPE,
        stderr=end,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    ) as running:
        os.close(end)
        shown = b""
        while True:
            try:
                block = os.read(terminal, 65_536)
            except OSError:
                break
            if not block:
                break
            shown += block
        os.close(terminal)
        assert running.wait(RUN_SECONDS) == 0
    assert b"/3000" in shown
    assert b"/s" in shown
