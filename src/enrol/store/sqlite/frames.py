"""Frames between the processes of one server: a length, then plain values.

The values are packed by `marshal`, the fastest way from Python to the same Python. It trusts
what it reads, so it is used only on a socket in a directory that the server alone can enter.
"""

import marshal
import struct
from collections.abc import Iterator
from typing import Any, Final

LENGTH: Final = struct.Struct("<Q")


def pack(message: tuple[Any, ...]) -> tuple[bytes, bytes]:
    """One frame, in two pieces: a batch is large, and to join them would copy it."""
    payload = marshal.dumps(message)
    return LENGTH.pack(len(payload)), payload


def unpack(payload: memoryview) -> tuple[Any, ...]:
    """The message of a frame whose length is off."""
    message: tuple[Any, ...] = marshal.loads(payload)  # noqa: S302 - see the module's docstring
    return message


class Frames:
    """Cuts a stream of bytes into frames."""

    def __init__(self) -> None:
        self.buffer = bytearray()

    def take(self, data: bytes) -> Iterator[memoryview]:
        """The payloads that are whole once ``data`` has come, each to be read before the next."""
        buffer = self.buffer
        buffer += data
        start = 0
        while len(buffer) - start >= LENGTH.size:
            (size,) = LENGTH.unpack_from(buffer, start)
            end = start + LENGTH.size + size
            if len(buffer) < end:
                break
            with memoryview(buffer) as whole, whole[start + LENGTH.size : end] as payload:
                yield payload
            start = end
        del buffer[:start]
