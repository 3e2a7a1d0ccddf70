"""A group of enrolments that share one transaction: what to ask, who is new, and the rows.

Ask once, decide in memory, write once: both databases write groups so, and the number of
statements depends neither on the size of a batch nor on the size of the group.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from itertools import chain, compress, repeat
from typing import Any, Final, NamedTuple

import msgspec

from enrol.customers.enrolment import (
    KIND_BITS,
    Enrolment,
    KeyReused,
    Outcome,
    Receipt,
    Refused,
    Stored,
)
from enrol.customers.lifecycle.chain import Head, Link, created_rows, link_created
from enrol.customers.uniqueness import Decision, decide
from enrol.store.columns import CLAIM_COLUMNS, PROFILE_COLUMNS

encode_receipt: Final = msgspec.msgpack.Encoder().encode
decode_receipt: Final = msgspec.msgpack.Decoder(Receipt).decode

Column = Iterable[Any]
Accepted = tuple[Enrolment, Decision]
# The project and the hash of an Idempotency-Key, to the fingerprint of the call and its receipt.
Receipts = MutableMapping[tuple[int, bytes], tuple[bytes, Receipt]]


class Decided(NamedTuple):
    """One outcome an enrolment, in order, and those that are to be written."""

    outcomes: list[Outcome]
    accepted: list[Accepted]


def hashes_of(group: Sequence[Enrolment]) -> dict[int, list[bytes]]:
    """The unique keys to ask for, sorted, by project."""
    asked: dict[int, list[bytes]] = defaultdict(list)
    for enrolment in group:
        asked[enrolment.project] += enrolment.keys
    return {project: sorted(hashes) for project, hashes in asked.items()}


def idempotency_keys_of(group: Sequence[Enrolment]) -> list[tuple[int, bytes]]:
    """The Idempotency-Keys to ask for, with their projects."""
    return [(one.project, one.idempotency[0]) for one in group if one.idempotency is not None]


def decide_group(
    group: Sequence[Enrolment],
    taken: Mapping[int, MutableMapping[bytes, bytes]],
    receipts: Receipts,
) -> Decided:
    """Decide one enrolment after another. ``taken`` maps the stored hashes of a project to
    customers, and ``receipts`` are those of the group's keys; both learn what is accepted."""
    outcomes: list[Outcome] = []
    accepted: list[Accepted] = []
    for enrolment in group:
        outcome = _replay(enrolment, receipts)
        if outcome is None:
            decision = decide(enrolment, taken[enrolment.project])
            if isinstance(decision, Refused):
                outcome = decision
            else:
                outcome = Stored(decision.receipt, replayed=False)
                accepted.append((enrolment, decision))
                if enrolment.idempotency is not None:
                    key_hash, fingerprint = enrolment.idempotency
                    receipts[enrolment.project, key_hash] = fingerprint, decision.receipt
                if len(group) > 1:
                    taken[enrolment.project].update(owned_keys(enrolment, decision))
        outcomes.append(outcome)
    return Decided(outcomes, accepted)


def _replay(enrolment: Enrolment, receipts: Receipts) -> Outcome | None:
    if enrolment.idempotency is None:
        return None
    key_hash, fingerprint = enrolment.idempotency
    found = receipts.get((enrolment.project, key_hash))
    if found is None:
        return None
    return Stored(found[1], replayed=True) if found[0] == fingerprint else KeyReused()


def owned_keys(enrolment: Enrolment, decision: Decision) -> Iterable[tuple[bytes, bytes]]:
    """The unique keys that are to be stored, sorted by hash, each with its customer's ID."""
    places = [mark >> KIND_BITS for mark in enrolment.marks]
    owners = map(enrolment.ids.__getitem__, places)
    keys, customers = _created(enrolment, decision, [enrolment.keys, owners], places)
    return zip(keys, customers, strict=True)


def _customers(enrolment: Enrolment, decision: Decision) -> list[Column]:
    """Customers without a profile: nearly all, and their rows are short."""
    if enrolment.profile is not None:
        return [[]]
    return _created(enrolment, decision, _customer_columns(enrolment))


def _profiled(enrolment: Enrolment, decision: Decision) -> list[Column]:
    if enrolment.profile is None:
        return [[]]
    columns = [*_customer_columns(enrolment), *enrolment.profile]
    return _created(enrolment, decision, columns)


def _customer_columns(enrolment: Enrolment) -> list[Column]:
    shared = repeat(enrolment.batch_id), repeat(enrolment.customer_type), repeat(enrolment.at)
    return [repeat(enrolment.project), enrolment.ids, *shared, *enrolment.claims]


def _emails(enrolment: Enrolment, decision: Decision) -> list[Column]:
    if enrolment.emails is None:
        return [[]]
    places, *columns = enrolment.emails
    return _created(enrolment, decision, _of_customers(enrolment, places, columns), places)


def _wallets(enrolment: Enrolment, decision: Decision) -> list[Column]:
    places, *columns = enrolment.wallets
    return _created(enrolment, decision, _of_customers(enrolment, places, columns), places)


def _dids(enrolment: Enrolment, decision: Decision) -> list[Column]:
    places, *columns = enrolment.dids
    return _created(enrolment, decision, _of_customers(enrolment, places, columns), places)


def _of_customers(
    enrolment: Enrolment, places: Sequence[int], columns: Sequence[Sequence[object]]
) -> list[Column]:
    ids = enrolment.ids
    customer_ids = ids if len(places) == len(ids) else [ids[place] for place in places]
    return [repeat(enrolment.project), customer_ids, *columns, repeat(enrolment.at)]


def _findings(enrolment: Enrolment, decision: Decision) -> list[Column]:
    places = [place for place, _, _ in enrolment.findings]
    columns = [
        repeat(enrolment.project),
        [enrolment.ids[place] for place in places],
        [pointer for _, pointer, _ in enrolment.findings],
        [code for _, _, code in enrolment.findings],
    ]
    return _created(enrolment, decision, columns, places)


def _batches(enrolment: Enrolment, decision: Decision) -> list[Column]:
    created, existing = len(decision.create), len(decision.receipt.existing)
    refused = enrolment.items - created - existing
    row = (
        enrolment.project,
        enrolment.batch_id,
        enrolment.key_id,
        enrolment.mode,
        enrolment.items,
        created,
        existing,
        refused,
        enrolment.at,
    )
    return [[value] for value in row]


def _idempotency(enrolment: Enrolment, decision: Decision) -> list[Column]:
    if enrolment.idempotency is None:
        return [[]] * 5
    key_hash, fingerprint = enrolment.idempotency
    receipt = encode_receipt(decision.receipt)
    row = (enrolment.project, key_hash, fingerprint, receipt, enrolment.at)
    return [[value] for value in row]


def _created(
    enrolment: Enrolment,
    decision: Decision,
    columns: list[Column],
    places: Sequence[int] | None = None,
) -> list[Column]:
    """The rows of the customers that are to be created; ``places`` says whose each row is. A
    constant column may be endless: the first that is not says how many rows there are."""
    if len(decision.create) == len(enrolment.ids):
        return columns
    chosen = set(decision.create)
    places = range(len(enrolment.ids)) if places is None else places
    flags = [place in chosen for place in places]
    return [compress(column, flags) for column in columns]


class TableRows(NamedTuple):
    """A table, its columns in order, and the columns of the rows that an enrolment adds."""

    name: str
    columns: tuple[str, ...]
    rows: Callable[[Enrolment, Decision], list[Column]]


_CUSTOMER_COLUMNS: Final = ("project", "id", "batch_id", "type", "created_at", *CLAIM_COLUMNS)

TABLES: Final[tuple[TableRows, ...]] = (
    TableRows("customers", _CUSTOMER_COLUMNS, _customers),
    TableRows("customers", (*_CUSTOMER_COLUMNS, *PROFILE_COLUMNS), _profiled),
    TableRows("emails", ("project", "customer_id", "id", "email", "created_at"), _emails),
    TableRows(
        "wallets",
        (
            *("project", "customer_id", "id", "namespace", "address", "canonical", "verified"),
            *("created_by", "created_at"),
        ),
        _wallets,
    ),
    TableRows(
        "dids",
        ("project", "customer_id", "id", "did", "created_by", "updated_by", "created_at"),
        _dids,
    ),
    TableRows("findings", ("project", "customer_id", "pointer", "code"), _findings),
    TableRows(
        "batches",
        (
            *("project", "id", "key_id", "mode", "items", "created", "existing", "refused"),
            "created_at",
        ),
        _batches,
    ),
    TableRows(
        "idempotency",
        ("project", "key_hash", "fingerprint", "receipt", "created_at"),
        _idempotency,
    ),
)
"""What a group writes, but for the unique keys, which each database keeps in its own way, and the
events, which are numbered last of all: `chain_group`."""


def rows_of(table: TableRows, accepted: Iterable[Accepted]) -> Iterable[tuple[Any, ...]]:
    """The rows that a group adds to a table, made while they are read."""
    # The shortest column ends the rows: constants are endless.
    return chain.from_iterable(zip(*table.rows(*one), strict=False) for one in accepted)


def keys_of(accepted: Sequence[Accepted]) -> dict[int, list[tuple[bytes, bytes]]]:
    """The unique keys that a group adds, with their customers, sorted, by project."""
    keys: dict[int, list[tuple[bytes, bytes]]] = defaultdict(list)
    for enrolment, decision in accepted:
        keys[enrolment.project] += owned_keys(enrolment, decision)
    if len(accepted) > 1:
        for project_keys in keys.values():
            project_keys.sort()
    return keys


class Chained(NamedTuple):
    """The links of a group and the rows of their events, and where each chain ends then."""

    links: list[Link]
    events: Iterable[tuple[Any, ...]]
    heads: dict[int, Head]


def chain_group(accepted: Iterable[Accepted], heads: Mapping[int, Head]) -> Chained:
    """The links and events that a group adds behind the ``heads`` of its projects."""
    ends = dict(heads)
    links: list[Link] = []
    events: list[Iterable[tuple[Any, ...]]] = []
    for enrolment, decision in accepted:
        if not decision.create:
            continue
        project = enrolment.project
        (created,) = _created(enrolment, decision, [enrolment.ids])
        ids = created if isinstance(created, list) else list(created)
        link = link_created(
            *(ends[project], project, enrolment.batch_id, enrolment.key_id, enrolment.at, ids)
        )
        links.append(link)
        events.append(created_rows(link, ids))
        ends[project] = Head(link.last, link.hash)
    return Chained(links, chain.from_iterable(events), ends)
