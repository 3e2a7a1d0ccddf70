"""The reference's two databases, each tuned as its driver allows.

On SQLite the transaction runs on the event loop: that was faster than aiosqlite, a thread pool or
one writer thread, which all fight the loop for the interpreter. On PostgreSQL it is SQLAlchemy's
async engine on asyncpg, whose ``executemany`` sends all rows of a table at once.
"""

import time
from hashlib import sha256
from typing import Any, Final, Protocol

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from benchmarks.databases import PROJECT
from benchmarks.reference.checks import Batch
from benchmarks.reference.tables import INSERTS, ApiKey, Base, rows_of

KEY_CACHE_SECONDS: Final = 10.0
# As fast as 2, 4 or 16 with large calls, and faster than 2 or 4 with small ones.
CONNECTIONS: Final = 8
_PRAGMAS: Final = (
    "page_size=8192",
    "journal_mode=WAL",
    "synchronous=FULL",
    "cache_size=-262144",
    "wal_autocheckpoint=12800",
)


class Store(Protocol):
    """The database of the reference."""

    async def open(self, key: str) -> None:
        """Make the tables, and a key to the project."""
        ...

    async def find_key(self, key_hash: str) -> ApiKey | None:
        """The key with this hash."""
        ...

    async def enrol(self, batch: Batch, key_hash: str) -> list[str]:
        """Store a batch in one transaction; IntegrityError when any of it is there already."""
        ...


def open_store(database: str) -> Store:
    """The store of a file or of a URL."""
    return PostgresStore(database) if "://" in database else SqliteStore(database)


class SqliteStore:
    """One file."""

    def __init__(self, path: str) -> None:
        self._engine = sa.create_engine(f"sqlite:///{path}")
        sa.event.listen(self._engine, "connect", self._tune)

    @staticmethod
    def _tune(connection: Any, _record: object) -> None:
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    async def open(self, key: str) -> None:
        """See `Store.open`."""
        Base.metadata.create_all(self._engine)
        with Session(self._engine) as session, session.begin():
            session.merge(_key(key))

    async def find_key(self, key_hash: str) -> ApiKey | None:
        """See `Store.find_key`."""
        with Session(self._engine) as session:
            return session.get(ApiKey, key_hash)

    async def enrol(self, batch: Batch, key_hash: str) -> list[str]:
        """See `Store.enrol`."""
        rows, ids = rows_of(batch, key_hash)
        with Session(self._engine) as session, session.begin():
            for model, values in rows.items():
                if values:
                    session.execute(INSERTS[model], values)
        return ids


class PostgresStore:
    """A pool of connections, all of which are open at once."""

    def __init__(self, url: str) -> None:
        self._engine = create_async_engine(
            url.replace("postgresql", "postgresql+asyncpg", 1),
            pool_size=CONNECTIONS,
            max_overflow=0,
        )

    async def open(self, key: str) -> None:
        """See `Store.open`."""
        async with self._engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        async with AsyncSession(self._engine) as session, session.begin():
            await session.merge(_key(key))

    async def find_key(self, key_hash: str) -> ApiKey | None:
        """See `Store.find_key`."""
        async with AsyncSession(self._engine) as session:
            return await session.get(ApiKey, key_hash)

    async def enrol(self, batch: Batch, key_hash: str) -> list[str]:
        """See `Store.enrol`."""
        rows, ids = rows_of(batch, key_hash)
        async with AsyncSession(self._engine) as session, session.begin():
            for model, values in rows.items():
                if values:
                    await session.execute(INSERTS[model], values)
        return ids


class Keys:
    """The keys of a store; one that was looked up is remembered for a few seconds."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, tuple[float, str]] = {}

    async def project_of(self, key_hash: str) -> str | None:
        """The project that a key gives access to."""
        known = self._known.get(key_hash)
        if known and known[0] > time.monotonic():
            return known[1]
        row = await self._store.find_key(key_hash)
        if row is None or row.revoked_at is not None:
            return None
        self._known[key_hash] = (time.monotonic() + KEY_CACHE_SECONDS, row.project_id)
        return row.project_id


def _key(key: str) -> ApiKey:
    return ApiKey(hash=sha256(key.encode()).hexdigest(), project_id=PROJECT)
