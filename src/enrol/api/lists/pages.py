"""An answer with many customers: whole where it is small, and else sent while it is made.

A picture may be as large as a thousand customers without any. To hold a page of them would take
hundreds of megabytes, for each caller who asks at the same time; so they are read a few at once.
"""

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from litestar import Response
from msgspec import Struct

from enrol.api.http import JSON, Request, encode_json
from enrol.api.server import Server
from enrol.api.streaming import Streamed
from enrol.api.views import customer_view
from enrol.settings import MIB
from enrol.store.protocol import CustomerRecord, KeyRecord
from enrol.store.queries.pictures import weigh_pictures

# What is larger is sent in pieces of about this size.
MOST_BYTES: Final = 4 * MIB
# What a customer is taken to weigh without its picture, until some have been read.
GUESSED_BYTES: Final = 16 * 1024
LEAST_BYTES: Final = 1024
# So few are read whatever they weigh.
FEW: Final = 4

Shown = Callable[[CustomerRecord], bool]


async def answer_with(
    server: Server,
    key: KeyRecord,
    request: Request,
    ids: Sequence[bytes],
    frame: Struct,
    member: str,
    *,
    is_shown: Shown = lambda _: True,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Response[Any]:
    """The answer ``frame`` with these customers in place of the empty list ``member``."""
    before, empty, after = encode_json(frame).partition(b'"%s":[]' % member.encode())
    assert empty
    pieces = _pieces(server, key, ids, is_shown, (before + empty[:-1], b"]" + after))
    read: list[bytes] = []
    size = 0
    async for piece in pieces:
        read.append(piece)
        size += len(piece)
        if size > MOST_BYTES:
            sent = {"content-type": JSON, **headers}
            return Streamed(request, sent, pieces, first=b"".join(read), what="page")
    return Response(b"".join(read), media_type=JSON, headers=dict(headers))


async def _pieces(
    server: Server,
    key: KeyRecord,
    ids: Sequence[bytes],
    is_shown: Shown,
    around: tuple[bytes, bytes],
) -> AsyncGenerator[bytes]:
    """What is around the customers, and between that those who are shown, a few at once."""
    store, project = server.store, key.project
    pictures = await weigh_pictures(store, project, ids) if len(ids) > FEW else {}
    before, after = around
    place, each = 0, GUESSED_BYTES
    while place < len(ids):
        some = [*_light(ids[place:], pictures, each)]
        place += len(some)
        texts = [
            encode_json(customer_view(record, key.project_id))
            for record in await store.find_customers(project, some)
            if is_shown(record)
        ]
        if texts:
            yield before + b",".join(texts)
            before = b","
            plain = sum(map(len, texts)) - sum(pictures.get(one, 0) for one in some)
            each = max(LEAST_BYTES, plain // len(texts))
    yield after if before == b"," else before + after


def _light(ids: Sequence[bytes], pictures: Mapping[bytes, int], each: int) -> Iterator[bytes]:
    """The first customers, as many as weigh no more than a piece; one in any case."""
    left = MOST_BYTES
    for customer in ids:
        weight = each + pictures.get(customer, 0)
        if left < MOST_BYTES and weight > left:
            return
        left -= weight
        yield customer
