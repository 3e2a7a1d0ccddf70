"""Where a database is: a SQLite file, or a URL of PostgreSQL."""

import re
from functools import cached_property
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from enrol.maintenance import MaintenanceFailed

SCHEMES: Final = ("postgresql://", "postgres://")
LOCAL_HOSTS: Final = ("localhost", "127.0.0.1", "::1")


_CREDENTIALS: Final = re.compile(r"(?<=://).*:.*@", re.DOTALL)


def without_credentials(url: str) -> str:
    """Any URL without user and password, wherever a character that should have been escaped cuts
    them; never raises."""
    return _CREDENTIALS.sub("...@", url)


def shown(text: str) -> str:
    """A setting ``database`` without its password; never raises."""
    if not text.startswith(SCHEMES):
        return without_credentials(text)
    try:
        place, netloc = str(Place(text)), urlsplit(text).netloc
    except ValueError:
        return without_credentials(text)
    # A password that is not escaped ends early for a parser.
    return place if text.count("@") == netloc.count("@") <= 1 else without_credentials(text)


class Place:
    """A setting ``database``, taken apart. Raises `MaintenanceFailed` for a URL of another kind."""

    def __init__(self, text: str) -> None:
        self.text = text
        scheme, separator, _ = text.partition("://")
        self.is_postgres = text.startswith(SCHEMES)
        if separator and not self.is_postgres:
            raise MaintenanceFailed(
                f"{scheme}:// is no database that Enrol knows: name a SQLite file, "
                "or postgresql://user@host:port/name."
            )

    def __str__(self) -> str:
        """The place as it may be shown: without its password."""
        return self.without_password

    @property
    def path(self) -> Path:
        """The SQLite file."""
        return Path(self.text)

    @cached_property
    def _url(self) -> SplitResult:
        return urlsplit(self.text)

    @cached_property
    def _options(self) -> list[tuple[str, str]]:
        return parse_qsl(self._url.query, keep_blank_values=True)

    @property
    def password(self) -> str | None:
        """The password that the URL brings along."""
        for name, value in self._options:
            if name == "password":
                return value
        return None if self._url.password is None else unquote(self._url.password)

    @cached_property
    def without_password(self) -> str:
        """The URL for a command line or a message."""
        if not self.is_postgres:
            return self.text
        user, at, hosts = self._url.netloc.rpartition("@")
        netloc = f"{user.partition(':')[0]}{at}{hosts}"
        query = urlencode([pair for pair in self._options if pair[0] != "password"])
        return urlunsplit(self._url._replace(netloc=netloc, query=query))

    @property
    def is_encrypted_or_local(self) -> bool:
        """False where a password and customers would cross a network in the clear."""
        options = dict(self._options)
        host = options.get("host") or self._url.hostname or ""
        local = not host or host in LOCAL_HOSTS or host.startswith("/")
        return local or options.get("sslmode") in {"require", "verify-ca", "verify-full"}
