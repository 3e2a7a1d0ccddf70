"""The IDs of events, which nobody stores: each follows from the project and the number."""

from functools import lru_cache
from hashlib import blake2b
from typing import Final
from uuid import UUID

_PURPOSE: Final = b"enrol event id"
_VERSION_8: Final = 0x8 << 76
_VERSION_BITS: Final = 0xF << 76
_VARIANT: Final = 0b10 << 62
_VARIANT_BITS: Final = 0b11 << 62


def event_id(secret: bytes, project: int, seq: int) -> UUID:
    """The ID of the event ``seq`` of a project (the store's number of it), always the same.

    A UUIDv8 (RFC 9562 section 5.8), made of a hash that is keyed with the store's secret, so that
    nobody can tell the number by it, or what other events there are.
    """
    digest = _keyed(secret).copy()
    digest.update(project.to_bytes(8, "big") + seq.to_bytes(8, "big"))
    number = int.from_bytes(digest.digest(), "big")
    number = number & ~_VERSION_BITS | _VERSION_8
    return UUID(int=number & ~_VARIANT_BITS | _VARIANT)


@lru_cache(maxsize=4)
def _keyed(secret: bytes) -> blake2b:
    return blake2b(key=secret, digest_size=16, person=_PURPOSE)
