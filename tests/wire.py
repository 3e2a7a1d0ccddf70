"""HTTP written by hand, for what no client library would send."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse

import httpx

from tests.serving import HOST, Project, Served

SECONDS = 10.0


@contextmanager
def connected(server: Served) -> Iterator[socket.socket]:
    """A connection to the server."""
    with socket.create_connection((HOST, server.port), timeout=SECONDS) as connection:
        yield connection


def head(project: Project, *headers: str, path: str = "/customers/batch") -> bytes:
    """The head of a call that enrols, but for the headers that say how its body is sent."""
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: {HOST}",
        f"Authorization: Bearer {project.key}",
        "Content-Type: application/json",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def chunk(data: bytes) -> bytes:
    """One chunk of ``Transfer-Encoding: chunked``; an empty one is the last."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def answer_on(connection: socket.socket) -> httpx.Response:
    """The next answer."""
    with HTTPResponse(connection) as response:
        response.begin()
        content = response.read()
        return httpx.Response(response.status, headers=response.getheaders(), content=content)


def is_closed(connection: socket.socket) -> bool:
    """Whether the server closes the connection now."""
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True
