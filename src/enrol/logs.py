"""Structured logs: one JSON object a line on standard error.

Fields are names, numbers, codes and IDs that Enrol made; never a path, a query, a body or the
text of an exception, for all of these can hold personal data.
"""

import contextlib
import logging
import sys
import threading
import traceback
from datetime import UTC, datetime
from typing import Final

import msgspec

_encode: Final = msgspec.json.Encoder().encode
Value = str | int | float | bool | None


def log(event: str, **fields: Value) -> None:
    """Write one line; where it cannot be written (a full disk, a closed pipe) it is lost."""
    write_line(event, **fields)
    flush_lines()


def write_line(event: str, **fields: Value) -> None:
    """Write one line that is seen after `flush_lines`, which serves many lines as well."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    line = _encode({"at": at, "event": event, **fields}) + b"\n"
    # What the line tells of is done or failed already: the log must not fail it once more.
    with contextlib.suppress(OSError):
        sys.stderr.buffer.write(line)


def flush_lines() -> None:
    """Let the lines be seen."""
    with contextlib.suppress(OSError):
        sys.stderr.buffer.flush()


def log_error(event: str, error: BaseException, **fields: Value) -> None:
    """Write one line with the type of an exception and where it rose, without its text."""
    frames = traceback.extract_tb(error.__traceback__)
    place = " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames[-6:]))
    if error.__cause__ is not None:
        fields["cause"] = type(error.__cause__).__name__
    log(event, level="error", error=type(error).__name__, place=place, **fields)


class JsonHandler(logging.Handler):
    """Carries the warnings and errors of libraries into the same form, without their texts.

    A template that waits for arguments is constant and is kept; its arguments may be anything
    and are not. A text without arguments may have been put together before, so that only the
    place it was logged from is told.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        template = str(record.msg) if record.args else None
        if record.exc_info and record.exc_info[1]:
            log_error(record.name, record.exc_info[1], template=template)
        else:
            place = f"{record.funcName}:{record.lineno}"
            log(record.name, level=record.levelname.lower(), template=template, place=place)


def set_up_library_logs() -> None:
    """Send the standard library's logging through `JsonHandler`, from warnings up, and with it
    what Python itself would print: warnings, and exceptions that nobody caught."""
    logging.basicConfig(handlers=[JsonHandler()], level=logging.WARNING, force=True)
    logging.captureWarnings(True)
    sys.excepthook = lambda kind, error, trace: log_error("uncaught", error)
    threading.excepthook = lambda told: log_error("uncaught", told.exc_value or told.exc_type())
