"""Pictures: base64 of a PNG, JPEG, WebP or GIF image within the limit."""

import re
from base64 import b64encode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrol.customers.formats.pictures import picture_fault

IMAGES = {
    "image/png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "image/jpeg": b"\xff\xd8\xff\xe0\0\x10JFIF\0",
    "image/gif": b"GIF89a\1\0\1\0",
    "image/webp": b"RIFF\n\n\n\nWEBPVP8 ",
}
PNG = IMAGES["image/png"]
MOST = 100


def base64(image: bytes) -> str:
    return b64encode(image).decode()


@pytest.mark.parametrize("media_type", IMAGES)
@given(tail=st.binary(max_size=80))
def test_images_pass_plain_and_as_data_url(media_type: str, tail: bytes) -> None:
    encoded = base64(IMAGES[media_type] + tail)
    assert picture_fault(encoded, MOST) is None
    assert picture_fault(f"data:{media_type};base64,{encoded}", MOST) is None


def test_the_older_gif_passes() -> None:
    assert picture_fault(base64(b"GIF87a"), MOST) is None


@pytest.mark.parametrize("declared", ["image/jpeg", "image/jpg", "image/svg+xml", "text/html"])
def test_a_data_url_must_name_the_type_of_its_image(declared: str) -> None:
    assert picture_fault(f"data:{declared};base64,{base64(PNG)}", MOST) == "picture.type"


@pytest.mark.parametrize(
    "value",
    [
        f"data:image/png,{base64(PNG)}",
        f"data:image/png;charset=utf-8;base64,{base64(PNG)}",
        f"data:;base64,{base64(PNG)}",
        f"DATA:image/png;base64,{base64(PNG)}",
        f"data:image/png;base64, {base64(PNG)}",
    ],
)
def test_other_data_urls_are_no_base64(value: str) -> None:
    assert picture_fault(value, MOST) == "picture.base64"


@pytest.mark.parametrize(
    "image", [b"", b"<svg/>", b"%PDF-1.7", b"BM", b"RIFF\0\0\0\0WAVE", b"GIF90a", PNG[:7]]
)
def test_other_contents_are_refused(image: bytes) -> None:
    assert picture_fault(base64(image), MOST) == "picture.type"


@pytest.mark.parametrize(
    "value",
    [
        base64(PNG).rstrip("="),
        base64(PNG) + "=",
        base64(PNG) + "====",
        base64(PNG[:15]) + "=",
        base64(PNG[:15]) + "====",
        base64(PNG) + "\n",
        base64(PNG) + base64(PNG),
        base64(PNG)[:8] + "\n   " + base64(PNG)[8:],
        "=" + base64(PNG)[1:],
        "=",
        "====",
        "A===",
        "é" * 4,
        "\ud800" * 4,
        urlsafe_b64encode(b"\xff\xd8\xff\xff\xff\xff").decode(),
    ],
)
def test_base64_is_strict(value: str) -> None:
    assert picture_fault(value, MOST) == "picture.base64"


@pytest.mark.parametrize("size", range(16, 22))
def test_the_limit_is_of_decoded_bytes(size: int) -> None:
    encoded = base64(PNG.ljust(size, b"\0"))
    assert picture_fault(encoded, size) is None
    assert picture_fault(encoded, size - 1) == "picture.too_large"
    assert picture_fault(f"data:image/png;base64,{encoded}", size) is None


def test_what_is_too_large_is_not_decoded() -> None:
    assert picture_fault("!" * 1_000, MOST) == "picture.too_large"


@given(st.one_of(st.text(max_size=40), st.text("AQg=+/-_ \n", max_size=16)))
def test_exactly_the_grammar_of_the_standard_decodes(value: str) -> None:
    grammar = "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"
    right = re.fullmatch(grammar, value) is not None
    assert (picture_fault(value, MOST) != "picture.base64") is right
