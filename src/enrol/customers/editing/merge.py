"""Merging customers, and taking it back: who may be merged, what moves, and what moves back.

Wallets, DIDs and emails go to the target, with what was noted on them. Claims and all else stay
with the source, which is deleted softly: a record of claims is what somebody said of a person at
one time, and one put together from two was said by nobody.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from msgspec import Struct

from enrol.customers.editing.acting import Actor, Plan, event_of
from enrol.customers.editing.emails import MOST_EMAILS
from enrol.customers.editing.findings import findings_writes
from enrol.customers.editing.notes import EMAILS, PARTS, Note, Part, Whole, notes
from enrol.customers.editing.parts import KEY, MOST_PARTS, key_of
from enrol.customers.faults import Fault
from enrol.customers.lifecycle.change import Event, Write
from enrol.customers.lifecycle.keys import unique_keys

MERGED: Final = "customer.merged"
UNMERGED: Final = "customer.unmerged"
UNDO_MS: Final = 30 * 86_400_000
MOST_SOURCES: Final = 100
SOURCES_POINTER: Final = "/sourceCustomerIds"
TARGET_POINTER: Final = "/targetCustomerId"
SOURCE_POINTER: Final = "/sourceCustomerId"
MARKS: Final = ("deleted_at", "deleted_by", "merged_into")


class Moved(Struct, frozen=True, kw_only=True, rename="camel"):
    """What moved from a source, by ID; of each finding the ID of its part, its pointer at the
    source, and its code. A source's event `MERGED` keeps it."""

    merged_into: str
    customer_wallets: list[str]
    customer_dids: list[str]
    customer_emails: list[str]
    findings: list[tuple[str, str, str]]


class _Parcel(NamedTuple):
    """What moves between two customers: IDs of parts by table, keys with their kinds, and findings
    with their parts and the pointers that they get."""

    ids: Mapping[str, list[bytes]]
    keys: list[tuple[bytes, int]]
    findings: list[tuple[Part, Note]]


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
    there are, by ID. A source that was merged into this target before is no fault."""
    target = records.get(target_id)
    faults = list(_live_faults(TARGET_POINTER, target))
    for place, source_id in enumerate(source_ids):
        pointer, source = f"{SOURCES_POINTER}/{place}", records.get(source_id)
        if source_id == target_id:
            faults.append(Fault(None, pointer, "merge.same"))
        elif source_id in source_ids[:place]:
            faults.append(Fault(None, pointer, "merge.twice"))
        elif source is None or not is_merged(source, target_id):
            faults += _live_faults(pointer, source)
            if source and target and source.customer["type"] != target.customer["type"]:
                faults.append(Fault(None, pointer, "merge.type"))
    if not faults and _are_too_many([records[each] for each in {target_id, *source_ids}]):
        faults.append(Fault(None, SOURCES_POINTER, "merge.too_many"))
    return faults


def is_merged(source: Whole, target_id: bytes) -> bool:
    """Whether the source was merged into this very target."""
    return bool(source.customer["merged_into"] == target_id)


def unmerge_faults(target_id: bytes, source: Whole | None) -> list[Fault]:
    """What stands against taking a merge back, but for the time that has passed."""
    if source is None:
        return [Fault(None, SOURCE_POINTER, "merge.unknown")]
    if source.customer["erased_at"] is not None:
        return [Fault(None, SOURCE_POINTER, "merge.erased")]
    if not is_merged(source, target_id):
        return [Fault(None, SOURCE_POINTER, "merge.not_merged")]
    return []


def plan_merge(actor: Actor, target: Whole, sources: Sequence[Whole]) -> Plan:
    """Move all parts of the sources to the target, and delete the sources softly."""
    target_id = target.customer["id"]
    writes: list[Write] = []
    events: list[Event] = []
    take: list[tuple[bytes, bytes, int]] = []
    release: list[bytes] = []
    parcels: list[_Parcel] = []
    for source in sources:
        source_id = source.customer["id"]
        parcel = _parcel_of(actor, source)
        noted = [(_text(note.part_id), note.pointer, note.code) for _, note in _noted(source)]
        data = {"mergedInto": _text(target_id), **_told(parcel), "findings": noted}
        writes += _moves(actor, source_id, target_id, parcel)
        writes += _renote(actor, source, [], [])
        writes.append(_mark(actor, source_id, (actor.at, actor.key_id, target_id)))
        events.append(_event(actor, MERGED, source_id, [parcel], data))
        take += [(key, target_id, kind) for key, kind in parcel.keys]
        release += [key.hash for key in unique_keys(actor.secret, actor.project, source)]
        parcels.append(parcel)
    emails = sorted(row["id"] for record in (target, *sources) for row in record.emails)
    came = [finding for parcel in parcels for finding in parcel.findings]
    writes += _renote(actor, target, [*_by_id(target), *came], emails)
    told = [
        {"customerId": _text(source.customer["id"]), **_told(parcel)}
        for source, parcel in zip(sources, parcels, strict=True)
    ]
    events.append(_event(actor, MERGED, target_id, parcels, {"sources": told}))
    return Plan(writes, events, take, release)


def plan_unmerge(actor: Actor, target: Whole, source: Whole, moved: Moved) -> Plan:
    """Move back what came from the source and is still there, and restore the source with its own
    keys, which others may have taken."""
    target_id, source_id = target.customer["id"], source.customer["id"]
    parcel = _parcel_back(actor, target, moved)
    own = unique_keys(actor.secret, actor.project, source)
    take = [*parcel.keys, *((key.hash, key.kind) for key in own)]
    told = _told(parcel)
    back = {"unmergedFrom": _text(target_id), **told}
    gone = {"sources": [{"customerId": _text(source_id), **told}]}
    moving = {part_id for ids in parcel.ids.values() for part_id in ids}
    left = [finding for finding in _noted(target) if finding[1].part_id not in moving]
    emails = [row["id"] for row in target.emails if row["id"] not in moving]
    return Plan(
        [
            *_moves(actor, target_id, source_id, parcel),
            *_renote(actor, target, left, emails),
            *_renote(actor, source, parcel.findings, parcel.ids[EMAILS.table]),
            _mark(actor, source_id, (None, None, None)),
        ],
        [
            _event(actor, UNMERGED, source_id, [parcel], back),
            _event(actor, UNMERGED, target_id, [parcel], gone),
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


def _are_too_many(records: Sequence[Whole]) -> bool:
    most = {part: MOST_EMAILS if part is EMAILS else MOST_PARTS for part in PARTS}
    return any(
        sum(len(part.rows(record)) for record in records) > limit for part, limit in most.items()
    )


def _noted(record: Whole) -> list[tuple[Part, Note]]:
    """The findings on the parts of a customer."""
    return [(part, note) for part in PARTS for note in notes(record, part)]


def _by_id(record: Whole) -> list[tuple[Part, Note]]:
    """The same, each with the pointer that names its part: among the parts of many customers, that
    of a batch would lead to any that came with one."""
    return [
        (part, note._replace(pointer=part.pointer_of(note.part_id)))
        for part, note in _noted(record)
    ]


def _parcel_of(actor: Actor, source: Whole) -> _Parcel:
    """All that a source has to give."""
    ids = {row["id"] for part in PARTS for row in part.rows(source)}
    return _parcel(actor, source, ids, _by_id(source))


def _parcel_back(actor: Actor, target: Whole, moved: Moved) -> _Parcel:
    """What a target still has of that which moved to it."""
    texts = (moved.customer_wallets, moved.customer_dids, moved.customer_emails)
    came = {UUID(each).bytes for ids in texts for each in ids}
    before = {(UUID(part).bytes, code): pointer for part, pointer, code in moved.findings}
    findings = [
        (part, note._replace(pointer=before.get((note.part_id, note.code), note.pointer)))
        for part, note in _noted(target)
        if note.part_id in came
    ]
    return _parcel(actor, target, came, findings)


def _parcel(
    actor: Actor, giver: Whole, ids: Collection[bytes], findings: list[tuple[Part, Note]]
) -> _Parcel:
    rows = {part: [row for row in part.rows(giver) if row["id"] in ids] for part in PARTS}
    keys = [
        (key_of(actor, part, row), part.kind)
        for part, moving in rows.items()
        if part.kind is not None
        for row in moving
    ]
    moving_ids = {part.table: [row["id"] for row in moving] for part, moving in rows.items()}
    return _Parcel(moving_ids, keys, findings)


def _moves(actor: Actor, giver: bytes, taker: bytes, parcel: _Parcel) -> Iterator[Write]:
    for table, ids in parcel.ids.items():
        if ids:
            rows = [(taker, actor.project, giver, part_id) for part_id in ids]
            yield Write("update", table, ("customer_id",), rows, KEY)


def _renote(
    actor: Actor, record: Whole, findings: Sequence[tuple[Part, Note]], emails: Sequence[bytes]
) -> list[Write]:
    """Make these the findings on the parts of a customer; those on emails, which are ``emails``
    then, have their places, but for that of the batch."""
    before = {note.pointer for _, note in _noted(record)}
    after = [
        Fault(None, EMAILS.pointer_at(emails.index(note.part_id)), note.code)
        if part is EMAILS and note.pointer != EMAILS.pointer
        else Fault(None, note.pointer, note.code)
        for part, note in findings
    ]
    customer_id = record.customer["id"]
    return findings_writes(actor.project, customer_id, record.findings, after, before.__contains__)


def _mark(actor: Actor, source_id: bytes, marks: tuple[Any, ...]) -> Write:
    rows = [(*marks, actor.project, source_id)]
    return Write("update", "customers", MARKS, rows, ("project", "id"), exact=True)


def _event(
    actor: Actor,
    event_type: str,
    customer_id: bytes,
    parcels: Sequence[_Parcel],
    data: Mapping[str, Any],
) -> Event:
    """The event of one of the customers. Each has a salt of its own: that of the one whose data
    are erased must not stay with another's."""
    fields = [part.field for part in PARTS if any(parcel.ids[part.table] for parcel in parcels)]
    if "sources" not in data:
        fields = ["deletedAt", "mergedInto", *fields]
    salt = sha256(actor.salt + customer_id).digest()[: len(actor.salt)]
    return event_of(actor._replace(salt=salt), event_type, customer_id, fields, data)


def _told(parcel: _Parcel) -> dict[str, list[str]]:
    return {part.field: [_text(each) for each in parcel.ids[part.table]] for part in PARTS}


def _text(row_id: bytes) -> str:
    return str(UUID(bytes=row_id))
