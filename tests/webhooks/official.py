"""The official packages of Standard Webhooks, asked what they say of a message."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

JS = Path(__file__).parents[1] / "js"
NODE = Path(sys.executable).with_name("node")


class Signed(NamedTuple):
    """What a receiver has: its secret, the headers, the body."""

    secret: str
    headers: Mapping[str, str]
    body: bytes


def python_takes(signed: Signed) -> bool:
    """Whether the package of PyPI verifies the message."""
    try:
        Webhook(signed.secret).verify(signed.body, dict(signed.headers))
    except WebhookVerificationError:
        return False
    return True


def javascript_takes(messages: Iterable[Signed]) -> list[bool]:
    """Whether the package of npm verifies each message, and JavaScript writes its body alike."""
    for path in (NODE, JS / "node_modules" / "standardwebhooks" / "package.json"):
        if not path.exists():
            pytest.fail(f"{path.name} is not installed; `make setup` does it", pytrace=False)
    lines = [
        json.dumps({"secret": one.secret, "headers": dict(one.headers), "body": one.body.decode()})
        for one in messages
    ]
    done = subprocess.run(
        [NODE, JS / "webhooks.mjs"],
        input="\n".join(lines),
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return [answer["ok"] and answer["same"] for answer in answers]
