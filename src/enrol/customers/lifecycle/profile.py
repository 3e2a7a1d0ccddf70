"""The profile of one customer, by the checks of the batch: for whoever changes one."""

from collections.abc import Mapping
from typing import Any

import msgspec

from enrol.customers.faults import Fault
from enrol.customers.profiles.check import check_profiles
from enrol.customers.profiles.fields import IDENTIFYING_FIELDS, POINTERS
from enrol.customers.profiles.metadata import metadata_faults
from enrol.customers.reading.walk import pointer_to


def check_profile(
    values: Mapping[str, Any],
    customer_type: str,
    *,
    text_chars: int,
    pointers: Mapping[str, str] = POINTERS,
) -> list[Fault]:
    """Every fault and finding of the fields of a profile that are there and not None, by pointer.

    The keys are of `PROFILE_FIELDS`; tags are a list of texts, metadata the JSON text of an object
    whose names differ, and an empty external ID is a fault. ``pointers`` says where each stands in
    the body.
    """
    found = [
        Fault(None, pointers[field] + within, code)
        for _, field, within, code in check_profiles(
            {field: [value] for field, value in values.items()}, customer_type
        )
    ]
    if values.get("external_customer_id") == "":
        found.append(Fault(None, pointers["external_customer_id"], "field.empty"))
    hint = f"The limit is {text_chars} characters."
    found += [
        Fault(None, pointers[field], "text.too_long", hint)
        for field in IDENTIFYING_FIELDS
        if len(values.get(field) or "") > text_chars
    ]
    if metadata := values.get("metadata"):
        members, size = msgspec.json.decode(metadata, type=dict[str, Any]), len(metadata.encode())
        base = pointers["metadata"]
        found += [
            Fault(None, base if name is None else pointer_to(base, name), code, fault_hint)
            for name, code, fault_hint in metadata_faults(members, size)
        ]
    return sorted(found, key=lambda fault: (fault.pointer, fault.code))
