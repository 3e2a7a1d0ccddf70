"""The parameters of ``GET /customers``, described from the struct that reads them."""

from typing import Final

import msgspec

from enrol.api.lists.page_query import CHOICES, COUNTRY_FIELDS, TIME_FIELDS, PageQuery
from enrol.api.reference import examples
from enrol.api.reference.resource import parameter
from enrol.api.reference.schemas import Json
from enrol.customers.countries import COUNTRIES

LIST: Final = (
    "A page of the project's customers, newest first unless `sort` says otherwise. All filters "
    "must hold. Deleted and merged customers are left out. `Link` has the address of the next "
    "page: its cursor stays right while customers come and go, and leads as deep as there are "
    "any; `currentPage` does so in the order of creation, and ends at some depth in the others."
)


def list_parameters() -> list[Json]:
    """Every parameter, in the order of the struct."""
    _, schemas = msgspec.json.schema_components([PageQuery], ref_template="{name}")
    query = schemas["PageQuery"]
    found = []
    for name, schema in query["properties"].items():
        words = schema.pop("description")
        if schema.get("default") == "":
            del schema["default"]  # which is how the code says that there is none
        if name in CHOICES:
            schema = {"type": "string", "enum": list(CHOICES[name])} | _default(schema)
        elif name in COUNTRY_FIELDS:
            schema = {"type": "string", "enum": sorted(COUNTRIES)}
        elif name in TIME_FIELDS:
            formats = ("date", "date-time")
            schema = {"anyOf": [{"type": "string", "format": each} for each in formats]}
        required = name in query["required"]
        example = examples.PROJECT if required else None
        found.append(parameter("query", name, words, schema, example, required=required))
    return found


def _default(schema: Json) -> Json:
    return {"default": schema["default"]} if "default" in schema else {}
