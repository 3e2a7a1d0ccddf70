"""``enrol demo``: the whole way once, which leaves nothing behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil  # type: ignore[import-untyped]
import pytest

from enrol.access import is_well_formed
from tests.faults.processes import ENVIRONMENT, is_alive, run_enrol, wait_until

ROOT = Path(__file__).resolve().parents[1]
ID = r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"


def test_the_demo_shows_the_request_the_ids_and_what_comes_next(tmp_path: Path) -> None:
    done = run_enrol("demo", TMPDIR=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    shown = done.stdout
    key = re.search(r"key for it: (\S+)", shown)
    assert key is not None
    assert is_well_formed(key[1])
    assert f'-H "Authorization: Bearer {key[1]}"' in shown
    request = shown[shown.index("<<'JSON'\n") + 9 : shown.index("\nJSON\n")]
    assert len(json.loads(request)["customerData"]) == 3
    answer = shown[shown.index("4. The answer, 200") : shown.index("5. ")]
    assert len(re.findall(rf"(?m)^  {ID}$", answer)) == 3
    assert re.search(rf"5\. GET /customers/{ID} gives Amina Karimi back\.", shown)
    assert list(tmp_path.iterdir()) == []
    # The next steps are there to be taken.
    steps = shown[shown.index("Next: ") :]
    pages = re.findall(r"[\w/-]+\.md", steps)
    assert len(pages) == 2
    assert [page for page in pages if not (ROOT / page).is_file()] == []
    (target,) = re.findall(r"make (\w+)", shown)
    assert f"\n{target}:" in (ROOT / "Makefile").read_text("utf-8")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_demo_that_serves_on_ends_with_all_its_processes(
    number: signal.Signals, tmp_path: Path
) -> None:
    shown = tmp_path / "shown"
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = ENVIRONMENT | {"TMPDIR": str(temporary)}
    with shown.open("wb") as out:
        demo = subprocess.Popen(
            [sys.executable, "-u", "-m", "enrol", "demo", "--serve"],
            stdout=out,
            stderr=out,
            env=environment,
            start_new_session=True,
        )
    processes = []
    try:
        wait_until(
            lambda: "Still serving" in shown.read_text() or demo.poll() is not None,
            *(20, "the demo does not serve"),
        )
        address = re.search(r"http://[\d.:]+", shown.read_text())
        assert address is not None
        assert httpx.get(f"{address[0]}/healthz").status_code == 200
        processes = psutil.Process(demo.pid).children(recursive=True)
        assert processes
        os.kill(demo.pid, number)
        demo.wait(20)
        wait_until(lambda: not any(map(is_alive, processes)), 5, "processes are left")
    finally:
        for process in processes:
            if is_alive(process):
                process.kill()
        demo.kill()
        demo.wait()
    assert list(temporary.iterdir()) == []
    if number == signal.SIGINT:
        assert demo.returncode == 0
        assert "Next: " in shown.read_text()


def test_a_demo_whose_server_does_not_start_says_why(tmp_path: Path) -> None:
    start = time.monotonic()
    done = run_enrol("demo", TMPDIR=tmp_path, ENROL_WORKERS="none")
    assert done.returncode == 1
    assert "The server did not start:\nThe setting workers is not right" in done.stderr
    assert time.monotonic() - start < 20
    assert list(tmp_path.iterdir()) == []
