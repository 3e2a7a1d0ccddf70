"""A relay between a client and Enrol that cuts connections in the middle of an answer."""

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

CHUNK = 64 * 1024


class Relay:
    """``with Relay(port, cuts) as relay:`` what connects to ``relay.url`` reaches the port; the
    first so many answers end in their middle."""

    def __init__(self, to_port: int, cuts: int) -> None:
        self.to_port = to_port
        self.left = cuts
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.sockets: list[socket.socket] = []
        self.threads = [threading.Thread(target=self._accept)]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self.threads[0].start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Closing alone would leave the thread in accept.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.threads[0].join()
        for each in self.sockets:
            _end(each)
        for thread in self.threads[1:]:
            thread.join()
        for each in (*self.sockets, self.listener):
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.to_port))
                self.sockets += [client, server]
                for target, ends in (
                    (self._ask, (client, server)),
                    (self._answer, (server, client)),
                ):
                    thread = threading.Thread(target=target, args=ends)
                    self.threads.append(thread)
                    thread.start()

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(CHUNK):
                server.sendall(data)
        _end(server)

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(CHUNK):
                with self.lock:
                    cut = self.left > 0
                    self.left -= cut
                client.sendall(data[: len(data) // 2] if cut else data)
                if cut:
                    break
        _end(client)
        _end(server)


def _end(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
