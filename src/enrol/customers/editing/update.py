"""A merge patch of a stored customer, planned: checked as a batch is, with all faults at once."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from enrol.customers.check import check_columns, check_customer_type, refusals_and_findings
from enrol.customers.columns import columns_of
from enrol.customers.editing.acting import UPDATED, Actor, Plan, event_of
from enrol.customers.editing.findings import findings_writes
from enrol.customers.editing.patch import (
    CLAIM_COLUMNS,
    CLAIMS_POINTER,
    FIELDS,
    ClaimsPatch,
    CustomerPatch,
    changes_of,
)
from enrol.customers.enrolment import EXTERNAL, SUB
from enrol.customers.faults import FAULTS, Fault
from enrol.customers.lifecycle.change import Write
from enrol.customers.lifecycle.keys import Stored
from enrol.customers.lifecycle.profile import check_profile
from enrol.customers.lifecycle.statuses import NO_STATUS, STATUSES, followers, may_follow
from enrol.customers.model import Customer, CustomerClaims, Limits
from enrol.customers.plan import key_hash
from enrol.customers.profiles.fields import STORED_FIELDS

# The unique keys among the fields.
KEYS: Final = {"sub": SUB, "external_customer_id": EXTERNAL}


class Found(Stored, Protocol):
    """A stored customer with its findings."""

    @property
    def findings(self) -> Sequence[Mapping[str, Any]]:
        """What was noted on it."""
        ...


class Rules(NamedTuple):
    """What a project takes; ``today`` is the latest date anywhere on earth."""

    lenient: bool
    limits: Limits
    today: date


def plan_patch(actor: Actor, record: Found, patch: CustomerPatch, rules: Rules) -> Plan:
    """What a patch writes: nothing, where nothing becomes another."""
    row = record.customer
    changes = changes_of(row, patch)
    if not changes:
        return Plan()
    after = {**row, **changes}
    faults, findings = _checked(after, changes, rules)
    customer_id = row["id"]
    keys = [
        (key_hash(actor.secret, actor.project, kind, changes[column]), customer_id, kind)
        for column, kind in KEYS.items()
        if changes.get(column) is not None
    ]
    places = [FIELDS[column].pointer for column in KEYS if changes.get(column) is not None]
    return Plan(
        writes=[
            Write(
                "update",
                "customers",
                tuple(changes),
                [(*changes.values(), actor.project, customer_id)],
                ("project", "id"),
                exact=True,
            ),
            *findings_writes(actor.project, customer_id, record.findings, findings, _is_of_a_field),
        ],
        events=[
            event_of(
                actor,
                UPDATED,
                customer_id,
                sorted(FIELDS[column].name for column in changes),
                _data(row, after, changes),
            )
        ],
        take=keys,
        release=[
            key_hash(actor.secret, actor.project, kind, row[column])
            for column, kind in KEYS.items()
            if column in changes and row[column] is not None
        ],
        places={key: place for (key, _, _), place in zip(keys, places, strict=True)},
        faults=sorted([*_transition(row, changes), *faults], key=lambda fault: fault.pointer),
    )


def plan_claims(actor: Actor, record: Found, claims: ClaimsPatch, rules: Rules) -> Plan:
    """The same of claims alone, with pointers into a body that is the claims."""
    plan = plan_patch(actor, record, CustomerPatch(customer_claims=claims), rules)
    faults = [
        fault._replace(pointer=fault.pointer.removeprefix(CLAIMS_POINTER)) for fault in plan.faults
    ]
    places = {key: place.removeprefix(CLAIMS_POINTER) for key, place in plan.places.items()}
    return plan._replace(faults=faults, places=places)


def _checked(
    after: Mapping[str, Any], changes: Collection[str], rules: Rules
) -> tuple[list[Fault], list[Fault]]:
    """The faults of what changed, and the findings of all fields as they are then.

    What is stored and does not change is refused no more, whatever it is: where its format is
    wrong, a lenient project took it.
    """
    changed = {FIELDS[column].pointer for column in changes}
    refusals: list[Fault] = []
    findings: list[Fault] = []
    for fault in _faults(after, rules):
        kind = FAULTS[fault.code]
        if _field_of(fault.pointer) in changed:
            refused, noted = refusals_and_findings([fault], lenient=rules.lenient)
            refusals += refused
            findings += noted
        elif kind.finding or kind.format:
            findings.append(fault)
        elif fault.code == "onboarding_level.type" and "type" in changes:
            # The level that is stored stands nowhere in the body.
            refusals.append(fault._replace(pointer=FIELDS["type"].pointer))
    return refusals, findings


def _faults(after: Mapping[str, Any], rules: Rules) -> Iterator[Fault]:
    """All that the batch would say of these fields."""
    for fault in check_customer_type(after["type"]):
        yield fault._replace(pointer=FIELDS["type"].pointer)
    claims = CustomerClaims(**{field: after[column] for field, column in CLAIM_COLUMNS.items()})
    columns = columns_of([Customer(customer_claims=claims)], [0])
    for fault in check_columns(columns, after["type"], rules.limits, rules.today).faults:
        if fault.code != "item.empty":
            yield fault._replace(item=None)
    profile = {field: after[field] for field in STORED_FIELDS if after[field] is not None}
    if "tags" in profile:
        profile["tags"] = msgspec.json.decode(profile["tags"])
    yield from check_profile(profile, after["type"], text_chars=rules.limits.text_chars)


def _field_of(pointer: str) -> str:
    """The pointer of the field that a fault is in: that of a tag is in the tags."""
    parts = pointer.split("/")
    nested = pointer.startswith(("/customerClaims/", "/customerContact/"))
    return "/".join(parts[: 3 if nested else 2])


def _is_of_a_field(pointer: str) -> bool:
    return _field_of(pointer) in _TOLD_ANEW


def _transition(row: Mapping[str, Any], changes: Mapping[str, Any]) -> Iterable[Fault]:
    """The fault of a status that may not follow the one before."""
    if "status" not in changes:
        return
    status = changes["status"] or NO_STATUS
    if status in STATUSES and not may_follow(row["status"], status):
        allowed = followers(row["status"])
        hint = f"One of: {', '.join(allowed)}." if allowed else "None may follow."
        yield Fault(None, FIELDS["status"].pointer, "status.cannot_follow", hint)


def _data(
    row: Mapping[str, Any], after: Mapping[str, Any], changes: Collection[str]
) -> dict[str, Any]:
    """What the history keeps of a status, and of the reason for it."""
    data: dict[str, Any] = {}
    if "status" in changes:
        data["status"] = {
            "from": row["status"] or NO_STATUS,
            "to": after["status"] or NO_STATUS,
        }
    if after["reason"] is not None and not {"status", "reason"}.isdisjoint(changes):
        data["reason"] = after["reason"]
    return data


_TOLD_ANEW: Final = frozenset({field.pointer for field in FIELDS.values()} | {CLAIMS_POINTER})
