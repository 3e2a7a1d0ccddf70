"""Who is new: decides, in memory, which customers of an enrolment are stored.

Wallet, DID, sub and external ID are unique within a project. Both databases and the dry run ask
here, after one query has told which keys are taken.
"""

from collections.abc import Mapping, Sequence
from operator import eq
from typing import NamedTuple
from uuid import UUID

from enrol.customers.check import DID_POINTER, SUB_POINTER, WALLET_POINTER
from enrol.customers.enrolment import (
    KIND_BITS,
    KINDS,
    Conflict,
    Enrolment,
    Receipt,
    Refused,
)
from enrol.customers.faults import Fault
from enrol.customers.profiles.fields import EXTERNAL_POINTER

POINTERS = (WALLET_POINTER, DID_POINTER, SUB_POINTER, EXTERNAL_POINTER)
NO_ID = bytes(16)


class Decision(NamedTuple):
    """The places (in ``ids``) of the customers to store, and what the caller is told."""

    create: Sequence[int]
    receipt: Receipt


def decide(enrolment: Enrolment, taken: Mapping[bytes, bytes]) -> Decision | Refused:
    """Decide one enrolment. ``taken`` maps the hashes that are stored to customer IDs."""
    clear = not taken or taken.keys().isdisjoint(enrolment.keys)
    if clear and enrolment.mode == "atomic" and not _has_twins(enrolment.keys):
        return Decision(range(len(enrolment.ids)), _receipt(enrolment, enrolment.ids, [], []))
    return _decide_each(enrolment, taken)


def fault_of(item: int, kind: int, owner: bytes | int) -> Fault:
    """The fault of an item whose key is taken: by a stored customer (its ID) or by an earlier
    item of the same batch (its index)."""
    if isinstance(owner, int):
        hint = f"It stands first at /customerData/{owner}."
        return Fault(item, POINTERS[kind], f"duplicate.{KINDS[kind]}", hint)
    told = str(UUID(bytes=owner))
    return Fault(item, POINTERS[kind], f"conflict.{KINDS[kind]}", "", told)


def _has_twins(keys: Sequence[bytes]) -> bool:
    """True when two items of a batch have the same unique key; the keys are sorted."""
    return any(map(eq, keys, keys[1:]))


def _decide_each(enrolment: Enrolment, taken: Mapping[bytes, bytes]) -> Decision | Refused:
    """Item by item, in the order of the call: the first of two equal items is the right one."""
    keys_of: list[list[tuple[bytes, int]]] = [[] for _ in enrolment.ids]
    for key, mark in zip(enrolment.keys, enrolment.marks, strict=True):
        keys_of[mark >> KIND_BITS].append((key, mark & (1 << KIND_BITS) - 1))
    ids = list(enrolment.ids)
    create: list[int] = []
    existing: list[int] = []
    conflicts: list[Conflict] = []
    accepted: dict[bytes, int] = {}
    for place, item in enumerate(enrolment.positions):
        keys = sorted(keys_of[place], key=lambda pair: pair[1])
        hits = [(item, kind, taken[key]) for key, kind in keys if key in taken]
        twins = [(item, kind, accepted[key]) for key, kind in keys if key in accepted]
        owners = {owner for _, _, owner in hits}
        if len(owners) == 1 and enrolment.return_existing:
            existing.append(item)
            ids[place] = owners.pop()
        elif hits or twins:
            conflicts += [*hits, *twins]
            ids[place] = NO_ID
        else:
            create.append(place)
            accepted |= dict.fromkeys((key for key, _ in keys), item)
    if conflicts and enrolment.mode == "atomic":
        return Refused(conflicts)
    faults = [fault_of(*conflict) for conflict in conflicts]
    return Decision(create, _receipt(enrolment, ids, existing, faults))


def _receipt(
    enrolment: Enrolment, ids: list[bytes], existing: list[int], conflicts: list[Fault]
) -> Receipt:
    if len(ids) != enrolment.items:
        by_item = dict(zip(enrolment.positions, ids, strict=True))
        ids = [by_item.get(item, NO_ID) for item in range(enrolment.items)]
    refused = [tuple(fault) for fault in enrolment.refused] + [tuple(f) for f in conflicts]
    return Receipt(
        batch_id=enrolment.batch_id,
        listing=enrolment.mode != "atomic",
        ids=b"".join(ids),
        existing=existing,
        refused=refused,
    )
