"""API keys: what they look like, how they are hashed, whose call it is, and how many may come."""

import asyncio
import hmac
import secrets
import string
import time
import zlib
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from typing import Final, NamedTuple

from enrol.problems import Problem
from enrol.rates import Fields, Rates, share_of
from enrol.store.protocol import KeyRecord, Store

PREFIX: Final = "enrol_"
ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
SECRET_CHARS: Final = 32  # of 62 kinds: 190 bits
CHECKSUM_CHARS: Final = 6  # CRC-32 in base 62
HINT_CHARS: Final = 4
SCOPES: Final = ("customers:write", "customers:read", "admin")
DEFAULT_SCOPES: Final = ("customers:write", "customers:read")
MOST_CACHED: Final = 10_000
# Keys that this process has not seen are looked up so many at once; and when so many a second turn
# out to be nobody's, the others wait for the next second, for each of them costs a read.
MOST_LOOKUPS: Final = 32
MOST_STRANGERS: Final = 100
STRANGERS: Final = "strangers"


class NewKey(NamedTuple):
    """A key that was just made: the text is shown once, the hash is kept."""

    key: str
    hash: bytes
    hint: str


def make_key() -> NewKey:
    """A key: ``enrol_``, 32 random characters, and a checksum that secret scanners can check."""
    body = PREFIX + "".join(secrets.choice(ALPHABET) for _ in range(SECRET_CHARS))
    key = body + _checksum(body)
    return NewKey(key, hash_key(key), key[-HINT_CHARS:])


def hash_key(key: str) -> bytes:
    """SHA-256: enough for a secret of 190 random bits, and quick."""
    return sha256(key.encode()).digest()


def is_well_formed(key: str) -> bool:
    """True when the text has the form and the checksum of a key."""
    if len(key) != len(PREFIX) + SECRET_CHARS + CHECKSUM_CHARS or not key.isascii():
        return False
    body, checksum = key[:-CHECKSUM_CHARS], key[-CHECKSUM_CHARS:]
    return key.startswith(PREFIX) and hmac.compare_digest(checksum, _checksum(body))


def _checksum(body: str) -> str:
    rest, digits = zlib.crc32(body.encode()), ""
    for _ in range(CHECKSUM_CHARS):
        rest, digit = divmod(rest, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits


class Access:
    """Answers whose key a call carries, from a cache where the answer is young enough.

    A key that is revoked is refused at most ``cache_seconds`` later. A key that has no limit of
    its own may make ``rate_limit`` calls a minute (0: any number). Of each limit every one of the
    ``processes`` lets pass its share.
    """

    def __init__(
        self,
        store: Store,
        cache_seconds: float,
        clock: Callable[[], float] = time.monotonic,
        *,
        rate_limit: int = 0,
        processes: int = 1,
    ) -> None:
        self.store = store
        self.cache_seconds = cache_seconds
        self.clock = clock
        self.processes = processes
        self.rate_limit = rate_limit
        self.rates = Rates()
        # Whose window to tell of, by the hash of the header, which cost more to read again than
        # all the rest of it.
        self.limited: dict[int, str] = {}
        self.lookups = asyncio.Semaphore(MOST_LOOKUPS)
        self.strangers = Rates(seconds=1)
        self.cache: OrderedDict[bytes, tuple[float, KeyRecord]] = OrderedDict()

    async def key_of(self, authorization: str | None, scope: str) -> KeyRecord:
        """The key of a call that needs ``scope``. Raises `Problem` (401, 403, 429 or 503)."""
        scheme, _, key = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            raise _refusal("access.missing")
        key = key.strip(" ")
        key_hash = hash_key(key)
        record = self._cached(key_hash)
        if record is None:
            if not is_well_formed(key):
                raise _refusal("access.malformed")
            record = await (
                self._read(key_hash) if key_hash in self.cache else self._find(key_hash)
            )
        if record.revoked_at is not None:
            raise _refusal("access.revoked")
        if record.expires_at is not None and record.expires_at <= time.time() * 1000:
            raise _refusal("access.expired")
        limit = self.rate_limit if record.rate_limit is None else record.rate_limit
        if limit:
            self._take(authorization, record.key_id, limit)
        if scope not in record.scopes and "admin" not in record.scopes:
            raise _refusal("access.scope", scope)
        return record

    def _cached(self, key_hash: bytes) -> KeyRecord | None:
        # The dictionary compares hashes, of which a caller can choose no prefix, so that its
        # timing tells nothing of the keys behind them.
        until, record = self.cache.get(key_hash, (0.0, None))
        return record if until > self.clock() else None

    def rate_fields(self, authorization: str | None) -> Fields | None:
        """What the key of a call that was answered may still do; None where it is not limited."""
        key_id = self.limited.get(hash(authorization))
        return self.rates.fields(key_id, self.clock()) if key_id else None

    def _take(self, authorization: str | None, key_id: str, limit: int) -> None:
        if len(self.limited) >= MOST_CACHED:
            self.limited.clear()
        self.limited[hash(authorization)] = key_id
        now = self.clock()
        share = share_of(limit, self.processes)
        if not self.rates.take(key_id, share.calls, now, share.seconds):
            wait = self.rates.wait(key_id, share.calls, now)
            raise Problem("rate.limited", headers={"Retry-After": str(wait)})

    async def _find(self, key_hash: bytes) -> KeyRecord:
        """The key of a hash that this process has not seen, and that may be a stranger's."""
        # Whoever cannot pass now does not stand in line with those who may.
        self._require_few_strangers()
        async with self.lookups:
            self._require_few_strangers()
            self.strangers.take(STRANGERS, MOST_STRANGERS, self.clock())
            record = await self._read(key_hash)
            self.strangers.give_back(STRANGERS, self.clock())
            return record

    def _require_few_strangers(self) -> None:
        wait = self.strangers.wait(STRANGERS, MOST_STRANGERS, self.clock())
        if wait:
            detail = "Too many calls come with keys that nobody has; try again soon."
            raise Problem("server.busy", detail, headers={"Retry-After": str(wait)})

    async def _read(self, key_hash: bytes) -> KeyRecord:
        record = await self.store.find_key(key_hash)
        if record is None:
            raise _refusal("access.unknown")
        self.cache[key_hash] = (self.clock() + self.cache_seconds, record)
        self.cache.move_to_end(key_hash)
        while len(self.cache) > MOST_CACHED:
            self.cache.popitem(last=False)
        return record


def _refusal(code: str, scope: str | None = None) -> Problem:
    """RFC 6750 section 3: no error code when no bearer key was sent."""
    challenge = 'Bearer realm="enrol"'
    if code == "access.scope":
        challenge += f', error="insufficient_scope", scope="{scope}"'
    elif code != "access.missing":
        challenge += ', error="invalid_token"'
    return Problem(code, headers={"WWW-Authenticate": challenge})
