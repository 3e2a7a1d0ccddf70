"""The file of an export on its way: how many at once, and how it is packed."""

import zlib
from collections.abc import AsyncGenerator
from typing import Final

from enrol.api.bodies import edge_request
from enrol.api.http import GZIP_WINDOW, RETRY_SECONDS
from enrol.api.resources.customers import Reads
from enrol.api.streaming import Streamed
from enrol.problems import Problem

# Each holds a page in memory, and takes its share of the process.
MOST_EXPORTS: Final = 4
GZIP_LEVEL: Final = 1
JSONL: Final = "application/jsonl"
CSV: Final = "text/csv; charset=utf-8"


class Running:
    """How many exports this process has under way."""

    def __init__(self) -> None:
        self.number = 0

    def begin(self) -> None:
        """Raises `Problem` ``server.busy``."""
        if self.number >= MOST_EXPORTS:
            raise Problem("server.busy", headers={"Retry-After": RETRY_SECONDS})
        self.number += 1

    def end(self) -> None:
        self.number -= 1


running: Final = Running()


def streamed_file(
    request: Reads, ending: str, first: bytes, chunks: AsyncGenerator[bytes]
) -> Streamed:
    """The answer of an export that is `running`, until it ends."""
    headers = {
        "content-type": CSV if ending == "csv" else JSONL,
        "content-disposition": f'attachment; filename="customers.{ending}"',
        "vary": "Accept-Encoding",
    }
    packer = None
    if _gzip(request):
        packer = zlib.compressobj(GZIP_LEVEL, wbits=GZIP_WINDOW)
        headers["content-encoding"] = "gzip"
    return Streamed(
        edge_request(request),
        headers,
        chunks,
        first=first,
        what="export",
        packer=packer,
        ended=running.end,
    )


def _gzip(request: Reads) -> bool:
    """Whether the caller takes gzip (RFC 9110 section 12.5.3)."""
    for coding in ",".join(request.headers.getall("accept-encoding", [])).split(","):
        name, _, weight = coding.partition(";")
        if name.strip().lower() in ("gzip", "x-gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
