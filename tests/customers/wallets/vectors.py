"""The published addresses that the wallet tests run on; their sources: tests/vectors/NOTICE.md."""

import json
from pathlib import Path
from typing import Literal, NotRequired, TypedDict

FOLDER = Path(__file__).resolve().parents[2] / "vectors" / "wallets"


class Vector(TypedDict):
    address: str
    expect: Literal["valid", "invalid", "policy"]
    form: NotRequired[str]
    network: NotRequired[str]
    note: NotRequired[str]
    src: list[str]


def vectors(namespace: str, *expected: str) -> list[Vector]:
    """The rows of a namespace whose ``expect`` is one of ``expected``."""
    lines = (FOLDER / f"{namespace}.jsonl").read_text(encoding="utf-8").splitlines()
    rows: list[Vector] = [json.loads(line) for line in lines]
    return [row for row in rows if row["expect"] in expected]


def addresses(namespace: str, *expected: str) -> list[str]:
    return [row["address"] for row in vectors(namespace, *expected)]
