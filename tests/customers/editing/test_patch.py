"""A patch of a row means what RFC 7396 says of the document that the row is."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrol.customers.editing.patch import FIELDS, CustomerPatch, changes_of

EMPTY: dict[str, Any] = dict.fromkeys(FIELDS)
TEXTS = st.sampled_from(["", "a", "b", "é", '"'])
CLAIMS = ("sub", "givenName", "createdBy", "countryOfResidence")
CONTACT = ("phone", "telegram")
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, 1, -1, 2**53, 1.0, 0.1, 1e300]),
    TEXTS,
)


def members(*names: str) -> st.SearchStrategy[dict[str, Any] | None]:
    optional = {name: st.none() | TEXTS for name in names}
    return st.none() | st.fixed_dictionaries({}, optional=optional)


PATCHES = st.fixed_dictionaries(
    {},
    optional={
        "externalCustomerId": st.none() | TEXTS,
        "reason": st.none() | TEXTS,
        "tags": st.none() | st.lists(TEXTS, max_size=3),
        "metadata": st.none() | st.dictionaries(st.sampled_from(["x", "y", "z"]), SCALARS),
        "customerContact": members(*CONTACT),
        "customerClaims": members(*CLAIMS),
    },
)


def patch_of(document: object) -> CustomerPatch:
    return msgspec.convert(document, CustomerPatch)


def merged(target: object, patch: object) -> object:
    """The pseudo-code of RFC 7396, section 2."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def document_of(row: dict[str, Any]) -> dict[str, Any]:
    """The document that a row is, without what has no value."""
    document: dict[str, Any] = {}
    for column, field in FIELDS.items():
        value = row[column]
        if value is None:
            continue
        if column in ("tags", "metadata"):
            value = json.loads(value)
        *parents, last = field.pointer.split("/")[1:]
        holder = document
        for parent in parents:
            holder = holder.setdefault(parent, {})
        holder[last] = value
    return document


def without_empty(document: dict[str, Any]) -> dict[str, Any]:
    """No tags are the same as an empty list of them, and so of every part."""
    return {name: value for name, value in document.items() if value not in ({}, [])}


def written(document: object) -> str:
    """1, 1.0 and true are three."""
    return json.dumps(document, sort_keys=True)


@given(patches=st.lists(PATCHES, max_size=4))
def test_patches_one_after_another(patches: list[dict[str, Any]]) -> None:
    row = EMPTY
    document: Any = {}
    for patch in patches:
        changes = changes_of(row, patch_of(patch))
        assert all(row[column] != value for column, value in changes.items())
        row = {**row, **changes}
        document = merged(document, patch)
        assert written(document_of(row)) == written(without_empty(document))
        # The same again makes nothing another.
        assert changes_of(row, patch_of(patch)) == {}


def test_metadata_that_are_not_sent_stay_as_they_were_written() -> None:
    """Digits, escapes and order; white space between them is nobody's."""
    stored = '{"n":1.50,"e":"\\u00e9","gone":1,"big":12345678901234567890123}'
    row = {**EMPTY, "metadata": stored}
    changes = changes_of(row, patch_of({"metadata": {"gone": None, "new": 2.0, "e": "é"}}))
    assert changes == {
        "metadata": '{"n":1.50,"e":"\\u00e9","big":12345678901234567890123,"new":2.0}'
    }
    assert changes_of(row, patch_of({"metadata": {"e": "é", "none": None, "gone": 1}})) == {}


@pytest.mark.parametrize(("stored", "sent"), [("1", 1.0), ("1", True), ("1.0", 1), ('"1"', 1)])
def test_a_number_that_is_written_otherwise_is_another(stored: str, sent: object) -> None:
    row = {**EMPTY, "metadata": f'{{"a":{stored}}}'}
    assert "metadata" in changes_of(row, patch_of({"metadata": {"a": sent}}))


def test_no_status_and_no_risk_are_stored_as_nothing() -> None:
    patch = patch_of({"status": "No status", "riskScore": "No risk"})
    assert changes_of(EMPTY, patch) == {}
    row = {**EMPTY, "status": "Active", "risk_score": "Low"}
    assert changes_of(row, patch) == {"status": None, "risk_score": None}


def test_a_type_of_null_is_none_that_was_sent() -> None:
    assert changes_of({**EMPTY, "type": "Company"}, patch_of({"type": None})) == {}


def test_a_new_status_does_not_keep_the_reason_of_the_old_one() -> None:
    row = {**EMPTY, "status": "Active", "reason": "a"}
    assert changes_of(row, patch_of({"status": "Dormant"})) == {"status": "Dormant", "reason": None}
    assert changes_of(row, patch_of({"status": "Active"})) == {}
    sent = patch_of({"status": "Dormant", "reason": "a"})
    assert changes_of(row, sent) == {"status": "Dormant"}


def test_tags_in_another_order_are_others() -> None:
    row = {**EMPTY, "tags": '["a", "b"]'}
    assert changes_of(row, patch_of({"tags": ["a", "b"]})) == {}
    assert changes_of(row, patch_of({"tags": ["b", "a"]})) == {"tags": '["b","a"]'}
