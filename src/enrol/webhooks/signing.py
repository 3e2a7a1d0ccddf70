"""Signatures of Standard Webhooks 1.0.0: symmetric, HMAC-SHA256, version ``v1``.

The signed text is ``id.timestamp.body``. The same three values go out under the names of the
specification and under the ``svix-`` names, which the receivers of the hosted API read.
"""

import base64
import binascii
import hmac
import secrets
from collections.abc import Sequence
from typing import Final

PREFIX: Final = "whsec_"
LEAST_SECRET_BYTES: Final = 24
MOST_SECRET_BYTES: Final = 64
NEW_SECRET_BYTES: Final = 32
FAMILIES: Final = ("webhook", "svix")


def make_secret() -> str:
    """A new secret: ``whsec_`` and 32 random bytes in base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(NEW_SECRET_BYTES)).decode()


def secret_bytes(secret: str) -> bytes | None:
    """The key of a secret, None when it is none: ``whsec_`` and 24 to 64 bytes in base64.

    Padding may be missing, as the specification's libraries take it.
    """
    encoded = secret.removeprefix(PREFIX)
    if encoded == secret or not encoded.isascii():
        return None
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except binascii.Error:
        return None
    return key if LEAST_SECRET_BYTES <= len(key) <= MOST_SECRET_BYTES else None


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """One signature, ``v1,<base64>``; ``timestamp`` is in Unix seconds.

    Raises ValueError when the secret is none.
    """
    key = secret_bytes(secret)
    if key is None:
        raise ValueError("not a webhook secret")
    text = b"%b.%d.%b" % (message_id.encode(), timestamp, body)
    return "v1," + base64.b64encode(hmac.digest(key, text, "sha256")).decode()


def signed_headers(
    secret_texts: Sequence[str], message_id: str, timestamp: int, body: bytes
) -> dict[str, str]:
    """The headers of one attempt; ``secret_texts`` are those in force, the newest first.

    Receivers are known that read the first signature alone. It is the newest secret's, so that
    such a receiver works from the moment it has the new secret, and what it refused until then is
    tried again. With the old secret's first it would work until it took the new one, and then fail
    until the old one ran out, which nobody at the receiver can hasten.
    """
    signatures = [sign(secret, message_id, timestamp, body) for secret in secret_texts]
    values = {"id": message_id, "timestamp": str(timestamp), "signature": " ".join(signatures)}
    return {f"{family}-{name}": value for family in FAMILIES for name, value in values.items()}
