"""What was noted on the customers of a project, counted."""

from typing import Final
from urllib.parse import unquote

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Struct

from enrol.api.resources.customers import Reads, reading_key
from enrol.api.server import Server


class FindingCount(Struct, frozen=True, kw_only=True, rename="camel"):
    """How many findings of one code there are."""

    code: str
    count: int


class FindingCounts(Struct, frozen=True, kw_only=True, rename="camel"):
    """The findings of all customers of a project, by code, and how many there are in all."""

    data: list[FindingCount]
    total_count: int


@get("/projects/{project_id:str}/findings", operation_id="countFindings", tags=["customers"])
async def count_findings(
    server: NamedDependency[Server], request: Reads, project_id: FromPath[str]
) -> FindingCounts:
    """The findings of a project by their codes."""
    key = await reading_key(server, request, unquote(project_id))
    counts = await server.store.count_findings(key.project)
    data = [FindingCount(code=code, count=count) for code, count in counts.items()]
    return FindingCounts(data=data, total_count=sum(counts.values()))


HANDLERS: Final = (count_findings,)
