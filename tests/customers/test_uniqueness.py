"""Who is new: held against a naive reading of the rules, item by item."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from enrol.customers.enrolment import (
    DID,
    EXTERNAL,
    KIND_BITS,
    KINDS,
    SUB,
    WALLET,
    Enrolment,
    Refused,
)
from enrol.customers.uniqueness import NO_ID, POINTERS, Decision, decide, fault_of

# Each item has at most one wallet, DID and sub, out of so few that they often meet.
NAMES = st.sampled_from("abc")
ITEMS = st.lists(
    st.fixed_dictionaries({}, optional=dict.fromkeys(range(len(KINDS)), NAMES)), max_size=6
)
OWNERS = st.dictionaries(
    st.tuples(st.sampled_from(range(len(KINDS))), NAMES), st.integers(1, 3), max_size=5
)
MODES = st.sampled_from(["atomic", "partial"])

Item = dict[int, str]
Taken = dict[tuple[int, str], int]


def key_of(kind: int, name: str) -> bytes:
    return sha256(f"{kind}{name}".encode()).digest()[:16]


def stored_id(owner: int) -> bytes:
    return bytes([255] * 15 + [owner])


def new_id(item: int) -> bytes:
    return bytes([1] * 15 + [item])


def enrolment_of(
    items: list[Item], mode: str, *, return_existing: bool, left_out: frozenset[int] = frozenset()
) -> Enrolment:
    """An enrolment whose columns hold keys and IDs alone; some items were refused before."""
    positions = [item for item in range(len(items)) if item not in left_out]
    pairs = sorted(
        (key_of(kind, name), place << KIND_BITS | kind)
        for place, item in enumerate(positions)
        for kind, name in items[item].items()
    )
    return Enrolment(
        project=1,
        batch_id=bytes(16),
        key_id="key",
        at=0,
        mode=mode,
        return_existing=return_existing,
        items=len(items),
        idempotency=None,
        customer_type="Individual",
        positions=positions,
        ids=[new_id(item) for item in positions],
        claims=[],
        wallets=[],
        dids=[],
        findings=[],
        keys=tuple(key for key, _ in pairs),
        marks=tuple(mark for _, mark in pairs),
        refused=[],
    )


class Expected(NamedTuple):
    """What the naive reading says."""

    created: list[int]
    existing: dict[int, int]
    conflicts: list[tuple[int, int, bytes | int]]


def naive(items: list[Item], taken: Taken, *, return_existing: bool) -> Expected:
    """The rules as one would tell them: the first of two equal items is the right one."""
    expected = Expected([], {}, [])
    first: dict[tuple[int, str], int] = {}
    for item, keys in enumerate(items):
        owners = {taken[key] for key in keys.items() if key in taken}
        stored = [
            (item, kind, stored_id(taken[kind, keys[kind]]))
            for kind in sorted(keys)
            if (kind, keys[kind]) in taken
        ]
        twins = [
            (item, kind, first[kind, keys[kind]])
            for kind in sorted(keys)
            if (kind, keys[kind]) in first
        ]
        if return_existing and len(owners) == 1:
            expected.existing[item] = owners.pop()
        elif stored or twins:
            expected.conflicts.extend([*stored, *twins])
        else:
            expected.created.append(item)
            first |= dict.fromkeys(keys.items(), item)
    return expected


def hashes(taken: Taken) -> Mapping[bytes, bytes]:
    return {key_of(kind, name): stored_id(owner) for (kind, name), owner in taken.items()}


@given(ITEMS, OWNERS, st.booleans())
def test_an_atomic_batch_is_stored_whole_or_refused_with_every_conflict(
    items: list[Item], taken: Taken, return_existing: bool
) -> None:
    decision = decide(enrolment_of(items, "atomic", return_existing=return_existing), hashes(taken))
    expected = naive(items, taken, return_existing=return_existing)
    if expected.conflicts:
        assert decision == Refused(expected.conflicts)
        return
    assert isinstance(decision, Decision)
    assert list(decision.create) == expected.created
    assert decision.receipt.existing == list(expected.existing)
    assert ids_of(decision) == [
        stored_id(expected.existing[item]) if item in expected.existing else new_id(item)
        for item in range(len(items))
    ]
    assert not decision.receipt.listing


@given(ITEMS, OWNERS, st.booleans())
def test_a_partial_batch_is_decided_item_by_item(
    items: list[Item], taken: Taken, return_existing: bool
) -> None:
    decision = decide(
        enrolment_of(items, "partial", return_existing=return_existing), hashes(taken)
    )
    expected = naive(items, taken, return_existing=return_existing)
    assert isinstance(decision, Decision)
    assert list(decision.create) == expected.created
    assert decision.receipt.existing == list(expected.existing)
    assert decision.receipt.refused == [tuple(fault_of(*one)) for one in expected.conflicts]
    assert decision.receipt.listing
    for item, customer_id in enumerate(ids_of(decision)):
        if item in expected.created:
            assert customer_id == new_id(item)
        elif item in expected.existing:
            assert customer_id == stored_id(expected.existing[item])
        else:
            assert customer_id == NO_ID


@given(ITEMS, OWNERS, st.booleans(), st.data())
def test_items_that_were_refused_before_keep_their_places(
    items: list[Item], taken: Taken, return_existing: bool, data: st.DataObject
) -> None:
    left_out = (
        data.draw(st.frozensets(st.sampled_from(range(len(items))))) if items else frozenset()
    )
    enrolment = enrolment_of(items, "partial", return_existing=return_existing, left_out=left_out)
    decision = decide(enrolment, hashes(taken))
    assert isinstance(decision, Decision)
    empty: Any = {}
    blanked = [empty if item in left_out else keys for item, keys in enumerate(items)]
    expected = naive(blanked, taken, return_existing=return_existing)
    created = [enrolment.positions[place] for place in decision.create]
    assert created == [item for item in expected.created if item not in left_out]
    assert len(ids_of(decision)) == len(items)
    assert all(ids_of(decision)[item] == NO_ID for item in left_out)


@given(ITEMS, OWNERS, MODES, st.booleans())
def test_no_two_customers_are_created_with_the_same_key(
    items: list[Item], taken: Taken, mode: str, return_existing: bool
) -> None:
    decision = decide(enrolment_of(items, mode, return_existing=return_existing), hashes(taken))
    if isinstance(decision, Decision):
        keys = [key for place in decision.create for key in items[place].items()]
        assert len(set(keys)) == len(keys)
        assert not set(keys) & set(taken)


def ids_of(decision: Decision) -> list[bytes]:
    ids = decision.receipt.ids
    return [ids[start : start + 16] for start in range(0, len(ids), 16)]


def test_a_conflict_with_a_stored_customer_names_it() -> None:
    owner = UUID("0199f0aa-1111-7222-8333-444455556666")
    for kind in (WALLET, DID, SUB, EXTERNAL):
        fault = fault_of(3, kind, owner.bytes)
        assert (fault.item, fault.pointer) == (3, POINTERS[kind])
        assert fault.code == f"conflict.{KINDS[kind]}"
        assert fault.customer_id == str(owner)


def test_a_twin_names_the_first_of_its_kind() -> None:
    for kind in (WALLET, DID, SUB, EXTERNAL):
        fault = fault_of(3, kind, 1)
        assert (fault.item, fault.pointer) == (3, POINTERS[kind])
        assert fault.code == f"duplicate.{KINDS[kind]}"
        assert "/customerData/1" in fault.detail
        assert fault.customer_id is None
