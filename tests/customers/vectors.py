"""The shared examples that the tests of claims and DIDs run on; see tests/vectors/*/NOTICE.md."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "vectors"


def rows(name: str) -> list[dict[str, Any]]:
    """The rows of a file: ``rows("people/tz_zones")``."""
    lines = (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]
