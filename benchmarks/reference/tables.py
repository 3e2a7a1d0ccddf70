"""The reference's tables as models of SQLAlchemy's ORM, and the rows that a batch adds to them."""

import time
from typing import Any, ClassVar, Final, NewType

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from uuid_utils import uuid7

from benchmarks.reference.checks import Batch, Claims

# A UUID as text; PostgreSQL has a type for it, of 16 bytes.
Id = NewType("Id", str)


class Base(DeclarativeBase):
    """What every row has: the project that it belongs to."""

    # A BIGINT of SQLite's would not number the events by itself.
    type_annotation_map: ClassVar = {
        int: sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
        Id: sa.String().with_variant(sa.Uuid(as_uuid=False), "postgresql"),
    }

    project_id: Mapped[str]


class ApiKey(Base):
    __tablename__ = "api_keys"
    hash: Mapped[str] = mapped_column(primary_key=True)
    revoked_at: Mapped[int | None]


class BatchRow(Base):
    __tablename__ = "batches"
    id: Mapped[Id] = mapped_column(primary_key=True)
    key_hash: Mapped[str]
    customers: Mapped[int]
    created_at: Mapped[int]


class CustomerRow(Base):
    __tablename__ = "customers"
    __table_args__ = (sa.UniqueConstraint("project_id", "sub"),)
    id: Mapped[Id] = mapped_column(primary_key=True)
    batch_id: Mapped[Id]
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
    customer_id: Mapped[Id] = mapped_column(primary_key=True)
    blockchain_namespace: Mapped[str]
    canonical: Mapped[str]
    wallet: Mapped[str]
    verified: Mapped[bool | None]
    created_by: Mapped[str | None]


class DidRow(Base):
    __tablename__ = "dids"
    __table_args__ = (sa.UniqueConstraint("project_id", "did"),)
    customer_id: Mapped[Id] = mapped_column(primary_key=True)
    did: Mapped[str]
    created_by: Mapped[str | None]
    updated_by: Mapped[str | None]


class EventRow(Base):
    __tablename__ = "events"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[Id]
    batch_id: Mapped[Id]
    type: Mapped[str]
    created_at: Mapped[int]


# Without render_nulls the ORM splits a bulk insert wherever the set of nulls changes.
INSERTS: Final = {
    mapper.class_: sa.insert(mapper.class_).execution_options(render_nulls=True)
    for mapper in Base.registry.mappers
}
_NO_CLAIMS: Final = dict.fromkeys(Claims.model_fields)


def _canonical(namespace: str, address: str) -> str:
    if namespace in ("aptos", "starknet"):
        return f"{int(address, 16):#066x}"
    return address.lower() if address[:2] in ("0x", "0X") else address


def rows_of(
    batch: Batch, key_hash: str
) -> tuple[dict[type[Base], list[dict[str, Any]]], list[str]]:
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
