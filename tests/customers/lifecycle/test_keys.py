"""The keys of a stored customer are those that its batch took."""

import json
from datetime import date
from typing import Any, NamedTuple

from uuid_utils import uuid7

from enrol.customers.batch import plan_batch, read_batch
from enrol.customers.enrolment import DID, EXTERNAL, KIND_BITS, SUB, WALLET
from enrol.customers.lifecycle.keys import UniqueKey, unique_keys
from enrol.customers.model import Limits
from enrol.customers.plan import Call, key_hash
from tests.people import CHECKSUMMED

PROJECT = 7
SECRET = b"s" * 32
DID_TEXT = "did:web:example.com"


class Record(NamedTuple):
    customer: dict[str, Any]
    wallets: list[dict[str, Any]]
    dids: list[dict[str, Any]]


def test_they_are_those_of_the_batch() -> None:
    """Whatever the spelling: here the stored address is not the canonical one."""
    item = {
        "customerWallet": {"wallet": CHECKSUMMED, "blockchainNamespace": "eip155"},
        "customerClaims": {"sub": "s-1"},
        "customerDid": {"did": DID_TEXT},
    }
    body = {"customerType": "Individual", "cmsProjectId": "p", "customerData": [item]}
    reading = read_batch(json.dumps(body).encode(), Limits())
    call = Call(PROJECT, SECRET, "key_1", 0, uuid7)
    plan = plan_batch(reading, call, Limits(), date(2030, 1, 1), lenient=False).enrolment
    (canonical,) = plan.wallets[4]
    assert canonical
    assert canonical != CHECKSUMMED
    found = unique_keys(
        SECRET,
        PROJECT,
        Record(
            {"sub": "s-1", "external_customer_id": None},
            [{"namespace": "eip155", "address": CHECKSUMMED, "canonical": canonical}],
            [{"did": DID_TEXT}],
        ),
    )
    kinds = [mark & ((1 << KIND_BITS) - 1) for mark in plan.marks]
    assert sorted((key.hash, key.kind) for key in found) == [*zip(plan.keys, kinds, strict=True)]
    assert [key.pointer for key in found] == [
        *("/customerWallets/0/wallet", "/customerDids/0/did", "/customerClaims/0/sub"),
    ]


def test_a_customer_has_a_key_for_each_wallet_and_did() -> None:
    wallets = [{"namespace": "tezos", "address": each, "canonical": None} for each in ("a", "b")]
    record = Record(
        {"sub": None, "external_customer_id": "e"}, wallets, [{"did": "c"}, {"did": "d"}]
    )

    def key(kind: int, value: str, pointer: str) -> UniqueKey:
        return UniqueKey(key_hash(SECRET, PROJECT, kind, value), kind, pointer)

    assert unique_keys(SECRET, PROJECT, record) == [
        key(WALLET, "tezos:a", "/customerWallets/0/wallet"),
        key(WALLET, "tezos:b", "/customerWallets/1/wallet"),
        key(DID, "c", "/customerDids/0/did"),
        key(DID, "d", "/customerDids/1/did"),
        key(EXTERNAL, "e", "/externalCustomerId"),
    ]


def test_who_has_nothing_unique_has_no_key() -> None:
    assert (
        unique_keys(SECRET, PROJECT, Record({"sub": None, "external_customer_id": None}, [], []))
        == []
    )


def test_a_sub_is_a_key() -> None:
    (key,) = unique_keys(
        SECRET, PROJECT, Record({"sub": "s", "external_customer_id": None}, [], [])
    )
    assert key.kind == SUB
