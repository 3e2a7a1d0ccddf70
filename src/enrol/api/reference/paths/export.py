"""Customers in one file."""

from typing import Final

import msgspec

from enrol.api.exporting.asking import PAGING, ExportOptions
from enrol.api.exporting.streaming import JSONL
from enrol.api.reference import examples
from enrol.api.reference.answers import refusals, success
from enrol.api.reference.list_parameters import list_parameters
from enrol.api.reference.paths.events import query_parameters
from enrol.api.reference.resource import KEY, UNKNOWN_PARAMETERS, Resource, operation
from enrol.api.reference.schemas import Json
from enrol.customers.exporting.items import csv_header, csv_lines
from enrol.settings import Settings

LINE: Final[Json] = {
    "customerWallet": {
        "wallet": examples.CUSTOMER["customerWallets"][0]["wallet"],
        "blockchainNamespace": examples.CUSTOMER["customerWallets"][0]["blockchainNamespace"],
    },
    "customerClaims": {"sub": "crm-1", "name": "Amina Karimi"},
}


def _paths(settings: Settings) -> Json:
    return {"/customers/export": {"get": _export()}}


def _export() -> Json:
    text = {"type": "string"}
    lines = {"line": ("One customer", msgspec.json.encode(LINE).decode() + "\n")}
    rows = {"row": ("One customer", (csv_header() + csv_lines([LINE])).decode())}
    whole = success(
        "The file, as a stream. One that breaks off is not ended as its transfer coding says.",
        text,
        lines,
        headers=("Content-Disposition",),
        media_type=JSONL,
    )
    whole["content"] |= success("", text, rows, media_type="text/csv")["content"]
    return operation(
        "customers",
        "exportCustomers",
        "Export customers",
        "The customers of the project, oldest first, in one answer of any length, packed when "
        "gzip is accepted. `enrol import` takes the file: a customer's first wallet, DID and "
        "email address are in it; `format=full` has all that is known. Whoever is there from the "
        "beginning to the end is in it once; of changes meanwhile it has some. A process sends a "
        f"few files at once, and refuses more with `server.busy`. The filters are those of the "
        f"list. {UNKNOWN_PARAMETERS}",
        {"200": whole, **refusals(*KEY, "access.project", "query.invalid")},
        parameters=[*query_parameters(ExportOptions), *_filters()],
        scope="customers:read",
    )


def _filters() -> list[Json]:
    """Those of the list. The project is the key's, unless it is said."""
    return [
        {**each, "required": False} if each["name"] == "cmsProjectId" else each
        for each in list_parameters()
        if each["name"] not in PAGING
    ]


RESOURCE: Final = Resource(_paths)
