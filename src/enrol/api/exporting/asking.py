"""The query of ``GET /customers/export``: the filters of the list, and what the file is to be."""

from typing import Annotated, Final
from urllib.parse import parse_qsl, urlencode

from msgspec import Meta, Struct

from enrol.api.lists.page_query import PageQuery, read_page_query
from enrol.api.lists.query import read_query
from enrol.customers.faults import Fault
from enrol.problems import Problem

PROJECT: Final = "cmsProjectId"
# Parameters of a list that an export has no use for.
PAGING: Final = ("currentPage", "limit", "after", "sort", "count")
OWN: Final = ("format", "spreadsheet")


class ExportOptions(Struct, frozen=True, kw_only=True, rename="camel"):
    """What ``GET /customers/export`` can be asked for, beside the filters of ``GET /customers``."""

    format: Annotated[
        str,
        Meta(
            pattern="^(full|jsonl|csv)$",
            title="one of: full, jsonl, csv",
            description="`jsonl` and `csv`: as `enrol import` reads them, so that they need a "
            "`type`. `full`: JSON Lines of customers as `GET /customers/{id}` answers them.",
        ),
    ] = "full"
    spreadsheet: Annotated[
        bool,
        Meta(
            description="`true`, with `format=csv`: for the eyes. No cell is a formula, for an "
            "apostrophe stands before what begins as one, and a byte order mark leads the file; "
            "it is not to be imported.",
        ),
    ] = False


def read_export_query(query_string: bytes, project_id: str) -> tuple[ExportOptions, PageQuery]:
    """The query. Raises `Problem` ``query.invalid`` naming every fault."""
    sent = parse_qsl(query_string.decode("latin-1"), keep_blank_values=True)
    own = [pair for pair in sent if pair[0] in OWN]
    filters = [pair for pair in sent if pair[0] not in {*OWN, *PAGING}]
    faults = [
        Fault(None, "", "query.unknown", "An export has no pages, and one order.")
        for name, _ in sent
        if name in PAGING
    ]
    if not any(name == PROJECT for name, _ in filters):
        filters.append((PROJECT, project_id))
    options, query = ExportOptions(), None
    try:
        options = read_query(urlencode(own).encode(), ExportOptions)
    except Problem as problem:
        faults += problem.faults
    try:
        query = read_page_query(urlencode(filters).encode())
    except Problem as problem:
        faults += problem.faults
    if query is not None and not query.type and options.format != "full":
        hint = "type is Individual or Company: a file that can be imported has customers of one."
        faults.append(Fault(None, "/type", "query.value", hint))
    if faults or query is None:
        raise Problem("query.invalid", faults=faults)
    return options, query
