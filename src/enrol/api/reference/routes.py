"""``/openapi.json``, ``/docs`` and ``/docs/problems``."""

from typing import Final

from litestar import MediaType, Response, get
from litestar.di import NamedDependency

from enrol.api.reference import pages
from enrol.api.reference.document import openapi_json
from enrol.api.server import Server


@get("/openapi.json")
async def get_openapi(server: NamedDependency[Server]) -> Response[bytes]:
    """The OpenAPI document."""
    return Response(openapi_json(server.settings), media_type=MediaType.JSON)


@get("/docs")
async def get_reference(server: NamedDependency[Server]) -> Response[str]:
    """The OpenAPI document as a page."""
    return _page(pages.reference_page(server.settings))


@get(pages.PROBLEMS_PATH)
async def get_problems() -> Response[str]:
    """The page that a problem's ``type`` leads to."""
    return _page(pages.problems_page())


def _page(html: str) -> Response[str]:
    headers = {"Content-Security-Policy": pages.security_policy()}
    return Response(html, media_type=MediaType.HTML, headers=headers)


HANDLERS: Final = (get_openapi, get_reference, get_problems)
