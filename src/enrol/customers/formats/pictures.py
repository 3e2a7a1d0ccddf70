"""Pictures: base64 (RFC 4648 section 4), plain or in a data URL (RFC 2397), of four image types."""

import re
from binascii import a2b_base64
from typing import Final

_SIGNATURES: Final = {
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/gif": re.compile(rb"GIF8[79]a"),
    "image/webp": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
}
_DATA_URL: Final = re.compile("data:([a-z0-9.+/-]{1,127});base64,")


def picture_fault(value: str, max_bytes: int) -> str | None:
    """The code of what is wrong with one picture, None when it is right."""
    data_url = _DATA_URL.match(value)
    encoded = value[data_url.end() :] if data_url else value
    # The length first: what is too large is not worth decoding.
    if len(encoded) * 3 // 4 - encoded[-2:].count("=") > max_bytes:
        return "picture.too_large"
    # The decoder, strict as it is, takes padding behind a text that needs none.
    if len(encoded) % 4 or encoded.endswith("==="):
        return "picture.base64"
    try:
        image = a2b_base64(encoded, strict_mode=True)
    except ValueError:
        return "picture.base64"
    for media_type, signature in _SIGNATURES.items():
        if signature.match(image):
            return None if not data_url or data_url[1] == media_type else "picture.type"
    return "picture.type"
