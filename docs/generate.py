"""Writes the tables of the guides that the code knows best, between their markers.

``python docs/generate.py`` rewrites them; tests/test_docs_generated.py holds that nobody forgot.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from enrol.customers.faults import FAULTS
from enrol.problems import PROBLEMS
from enrol.settings import PREFIX, Settings

DOCS: Final = Path(__file__).resolve().parent

MEANINGS: Final = {
    "database": "The SQLite file, or a postgresql:// URL.",
    "host": "Where to listen.",
    "port": "On which port.",
    "workers": "How many HTTP processes; on SQLite one writer serves them all.",
    "max_items": "Customers in one call.",
    "max_body_bytes": "Bytes of one body, counted while it arrives and after inflation.",
    "max_inflight_bytes": "Bytes of all bodies that one HTTP process holds at once.",
    "max_text_chars": "Characters of one text.",
    "max_picture_bytes": "Bytes of one decoded picture.",
    "max_json_depth": "Levels of nested JSON.",
    "max_listed_errors": "Errors that a problem document lists; it tells the count of all.",
    "max_connections": "Calls that one HTTP process works on at once.",
    "body_timeout": "Seconds that a body may take to arrive.",
    "stop_timeout": "Seconds that a stop waits for calls to end.",
    "idempotency_hours": "Hours that an Idempotency-Key is remembered.",
    "access_cache_seconds": "Seconds until a revoked key is refused at the latest.",
    "rate_limit": "Calls that a key may make in a minute, over all HTTP processes; 0: any number.",
    "sqlite_cache_mib": "MiB of database pages that the writer keeps in memory.",
    "log_requests": "Write a line for each request.",
    "webhook_private_addresses": "Let webhooks go to private networks, and over http.",
    "writer_socket": "Set by `enrol serve` for its own processes; leave it alone.",
}


def problems_table() -> str:
    """Every problem that a call can be answered with."""
    rows = [
        f"| `{code}` | {kind.status} | {kind.detail} |" for code, kind in sorted(PROBLEMS.items())
    ]
    return "\n".join(["| code | status | what it says |", "|---|--:|---|", *rows])


def faults_table() -> str:
    """Every fault that an entry of `errors` or a finding can name."""
    rows = [
        f"| `{code}` | {kind.detail} | {kind.in_strict} | {kind.in_lenient} |"
        for code, kind in sorted(FAULTS.items())
    ]
    head = ["| code | what it says | strict project | lenient project |", "|---|---|---|---|"]
    return "\n".join([*head, *rows])


def settings_table() -> str:
    """Every setting with its default."""
    rows = []
    for field in msgspec.structs.fields(Settings):
        default = f"`{field.default}`" if field.default != "" else ""
        meaning = MEANINGS.get(field.name, "")
        rows.append(f"| `{PREFIX}{field.name.upper()}` | {default} | {meaning} |")
    return "\n".join(["| variable | default | meaning |", "|---|---|---|", *rows])


SECTIONS: Final[dict[tuple[str, str], Callable[[], str]]] = {
    ("api.md", "problems"): problems_table,
    ("api.md", "faults"): faults_table,
    ("operations.md", "settings"): settings_table,
}


def generated(page: str) -> str:
    """The text of a page with its tables as the code has them now."""
    text = (DOCS / page).read_text()
    for (name, section), table in SECTIONS.items():
        if name == page:
            start, end = f"<!-- {section}: generated -->", f"<!-- {section}: end -->"
            between = re.compile(re.escape(start) + ".*?" + re.escape(end), re.DOTALL)
            block = f"{start}\n{table()}\n{end}"
            text, count = between.subn(lambda _, block=block: block, text)
            if count != 1:
                raise ValueError(f"{page} has {count} places for {section}")
    return text


def main() -> None:
    """Rewrite the pages."""
    for page in sorted({name for name, _ in SECTIONS}):
        (DOCS / page).write_text(generated(page))


if __name__ == "__main__":
    main()
