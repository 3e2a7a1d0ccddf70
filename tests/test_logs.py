"""The log: one JSON object a line, a request by its ID, and no personal data."""

import json
import logging
import socket
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from enrol.logs import log, log_error, set_up_library_logs
from tests.faults.processes import HOST, Serving, make_project

SECRET = "Amina Karimi"


@pytest.fixture
def library_logs() -> Iterator[None]:
    """The set-up of a server, undone at the end."""
    root = logging.getLogger()
    before = root.handlers[:], root.level, sys.excepthook, threading.excepthook
    set_up_library_logs()
    yield
    logging.captureWarnings(False)
    root.handlers[:], root.level, sys.excepthook, threading.excepthook = before


def lines(capfd: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    text = capfd.readouterr().err
    assert text.endswith("\n")
    assert SECRET not in text
    return [json.loads(line) for line in text.splitlines()]


def test_a_line_has_a_time_and_an_event(capfd: pytest.CaptureFixture[str]) -> None:
    log("something", number=1, text="two\nlines", nothing=None)
    (line,) = lines(capfd)
    assert line.pop("at").endswith("+00:00")
    assert line == {"event": "something", "number": 1, "text": "two\nlines", "nothing": None}


def test_an_error_is_told_by_its_type_and_place_and_not_its_text(
    capfd: pytest.CaptureFixture[str],
) -> None:
    try:
        int(SECRET)
    except ValueError as error:
        log_error("failed", error, request_id="1")
    (line,) = lines(capfd)
    assert (line["level"], line["error"], line["request_id"]) == ("error", "ValueError", "1")
    assert line["place"].startswith("test_an_error_is_told")


def test_a_library_is_quoted_without_its_arguments(
    library_logs: None, capfd: pytest.CaptureFixture[str]
) -> None:
    logging.getLogger("some.library").warning("cannot take %s", SECRET)
    logging.getLogger("some.library").info("not told")
    (line,) = lines(capfd)
    assert (line["event"], line["level"]) == ("some.library", "warning")
    assert line["template"] == "cannot take %s"


@pytest.mark.parametrize("text", [SECRET, f"100% {SECRET}", f"%s {SECRET}"])
def test_a_text_that_may_have_been_put_together_is_not_quoted(
    text: str, library_logs: None, capfd: pytest.CaptureFixture[str]
) -> None:
    logging.getLogger("some.library").error(text)
    (line,) = lines(capfd)
    assert line["template"] is None
    assert line["place"].startswith("test_a_text_that")


def test_an_exception_that_a_library_logs_has_no_text(
    library_logs: None, capfd: pytest.CaptureFixture[str]
) -> None:
    try:
        raise ValueError(SECRET)
    except ValueError:
        logging.getLogger("some.library").exception("failed with %s", SECRET)
    (line,) = lines(capfd)
    assert line["error"] == "ValueError"


def test_a_python_warning_is_a_line_without_its_text(
    library_logs: None, capfd: pytest.CaptureFixture[str]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn(SECRET, stacklevel=1)
        logging.captureWarnings(False)
    (line,) = lines(capfd)
    assert (line["event"], line["level"]) == ("py.warnings", "warning")


def _fail() -> None:
    raise ValueError(SECRET)


def test_an_exception_that_nobody_caught_is_a_line_without_its_text(
    library_logs: None, capfd: pytest.CaptureFixture[str]
) -> None:
    thread = threading.Thread(target=_fail)
    thread.start()
    thread.join()
    try:
        _fail()
    except ValueError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    told = lines(capfd)
    assert [line["event"] for line in told] == ["uncaught", "uncaught"]
    assert [line["error"] for line in told] == ["ValueError", "ValueError"]


def test_a_log_that_cannot_be_written_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def write(self, _: bytes) -> int:
            raise OSError(28, "No space left on device")

        def flush(self) -> None:
            self.write(b"")

    class Stream:
        buffer = Full()

    monkeypatch.setattr(sys, "stderr", Stream())
    log("lost")


def _nonsense(port: int) -> bytes:
    with socket.create_connection((HOST, port), timeout=10) as connection:
        connection.sendall(f"{SECRET}\r\n\r\n".encode())
        return connection.recv(1000)


def test_a_server_logs_json_lines_with_the_request_ids_that_it_told(tmp_path: Path) -> None:
    database = str(tmp_path / "enrol.db")
    key = make_project(database)
    item = {"customerClaims": {"sub": SECRET, "name": SECRET, "birthdate": SECRET}}
    body = {"customerType": "Individual", "cmsProjectId": "main", "customerData": [item]}
    told: dict[str, int] = {}
    with Serving(tmp_path, database) as serving:
        with serving.client(key) as client:
            for method, path, sent in (
                ("POST", "/customers/batch", json.dumps(body).encode()),
                ("POST", f"/customers/batch?name={SECRET.replace(' ', '+')}", b"{}"),
                ("GET", f"/customers/{SECRET.replace(' ', '+')}", None),
                ("GET", f"/nothing/{SECRET.replace(' ', '%20')}", None),
                ("GET", "/customers?cmsProjectId=main", None),
            ):
                reply = client.call(method, path, sent, user_agent=SECRET)
                told[reply.headers["x-request-id"]] = reply.status
        assert _nonsense(serving.port).startswith(b"HTTP/1.1 400 ")
        assert serving.stop() == 0
        logged = serving.lines()
    requests = {line["request_id"]: line["status"] for line in logged if "request_id" in line}
    assert told.items() <= requests.items()
    for line in logged:
        assert {"at", "event"} <= line.keys()
        if line["event"] == "request":
            assert {"request_id", "method", "route", "status", "ms"} <= line.keys()
    # What uvicorn has to say of the nonsense comes in the same form.
    assert "uvicorn.error" in {line["event"] for line in logged}
    text = serving.log()
    for secret in (SECRET, *SECRET.split(), key, database):
        assert secret not in text
