"""The API's description: ``/openapi.json`` and two pages that load nothing from other hosts."""

from html import escape

from litestar import MediaType, Response, get
from litestar.openapi import OpenAPIConfig

from enrol import __version__
from enrol.problems import PROBLEMS


def openapi_document() -> OpenAPIConfig | None:
    """What the framework is told of its own document."""
    return None


@get("/openapi.json", include_in_schema=False)
async def openapi_json() -> dict[str, str]:
    return {}


@get("/docs", include_in_schema=False, media_type=MediaType.HTML)
async def reference_page() -> str:
    return "<h1>Enrol</h1>"


@get("/docs/problems", include_in_schema=False, media_type=MediaType.HTML)
async def problems_page() -> Response[str]:
    return Response("".join(escape(code) for code in PROBLEMS) + __version__)
