"""The bodies of messages, byte for byte."""

import json
import time
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from uuid_utils import uuid7

from enrol.webhooks.messages import (
    CUSTOMER_TYPES,
    EVENT_TYPES,
    USUAL_TYPES,
    Occurrence,
    batch_message,
    customer_message,
    disabled_message,
    envelope,
    message_id,
    message_key,
    ping_message,
    read_message_id,
    types_of,
)
from enrol.webhooks.signing import make_secret, signed_headers
from tests.webhooks.official import Signed, javascript_takes

CUSTOMER = UUID("0199a000-0000-7000-8000-000000000001")
OTHER = UUID("0199a000-0000-7000-8000-000000000002")
AT = 1_764_000_000_123
# The order is that of the hosted API's schema.
FIELDS = (
    "cmsProjectId customerId externalCustomerId createdBy updatedBy id riskScore type "
    "onboardingLevel status createdAt updatedAt reason deletedBy deletedAt"
).split()


def row(**values: Any) -> dict[str, Any]:
    return {
        "id": CUSTOMER.bytes,
        "external_customer_id": None,
        "created_by": "key_a",
        "updated_by": None,
        "risk_score": None,
        "type": "Individual",
        "onboarding_level": None,
        "status": None,
        "created_at": AT,
        "updated_at": None,
        "reason": None,
        "deleted_by": None,
        "deleted_at": None,
        "merged_into": None,
        **values,
    }


def event(kind: str, actor: str | None = "key_a") -> Occurrence:
    return Occurrence("evt_1", kind, actor, AT)


def test_a_created_customer_byte_for_byte() -> None:
    assert customer_message(event("customer.created"), "p-1", row()) == (
        b'{"eventType":"customer.created","payload":{"cmsProjectId":"p-1",'
        b'"customerId":"0199a000-0000-7000-8000-000000000001","externalCustomerId":null,'
        b'"createdBy":"key_a","updatedBy":null,"id":"evt_1","riskScore":"No risk",'
        b'"type":"Individual","onboardingLevel":null,"status":"No status",'
        b'"createdAt":"2025-11-24T16:00:00.123Z","updatedAt":"2025-11-24T16:00:00.123Z",'
        b'"reason":null,"deletedBy":null,"deletedAt":null}}'
    )


def test_an_updated_customer_byte_for_byte() -> None:
    changed = row(
        external_customer_id="Kundin 漢",
        risk_score="High",
        updated_by="key_b",
        onboarding_level="KYC",
        status="Escalated",
        updated_at=AT + 1_000,
        reason='a "quoted" word,\nU+2028: \u2028',
    )
    assert (
        customer_message(event("customer.updated", "key_b"), "p-1", changed)
        == (
            '{"eventType":"customer.updated","payload":{"cmsProjectId":"p-1",'
            '"customerId":"0199a000-0000-7000-8000-000000000001","externalCustomerId":"Kundin 漢",'
            '"createdBy":"key_a","updatedBy":"key_b","id":"evt_1","riskScore":"High",'
            '"type":"Individual","onboardingLevel":"KYC","status":"Escalated",'
            '"createdAt":"2025-11-24T16:00:00.123Z","updatedAt":"2025-11-24T16:00:01.123Z",'
            '"reason":"a \\"quoted\\" word,\\nU+2028: \u2028","deletedBy":null,"deletedAt":null}}'
        ).encode()
    )


@pytest.mark.parametrize("kind", CUSTOMER_TYPES)
def test_every_type_about_a_customer_has_the_hosted_fields(kind: str) -> None:
    told = json.loads(customer_message(event(kind), "p-1", row(merged_into=OTHER.bytes)))
    assert told["eventType"] == kind
    more = ["mergedInto"] if kind == "customer.merged" else []
    assert [*told["payload"]] == [*FIELDS, *more]
    assert told["payload"].get("mergedInto", str(OTHER)) == str(OTHER)


def test_a_deleted_customer_says_by_whom_and_when() -> None:
    gone = row(deleted_by="key_b", deleted_at=AT + 5)
    payload = json.loads(customer_message(event("customer.deleted"), "p-1", gone))["payload"]
    assert (payload["deletedBy"], payload["deletedAt"]) == ("key_b", "2025-11-24T16:00:00.128Z")


def test_the_summary_of_a_batch() -> None:
    told = batch_message(event("customer.created"), "p-1", OTHER.bytes, 10_000)
    assert told == (
        b'{"eventType":"customers.created","payload":{"cmsProjectId":"p-1",'
        b'"batchId":"0199a000-0000-7000-8000-000000000002","id":"evt_1","count":10000,'
        b'"createdAt":"2025-11-24T16:00:00.123Z","createdBy":"key_a"}}'
    )


def test_the_notice_and_the_ping() -> None:
    assert disabled_message(event("webhook.disabled", None), "p-1", "w-1", "failing") == (
        b'{"eventType":"endpoint.disabled","payload":{"cmsProjectId":"p-1","webhookId":"w-1",'
        b'"id":"evt_1","reason":"failing","disabledAt":"2025-11-24T16:00:00.123Z"}}'
    )
    assert ping_message(event("ping"), "p-1", "w-1") == (
        b'{"eventType":"ping","payload":{"cmsProjectId":"p-1","webhookId":"w-1","id":"evt_1",'
        b'"createdAt":"2025-11-24T16:00:00.123Z","createdBy":"key_a"}}'
    )


# All that can be stored: NUL and surrogates are refused before.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(st.lists(TEXTS, max_size=20))
def test_no_text_is_escaped_that_need_not_be(texts: list[str]) -> None:
    body = envelope("x", {"texts": texts})
    assert json.loads(body)["payload"]["texts"] == texts
    assert body.decode().count("\\u") == sum(
        character < " " and character not in "\b\t\n\f\r" for text in texts for character in text
    ) + sum(text.count("\\u") for text in texts)


def test_javascript_writes_every_character_alike() -> None:
    characters = [
        chr(c) for c in (*range(1, 0x3000), *range(0xE000, 0x10400, 7), 0x1F600, 0x10FFFF)
    ]
    secret = make_secret()
    bodies = [
        envelope("x", {"texts": characters[at : at + 2_000]}) for at in range(0, 20_000, 2_000)
    ]
    now = int(time.time())
    signed = [Signed(secret, signed_headers([secret], "msg_1", now, body), body) for body in bodies]
    assert javascript_takes(signed) == [True] * len(bodies)


def test_an_endpoint_that_names_no_types_gets_the_usual_ones() -> None:
    assert types_of(()) == USUAL_TYPES
    assert set(EVENT_TYPES) - set(USUAL_TYPES) == {"customers.created"}
    assert types_of(["customers.created"]) == ["customers.created"]


def test_the_id_of_a_message_leads_to_its_event() -> None:
    assert message_key(CUSTOMER.bytes, 0) == CUSTOMER.bytes
    later = message_key(CUSTOMER.bytes, 9_999)
    assert UUID(bytes=later).version == 7
    assert read_message_id(message_id("customer.created", later)) == (False, later)
    assert read_message_id(message_id("customers.created", later)) == (True, later)
    assert message_id("customer.created", later) != message_id("customers.created", later)


@pytest.mark.parametrize("text", ["", "msg_", "msg_" + "0" * 31, "msg_" + "G" * 32, "0" * 32])
def test_another_text_is_no_id_of_a_message(text: str) -> None:
    assert read_message_id(text) is None


def test_ids_of_one_millisecond_lie_apart() -> None:
    made = [int.from_bytes(uuid7().bytes, "big") for _ in range(10_000)]
    assert min(later - one for one, later in pairwise(made)) > 10_000
