"""The reference: one FastAPI application with SQLAlchemy's ORM over SQLite, in one process.

The same tables, keys and guarantees as Enrol's: all or nothing, and on disk before it answers.
Tuned as its parts allow: the body goes to pydantic's core as bytes, rows through the ORM's bulk
insert, answers through orjson. The transaction runs on the event loop: that was faster than
aiosqlite, a thread pool or one writer thread, which all fight the loop for the interpreter.
``python -m benchmarks.reference.app --port 8001 --database FILE --key KEY``.
"""

import argparse
import gc
import time
from hashlib import sha256
from typing import Annotated, Any, Final

import orjson
import sqlalchemy as sa
import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from pydantic import ValidationError
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from uuid_utils import uuid7

from benchmarks.reference.checks import Batch, Claims

PROJECT: Final = "bench"
KEY_CACHE_SECONDS: Final = 10.0
_PRAGMAS: Final = (
    "page_size=8192",
    "journal_mode=WAL",
    "synchronous=FULL",
    "cache_size=-262144",
    "wal_autocheckpoint=12800",
)


class Base(DeclarativeBase):
    """What every row has: the project that it belongs to."""

    project_id: Mapped[str]


class ApiKey(Base):
    __tablename__ = "api_keys"
    hash: Mapped[str] = mapped_column(primary_key=True)
    revoked_at: Mapped[int | None]


class BatchRow(Base):
    __tablename__ = "batches"
    id: Mapped[str] = mapped_column(primary_key=True)
    key_hash: Mapped[str]
    customers: Mapped[int]
    created_at: Mapped[int]


class CustomerRow(Base):
    __tablename__ = "customers"
    __table_args__ = (sa.UniqueConstraint("project_id", "sub"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    batch_id: Mapped[str]
    type: Mapped[str]
    created_at: Mapped[int]
    sub: Mapped[str | None]
    name: Mapped[str | None]
    given_name: Mapped[str | None]
    family_name: Mapped[str | None]
    middle_name: Mapped[str | None]
    nickname: Mapped[str | None]
    preferred_username: Mapped[str | None]
    profile: Mapped[str | None]
    picture: Mapped[str | None]
    picture_base64: Mapped[str | None]
    website: Mapped[str | None]
    gender: Mapped[str | None]
    birthdate: Mapped[str | None]
    zoneinfo: Mapped[str | None]
    locale: Mapped[str | None]
    country_of_residence: Mapped[str | None]
    nationality: Mapped[str | None]
    created_by: Mapped[str | None]
    address: Mapped[str | None]


class WalletRow(Base):
    __tablename__ = "wallets"
    __table_args__ = (sa.UniqueConstraint("project_id", "blockchain_namespace", "canonical"),)
    customer_id: Mapped[str] = mapped_column(primary_key=True)
    blockchain_namespace: Mapped[str]
    canonical: Mapped[str]
    wallet: Mapped[str]
    verified: Mapped[bool | None]
    created_by: Mapped[str | None]


class DidRow(Base):
    __tablename__ = "dids"
    __table_args__ = (sa.UniqueConstraint("project_id", "did"),)
    customer_id: Mapped[str] = mapped_column(primary_key=True)
    did: Mapped[str]
    created_by: Mapped[str | None]
    updated_by: Mapped[str | None]


class EventRow(Base):
    __tablename__ = "events"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[str]
    batch_id: Mapped[str]
    type: Mapped[str]
    created_at: Mapped[int]


# Without render_nulls the ORM splits a bulk insert wherever the set of nulls changes.
_INSERTS: Final = {
    mapper.class_: sa.insert(mapper.class_).execution_options(render_nulls=True)
    for mapper in Base.registry.mappers
}
_NO_CLAIMS: Final = dict.fromkeys(Claims.model_fields)


def _canonical(namespace: str, address: str) -> str:
    if namespace in ("aptos", "starknet"):
        return f"{int(address, 16):#066x}"
    return address.lower() if address[:2] in ("0x", "0X") else address


class Store:
    """The database; a key that was looked up is remembered for a few seconds."""

    def __init__(self, path: str) -> None:
        self._engine = sa.create_engine(f"sqlite:///{path}")
        sa.event.listen(self._engine, "connect", self._tune)
        self._keys: dict[str, tuple[float, str]] = {}
        Base.metadata.create_all(self._engine)

    @staticmethod
    def _tune(connection: Any, _record: object) -> None:
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    def add_key(self, key: str) -> None:
        """Make sure that a key to the project is there."""
        with Session(self._engine) as session, session.begin():
            session.merge(ApiKey(hash=sha256(key.encode()).hexdigest(), project_id=PROJECT))

    def project_of(self, key_hash: str) -> str | None:
        """The project that a key gives access to."""
        known = self._keys.get(key_hash)
        if known and known[0] > time.monotonic():
            return known[1]
        with Session(self._engine) as session:
            row = session.get(ApiKey, key_hash)
        if row is None or row.revoked_at is not None:
            return None
        self._keys[key_hash] = (time.monotonic() + KEY_CACHE_SECONDS, row.project_id)
        return row.project_id

    def enrol(self, batch: Batch, key_hash: str) -> list[str]:
        """Store a batch in one transaction; IntegrityError when any of it is there already."""
        rows, ids = _rows(batch, key_hash)
        with Session(self._engine) as session, session.begin():
            for model, values in rows.items():
                if values:
                    session.execute(_INSERTS[model], values)
        return ids


def _rows(batch: Batch, key_hash: str) -> tuple[dict[type[Base], list[dict[str, Any]]], list[str]]:
    """What a batch adds to each table, and the new customers' IDs in order."""
    project, now, batch_id = batch.cms_project_id, time.time_ns() // 1_000_000, str(uuid7())
    ids = [str(uuid7()) for _ in batch.customer_data]
    head = {"id": batch_id, "project_id": project, "key_hash": key_hash, "created_at": now}
    every = {"project_id": project, "batch_id": batch_id, "created_at": now}
    every["type"] = batch.customer_type
    rows: dict[type[Base], list[dict[str, Any]]] = {
        BatchRow: [head | {"customers": len(ids)}],
        **{model: [] for model in (CustomerRow, WalletRow, DidRow, EventRow)},
    }
    for customer_id, item in zip(ids, batch.customer_data, strict=True):
        claims = item.customer_claims.__dict__ if item.customer_claims else _NO_CLAIMS
        rows[CustomerRow].append({"id": customer_id, **every, **claims})
        owner = {"customer_id": customer_id, "project_id": project}
        if wallet := item.customer_wallet:
            canonical = _canonical(wallet.blockchain_namespace, wallet.wallet)
            rows[WalletRow].append({**owner, **wallet.__dict__, "canonical": canonical})
        if did := item.customer_did:
            rows[DidRow].append({**owner, **did.__dict__})
        event = {"batch_id": batch_id, "type": "customer.created", "created_at": now}
        rows[EventRow].append({**owner, **event})
    return rows, ids


app = FastAPI()


def _json(content: object, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")


async def _caller(request: Request) -> tuple[str, str]:
    """The hash of the caller's key and its project."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    key_hash = sha256(key.encode()).hexdigest()
    project = request.app.state.store.project_of(key_hash) if scheme == "Bearer" else None
    if project is None:
        raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})
    return key_hash, project


@app.get("/healthz")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/customers/batch")
async def create_customers(
    request: Request, caller: Annotated[tuple[str, str], Depends(_caller)]
) -> Response:
    try:
        batch = Batch.model_validate_json(await request.body())
    except ValidationError as error:
        return _json({"errors": error.errors(include_input=False, include_context=False)}, 422)
    if batch.cms_project_id != caller[1]:
        raise HTTPException(403)
    try:
        ids = request.app.state.store.enrol(batch, caller[0])
    except IntegrityError:
        return _json({"detail": "A customer with this wallet, DID or sub exists."}, 409)
    return _json(ids)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--database", required=True)
    parser.add_argument("--key", required=True, help="a key to the project `bench`")
    ask = parser.parse_args()
    app.state.store = Store(ask.database)
    app.state.store.add_key(ask.key)
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)  # a batch makes tens of thousands of objects, and no cycles
    # uvicorn takes uvloop and httptools by itself where they are installed, as they are here.
    uvicorn.run(app, port=ask.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
