"""Verifies a chain as docs/events.md says it, and uses nothing else of the product.

Whoever mistrusts the product would write this program: it is a test that the document suffices.
"""

import struct
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any

Rows = Callable[..., Sequence[Sequence[Any]]]


def verify(rows: Rows, project: int) -> tuple[int, bytes]:
    """The last event and hash of a whole chain; raises AssertionError at the first fault.
    ``rows(statement, *values)`` reads the database."""
    events = {
        row[0]: row[1:]
        for row in rows(
            "SELECT seq, type, customer_id, fields, data, salt, digest FROM events "
            "WHERE project = $1",
            project,
        )
    }
    before, last = b"", 0
    for link in rows(
        "SELECT first, last, id, batch_id, key_id, created_at, hash FROM links "
        "WHERE project = $1 ORDER BY last",
        project,
    ):
        first, end, identifier, batch_id, key_id, created_at, stored = link
        assert first == last + 1
        covered = [events.pop(seq) for seq in range(first, end + 1)]
        for _, _, _, data, salt, digest in covered:
            if data is not None:
                assert sha256(salt + data.encode()).digest() == digest
        parts = [
            b"".join(kind.encode() + b"\n" for kind, *_ in covered),
            b"".join(customer or bytes(16) for _, customer, *_ in covered),
            b"".join((names or "").encode() + b"\n" for _, _, names, *_ in covered),
            b"".join(short(digest or b"") for *_, digest in covered),
        ]
        if stored:
            hashed = (
                b"enrol link 1\n"
                + short(before)
                + struct.pack(">qqq", first, end, created_at)
                + identifier
                + (batch_id or bytes(16))
                + short(key_id.encode())
                + sha256(b"".join(parts)).digest()
            )
            assert sha256(hashed).digest() == stored
        before, last = stored, end
    assert events == {}
    heads = rows("SELECT seq, hash FROM chain_heads WHERE project = $1", project)
    assert [tuple(head) for head in heads] == ([(last, before)] if last else [])
    return last, before


def short(value: bytes) -> bytes:
    """The value behind a byte with its length."""
    return bytes([len(value)]) + value
