"""Who changes a customer, when, and what a plan of it comes to."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import msgspec

from enrol.customers.faults import Fault
from enrol.customers.lifecycle.change import Event, Write

SALT_BYTES: Final = 16
UPDATED: Final = "customer.updated"
DELETED: Final = "customer.deleted"
RESTORED: Final = "customer.restored"
_encode: Final = msgspec.json.Encoder().encode


class Actor(NamedTuple):
    """The API key that calls, in its project (by the store's number). ``secret`` is the store's key
    for hashes, ``at`` the time in Unix milliseconds; ``salt`` are 16 random bytes."""

    project: int
    secret: bytes
    key_id: str
    at: int
    salt: bytes


class Plan(NamedTuple):
    """What is to be written, unless there are ``faults``. ``take`` are unique keys: hash, customer
    and kind; ``places`` the pointers of what they stand for. ``at`` is the actor's time, where what
    is written tells it; None: whenever it is stored."""

    writes: Sequence[Write] = ()
    events: Sequence[Event] = ()
    take: Sequence[tuple[bytes, bytes, int]] = ()
    release: Sequence[bytes] = ()
    places: Mapping[bytes, str] = MappingProxyType({})
    faults: Sequence[Fault] = ()
    at: int | None = None


def event_of(
    actor: Actor,
    event_type: str,
    customer_id: bytes | None,
    fields: Sequence[str] = (),
    data: Mapping[str, Any] | None = None,
) -> Event:
    """An event, whose data can be erased."""
    if not data:
        return Event(event_type, customer_id, tuple(fields))
    # Each customer's own, or what is erased of one could be told from what another still has.
    salt = blake2b(customer_id or b"", key=actor.salt, digest_size=SALT_BYTES).digest()
    return Event(event_type, customer_id, tuple(fields), _encode(data).decode(), salt)
