"""``GET /customers/export``: any number of customers in one answer."""

from typing import Final

from litestar import Response, get
from litestar.di import NamedDependency

from enrol.api.exporting.asking import read_export_query
from enrol.api.exporting.file import Export, file_of
from enrol.api.exporting.streaming import running, streamed_file
from enrol.api.resources.customers import Reads, reading_key
from enrol.api.server import Server
from enrol.problems import Problem


@get("/customers/export", operation_id="exportCustomers", tags=["customers"])
async def export_customers(server: NamedDependency[Server], request: Reads) -> Response[None]:
    """The project's customers, oldest first, as one stream."""
    key = await reading_key(server, request)
    options, query = read_export_query(request.scope["query_string"], key.project_id)
    if query.cms_project_id != key.project_id:
        raise Problem("access.project")
    running.begin()
    try:
        # Before the answer begins, so that a database that is away is told as a problem.
        chunks = file_of(Export(server, key, options, query))
        first = await anext(chunks)
    except BaseException:
        running.end()
        raise
    ending = "csv" if options.format == "csv" else "jsonl"
    return streamed_file(request, ending, first, chunks)


HANDLERS: Final = (export_customers,)
