"""The project as a whole, and the server."""

from typing import Final

from enrol.api.resources.findings import FindingCounts
from enrol.client.calls import Answer, Call, asking, nothing, reader

_COUNTS: Final = reader(FindingCounts)


def count_findings(project: str) -> Call[dict[str, int]]:
    """How many findings of each code the project has."""
    return asking("GET /projects/{projectId}/findings", project, parse=_counts)


def healthz() -> Call[None]:
    """``GET /healthz``: asked once, for a second try would hide what it is asked for."""
    return asking("GET /healthz", parse=nothing, repeat="never")


def readyz() -> Call[None]:
    """``GET /readyz``, asked once."""
    return asking("GET /readyz", parse=nothing, repeat="never")


def _counts(answer: Answer) -> dict[str, int]:
    return {finding.code: finding.count for finding in _COUNTS(answer).data}
