"""Bodies that are read together come out as if each had been read alone."""

import json
from datetime import date
from itertools import count
from random import Random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrol.customers.batch import Planned, Reading, plan_batch, read_batch
from enrol.customers.model import Limits
from enrol.customers.plan import Call
from enrol.customers.together import read_together
from tests.customers.reading.texts import BATCHES, RANDOMS, members_of, written
from tests.people import claims, customer, did, wallet, with_claims, with_did, with_wallet

LIMITS = Limits(items=6, text_chars=200)
TODAY = date(2026, 11, 26)


def body(*items: dict[str, Any], **members: Any) -> bytes:
    """A body as a client writes it."""
    batch = {"customerType": "Individual", "cmsProjectId": "p", "customerData": [*items]}
    return json.dumps(batch | members).encode()


def planned(reading: Reading, mode: str = "atomic") -> Planned:
    numbers = count(1)
    call = Call(
        project=1,
        secret=b"s" * 32,
        key_id="key",
        at=0,
        mint=lambda: UUID(int=next(numbers)),
        mode=mode,
    )
    return plan_batch(reading, call, LIMITS, TODAY, lenient=False)


def as_lists(value: Any) -> Any:
    """Sequences compare by what they hold."""
    if isinstance(value, tuple | list | range):
        return [as_lists(member) for member in value]
    return value


def assert_as_alone(bodies: list[bytes]) -> list[Reading | None]:
    """Each that is read together is planned as it is alone; gives the readings."""
    readings = read_together(bodies, LIMITS, TODAY)
    assert len(readings) == len(bodies)
    for sent, reading in zip(bodies, readings, strict=True):
        if reading is not None:
            alone = planned(read_batch(sent, LIMITS))
            assert as_lists(planned(reading)) == as_lists(alone)
    return readings


PROFILE: dict[str, Any] = {
    "externalCustomerId": "crm-1",
    "status": "Active",
    "tags": ["a", "b"],
    "metadata": {"a": 1, "b": '":'},
}
RIGHT = [
    body(customer()),
    body(with_wallet(), with_did(), with_claims(name="A")),
    body(),
    body({"customerWallet": wallet(), "customerDid": None}, {"customerClaims": claims()}),
    body(with_did(), customerType="Company"),
    body({"customerDid": did(), "customerClaims": {"name": ":x", "nickname": None}}),
    body(*(customer(locale="fa-AF") for _ in range(6)), cmsProjectId="another"),
    body(customer(), customer() | PROFILE),
    body(
        {"customerContact": {"phone": None, "email": "a@b.example"}},
        {"metadata": None} | customer(),
    ),
]
# What is read together with them: right in shape, whatever its values are.
ODD = [
    body(customer(birthdate="3026-01-01")),
    body(with_claims(name="A"), with_wallet("0x5")),
    body(with_claims(name="A" * 201)),
    body(with_claims()),
    body(with_claims(birthdate="1800"), customerType="Company"),
    body({"customerContact": {"email": "a"}}, customer() | {"status": "Robot"}),
    body(with_wallet("stake1uyehkck0lajq8gr28t9uxnuvgcqrc6070x3k9r8048z8y5gh6ffgw", "cardano")),
]
WRONG = [
    b"",
    b"[]",
    b'{"customerType":"Individual","cmsProjectId":"p","customerData":[{"customerDid":1}]}',
    body(customer(), customerType="Robot"),
    body(*(with_claims(name="A") for _ in range(7))),
    body(with_claims(name="\0")),
]


def test_right_bodies_are_read_together() -> None:
    # One of them is taken for a body with a key twice (see `test_decode`), and harms all.
    plain = [sent for sent in RIGHT if b'":x' not in sent and b'": ":' not in sent]
    assert len(plain) == len(RIGHT) - 1
    assert None not in assert_as_alone(plain)


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
@pytest.mark.parametrize("place", range(3))
def test_the_faults_of_one_body_are_its_own(odd: bytes, place: int) -> None:
    bodies = RIGHT[:2]
    bodies.insert(place, odd)
    readings = assert_as_alone(bodies)
    told = [reading.checked.faults if reading and reading.checked else None for reading in readings]
    assert [bool(faults) for faults in told] == [at == place for at in range(3)]


@pytest.mark.parametrize("wrong", WRONG, ids=range(len(WRONG)))
@pytest.mark.parametrize("place", range(3))
def test_a_wrong_body_is_left_out_alone(wrong: bytes, place: int) -> None:
    bodies = RIGHT[:2]
    bodies.insert(place, wrong)
    readings = assert_as_alone(bodies)
    assert [reading is None for reading in readings] == [at == place for at in range(3)]


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize(
    "item",
    [
        b'{"customerClaims":{"name":"A","name":"B"}}',
        b'{"externalCustomerId":"A","externalCustomerId":"A"}',
        b'{"customerContact":{"email":null,"email":null}}',
        b'{"externalCustomerId":"A","metadata":{"a":1,"a":1}}',
        b'{"externalCustomerId":"A","metadata":{"a":1},"metadata":{"a":1}}',
        # Two names that are counted as one, and one that stands twice, add up.
        rb'{"externalCustomerId":"A","metadata":{"b\\":1,"a":1,"a":1}}',
    ],
)
def test_a_key_that_stands_twice_is_never_taken(place: int, item: bytes) -> None:
    twice = b'{"customerType":"Individual","cmsProjectId":"p","customerData":[%s]}' % item
    bodies = RIGHT[:2]
    bodies.insert(place, twice)
    assert read_together(bodies, LIMITS, TODAY)[place] is None


@given(st.lists(st.tuples(BATCHES, RANDOMS) | st.sampled_from(RIGHT + ODD + WRONG), max_size=6))
def test_whatever_comes_together_is_read_as_alone(
    sent: list[bytes | tuple[dict[str, Any], Random]],
) -> None:
    assert_as_alone(
        [
            one if isinstance(one, bytes) else written(members_of(one[0]), one[1]).encode()
            for one in sent
        ]
    )
