"""What OPTIONS answers: each method of an address.

The framework's own answer has those of the handler that was registered first alone.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from litestar import HttpMethod, Response, route
from litestar.handlers import HTTPRouteHandler


def options_of(handlers: Iterable[HTTPRouteHandler]) -> Iterator[HTTPRouteHandler]:
    """A handler of OPTIONS for each address of these."""
    methods: dict[str, set[str]] = defaultdict(lambda: {"OPTIONS"})
    for handler in handlers:
        for path in handler.paths:
            methods[path] |= {str(method) for method in handler.http_methods}
    for path, allowed in methods.items():
        yield _answers(path, ", ".join(sorted(allowed)))


def _answers(path: str, allowed: str) -> HTTPRouteHandler:
    @route(path, http_method=HttpMethod.OPTIONS, status_code=204)
    async def answer() -> Response[None]:
        return Response(None, headers={"Allow": allowed})

    return answer
