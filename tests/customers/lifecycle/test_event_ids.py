"""IDs of events: UUIDs that follow from the project and the number."""

from hashlib import blake2b
from uuid import RFC_4122

from hypothesis import given
from hypothesis.strategies import integers

from enrol.customers.lifecycle.event_ids import event_id

SECRET = bytes(range(32))
BIGGEST = 2**63 - 1


@given(integers(0, BIGGEST), integers(1, BIGGEST))
def test_an_id_is_a_uuid_of_version_8(project: int, seq: int) -> None:
    found = event_id(SECRET, project, seq)
    assert (found.version, found.variant) == (8, RFC_4122)


def test_an_id_stays_what_it_is() -> None:
    """Receivers have kept it: it may never change for an event that was told."""
    assert str(event_id(SECRET, 1, 1)) == "e68bd295-b257-81b4-97bc-ee6cbea74ea5"
    digest = blake2b(
        (1).to_bytes(8, "big") * 2, key=SECRET, digest_size=16, person=b"enrol event id"
    ).hexdigest()
    found = event_id(SECRET, 1, 1).hex
    assert found[:12] + found[13:16] + found[17:] == digest[:12] + digest[13:16] + digest[17:]


def test_no_two_events_share_an_id() -> None:
    seqs = range(1, 1_000)
    ids = {event_id(secret, p, n) for secret in (SECRET, bytes(32)) for p in (1, 2) for n in seqs}
    assert len(ids) == 4 * len(seqs)
