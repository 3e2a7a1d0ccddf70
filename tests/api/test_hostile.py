"""Naughty strings in every free text, JSON wherever a value may stand, and tricks with headers."""

import json
import socket
import time
from base64 import b64decode
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import pytest

from enrol.customers.model import CLAIM_NAMES
from enrol.store.columns import CLAIM_COLUMNS
from tests.api.bodies import CLAIM, raw
from tests.api.refusals import EMPTY, problem, refused
from tests.conftest import ON_TWO_STORES
from tests.customers.vectors import rows
from tests.people import customer, did, wallet, with_claims
from tests.serving import HOST, Project
from tests.wire import answer_on, chunk, connected, head

pytestmark = ON_TWO_STORES

MIB = 1024 * 1024
NAUGHTY = list(dict.fromkeys(row["s"] for row in rows("hostile/blns")))
FREE = [
    *("name", "givenName", "familyName", "middleName", "nickname", "preferredUsername"),
    *("gender", "address", "createdBy"),
]
OF_PROJECT = "WHERE project = (SELECT project FROM projects WHERE id = $1) ORDER BY"


def text(place: int) -> str:
    return str(NAUGHTY[place % len(NAUGHTY)])


def is_sub(value: str) -> bool:
    return value.isascii() and 0 < len(value) <= 255


def naughty(place: int) -> dict[str, Any]:
    """A customer of naughty strings, another in each field, so that none can take another's."""
    held = {name: text(place + step) for step, name in enumerate(FREE)}
    if is_sub(text(place)):
        held["sub"] = text(place)
    return {
        "customerClaims": held,
        "customerWallet": wallet(createdBy=text(place + 20)),
        "customerDid": did(createdBy=text(place + 30), updatedBy=text(place + 40)),
    }


@pytest.mark.parametrize("ensure_ascii", [True, False], ids=["escaped", "plain"])
def test_naughty_strings_come_back_byte_for_byte(project: Project, ensure_ascii: bool) -> None:
    items = [naughty(place) for place in range(len(NAUGHTY))]
    assert sum("sub" in item["customerClaims"] for item in items) > 400
    answer = project.post(json.dumps(project.body(*items), ensure_ascii=ensure_ascii).encode())
    assert answer.status_code == 200, answer.text
    for sent, customer_id in zip(items, answer.json(), strict=True):
        shown = project.customer(customer_id)
        for part, listed in (
            ("customerClaims", shown["customerClaims"]),
            ("customerWallet", shown["customerWallets"]),
            ("customerDid", shown["customerDids"]),
        ):
            assert sent[part].items() <= listed[0].items()


def test_naughty_strings_stand_in_the_database_as_they_were_sent(project: Project) -> None:
    items = [naughty(place) for place in range(len(NAUGHTY))]
    project.enrol(*items)
    columns = ", ".join(CLAIM_COLUMNS)
    query = project.server.query
    claims = query(f"SELECT {columns} FROM customers {OF_PROJECT} id", project.id)
    assert claims == [
        tuple(item["customerClaims"].get(name) for name in CLAIM_NAMES) for item in items
    ]
    wallets = query(f"SELECT created_by FROM wallets {OF_PROJECT} customer_id", project.id)
    assert wallets == [(item["customerWallet"]["createdBy"],) for item in items]
    dids = query(f"SELECT created_by, updated_by FROM dids {OF_PROJECT} customer_id", project.id)
    sent = [item["customerDid"] for item in items]
    assert dids == [(one["createdBy"], one["updatedBy"]) for one in sent]


@pytest.mark.parametrize(
    ("mark", "code"),
    [("\0", "text.nul"), ("\ud83d", "text.surrogate")],
    ids=["NUL", "surrogate"],
)
def test_a_naughty_string_with_what_cannot_be_kept_is_refused(
    project: Project, mark: str, code: str
) -> None:
    """The mark stands before, within and behind the string, in each field in turn."""
    items, expected = [], []
    for place, value in enumerate(NAUGHTY):
        name = [*FREE, "sub"][place % (len(FREE) + 1)]
        cut = (0, len(value) // 2, len(value))[place % 3]
        items.append(with_claims(**{name: value[:cut] + mark + value[cut:]}))
        expected.append((CLAIM.replace("0", str(place)) + f"/{name}", code))
    refused(project, project.post(project.body(*items)), "batch.invalid", *expected)


CHECKED = ["birthdate", "locale", "nationality", "picture", "pictureBase64", "sub", "zoneinfo"]


@pytest.mark.parametrize("name", [*CHECKED, "wallet", "did", "blockchainNamespace"])
def test_a_naughty_string_where_it_is_checked_is_refused_or_kept(
    project: Project, name: str
) -> None:
    parts: dict[str, Any] = {
        "wallet": lambda value: {"customerWallet": wallet(value)},
        "blockchainNamespace": lambda value: {"customerWallet": wallet(namespace=value)},
        "did": lambda value: {"customerDid": did(value)},
    }
    make = parts.get(name, lambda value: with_claims(gender="x", **{name: value}))
    answer = project.post(project.body(*map(make, NAUGHTY)), mode="partial")
    assert answer.status_code == 207
    kept = 0
    for value, result in zip(NAUGHTY, answer.json(), strict=True):
        if result["outcome"] == "created":
            kept += 1
            assert project.customer(result["id"])["customerClaims"][0][name] == value
        else:
            assert {one["pointer"].rpartition("/")[2] for one in result["errors"]} == {name}
    assert project.total() == kept


@pytest.mark.parametrize(
    "path", ["/customers/{}", "/projects/{project}/customer-wallets/{}/customer"]
)
def test_a_naughty_string_in_an_address_finds_nothing(project: Project, path: str) -> None:
    for value in filter(None, NAUGHTY):
        # A client would walk up the dots before it sends them.
        segment = quote(value, safe="").replace(".", "%2E")
        answer = project.get(path.format(segment, project=project.id))
        assert answer.status_code == 404, value


def test_a_naughty_string_in_the_query_finds_nothing(project: Project) -> None:
    for value in filter(None, NAUGHTY):
        answer = project.get("/customers", cmsProjectId=project.id, wallet=value)
        assert answer.json() == {"data": [], "totalCount": 0}, value
        answer = project.get("/customers", cmsProjectId=value)
        problem(answer, "access.project")


SUITE = rows("hostile/jsontestsuite")
GENERATED = {
    "'['*100000": b"[" * 100_000,
    "'[{\"\":'*50000 + newline": b'[{"":' * 50_000 + b"\n",
}


def suite(*kinds: str) -> dict[str, bytes]:
    """The texts of JSONTestSuite of these classes, those that are generated among them."""
    return {
        str(row["file"]): b64decode(row["b64"]) if "b64" in row else GENERATED[row["generate"]]
        for row in SUITE
        if row["class"] in kinds
    }


def as_name(project: Project, value: bytes) -> bytes:
    return raw(project, '"name":@').replace(b"@", value)


def as_unknown(project: Project, value: bytes) -> bytes:
    return raw(project, '"name":"A","unknown":@').replace(b"@", value)


def test_what_json_test_suite_generates_is_too_deep(project: Project) -> None:
    """Deeper than the limit is told before it is told that nothing of it is closed."""
    generated = {row["file"] for row in SUITE if "generate" in row}
    assert len(generated) == len(GENERATED)
    for name, value in suite("n").items():
        if name in generated:
            for body in (value, as_name(project, value), as_unknown(project, value)):
                refused(project, project.post(body), "json.too_deep")


def test_a_text_of_json_test_suite_is_kept_as_another_reader_reads_it(project: Project) -> None:
    """Nearly every text of the suite stands alone in an array."""
    kept = 0
    for name, value in suite("y").items():
        match json.loads(value):
            case [str() as wanted] if "\0" not in wanted:
                sent = value.strip().removeprefix(b"[").removesuffix(b"]")
                (one,) = project.post(as_name(project, sent)).json()
                assert project.customer(one)["customerClaims"][0]["name"] == wanted, name
                kept += 1
    assert project.total() == kept > 40


def test_what_json_test_suite_leaves_open_is_no_name(project: Project) -> None:
    """Neither as it stands nor, for nearly all of it is arrays, taken out of its array."""
    for name, value in suite("i", "t").items():
        for sent in (value, value.strip().removeprefix(b"[").removesuffix(b"]")):
            answer = project.post(as_name(project, sent))
            assert answer.status_code in (400, 422), name
            problem(answer, answer.json()["code"])
    assert project.rows() == EMPTY


def test_a_dropped_field_is_read_as_json_all_the_same(project: Project) -> None:
    for name, value in suite("n").items():
        answer = project.post(as_unknown(project, value), unknownFields="ignore")
        assert answer.json()["code"] in ("json.invalid", "json.too_deep"), name
    for name, value in suite("i", "t").items():
        answer = project.post(as_unknown(project, value), unknownFields="ignore", mode="dryRun")
        assert answer.status_code in (200, 207, 400), name
    assert project.rows() == EMPTY
    for name, value in suite("y").items():
        answer = project.post(as_unknown(project, value), unknownFields="ignore")
        assert answer.status_code == 200, name


def whole(project: Project) -> bytes:
    """A body that is right."""
    return json.dumps(project.body(customer())).encode()


def everything(connection: socket.socket, seconds: float = 0.3) -> bytes:
    """All that the server sends until it is silent or closes."""
    connection.settimeout(seconds)
    found = b""
    try:
        while more := connection.recv(65_536):
            found += more
    except OSError:
        pass
    return found


CHUNKED = "Transfer-Encoding: chunked"
UPGRADE = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk")


def test_a_trailer_opens_nothing(project: Project) -> None:
    """RFC 9110 section 6.5.1: a trailer must not be merged where it says who calls."""
    key = f"Authorization: Bearer {project.key}\r\n".encode()
    sent = head(project, CHUNKED).replace(key, b"") + chunk(whole(project))
    with connected(project.server) as connection:
        connection.sendall(sent + b"0\r\n" + key + b"\r\n")
        problem(answer_on(connection), "access.missing")
    assert project.rows() == EMPTY


@pytest.mark.parametrize("piece", [b"x: " + b"y" * 65_533 + b"\r\n", b"y" * 65_536])
def test_endless_trailers_are_refused(project: Project, piece: bytes) -> None:
    """Nobody without a key may hold memory; see tests/test_heads.py."""
    sent = 0
    with connected(project.server) as connection:
        begun = f"POST /customers/batch HTTP/1.1\r\nHost: {HOST}\r\n{CHUNKED}\r\n\r\n0\r\nx: "
        connection.sendall(begun.encode())
        try:
            while sent < 20 * MIB:
                connection.sendall(piece)
                sent += len(piece)
        except OSError:
            pass
    assert sent < 16 * MIB


def test_a_call_that_offers_an_upgrade_is_served(project: Project) -> None:
    """RFC 9110 section 7.8: a server may ignore it. Some clients offer h2c with every call."""
    body = whole(project)
    with connected(project.server) as connection:
        connection.sendall(head(project, f"Content-Length: {len(body)}", *UPGRADE) + body)
        assert answer_on(connection).status_code == 200


def test_a_body_behind_an_upgrade_is_not_taken_for_a_request(project: Project) -> None:
    smuggled = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    with connected(project.server) as connection:
        connection.sendall(head(project, f"Content-Length: {len(smuggled)}", *UPGRADE))
        time.sleep(0.1)
        connection.sendall(smuggled)
        assert everything(connection).count(b"HTTP/1.1 ") == 1


def test_an_upgrade_in_a_head_that_comes_in_pieces_ends_the_connection(project: Project) -> None:
    """There the parser sees it, and passes over the body: what follows must not be a request."""
    smuggled = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    sent = head(project, f"Content-Length: {len(smuggled)}", *UPGRADE)
    cut = sent.index(b"Upgrade")
    with connected(project.server) as connection:
        with suppress(OSError):
            for piece in (sent[:cut], sent[cut:], smuggled, smuggled):
                connection.sendall(piece)
                time.sleep(0.1)
        assert everything(connection).count(b"HTTP/1.1 ") == 1
    assert project.rows() == EMPTY


TWICE: dict[str, tuple[str, ...]] = {
    "encodings": ("Content-Encoding: br", "Content-Encoding: identity"),
    "keys": ("Idempotency-Key: a", "Idempotency-Key: b"),
    "hosts": ("Host: another",),
}


@pytest.mark.parametrize("headers", TWICE.values(), ids=TWICE.keys())
def test_a_header_that_may_stand_once_is_refused_twice(
    project: Project, headers: tuple[str, ...]
) -> None:
    """RFC 9110 section 5.3 reads two as one list, which none of these is; RFC 9112 section 3.2."""
    body = whole(project)
    with connected(project.server) as connection:
        connection.sendall(head(project, f"Content-Length: {len(body)}", *headers) + body)
        assert answer_on(connection).status_code in (400, 415)
    assert project.rows() == EMPTY


def test_of_two_keys_the_same_counts_everywhere(project: Project) -> None:
    body = whole(project)
    lines = f"Authorization: Bearer {project.key}\r\nAuthorization: Bearer x\r\n\r\n"
    reads = f"GET /customers?cmsProjectId={project.id} HTTP/1.1\r\nHost: {HOST}\r\n{lines}"
    writes = head(project, f"Content-Length: {len(body)}", "Authorization: Bearer x") + body
    statuses = []
    for sent in (reads.encode(), writes):
        with connected(project.server) as connection:
            connection.sendall(sent)
            statuses.append(answer_on(connection).status_code)
    assert statuses in ([401, 401], [400, 400])
