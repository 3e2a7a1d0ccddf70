"""Every row of hostile/recipes.jsonl, sent: a clear answer, nothing half stored, and served on."""

import gzip
import json
import socket
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import httpx
import pytest

from tests.api.bodies import raw
from tests.api.refusals import EMPTY, faults, problem, refused
from tests.conftest import ON_ONE_STORE
from tests.customers.vectors import rows
from tests.people import CHECKSUMMED, customer, with_claims, with_wallet
from tests.serving import HOST, Project, Served
from tests.wire import answer_on, chunk, connected, head, is_closed

pytestmark = ON_ONE_STORE

Row = dict[str, Any]
MIB = 1024 * 1024
BODY_SECONDS = 0.6
SOON_SECONDS = 5.0
RECIPES: dict[str, Row] = {row["id"]: row for row in rows("hostile/recipes")}
WALKED: list[str] = []


def walk(*names: str) -> pytest.MarkDecorator:
    """The rows that a test is for."""
    WALKED.extend(names)
    return pytest.mark.parametrize("row", [RECIPES[name] for name in names], ids=names)


def of(*kinds: str) -> list[str]:
    return [name for name, row in RECIPES.items() if row["kind"] in kinds]


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that waits for no body."""
    with Served(tmp_path_factory.mktemp("hasty"), body_timeout=BODY_SECONDS) as served:
        yield served


@pytest.fixture(autouse=True)
def served_on(server: Served) -> Iterator[None]:
    """Whatever was sent, the next call is served, at once."""
    yield
    start = time.monotonic()
    assert len(server.new_project().enrol(customer())) == 1
    assert time.monotonic() - start < SOON_SECONDS


# What each body is answered: the code of a problem, of faults, or of findings of what is kept.
OUTCOMES: dict[str, str] = {
    **dict.fromkeys(of("token", "json"), "field.type"),
    **dict.fromkeys(of("string"), "kept"),
    **dict.fromkeys(of("url"), "url.syntax"),
    **dict.fromkeys(of("generate"), "json.too_deep"),
    **dict.fromkeys(of("bytes"), "json.invalid"),
    **{
        f"number_{text}": "json.invalid"
        for text in "NaN Infinity -Infinity 0x10 1_000 01 +1 .5 1.".split()
    },
    "inject_\0": "text.nul",
    "zalgo": "text.too_long",
    "utf16le": "content_type.unsupported",
    "bad_gzip": "content_encoding.invalid",
    "lying_encoding": "content_encoding.invalid",
    "dup_key_top": "field.duplicate field.unknown",
    "dup_key_wallet": "field.duplicate",
    "dup_key_escaped": "field.duplicate",
    "proto_pollution": "field.unknown field.unknown",
    "lone_high_surrogate": "text.surrogate",
    "lone_low_surrogate": "text.surrogate",
    "reversed_surrogates": "text.surrogate",
    "nul_escape": "text.nul",
    "c0_c1_controls": "kept text.invisible",
    "bidi_override": "kept text.bidi",
    "bidi_isolates": "kept text.bidi",
    "ligature_expand": "kept",
    # A sub is ASCII (OpenID Connect Core 1.0, section 2); a lenient project keeps these, apart.
    "zwsp_in_sub": "sub.syntax",
    "nfc_vs_nfd_sub": "sub.syntax sub.syntax",
    "case_fold_ss": "sub.syntax sub.syntax",
    "just_null": "field.type",
    "scalar": "field.type",
    **dict.fromkeys("trailing_garbage two_docs ndjson".split(), "json.invalid"),
    **dict.fromkeys("single_quotes comments trailing_comma".split(), "json.invalid"),
    "batch_mixed_types": "field.type field.type field.type field.type item.empty",
    # Nothing is fetched, whatever address it is. "0x7f000001" is a host name, of one label.
    **{
        f"picture_http://{host}": "kept claims.no_name"
        for host in ("127.0.0.1:2", "169.254.169", "[::1]/", "0x7f000001/", "localhost.l")
    },
}
OURS = {
    '"customers":': '"customerData":',
    '"wallet":{': '"customerWallet":{',
    '"namespace":': '"blockchainNamespace":',
    '"address":': '"wallet":',
}


def ours(project: Project, text: str) -> bytes:
    """The text of a row as a body of this API, where it has what such a body has."""
    for theirs, own in OURS.items():
        text = text.replace(theirs, own)
    body = json.dumps(project.body())
    if text.startswith('{"customerData"'):
        text = body.replace('"customerData": []}', text[1:])
    elif text.startswith('[{"sub"'):
        items = text.replace('{"sub"', '{"customerClaims":{"sub"').replace("}", "}}")
        text = body.replace("[]", items)
    elif text.startswith(('{"name"', '{"sub"', '{"__proto__"')):
        return raw(project, text[1:-1])
    return text.encode()


def sent(project: Project, row: Row) -> bytes:
    """The body of a row, in which a lone value is a name."""
    match row:
        case {"body": text}:
            return ours(project, text)
        case {"hex": digits}:
            return bytes.fromhex(digits)
        case {"token": value}:
            return raw(project, f'"name":{value}')
        case {"kind": "url", "value": value}:
            return raw(project, f'"picture":{json.dumps(value)}')
        case {"value": value}:
            return raw(project, f'"name":{json.dumps(value)}')
        case {"base": base, "combining": mark, "repeat": times}:
            return raw(project, f'"name":"{base}{mark * times}"')
        case {"prefix": opening, "suffix": closing, "repeat": times}:
            return f"{opening * times}1{closing * times}".encode()
        case {"kind": "json", "unit": unit, "repeat": times}:
            return raw(project, f'"name":{unit * times}')
        case {"unit": unit, "repeat": times}:
            return str(unit * times).encode()
    assert row["id"] == "deep_inside_valid"
    return raw(project, f'"address":{"[" * 5_000}{"]" * 5_000}')


def post(project: Project, body: bytes, row: Row) -> httpx.Response:
    headers = {"content_type": "Content-Type", "content_encoding": "Content-Encoding"}
    return project.post(body, {name: row[key] for key, name in headers.items() if key in row})


@walk(*of("token", "string", "url", "json", "generate", "bytes", "raw"))
def test_a_body_is_kept_as_it_is_or_refused_with_its_code(project: Project, row: Row) -> None:
    answer = post(project, sent(project, row), row)
    assert answer.elapsed.total_seconds() < SOON_SECONDS
    first, *codes = wanted = OUTCOMES[row["id"]].split()
    if first == "kept":
        assert answer.status_code == 200, answer.text
        (one,) = answer.json()
        shown = project.customer(one)
        assert [finding["code"] for finding in shown["findings"]] == codes
        name = "picture" if row["kind"] == "url" else "name"
        text = row["value"] if "value" in row else json.loads(row["body"])["name"]
        assert shown["customerClaims"][0][name] == text
    elif first.partition(".")[0] in ("json", "content_type", "content_encoding"):
        refused(project, answer, first)
    else:
        document = refused(project, answer, "batch.invalid")
        assert sorted(code for _, code in faults(document)) == wanted


@pytest.mark.parametrize("name", of("raw", "bytes"))
def test_the_same_is_refused_as_it_stands_and_within_a_batch(project: Project, name: str) -> None:
    row = RECIPES[name]
    plain = row["body"].encode() if "body" in row else bytes.fromhex(row["hex"])
    assert post(project, plain, row).status_code in (400, 415, 422)
    if plain.startswith(b'{"name"') and row["kind"] == "bytes":
        inside = raw(project, "@").replace(b"@", plain[1:-1])
        refused(project, post(project, inside, row), "json.invalid")
    assert project.rows() == EMPTY


@pytest.mark.parametrize("name", ["zwsp_in_sub", "nfc_vs_nfd_sub", "case_fold_ss"])
def test_subs_that_look_alike_are_kept_apart(lenient: Project, name: str) -> None:
    lenient.enrol(with_claims(sub="user1"), with_claims(sub="istanbul"))
    ids = lenient.post(ours(lenient, RECIPES[name]["body"])).json()
    held = [lenient.customer(one)["customerClaims"][0]["sub"] for one in ids]
    told = json.loads(RECIPES[name]["body"])
    assert held == [one["sub"] for one in (told if isinstance(told, list) else [told])]


def test_no_address_that_is_kept_is_fetched(project: Project) -> None:
    with socket.create_server((HOST, 0)) as listener:
        url = f"http://{HOST}:{listener.getsockname()[1]}/"
        (one,) = project.enrol(with_claims(name="A", picture=url, website=url, profile=url))
        assert project.customer(one)["customerClaims"][0]["picture"] == url
        listener.settimeout(0.2)
        with pytest.raises(TimeoutError):
            listener.accept()


@walk("gzip_bomb")
def test_a_bomb_is_refused_at_the_limit(project: Project, row: Row) -> None:
    """A gigabyte of spaces, of which each piece is packed alike: it is not packed again here."""
    piece = MIB * bytes.fromhex(row["of"]["byte"])
    stream = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    begun = stream.compress(piece) + stream.flush(zlib.Z_FULL_FLUSH)
    more = stream.compress(piece) + stream.flush(zlib.Z_FULL_FLUSH)
    answer = project.post(
        begun + more * (row["of"]["size"] // MIB - 1) + stream.flush(),
        {"Content-Encoding": row["encoding"]},
    )
    assert answer.elapsed.total_seconds() < SOON_SECONDS
    refused(project, answer, "body.too_large")


@walk("gzip_nested", "deflate_bomb", "br_bomb", "zstd_bomb")
def test_another_encoding_is_not_even_tried(project: Project, row: Row) -> None:
    packed = gzip.compress(b" " * MIB)
    answer = project.post(packed, {"Content-Encoding": row["encoding"]})
    refused(project, answer, "content_encoding.unsupported")


@walk(*(f"batch_size_{count}" for count in (0, 1, 2, 100, 1_000)))
def test_a_batch_within_the_limit_is_stored_whole(project: Project, row: Row) -> None:
    assert len(project.enrol(*(customer() for _ in range(row["count"])))) == row["count"]
    assert project.total() == row["count"]


@walk("batch_size_10001", "batch_size_1000000")
def test_a_batch_beyond_the_limit_is_refused_whole(project: Project, row: Row) -> None:
    items = ",".join(['{"customerClaims":{"name":"A"}}'] * row["count"])
    body = json.dumps(project.body()).replace("[]", f"[{items}]").encode()
    many = row["count"] > 100_000
    code = "json.too_many_values" if many else "batch.too_many_items"
    refused(project, project.post(body), code)


@walk("batch_same_customer_twice", "batch_same_wallet_other_case")
def test_a_batch_that_repeats_itself_is_refused(project: Project, row: Row) -> None:
    same = row["id"] == "batch_same_customer_twice"
    items = [customer()] * 2 if same else map(with_wallet, (CHECKSUMMED, CHECKSUMMED.lower()))
    document = refused(project, project.post(project.body(*items)), "batch.conflict")
    told = {pointer.split("/")[2]: code.partition(".")[0] for pointer, code in faults(document)}
    assert told == {"1": "duplicate"}


@walk("batch_one_bad_of_100")
def test_one_bad_of_100_is_named_and_stores_none(project: Project, row: Row) -> None:
    items = [customer() for _ in range(100)]
    items[57]["customerClaims"]["nationality"] = "afg"
    fault = ("/customerData/57/customerClaims/nationality", "country.unknown")
    refused(project, project.post(project.body(*items)), "batch.invalid", fault)
    answer = project.post(project.body(*items), mode="partial")
    assert answer.status_code == 207
    assert [place for place, one in enumerate(answer.json()) if one["outcome"] != "created"] == [57]


def whole(project: Project) -> bytes:
    """A body that is right."""
    return json.dumps(project.body(customer())).encode()


def keyed(project: Project) -> bytes:
    """A whole call with an Idempotency-Key."""
    body = json.dumps(project.body(customer(), customer())).encode()
    return head(project, f"Content-Length: {len(body)}", "Idempotency-Key: k") + body


@walk("batch_concurrent_x50_same_body")
def test_fifty_of_the_same_call_at_once_are_one(project: Project, row: Row) -> None:
    call = keyed(project)
    with ExitStack() as stack:
        held = [stack.enter_context(connected(project.server)) for _ in range(50)]
        for connection in held:
            connection.sendall(call)
        answers = [answer_on(connection) for connection in held]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert project.rows()["batches"] == 1
    assert project.total() == 2


@walk("batch_retry_after_client_timeout")
def test_a_call_whose_answer_nobody_waits_for_is_repeated(project: Project, row: Row) -> None:
    call = keyed(project)
    for _ in range(3):
        with connected(project.server) as connection:
            connection.sendall(call)
    with connected(project.server) as connection:
        connection.sendall(call)
        assert answer_on(connection).status_code == 200
    assert (project.total(), project.rows()["batches"]) == (2, 1)


CHUNKED = "Transfer-Encoding: chunked"
PAUSE_SECONDS = 0.1


def asked(line: str, *headers: str) -> Callable[[Project, bytes], list[bytes]]:
    """A request of this first line, without a body."""

    def pieces(project: Project, _: bytes) -> list[bytes]:
        key = f"Authorization: Bearer {project.key}"
        return ["\r\n".join([f"{line} HTTP/1.1", f"Host: {HOST}", key, *headers, "", ""]).encode()]

    return pieces


def told(*headers: str) -> Callable[[Project, bytes], list[bytes]]:
    """A call that enrols, in one chunk, whose head has these headers beside."""
    return lambda project, body: [head(project, CHUNKED, *headers) + chunk(body) + chunk(b"")]


def cut(pieces: Callable[[Project, bytes], list[bytes]]) -> Callable[[Project, bytes], list[bytes]]:
    """The same in two: the bound of a head is for what comes behind its first packet."""
    return lambda project, body: [(sent := pieces(project, body)[0])[:100], sent[100:]]


# The status of each, and what is sent, in pieces with a pause between.
HTTP: dict[str, tuple[int, Callable[[Project, bytes], list[bytes]]]] = {
    "http_Content-Length:_5_and_Transf": (400, told("Content-Length: 5")),
    "http_two_different_Content-Length": (
        400,
        lambda project, body: [head(project, "Content-Length: 2", "Content-Length: 3") + body],
    ),
    "http_chunk_extension_64_KiB": (
        200,
        lambda project, body: [
            head(project, CHUNKED) + chunk(body).replace(b"\r", b";" + b"e" * 65_536 + b"\r", 1),
            chunk(b""),
        ],
    ),
    "http_10_000_headers": (400, cut(told(*(f"X-{number}: y" for number in range(10_000))))),
    "http_64_KiB_header": (400, cut(told("X: " + "y" * 65_536))),
    "http_HTTP/1.0_without_Host": (
        200,
        lambda project, body: [
            head(project, f"Content-Length: {len(body)}")
            .replace(b"HTTP/1.1", b"HTTP/1.0")
            .replace(f"Host: {HOST}\r\n".encode(), b"")
            + body
        ],
    ),
    "http_absolute-form_target": (
        200,
        lambda project, body: [
            head(project, CHUNKED, path=f"{project.server.url}/customers/batch")
            + chunk(body)
            + chunk(b"")
        ],
    ),
    'http_method_batch_lower-case_"pos': (400, asked("post /customers/batch")),
    "http_OPTIONS_*": (404, asked("OPTIONS *")),
    "http_TRACE": (405, asked("TRACE /customers/batch")),
    "http_NUL_in_path_%00": (404, asked("GET /customers/%00")),
    "http_..%2f..%2f_path": (404, asked("GET /customers/..%2f..%2fetc%2fpasswd")),
    "http_overlong_path_100_KiB": (400, asked("GET /customers/" + "a" * 102_400)),
}

# Where the answer is another than the row wants.
DECIDED: dict[str, str] = {
    "http_Transfer-Encoding:_chunked_w": "408, not 400: nothing is held for a size that is said; "
    "bytes are counted as they come, and have their time. Beyond 64 bits it is 400.",
    "http_chunk_extension_64_KiB": "Served: RFC 9112 section 7.1.1 wants an extension ignored, and "
    "none of it is held.",
    "http_10_000_headers": "400, not 431, as text: what is no request has no problem document. The "
    "bound is of bytes.",
    "http_64_KiB_header": "400, not 431: the same.",
    "http_overlong_path_100_KiB": "400, not 414: the same.",
    "auth_Bearer <1 MiB>": "400, not 401 or 431: the same.",
    "http_slowloris:_1_header_byte_/_5": "Here others are served; tests/test_heads.py waits for "
    "the end of its time, which is no setting.",
}


def judged(server: Served, pieces: list[bytes]) -> httpx.Response:
    """The answer, which is a problem document, a right one, or the end of the connection."""
    with connected(server) as connection:
        # What is refused need not be read to its end.
        with suppress(ConnectionError):
            for place, piece in enumerate(pieces):
                time.sleep(PAUSE_SECONDS if place else 0)
                connection.sendall(piece)
        answer = answer_on(connection)
        if answer.status_code >= 400:
            if answer.headers["content-type"].startswith("text/plain"):
                assert is_closed(connection)
                assert answer.status_code == 400
            else:
                problem(answer, answer.json()["code"])
    return answer


@walk(*HTTP)
def test_odd_http_is_served_or_refused(project: Project, row: Row) -> None:
    status, pieces = HTTP[row["id"]]
    answer = judged(project.server, pieces(project, whole(project)))
    assert answer.status_code == status, answer.text
    assert project.rows()["customers"] == (status == 200)


@walk("http_Content-Length:_10_with_5_by")
def test_half_a_body_is_nothing(project: Project, row: Row) -> None:
    with connected(project.server) as connection:
        connection.sendall(head(project, "Content-Length: 10") + b'{"a":')
        connection.shutdown(socket.SHUT_WR)
        assert is_closed(connection)
    assert project.rows() == EMPTY


@walk("http_Transfer-Encoding:_chunked_w", "http_slow_body_1_byte/s")
def test_a_body_that_does_not_come_is_not_waited_for(hasty: Served, row: Row) -> None:
    project = hasty.new_project()
    slow = "slow" in row["id"]
    begun = head(project, "Content-Length: 1000" if slow else CHUNKED)
    with connected(hasty) as connection:
        start = time.monotonic()
        connection.sendall(begun if slow else begun + b"ffffffffffffffff\r\n{}")
        with suppress(ConnectionError):
            for _ in range(int(BODY_SECONDS / PAUSE_SECONDS) - 1 if slow else 0):
                connection.sendall(b" ")
                time.sleep(PAUSE_SECONDS)
        problem(answer_on(connection), "body.timeout")
        assert time.monotonic() - start < SOON_SECONDS
        assert is_closed(connection)
    assert project.rows() == EMPTY


@walk("http_slowloris:_1_header_byte_/_5")
def test_heads_that_come_byte_by_byte_hold_nobody_up(project: Project, row: Row) -> None:
    with ExitStack() as stack:
        held = [stack.enter_context(connected(project.server)) for _ in range(100)]
        for byte in b"POST /":
            for connection in held:
                connection.sendall(bytes([byte]))
            assert len(project.enrol(customer())) == 1


@walk("http_Expect:_100-continue")
def test_a_body_is_asked_for_where_it_will_be_read(project: Project, row: Row) -> None:
    body, expect = whole(project), "Expect: 100-continue"
    with connected(project.server) as connection:
        connection.sendall(head(project, f"Content-Length: {len(body)}", expect))
        assert connection.recv(1_000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert answer_on(connection).status_code == 200
    with connected(project.server) as connection:
        connection.sendall(head(project, f"Content-Length: {10**10}", expect))
        assert connection.recv(1_000).startswith(b"HTTP/1.1 413 ")


# The code of each refusal; no code: what is sent is no HTTP.
AUTH: dict[str, str] = {
    **dict.fromkeys(of("auth"), "access.malformed"),
    "auth_(none)": "access.missing",
    "auth_Basic dXNlcjpwYXNz": "access.missing",
    "auth_?access_token=<good>": "access.missing",
    "auth_bearer <good>": "served",
    "auth_BEARER <good>": "served",
    "auth_Bearer  <good> (two ": "served",
    "auth_Bearer <good>\\x00": "",
    "auth_Bearer <1 MiB>": "",
}
TWO_KEYS = "auth_two Authorization he"


def authorized(project: Project, value: str) -> list[bytes]:
    """The call that a row describes."""
    body, query = whole(project), ""
    other = project.key[:-1] + ("0" if project.key[-1] != "0" else "1")
    value = value.replace("<good> with last char changed", other).replace("<good>", project.key)
    value = value.replace("<bad>", other).replace("<1 MiB>", "x" * MIB).replace("\\x00", "\0")
    header = f"Authorization: {value.removesuffix(' (two spaces)')}\r\n"
    if value.startswith("?"):
        header, query = "", value.removesuffix(" in URL")
    elif value == "(none)":
        header = ""
    sent = head(project, f"Content-Length: {len(body)}", path=f"/customers/batch{query}")
    sent = sent.replace(f"Authorization: Bearer {project.key}\r\n".encode(), header.encode())
    return [sent[:100], sent[100:] + body]


@walk(*(name for name in AUTH if name != TWO_KEYS))
def test_a_key_opens_or_is_refused(project: Project, row: Row) -> None:
    wanted = AUTH[row["id"]]
    answer = judged(project.server, authorized(project, row["value"]))
    if wanted == "served":
        assert (answer.status_code, project.total()) == (200, 1)
        return
    assert project.rows() == EMPTY
    if wanted:
        problem(answer, wanted)
        assert answer.headers["www-authenticate"].startswith("Bearer")
    else:
        assert answer.status_code == 400


@walk(TWO_KEYS)
def test_two_keys_open_nothing(project: Project, row: Row) -> None:
    body = whole(project)
    sent = head(project, f"Content-Length: {len(body)}") + body
    other = sent.replace(b"Authorization", b"Authorization: Bearer x\r\nAuthorization", 1)
    assert judged(project.server, [other]).status_code in (400, 401)
    assert project.rows() == EMPTY


def test_every_row_is_walked_by_one_test() -> None:
    assert sorted(WALKED) == sorted(RECIPES)
    assert {*OUTCOMES, *HTTP, *DECIDED, *AUTH} <= {*RECIPES}
