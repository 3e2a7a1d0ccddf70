"""Bodies that are no JSON, or JSON that careful readers refuse: the server outlives them all."""

import json
from base64 import b64decode

import httpx
import pytest

from tests.api.bodies import CLAIM, DID, WALLET, raw
from tests.api.refusals import EMPTY, problem, refused
from tests.conftest import ON_ONE_STORE
from tests.customers.vectors import rows
from tests.people import customer
from tests.serving import Project

pytestmark = ON_ONE_STORE

SUITE = rows("hostile/jsontestsuite")


def suite_bodies(kind: str) -> dict[str, bytes]:
    """The texts of JSONTestSuite: y are JSON, n are not, i may be."""
    return {
        str(row["file"]): b64decode(row["b64"])
        for row in SUITE
        if row["class"] == kind and "b64" in row
    }


MALFORMED: dict[str, bytes] = {
    "empty": b"",
    "blank": b" \n",
    "cut off": b'{"customerType":"Individual","customerData":[',
    "cut off in a text": b'{"customerType":"Indiv',
    "trailing comma": b'{"customerType":"Individual",}',
    "trailing comma in an array": b'{"customerData":[{},]}',
    "text after the end": b"{} x",
    "two documents": b"{}{}",
    "lines of documents": b"{}\n{}\n",
    "single quotes": b"{'customerType':'Individual'}",
    "name without quotes": b'{customerType:"Individual"}',
    "comment": b'{/* */"customerType":"Individual"}',
    "line comment": b"{} // the end",
    "missing colon": b'{"customerType" "Individual"}',
    "missing comma": b'{"customerType":"Individual" "customerData":[]}',
    "True": b'{"customerType":True}',
    "undefined": b'{"customerType":undefined}',
    "NaN": b'{"customerType":NaN}',
    "Infinity": b'{"customerType":Infinity}',
    "-Infinity": b'{"customerType":-Infinity}',
    "leading zero": b'{"customerType":01}',
    "leading plus": b'{"customerType":+1}',
    "leading point": b'{"customerType":.5}',
    "trailing point": b'{"customerType":1.}',
    "hexadecimal": b'{"customerType":0x10}',
    "underscore": b'{"customerType":1_000}',
    "control character": b'{"customerType":"a\nb"}',
    "NUL in a text": b'{"customerType":"a\0b"}',
    "NUL after the end": b"{}\0",
    "unknown escape": b'{"customerType":"\\x41"}',
    "half an escape": b'{"customerType":"\\u00"}',
    "byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": "{}".encode("utf-16"),
    "UTF-16 without a mark": "{}".encode("utf-16-le"),
    "UTF-32": "{}".encode("utf-32"),
    "Latin-1": '{"customerType":"\u00e9"}'.encode("latin-1"),
    "truncated UTF-8": b'{"customerType":"\xe2\x82"}',
    "overlong UTF-8": b'{"customerType":"\xc0\xaf"}',
    "surrogates in UTF-8": b'{"customerType":"\xed\xa0\xbd\xed\xb8\x80"}',
    "beyond Unicode": b'{"customerType":"\xf4\x90\x80\x80"}',
    "unfinished text of quotes": b'"' + b'\\"' * 50_000,
    "closing brackets": b"]" * 1_000,
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_body_is_refused(project: Project, body: bytes) -> None:
    document = refused(project, project.post(body), "json.invalid")
    assert "errors" not in document


def test_the_place_of_a_syntax_error_is_told(project: Project) -> None:
    document = refused(project, project.post(b'{\n "customerType": x}'), "json.invalid")
    assert "line 2, column 18" in document["detail"]


def test_the_place_of_a_byte_that_is_not_utf_8_is_told(project: Project) -> None:
    document = refused(project, project.post(b'{"a":"\xff"}'), "json.invalid")
    assert document["detail"] == "Byte 6 is not valid UTF-8."


@pytest.mark.parametrize("number", ["7", "-0", "1e400", "1E+999999", "9" * 5_000, "0.1e-400"])
def test_a_number_where_text_belongs(project: Project, number: str) -> None:
    """However large it is: CPython alone would refuse one of more than 4,300 digits."""
    answer = project.post(raw(project, f'"name":{number}'))
    refused(project, answer, "batch.invalid", (f"{CLAIM}/name", "field.type"))


BODIES_TWICE: list[tuple[str, str]] = [
    ('{"customerType":"A","customerType":"Company",$PROJECT,"customerData":[]}', "/customerType"),
    ('{"customerType":"Company",$PROJECT,"customerData":[],"customerData":[]}', "/customerData"),
    ('{"customerType":"Company",$PROJECT,$PROJECT,"customerData":[]}', "/cmsProjectId"),
]
ITEMS_TWICE: list[tuple[str, str]] = [
    ('{"customerClaims":{"name":"A"},"customerClaims":{"name":"B"}}', CLAIM),
    ('{"customerDid":null,"customerClaims":{"name":"A"},"customerDid":null}', DID),
    ('{"customerClaims":{"name":"A","name":"A"}}', f"{CLAIM}/name"),
    ('{"customerClaims":{"name":"A","name":null}}', f"{CLAIM}/name"),
    ('{"customerClaims":{"name":"A","name" :"B"}}', f"{CLAIM}/name"),
    ('{"customerClaims":{"name":"A","name"\t\r\n :"B"}}', f"{CLAIM}/name"),
    ('{"customerClaims":{"name":"A","n\\u0061me":"B"}}', f"{CLAIM}/name"),
    ('{"customerClaims":{"name":"\\":","name":"B"}}', f"{CLAIM}/name"),
    ('{"customerClaims":{"name":"A\\\\","name":"B\\\\"}}', f"{CLAIM}/name"),
    ('{"customerDid":{"did":"did:a:b","did":"did:a:c"}}', f"{DID}/did"),
    ('{"customerWallet":{"wallet":"x","wallet":"y",$AVAX}}', f"{WALLET}/wallet"),
    ('{"customerWallet":{"wallet":"x",$AVAX,$AVAX}}', f"{WALLET}/blockchainNamespace"),
    (
        '{"customerWallet":{"verified":true,"verified":true,"wallet":"x",$AVAX}}',
        f"{WALLET}/verified",
    ),
]


@pytest.mark.parametrize(("text", "pointer"), [*BODIES_TWICE, *ITEMS_TWICE])
@pytest.mark.parametrize("unknown", ["refuse", "ignore"])
def test_a_name_that_stands_twice(project: Project, text: str, pointer: str, unknown: str) -> None:
    member = f'"cmsProjectId":"{project.id}"'
    if "$PROJECT" not in text:
        text = f'{{"customerType":"Company",$PROJECT,"customerData":[{text}]}}'
    body = text.replace("$PROJECT", member).replace("$AVAX", '"blockchainNamespace":"avax"')
    answer = project.post(body.encode(), unknownFields=unknown)
    document = refused(project, answer, "batch.invalid")
    found = [error["pointer"] for error in document["errors"] if error["code"] == "field.duplicate"]
    assert found == [pointer]


def test_a_name_that_stands_thrice_is_told_once(project: Project) -> None:
    answer = project.post(raw(project, '"name":"A","name":"B","name":"C"'))
    refused(project, answer, "batch.invalid", (f"{CLAIM}/name", "field.duplicate"))


DEEP: dict[str, tuple[str, str]] = {
    "arrays": ("[", "]"),
    "objects": ('{"a":', "}"),
    "both": ('[{"a":', "}]"),
}


@pytest.mark.parametrize("levels", [17, 1_000, 50_000])
@pytest.mark.parametrize("kind", DEEP)
def test_a_body_that_is_nested_too_deep(project: Project, kind: str, levels: int) -> None:
    opening, closing = DEEP[kind]
    nested = opening * levels + "1" + closing * levels
    for body in (nested.encode(), raw(project, f'"name":{nested}')):
        document = refused(project, project.post(body), "json.too_deep")
        assert document["detail"] == "The body is nested deeper than 16 levels."


def test_a_body_that_is_nested_too_deep_and_never_closed(project: Project) -> None:
    refused(project, project.post(b"[" * 100_000), "json.too_deep")
    refused(project, project.post(b'[{"":' * 50_000 + b"\n"), "json.too_deep")


def test_brackets_in_texts_are_not_nested(project: Project) -> None:
    text = "[{" * 1_000 + '\\"[['
    answer = project.post(raw(project, f'"name":"{text}","unknown":1'))
    refused(project, answer, "batch.invalid", (f"{CLAIM}/unknown", "field.unknown"))


def test_a_body_of_more_values_than_any_batch_has(project: Project) -> None:
    refused(project, project.post(b"[" + b"1," * 2_000_000 + b"1]"), "json.too_many_values")
    refused(project, project.post(b"[" + b"{}," * 1_000_000 + b"{}]"), "json.too_many_values")


def test_a_batch_of_text_full_of_braces_is_taken(project: Project) -> None:
    """Braces are counted against bodies made of empty objects: a few texts may have many."""
    items = [{"customerClaims": {"name": "{" * 4_000}} for _ in range(15)]
    assert project.post(project.body(*items)).status_code == 200


def judged(project: Project, bodies: dict[str, bytes]) -> dict[str, httpx.Response]:
    return {name: project.post(body) for name, body in bodies.items()}


def test_what_json_test_suite_calls_no_json_is_refused(project: Project) -> None:
    answers = judged(project, suite_bodies("n"))
    assert len(answers) > 180
    for name, answer in answers.items():
        assert answer.status_code == 400, name
        problem(answer, answer.json()["code"])
    assert {answer.json()["code"] for answer in answers.values()} == {"json.invalid"}
    assert project.rows() == EMPTY


def test_what_json_test_suite_calls_json_is_read(project: Project) -> None:
    """None of it is a batch, so all of it is told what is wrong with it."""
    answers = judged(project, suite_bodies("y"))
    assert len(answers) > 90
    for name, answer in answers.items():
        assert problem(answer, "batch.invalid")["errors"], name
    assert project.rows() == EMPTY


def test_what_json_test_suite_leaves_open_is_refused_all_the_same(project: Project) -> None:
    bodies = suite_bodies("i") | suite_bodies("t")
    for name, answer in judged(project, bodies).items():
        assert answer.status_code in (400, 422), name
        problem(answer, answer.json()["code"])
    assert project.rows() == EMPTY


def inside(project: Project, value: bytes) -> bytes:
    """A body with any JSON text as a name."""
    return raw(project, '"name":@').replace(b"@", value)


def test_json_test_suite_as_a_name_within_a_batch(project: Project) -> None:
    """Of all that is JSON there, only texts are names."""
    for name, value in suite_bodies("n").items():
        answer = project.post(raw(project, '"name":@').replace(b"@", value))
        assert problem(answer, "json.invalid"), name
    for name, value in suite_bodies("y").items():
        answer = project.post(raw(project, '"name":@').replace(b"@", value))
        sent = json.loads(value)
        is_name = isinstance(sent, str) and "\0" not in sent
        assert answer.status_code == (200 if is_name else 422), name


def test_the_server_serves_on_after_all_of_this(project: Project) -> None:
    for body in (*MALFORMED.values(), *suite_bodies("n").values()):
        project.post(body)
    assert len(project.enrol(customer())) == 1
    assert "server.error" not in project.server.whole_log()
