"""The IP addresses of a host, looked up so that a slow name server holds up its own host alone."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress

# Gives the addresses of a host and port as texts; raises OSError.
Lookup = Callable[[str, int], Awaitable[list[str]]]


class Resolver:
    """Looks hosts up as the system does, each in a thread of its own, and once at a time.

    Not by the loop's `getaddrinfo`: its few threads are shared with all else, so that the names of
    one receiver whose name server does not answer would hold up every other. A thread that waits
    cannot be stopped; it is a daemon, so that neither does it hold up the end of the process.
    """

    def __init__(self) -> None:
        self.running: dict[tuple[str, int], asyncio.Future[list[str]]] = {}

    async def __call__(self, host: str, port: int) -> list[str]:
        """The addresses, in the system's order of preference. Raises OSError."""
        asked = (host, port)
        answer = self.running.get(asked)
        if answer is None:
            answer = self.running[asked] = asyncio.get_running_loop().create_future()
            answer.add_done_callback(lambda _: self.running.pop(asked, None))
            # Whoever asked may have given up when it fails: then nobody fetches the error.
            answer.add_done_callback(lambda done: done.cancelled() or done.exception())
            threading.Thread(target=_look_up, args=(asked, answer), daemon=True).start()
        return await asyncio.shield(answer)


def _look_up(asked: tuple[str, int], answer: "asyncio.Future[list[str]]") -> None:
    loop = answer.get_loop()

    def tell(give: Callable[[], None]) -> None:
        # The loop may have ended meanwhile.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(lambda: None if answer.done() else give())

    try:
        found = socket.getaddrinfo(*asked, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        # A name that cannot be encoded is one that is not found.
        failure = error if isinstance(error, OSError) else OSError("no such host")
        tell(lambda: answer.set_exception(failure))
    else:
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        tell(lambda: answer.set_result(addresses))
