"""Merging customers, and taking it back: who may be merged, what moves, and what moves back.

Wallets, DIDs and emails go to the target, and with the first two what was noted on them. Claims
and all else stay with the source, which is deleted softly: a record of claims is what somebody
said of a person at one time, and one put together from two was said by nobody.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from msgspec import Struct

from enrol.customers.enrolment import DID, WALLET
from enrol.customers.faults import Fault
from enrol.customers.lifecycle.change import Write
from enrol.customers.lifecycle.keys import Row, unique_keys
from enrol.customers.lifecycle.parts import (
    DIDS,
    MOST_PARTS,
    WALLETS,
    Edit,
    Occasion,
    Whole,
    notes,
)

MERGED: Final = "customer.merged"
UNMERGED: Final = "customer.unmerged"
UNDO_MS: Final = 30 * 86_400_000
SOURCES_POINTER: Final = "/sourceCustomerIds"
TARGET_POINTER: Final = "/targetCustomerId"
SOURCE_POINTER: Final = "/sourceCustomerId"


class Moved(Struct, frozen=True, kw_only=True, rename="camel"):
    """What moved from a source, by ID; of each finding its pointer there, that at the target, and
    its code. A source's event `MERGED` keeps it."""

    merged_into: str
    customer_wallets: list[str]
    customer_dids: list[str]
    customer_emails: list[str]
    findings: list[tuple[str, str, str]]


class _Parcel(NamedTuple):
    """What moves between two customers: IDs by table, findings as `Moved` has them, and keys."""

    ids: Mapping[str, list[bytes]]
    findings: list[tuple[str, str, str]]
    keys: list[tuple[bytes, int]]


def _emails(record: Whole) -> Sequence[Row]:
    return record.emails


_FIELDS: Final = {"wallets": WALLETS.field, "dids": DIDS.field, "emails": "customerEmails"}


def decode_moved(data: str) -> Moved | None:
    """What an event `MERGED` says that moved; None for one of a target."""
    try:
        return msgspec.json.decode(data, type=Moved)
    except msgspec.ValidationError:
        return None


def merge_faults(
    target_id: bytes, source_ids: Sequence[bytes], records: Mapping[bytes, Whole]
) -> list[Fault]:
    """All that stands against merging these sources into this target; ``records`` are those that
    there are, by ID."""
    faults = list(_live_faults(TARGET_POINTER, records.get(target_id)))
    target = records.get(target_id)
    for place, source_id in enumerate(source_ids):
        pointer, source = f"{SOURCES_POINTER}/{place}", records.get(source_id)
        if source_id == target_id:
            faults.append(Fault(None, pointer, "merge.same"))
        elif source_id in source_ids[:place]:
            faults.append(Fault(None, pointer, "merge.twice"))
        elif not is_merged(source, target_id):
            faults += _live_faults(pointer, source)
            if source and target and source.customer["type"] != target.customer["type"]:
                faults.append(Fault(None, pointer, "merge.type"))
    if not faults and target is not None:
        moving = [records[each] for each in source_ids if not is_merged(records[each], target_id)]
        together = [target, *moving]
        for rows in (WALLETS.rows, DIDS.rows, _emails):
            if sum(len(rows(record)) for record in together) > MOST_PARTS:
                faults.append(Fault(None, SOURCES_POINTER, "merge.too_many"))
                break
    return faults


def is_merged(source: Whole | None, target_id: bytes) -> bool:
    """Whether the source was merged into this very target."""
    return source is not None and source.customer["merged_into"] == target_id


def unmerge_faults(target: Whole, source: Whole | None) -> list[Fault]:
    """All that stands against taking a merge back, but for the time that has passed."""
    if is_merged(source, target.customer["id"]):
        return []
    if source is None:
        return [Fault(None, SOURCE_POINTER, "merge.unknown")]
    return [Fault(None, SOURCE_POINTER, "merge.not_merged")]


def plan_merge(occasion: Occasion, key_id: str, target: Whole, sources: Sequence[Whole]) -> Edit:
    """Move all parts of the sources to the target, and delete the sources softly."""
    edits: list[Edit] = []
    parcels: list[_Parcel] = []
    target_id = target.customer["id"]
    for source in sources:
        source_id = source.customer["id"]
        parcel = _parcel_of(occasion, source)
        told = {"mergedInto": _text(target_id), **_told(parcel), "findings": parcel.findings}
        fields = ["deletedAt", "mergedInto", *_fields([parcel])]
        gone = (occasion.at, key_id, target_id)
        own = [key.hash for key in unique_keys(occasion.secret, occasion.project, source)]
        edits.append(
            Edit(
                [*_moves(occasion, source_id, target_id, parcel), _mark(occasion, source_id, gone)],
                [occasion.event(MERGED, source_id, fields, told)],
                [(key, target_id, kind) for key, kind in parcel.keys],
                own,
            )
        )
        parcels.append(parcel)
    data = [
        {"customerId": _text(source.customer["id"]), **_told(parcel)}
        for source, parcel in zip(sources, parcels, strict=True)
    ]
    event = occasion.event(MERGED, target_id, _fields(parcels), {"sources": data})
    return Edit(
        [write for edit in edits for write in edit.writes],
        [*(event for edit in edits for event in edit.events), event],
        [key for edit in edits for key in edit.take],
        [key for edit in edits for key in edit.release],
    )


def plan_unmerge(occasion: Occasion, target: Whole, source: Whole, moved: Moved) -> Edit:
    """Move back what came from the source and is still there, and restore the source with its own
    keys, which others may have taken."""
    target_id, source_id = target.customer["id"], source.customer["id"]
    parcel = _parcel_back(occasion, target, moved)
    own = unique_keys(occasion.secret, occasion.project, source)
    take = [*parcel.keys, *((key.hash, key.kind) for key in own)]
    told = _told(parcel)
    fields = _fields([parcel])
    return Edit(
        [
            *_moves(occasion, target_id, source_id, parcel),
            _mark(occasion, source_id, (None, None, None)),
        ],
        [
            occasion.event(
                UNMERGED,
                source_id,
                ["deletedAt", "mergedInto", *fields],
                {"unmergedFrom": _text(target_id), **told},
            ),
            occasion.event(
                UNMERGED, target_id, fields, {"sources": [{"customerId": _text(source_id), **told}]}
            ),
        ],
        [(key, source_id, kind) for key, kind in take],
        [key for key, _ in parcel.keys],
        dict.fromkeys((key for key, _ in take), SOURCE_POINTER),
    )


def _live_faults(pointer: str, record: Whole | None) -> Iterator[Fault]:
    if record is None:
        yield Fault(None, pointer, "merge.unknown")
        return
    row = record.customer
    if row["erased_at"] is not None:
        yield Fault(None, pointer, "merge.erased")
    elif row["merged_into"] is not None:
        yield Fault(None, pointer, "merge.merged", "", _text(row["merged_into"]))
    elif row["deleted_at"] is not None:
        yield Fault(None, pointer, "merge.deleted")


def _parcel_of(occasion: Occasion, source: Whole) -> _Parcel:
    """All that a source has to give."""
    ids = {
        "wallets": [row["id"] for row in source.wallets],
        "dids": [row["id"] for row in source.dids],
        "emails": [row["id"] for row in source.emails],
    }
    findings = [
        (pointer, part.pointer_of(part_id), code)
        for part in (WALLETS, DIDS)
        for pointer, code, part_id in notes(source, part)
    ]
    own = unique_keys(occasion.secret, occasion.project, source)
    keys = [(key.hash, key.kind) for key in own if key.kind in (WALLET, DID)]
    return _Parcel(ids, findings, keys)


def _parcel_back(occasion: Occasion, target: Whole, moved: Moved) -> _Parcel:
    """What a target still has of that which moved to it."""
    came = {
        "wallets": _bytes(moved.customer_wallets),
        "dids": _bytes(moved.customer_dids),
        "emails": _bytes(moved.customer_emails),
    }
    there = {"wallets": target.wallets, "dids": target.dids, "emails": target.emails}
    ids = {
        table: [row["id"] for row in rows if row["id"] in came[table]]
        for table, rows in there.items()
    }
    before = {(now, code): pointer for pointer, now, code in moved.findings}
    findings: list[tuple[str, str, str]] = []
    keys: list[tuple[bytes, int]] = []
    for part in (WALLETS, DIDS):
        findings += [
            (pointer, before.get((pointer, code), pointer), code)
            for pointer, code, part_id in notes(target, part)
            if part_id in ids[part.table]
        ]
        keys += [
            (occasion.key(part.kind, part.value(row)), part.kind)
            for row in part.rows(target)
            if row["id"] in ids[part.table]
        ]
    return _Parcel(ids, findings, keys)


def _moves(occasion: Occasion, giver: bytes, taker: bytes, parcel: _Parcel) -> Iterator[Write]:
    where = ("project", "customer_id", "id")
    for table, ids in parcel.ids.items():
        if ids:
            rows = [(taker, occasion.project, giver, part_id) for part_id in ids]
            yield Write("update", table, ("customer_id",), rows, where)
    if parcel.findings:
        noted = [
            (taker, after, occasion.project, giver, before, code)
            for before, after, code in parcel.findings
        ]
        columns = ("customer_id", "pointer")
        keys = ("project", "customer_id", "pointer", "code")
        yield Write("update", "findings", columns, noted, keys)


def _mark(occasion: Occasion, source_id: bytes, values: tuple[Any, ...]) -> Write:
    columns = ("deleted_at", "deleted_by", "merged_into")
    row = (*values, occasion.project, source_id)
    return Write("update", "customers", columns, [row], ("project", "id"))


def _told(parcel: _Parcel) -> dict[str, list[str]]:
    return {_FIELDS[table]: [_text(each) for each in ids] for table, ids in parcel.ids.items()}


def _fields(parcels: Sequence[_Parcel]) -> list[str]:
    moving = {table for parcel in parcels for table, ids in parcel.ids.items() if ids}
    return [field for table, field in _FIELDS.items() if table in moving]


def _text(customer_id: bytes) -> str:
    return str(UUID(bytes=customer_id))


def _bytes(ids: Sequence[str]) -> set[bytes]:
    return {UUID(each).bytes for each in ids}
