"""Frames between the processes of one server: a length, then plain values.

The values are packed by `marshal`, the fastest way from Python to the same Python. It trusts
what it reads, so it is used only on a socket in a directory that the server alone can enter.
"""

import marshal
import socket
import struct
from typing import Any, Final

LENGTH: Final = struct.Struct("<Q")


def pack(message: tuple[Any, ...]) -> bytes:
    """One frame."""
    payload = marshal.dumps(message)
    return LENGTH.pack(len(payload)) + payload


def unpack(payload: bytes | bytearray | memoryview) -> tuple[Any, ...]:
    """The message of a frame whose length is off."""
    message: tuple[Any, ...] = marshal.loads(payload)  # noqa: S302 - see the module's docstring
    return message


def receive(connection: socket.socket) -> bytearray | None:
    """Read one frame's payload from a blocking socket; None at its end."""
    head = _receive_exactly(connection, LENGTH.size)
    return None if head is None else _receive_exactly(connection, LENGTH.unpack(head)[0])


def _receive_exactly(connection: socket.socket, size: int) -> bytearray | None:
    payload = bytearray(size)
    view = memoryview(payload)
    while view:
        try:
            got = connection.recv_into(view)
        except ConnectionError:
            return None
        if got == 0:
            return None
        view = view[got:]
    return payload
