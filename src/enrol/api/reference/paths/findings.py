"""What was noted on customers, counted."""

from typing import Final

from enrol.api.reference import examples
from enrol.api.reference.answers import refusals, success
from enrol.api.reference.resource import KEY, Resource, operation, parameter
from enrol.api.reference.schemas import Json, ref
from enrol.api.resources.findings import FindingCounts
from enrol.settings import Settings


def _paths(settings: Settings) -> Json:
    return {"/projects/{projectId}/findings": {"get": _findings()}}


def _findings() -> Json:
    text = {"type": "string", "minLength": 1}
    counts = {"data": [{"code": "claims.name_mismatch", "count": 17}], "totalCount": 17}
    return operation(
        "customers",
        "countFindings",
        "Count findings",
        "What was noted on the project's customers, by code.",
        {
            "200": success("The counts.", ref("FindingCounts"), {"counts": ("Counts", counts)}),
            **refusals(*KEY, "access.project", "route.unknown"),
        },
        parameters=[parameter("path", "projectId", "The key's project.", text, examples.PROJECT)],
        scope="customers:read",
    )


RESOURCE: Final = Resource(_paths, types=(FindingCounts,))
