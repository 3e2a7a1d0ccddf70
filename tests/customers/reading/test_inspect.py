"""The slow, complete look costs no more than what it looks at, whatever that is."""

import tracemalloc

import pytest

from enrol.customers.model import Limits
from enrol.customers.reading.inspect import inspect_batch
from enrol.customers.reading.json_text import JsonInvalid, JsonTooDeep

BODY = b'{"customerType":"Individual","cmsProjectId":"p","customerData":[%s]}'
MIB = 1024 * 1024

HEAVY: dict[str, bytes] = {
    "an unfinished text of quotes": b'"' + b'\\"' * MIB,
    "an unfinished text of backslashes": b'"' + b"\\\\" * MIB,
    "a text of quotes": BODY % (b'{"customerClaims":{"nam":"' + b'\\"' * MIB + b'"}}'),
    "a text of brackets": BODY % (b'{"customerClaims":{"nam":"' + b"[{" * MIB + b'"}}'),
}


@pytest.mark.parametrize("body", HEAVY.values(), ids=HEAVY.keys())
def test_a_long_text_takes_a_few_times_its_size(body: bytes) -> None:
    limits = Limits(items=100_000)
    tracemalloc.start()
    try:
        faults = inspect_batch(body, limits).faults
    except JsonInvalid:
        faults = []
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert [fault.code for fault in faults] in ([], ["field.unknown"])
    assert peak < 8 * len(body)


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        (b"[]", 1),
        (b'["[[[["]', 1),
        (b'["\\"[[[["]', 1),
        (b'["\\\\",[[1]]]', 3),
        (b'["\\\\\\"[[",[1]]', 2),
        (b'{"a":[{"b":{}}]}', 4),
        (b"[[],[],[[]]]", 3),
    ],
)
def test_the_depth_of_a_body_is_that_of_its_brackets(text: bytes, levels: int) -> None:
    assert inspect_batch(text, Limits(json_depth=levels)).faults
    with pytest.raises(JsonTooDeep):
        inspect_batch(text, Limits(json_depth=levels - 1))


@pytest.mark.timeout(10)
def test_many_names_that_stand_twice_take_no_longer_than_once() -> None:
    names = b",".join(b'"k%d":1' % place for place in range(50_000))
    faults = inspect_batch(b"{%s,%s}" % (names, names), Limits(), ignore_unknown=True).faults
    assert [fault.code for fault in faults].count("field.duplicate") == 50_000


def item(name: str) -> bytes:
    return b'{"customerClaims":{"%s":"x"}}' % name.encode()


def test_a_misspelling_is_explained_at_every_item() -> None:
    body = BODY % b",".join([item("given_name")] * 2_000)
    faults = inspect_batch(body, Limits()).faults
    assert {fault.hint for fault in faults} == {"Did you mean givenName?"}
    assert len(faults) == 2_000


def test_a_thousand_misspellings_are_explained() -> None:
    """To look for the nearest name takes time, and nobody reads on so far."""
    body = BODY % b",".join(item(f"givenName{place}") for place in range(1_200))
    hints = [fault.hint for fault in inspect_batch(body, Limits()).faults]
    assert set(hints[:1_000]) == {"Did you mean givenName?"}
    assert set(hints[1_000:]) == {""}
