"""base64url without padding (RFC 7515 section 2), the only spelling of a value."""

from base64 import urlsafe_b64decode, urlsafe_b64encode


def decoded(text: str) -> bytes | None:
    """The bytes that ``text`` spells, None when it is not how they are spelled."""
    # The decoder skips what it does not know and takes any bits behind the last byte: only what
    # comes back as it was sent is right.
    try:
        octets = urlsafe_b64decode(f"{text}==")
    except ValueError:
        return None
    return octets if encoded(octets) == text else None


def encoded(octets: bytes) -> str:
    """The text that spells these bytes."""
    return urlsafe_b64encode(octets).decode().rstrip("=")
