"""did:jwk (quartzjer/did-jwk, DID Method Specification): a public JWK in base64url."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from enrol.customers.dids.base64url import decoded
from enrol.customers.dids.codes import SECRET
from enrol.customers.dids.json_web_keys import holds_private_key, is_public_key

FAULT: Final = "did.jwk"

# The largest key, of ML-DSA-87, takes 4,800 characters; certificates in ``x5c`` take more.
LONGEST: Final = 16_384

_ONE: Final = re.compile(f"did:jwk:([A-Za-z0-9_-]{{1,{LONGEST}}})")


def faults(dids: Sequence[str]) -> Iterator[tuple[int, str]]:
    """The DIDs that are no public key, those with a private one as `SECRET`."""
    for index, did in enumerate(dids):
        code = _fault(did)
        if code is not None:
            yield index, code


def _fault(did: str) -> str | None:
    found = _ONE.fullmatch(did)
    octets = decoded(found[1]) if found else None
    if octets is None:
        return FAULT
    try:
        jwk = msgspec.json.decode(octets)
    # A text within that is not UTF-8 has an error of its own.
    except (ValueError, RecursionError):
        return FAULT
    if not isinstance(jwk, dict):
        return FAULT
    if holds_private_key(jwk):
        return SECRET
    return None if is_public_key(jwk) else FAULT
