"""Signatures: what the official packages take, and what they refuse."""

import base64
import json
import time

import pytest

from enrol.webhooks.messages import envelope
from enrol.webhooks.signing import (
    MOST_SECRET_BYTES,
    make_secret,
    secret_bytes,
    sign,
    signed_headers,
)
from tests.webhooks.official import Signed, javascript_takes, python_takes

BODY = b'{"eventType":"ping","payload":{}}'
ID = "msg_1"


def signed(secrets: list[str], *, reader: str | None = None, at: float | None = None) -> Signed:
    timestamp = int(time.time() if at is None else at)
    return Signed(reader or secrets[0], signed_headers(secrets, ID, timestamp, BODY), BODY)


def both(message: Signed) -> list[bool]:
    return [python_takes(message), *javascript_takes([message])]


def test_the_official_packages_take_a_signed_message() -> None:
    assert both(signed([make_secret()])) == [True, True]


@pytest.mark.parametrize("changed", ["webhook-id", "webhook-signature", "body", "secret"])
def test_the_official_packages_refuse_what_was_changed(changed: str) -> None:
    message = signed([make_secret()])
    if changed == "body":
        message = message._replace(body=BODY.replace(b"ping", b"pong"))
    elif changed == "secret":
        message = message._replace(secret=make_secret())
    else:
        other = {**signed([make_secret()]).headers, "webhook-id": "msg_2"}
        message = message._replace(headers={**message.headers, changed: other[changed]})
    assert both(message) == [False, False]


def test_the_official_packages_refuse_an_old_timestamp() -> None:
    assert both(signed([make_secret()], at=time.time() - 600)) == [False, False]


def test_both_secrets_work_while_one_is_rotated() -> None:
    new, old = make_secret(), make_secret()
    for reader in (new, old):
        assert both(signed([new, old], reader=reader)) == [True, True]
    assert both(signed([new, old], reader=make_secret())) == [False, False]


def test_who_reads_the_first_signature_alone_needs_the_newest_secret() -> None:
    new, old = make_secret(), make_secret()
    message = signed([new, old])
    first = message.headers["webhook-signature"].split(" ")[0]
    alone = message._replace(headers={**message.headers, "webhook-signature": first})
    assert python_takes(alone)
    assert not python_takes(alone._replace(secret=old))


def test_svix_headers_have_the_same_values() -> None:
    headers = signed_headers([make_secret(), make_secret()], ID, 7, BODY)
    names = ("id", "timestamp", "signature")
    assert [headers[f"svix-{name}"] for name in names] == [
        headers[f"webhook-{name}"] for name in names
    ]
    assert len(headers) == 6


def test_the_published_example() -> None:
    """The vector of the specification's own test suites."""
    body = b'{"test": 2432232314}'
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == expected


@pytest.mark.parametrize("text", ['"\\/\b\f\n\r\t\x01\x1f\x7f', "é漢😀\u2028\u2029", "</script>"])
def test_javascript_writes_every_text_alike(text: str) -> None:
    secret = make_secret()
    body = envelope("x", {"text": text, "null": None, "count": 10_000})
    headers = signed_headers([secret], ID, int(time.time()), body)
    assert javascript_takes([Signed(secret, headers, body)]) == [True]
    # And it is not the escapes alone that are right.
    assert json.loads(body)["payload"]["text"] == text


def of_bytes(count: int) -> str:
    return "whsec_" + base64.b64encode(bytes(count)).decode()


@pytest.mark.parametrize("count", [24, 25, 26, 32, MOST_SECRET_BYTES])
def test_a_secret_of_24_to_64_bytes_is_one(count: int) -> None:
    for text in (of_bytes(count), of_bytes(count).rstrip("=")):
        assert secret_bytes(text) == bytes(count)


@pytest.mark.parametrize(
    "text",
    [
        *(of_bytes(23), of_bytes(65), of_bytes(0), "", "whsec_"),
        of_bytes(32).removeprefix("whsec_"),
        of_bytes(32).replace("whsec_", "whsk_"),
        of_bytes(32) + "=",
        of_bytes(32) + "\n",
        of_bytes(32).replace("A", "é", 1),
        of_bytes(32).replace("A", "-", 1),
        of_bytes(32).replace("A", " ", 1),
    ],
)
def test_a_secret_of_another_form_is_none(text: str) -> None:
    assert secret_bytes(text) is None
    with pytest.raises(ValueError, match=r"^not a webhook secret$"):
        sign(text, ID, 1, BODY)


def test_new_secrets_are_secrets_and_differ() -> None:
    made = {make_secret() for _ in range(100)}
    assert len(made) == 100
    assert {len(secret_bytes(secret) or b"") for secret in made} == {32}
