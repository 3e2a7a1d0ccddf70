"""did:ion (Sidetree v1.0.0, "DID URI Composition"): a hash, perhaps with what it is the hash of."""

import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Final

import msgspec

from enrol.customers.dids.base64url import decoded, encoded
from enrol.customers.dids.canonical_json import canonical_json
from enrol.customers.dids.codes import SECRET
from enrol.customers.dids.json_web_keys import holds_private_key

FAULT: Final = "did.ion"

# MAX_DELTA_SIZE; ION keeps the default. What surrounds the delta takes some 150 bytes.
LONGEST_DELTA: Final = 1_000
LONGEST_STATE: Final = 2_048

# A multihash (SHA-256: 0x12, 32 bytes: 0x20) in base64url is "Ei" and 44 more characters.
_HASH: Final = "Ei[A-D][A-Za-z0-9_-]{42}[AQgw]"
_is_hash: Final = re.compile(_HASH).fullmatch
_ONE: Final = re.compile(f"did:ion:(?:test:)?({_HASH})(?::([A-Za-z0-9_-]{{1,{LONGEST_STATE}}}))?")


class _State(msgspec.Struct, forbid_unknown_fields=True):
    """The initial state in a long form; both parts stay as they are spelled, to be hashed."""

    delta: msgspec.Raw
    suffix_data: msgspec.Raw = msgspec.field(name="suffixData")


class _Delta(msgspec.Struct, forbid_unknown_fields=True):
    patches: list[dict[str, object]]
    update_commitment: str = msgspec.field(name="updateCommitment")


class _SuffixData(msgspec.Struct, forbid_unknown_fields=True):
    """``type`` and ``anchorOrigin`` are what implementations may add."""

    delta_hash: str = msgspec.field(name="deltaHash")
    recovery_commitment: str = msgspec.field(name="recoveryCommitment")
    type: str = ""
    anchor_origin: object = msgspec.field(name="anchorOrigin", default=None)


def faults(dids: Sequence[str]) -> Iterator[tuple[int, str]]:
    """The DIDs whose hash is none, or is not that of the state they carry."""
    for index, did in enumerate(dids):
        code = _fault(did)
        if code is not None:
            yield index, code


def _fault(did: str) -> str | None:
    found = _ONE.fullmatch(did)
    if found is None:
        return FAULT
    if found[2] is None:
        return None
    octets = decoded(found[2])
    return FAULT if octets is None else _state_fault(octets, found[1])


def _state_fault(octets: bytes, suffix: str) -> str | None:
    try:
        value = msgspec.json.decode(octets)
        if holds_private_key(value):
            return SECRET
        state = msgspec.json.decode(octets, type=_State)
        delta = msgspec.json.decode(state.delta, type=_Delta)
        suffix_data = msgspec.json.decode(state.suffix_data, type=_SuffixData)
        right = (
            _hash(state.suffix_data) == suffix
            and _hash(state.delta) == suffix_data.delta_hash
            and len(bytes(state.delta)) <= LONGEST_DELTA
            and _is_hash(delta.update_commitment)
            and _is_hash(suffix_data.recovery_commitment)
            # The state must be canonical as it stands, or its parts could not be hashed so.
            and canonical_json(value) == octets
        )
    except (ValueError, RecursionError):
        return FAULT
    return None if right else FAULT


def _hash(part: msgspec.Raw) -> str:
    return encoded(b"\x12\x20" + sha256(part).digest())
