"""What an examination finds: each a level, a sentence, and what to do."""

from typing import Final, Literal, NamedTuple

Level = Literal["ok", "warning", "error"]
LEVELS: Final[tuple[Level, ...]] = ("ok", "warning", "error")


class Finding(NamedTuple):
    """``check`` names it for programs; ``advice`` is None where there is nothing to do."""

    check: str
    level: Level
    message: str
    advice: str | None = None


def worst(findings: list[Finding]) -> Level:
    """The highest level of all."""
    return max((finding.level for finding in findings), key=LEVELS.index, default="ok")
