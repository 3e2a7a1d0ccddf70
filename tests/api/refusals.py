"""What every refusal has in common, asserted in one place."""

import json
from typing import Any

import httpx

from enrol.problems import PROBLEMS
from tests.serving import Project

EMPTY = {"customers": 0, "wallets": 0, "dids": 0, "events": 0, "findings": 0, "batches": 0} | {
    "emails": 0,
    "idempotency": 0,
    "identifiers": 0,
    "identifiers_new": 0,
}


def problem(answer: httpx.Response, code: str) -> dict[str, Any]:
    """The problem document of an answer that must be one with this code."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    document: dict[str, Any] = answer.json()
    assert document["code"] == code, document
    kind = PROBLEMS[code]
    assert answer.status_code == document["status"] == kind.status
    assert document["title"] == kind.title
    assert document["type"].endswith(f"/docs/problems#{code}")
    assert document["message"] == document["detail"]
    assert document["requestId"] == answer.headers["x-request-id"]
    assert answer.headers["cache-control"] == "no-store"
    if "errors" in document:
        assert document["errorCount"] >= len(document["errors"]) > 0
    return document


def faults(document: dict[str, Any]) -> list[tuple[str, str]]:
    """The pointer and code of each of a problem's errors, in their order."""
    return [(error["pointer"], error["code"]) for error in document["errors"]]


def refused(
    project: Project, answer: httpx.Response, code: str, *expected: tuple[str, str]
) -> dict[str, Any]:
    """A refusal with exactly these errors, which left nothing in a project that held nothing."""
    document = problem(answer, code)
    if expected:
        assert faults(document) == list(expected)
        assert document["errorCount"] == len(expected)
        assert points_into(answer.request.content, document) == []
    assert project.rows() == EMPTY
    return document


def points_into(body: bytes, document: dict[str, Any]) -> list[str]:
    """The pointers that name no place in the body, nor the place of a missing member."""
    try:
        root = json.loads(body)
    except ValueError:
        return []
    lost = []
    for error in document["errors"]:
        pointer = error["pointer"]
        if error["code"] == "field.missing":
            pointer = pointer.rpartition("/")[0]
        try:
            resolve(root, pointer)
        except (LookupError, TypeError, ValueError):
            lost.append(error["pointer"])
    return lost


def resolve(value: Any, pointer: str) -> Any:
    """What a JSON Pointer names (RFC 6901 section 4)."""
    if pointer == "":
        return value
    first, *tokens = pointer.split("/")
    if first:
        raise ValueError("a pointer begins with a slash")
    for token in tokens:
        name = token.replace("~1", "/").replace("~0", "~")
        value = value[int(name)] if isinstance(value, list) else value[name]
    return value
