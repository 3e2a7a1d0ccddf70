"""The description itself, and its pages."""

from typing import Final

from enrol.api.reference.answers import refusals, success
from enrol.api.reference.resource import SERVER, Resource, operation
from enrol.api.reference.schemas import Json
from enrol.settings import Settings


def _paths(settings: Settings) -> Json:
    pages = {
        "/openapi.json": ("openapi", "This document", {"type": "object"}, "application/json"),
        "/docs": ("docs", "This document as a page", {"type": "string"}, "text/html"),
        "/docs/problems": ("problems", "Every code", {"type": "string"}, "text/html"),
    }
    return {
        path: {
            "get": operation(
                "reference",
                operation_id,
                summary,
                "It loads nothing from other hosts.",
                {
                    "200": success(f"{summary}.", schema, media_type=media_type),
                    **refusals(*SERVER),
                },
            )
        }
        for path, (operation_id, summary, schema, media_type) in pages.items()
    }


RESOURCE: Final = Resource(
    _paths, tags=(("reference", "The API's description. No key is needed."),)
)
