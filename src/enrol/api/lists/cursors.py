"""Cursors of lists, sealed: who holds one cannot read in it, change it, or make another.

What a page ended with is the place of a customer in an order, and in that by name it begins with
the name. But addresses are written into the logs of proxies and the files of clients, where no
erasure comes. So a cursor is encrypted, with a key that stays in the database.

It is built as AES-SIV is (RFC 5297 section 2.6), on BLAKE2b with a key (RFC 7693) in the place of
AES: a keyed hash of the list and the place is the check, and the stream that hides the place is
hashed out of the check. The same place of the same list gives the same cursor.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b
from typing import Final

CHECK_BYTES: Final = 16
# All are equally long, so that the length of a name is not told either.
MOST_PLACE_BYTES: Final = 79
_CHECK: Final = b"enrol cursor"
# One for each block of the stream.
_STREAMS: Final = (b"enrol cursor 0", b"enrol cursor 1")


def seal(secret: bytes, about: bytes, place: bytes) -> str:
    """The cursor of a place in the list that ``about`` says."""
    assert len(place) <= MOST_PLACE_BYTES
    plain = bytes([len(place)]) + place.ljust(MOST_PLACE_BYTES, b"\0")
    check = _check(secret, about, plain)
    sealed = check + _crossed(secret, check, plain)
    return urlsafe_b64encode(sealed).rstrip(b"=").decode()


def unseal(secret: bytes, about: bytes, cursor: str) -> bytes | None:
    """The place of a cursor; None where it is no cursor of this list."""
    try:
        sealed = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError:
        return None
    check, crossed = sealed[:CHECK_BYTES], sealed[CHECK_BYTES:]
    if len(crossed) != 1 + MOST_PLACE_BYTES:
        return None
    plain = _crossed(secret, check, crossed)
    if not hmac.compare_digest(check, _check(secret, about, plain)):
        return None
    return plain[1 : 1 + plain[0]]


def _check(secret: bytes, about: bytes, plain: bytes) -> bytes:
    # What is about the list is the rest: the plain text is always equally long.
    return blake2b(plain + about, key=secret, digest_size=CHECK_BYTES, person=_CHECK).digest()


def _crossed(secret: bytes, check: bytes, data: bytes) -> bytes:
    """The data with the stream of the check: hidden, or as they were before that."""
    stream = b"".join(blake2b(check, key=secret, person=each).digest() for each in _STREAMS)
    return bytes(one ^ other for one, other in zip(data, stream, strict=False))
