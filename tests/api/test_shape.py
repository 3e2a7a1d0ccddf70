"""Bodies that are not what the API takes: not JSON, or JSON of another shape."""

import json
from typing import Any

import pytest

from tests.api.bodies import CLAIM, DID, WALLET, raw
from tests.api.refusals import faults, refused
from tests.conftest import ON_ONE_STORE
from tests.people import customer, with_claims, with_wallet
from tests.serving import Project

pytestmark = ON_ONE_STORE


def test_the_body_that_these_tests_break_is_right(project: Project) -> None:
    assert project.post(raw(project)).status_code == 200


WRONG_TYPES: list[tuple[Any, str, str]] = [
    # The body.
    ([], "", "Expected: object; sent: array."),
    ("text", "", "Expected: object; sent: string."),
    (None, "", "Expected: object; sent: null."),
    (7, "", "Expected: object; sent: number."),
    (True, "", "Expected: object; sent: boolean."),
    # Its members.
    ({"customerType": 1}, "/customerType", "Expected: string; sent: number."),
    ({"customerType": None}, "/customerType", "Expected: string; sent: null."),
    ({"customerType": ["Company"]}, "/customerType", "Expected: string; sent: array."),
    ({"cmsProjectId": 1}, "/cmsProjectId", "Expected: string; sent: number."),
    ({"cmsProjectId": None}, "/cmsProjectId", "Expected: string; sent: null."),
    ({"customerData": {}}, "/customerData", "Expected: array; sent: object."),
    ({"customerData": None}, "/customerData", "Expected: array; sent: null."),
    ({"customerData": "[]"}, "/customerData", "Expected: array; sent: string."),
]

WRONG_ITEMS: list[tuple[Any, str, str]] = [
    (None, "", "Expected: object; sent: null."),
    ([], "", "Expected: object; sent: array."),
    (1.5, "", "Expected: object; sent: number."),
    ({"customerWallet": "0x"}, "/customerWallet", "Expected: object; sent: string."),
    ({"customerClaims": []}, "/customerClaims", "Expected: object; sent: array."),
    ({"customerDid": True}, "/customerDid", "Expected: object; sent: boolean."),
    ({"customerClaims": {"sub": 7}}, "/customerClaims/sub", "Expected: string; sent: number."),
    ({"customerClaims": {"name": {}}}, "/customerClaims/name", "Expected: string; sent: object."),
    (
        {"customerClaims": {"birthdate": 19910308}},
        "/customerClaims/birthdate",
        "Expected: string; sent: number.",
    ),
    (
        {"customerDid": {"did": "did:a:b", "createdBy": False}},
        "/customerDid/createdBy",
        "Expected: string; sent: boolean.",
    ),
    (
        {"customerWallet": {"wallet": None, "blockchainNamespace": "avax"}},
        "/customerWallet/wallet",
        "Expected: string; sent: null.",
    ),
    (
        {"customerWallet": {"wallet": "x", "blockchainNamespace": 1}},
        "/customerWallet/blockchainNamespace",
        "Expected: string; sent: number.",
    ),
    ({"customerDid": {"did": None}}, "/customerDid/did", "Expected: string; sent: null."),
]


@pytest.mark.parametrize(("sent", "pointer", "hint"), WRONG_TYPES, ids=repr)
def test_a_body_of_the_wrong_type(project: Project, sent: Any, pointer: str, hint: str) -> None:
    body = project.body(customer()) | sent if isinstance(sent, dict) else sent
    document = refused(project, project.post(body), "batch.invalid", (pointer, "field.type"))
    assert document["errors"][0]["detail"].endswith(hint)


@pytest.mark.parametrize(("item", "pointer", "hint"), WRONG_ITEMS, ids=repr)
def test_an_item_of_the_wrong_type(project: Project, item: Any, pointer: str, hint: str) -> None:
    answer = project.post(project.body(customer(), item))
    expected = (f"/customerData/1{pointer}", "field.type")
    document = refused(project, answer, "batch.invalid", expected)
    assert document["errors"][0]["detail"].endswith(hint)


@pytest.mark.parametrize("verified", [0, "true", [], {}], ids=repr)
def test_verified_is_a_boolean(project: Project, verified: Any) -> None:
    item = with_wallet()
    item["customerWallet"]["verified"] = verified
    answer = project.post(project.body(item))
    refused(project, answer, "batch.invalid", (f"{WALLET}/verified", "field.type"))


@pytest.mark.parametrize("name", ["customerType", "cmsProjectId", "customerData"])
def test_a_member_of_the_body_that_is_missing(project: Project, name: str) -> None:
    body = project.body(customer())
    del body[name]
    refused(project, project.post(body), "batch.invalid", (f"/{name}", "field.missing"))


def test_an_empty_object_misses_everything(project: Project) -> None:
    expected = [(f"/{name}", "field.missing") for name in ("cmsProjectId", "customerData")]
    expected.append(("/customerType", "field.missing"))
    refused(project, project.post({}), "batch.invalid", *expected)


@pytest.mark.parametrize(
    ("item", "pointer"),
    [
        ({"customerWallet": {"wallet": "x"}}, f"{WALLET}/blockchainNamespace"),
        ({"customerWallet": {"blockchainNamespace": "avax"}}, f"{WALLET}/wallet"),
        ({"customerDid": {"createdBy": "x"}}, f"{DID}/did"),
    ],
)
def test_a_field_that_is_missing(project: Project, item: dict[str, Any], pointer: str) -> None:
    answer = project.post(project.body(item))
    refused(project, answer, "batch.invalid", (pointer, "field.missing"))


@pytest.mark.parametrize(
    "item",
    [
        {},
        {"customerClaims": {}},
        {"customerClaims": {"name": None}},
        {"customerWallet": None, "customerClaims": None, "customerDid": None},
    ],
    ids=repr,
)
def test_a_customer_of_nothing(project: Project, item: dict[str, Any]) -> None:
    answer = project.post(project.body(item))
    refused(project, answer, "batch.invalid", ("/customerData/0", "item.empty"))


UNKNOWN: list[tuple[dict[str, Any], str, str | None]] = [
    ({"customerWalet": {}}, "/customerWalet", "customerWallet"),
    ({"customer_wallet": {}}, "/customer_wallet", "customerWallet"),
    ({"CustomerDID": {}}, "/CustomerDID", "customerDid"),
    ({"customerClaims": {"given_name": "A"}}, "/customerClaims/given_name", "givenName"),
    ({"customerClaims": {"familyname": "A"}}, "/customerClaims/familyname", "familyName"),
    ({"customerClaims": {"birthDate": "1991"}}, "/customerClaims/birthDate", "birthdate"),
    ({"customerClaims": {"picture-base64": ""}}, "/customerClaims/picture-base64", "pictureBase64"),
    ({"customerClaims": {"xyz": 1}}, "/customerClaims/xyz", None),
    ({"customerClaims": {"": 1}}, "/customerClaims/", None),
    ({"customerClaims": {"a/b~c": 1}}, "/customerClaims/a~1b~0c", None),
    ({"customerClaims": {"__proto__": {}}}, "/customerClaims/__proto__", None),
    ({"customerDid": {"did": "did:a:b", "createdby": "x"}}, "/customerDid/createdby", "createdBy"),
    (
        {"customerWallet": {"wallet": "x", "blockchainNamespace": "avax", "blockchain": "x"}},
        "/customerWallet/blockchain",
        "blockchainNamespace",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("item", "pointer", "nearest"), UNKNOWN, ids=repr)
def test_an_unknown_field_is_named_with_the_nearest_known_one(
    project: Project, item: dict[str, Any], pointer: str, nearest: str | None
) -> None:
    answer = project.post(project.body(customer(), item))
    document = refused(project, answer, "batch.invalid")
    (found,) = (error for error in document["errors"] if error["code"] == "field.unknown")
    assert found["pointer"] == f"/customerData/1{pointer}"
    hint = "This field is not known." + (f" Did you mean {nearest}?" if nearest else "")
    assert found["detail"] == hint


def test_an_unknown_member_of_the_body(project: Project) -> None:
    answer = project.post(project.body(customer()) | {"cmsProjectID": "x"})
    document = refused(project, answer, "batch.invalid", ("/cmsProjectID", "field.unknown"))
    assert "cmsProjectId" in document["errors"][0]["detail"]


@pytest.mark.parametrize("name", ["x" * 129, "\ud800", "a\0b"], ids=["long", "surrogate", "nul"])
def test_a_name_that_cannot_be_told_is_told_by_its_object(project: Project, name: str) -> None:
    answer = project.post(project.body(with_claims(name="A", **{name: 1})))
    refused(project, answer, "batch.invalid", (CLAIM, "field.unknown"))


def test_unknown_fields_are_dropped_on_request(project: Project) -> None:
    """As the hosted API does."""
    item = customer(name="A") | {"externalCustomerId": "x"}
    item["customerClaims"] |= {"middle": {"deep": ["x"]}, "email": "x"}
    item["customerWallet"] |= {"chainId": 1}
    item["customerDid"] |= {"method": "key"}
    body = project.body(item) | {"dryRun": True}
    answer = project.post(body, unknownFields="ignore")
    assert answer.status_code == 200
    (held,) = project.customer(answer.json()[0])["customerClaims"]
    assert held["name"] == "A"
    assert "email" not in held


def test_other_faults_stay_when_unknown_fields_are_dropped(project: Project) -> None:
    item = {"what": 1, "customerClaims": {"ever": 1, "name": 1}}
    answer = project.post(project.body(item), unknownFields="ignore")
    refused(project, answer, "batch.invalid", (f"{CLAIM}/name", "field.type"))


def test_an_item_of_unknown_fields_alone_is_empty(project: Project) -> None:
    answer = project.post(project.body({"what": "ever"}), unknownFields="ignore")
    refused(project, answer, "batch.invalid", ("/customerData/0", "item.empty"))


NUL = '"a\\u0000b"'
TEXTS = [
    (NUL, "text.nul"),
    ('"\\u0000"', "text.nul"),
    ('"\\ud800"', "text.surrogate"),
    ('"\\udc00abc"', "text.surrogate"),
    ('"\\ude00\\ud83d"', "text.surrogate"),
    ('"\\ud83d\\u0041"', "text.surrogate"),
]


@pytest.mark.parametrize(("text", "code"), TEXTS)
@pytest.mark.parametrize("name", ["sub", "name", "pictureBase64", "createdBy"])
def test_text_that_cannot_be_kept(project: Project, name: str, text: str, code: str) -> None:
    answer = project.post(raw(project, f'"{name}":{text}'))
    refused(project, answer, "batch.invalid", (f"{CLAIM}/{name}", code))


def test_text_that_cannot_be_kept_in_every_part(project: Project) -> None:
    item = {
        "customerWallet": {"wallet": "\0", "blockchainNamespace": "\0", "createdBy": "\0"},
        "customerDid": {"did": "\0", "createdBy": "\0", "updatedBy": "\0"},
    }
    document = refused(project, project.post(project.body(item)), "batch.invalid")
    assert faults(document) == [
        (f"/customerData/0/{part}/{name}", "text.nul")
        for part, name in (
            *(("customerDid", name) for name in ("createdBy", "did", "updatedBy")),
            *(("customerWallet", name) for name in ("blockchainNamespace", "createdBy", "wallet")),
        )
    ]


def test_text_that_cannot_be_kept_in_the_body(project: Project) -> None:
    body = project.body(customer(), customer_type="\0") | {"cmsProjectId": "\ud800"}
    expected = (("/cmsProjectId", "text.surrogate"), ("/customerType", "text.nul"))
    refused(project, project.post(body), "batch.invalid", *expected)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"\\u0000"', r"\u0000"),
        (r'"\\\\u0000"', r"\\u0000"),
        (r'"\\ud800"', r"\ud800"),
        (r'"\ud83d\ude00"', "\U0001f600"),
        (r'"\u0001\u001f\u007f"', "\x01\x1f\x7f"),
        (r'"\/\b\f\n\r\t\"\\"', '/\b\f\n\r\t"\\'),
        (r'"\":\" :{\":"', '":" :{":'),
        (r'"a\\"', "a\\"),
    ],
)
def test_text_that_only_looks_odd_is_kept(project: Project, text: str, value: str) -> None:
    (one,) = project.post(raw(project, f'"name":{text}')).json()
    assert project.customer(one)["customerClaims"][0]["name"] == value


def test_every_fault_of_every_item_is_told_at_once(project: Project) -> None:
    items = [
        customer(),
        {"customerWallet": {"wallet": 7, "blockchainNamespace": "bitcoin"}, "customerDi": {}},
        {"customerWallet": {"wallet": "tz1", "blockchainNamespace": "tezos"}},
        {"customerClaims": {"locale": "?", "nationality": "afg", "birthdate": "2024-02-30"}},
        None,
        {"customerDid": {"did": "did:web"}, "customerClaims": {"sub": ""}},
    ]
    body = project.body(*items, customer_type="Robot") | {"extra": 1}
    document = refused(project, project.post(body), "batch.invalid")
    assert faults(document) == [
        ("/customerType", "customer_type.unknown"),
        ("/extra", "field.unknown"),
        ("/customerData/1/customerDi", "field.unknown"),
        ("/customerData/1/customerWallet/wallet", "field.type"),
        ("/customerData/2/customerWallet/wallet", "wallet.length"),
        ("/customerData/3/customerClaims/birthdate", "birthdate.format"),
        ("/customerData/3/customerClaims/locale", "locale.syntax"),
        ("/customerData/3/customerClaims/nationality", "country.unknown"),
        ("/customerData/4", "field.type"),
        ("/customerData/5/customerClaims/sub", "field.empty"),
        ("/customerData/5/customerDid/did", "did.syntax"),
    ]


def test_a_thousand_errors_are_listed_and_all_are_counted(project: Project) -> None:
    wrong = with_claims(locale="?", nationality="?")
    document = refused(project, project.post(project.body(*[wrong] * 600)), "batch.invalid")
    assert len(document["errors"]) == 1_000
    assert document["errorCount"] == 1_200
    assert document["errors"][-1]["pointer"] == "/customerData/499/customerClaims/nationality"


def test_a_dry_run_of_many_faults_tells_them_item_by_item(project: Project) -> None:
    """The cap is one of the refusal as a whole: here each item has its own answer."""
    answer = project.post(project.body(*[with_claims(locale="?")] * 1_500), mode="dryRun")
    assert answer.status_code == 207
    assert [len(result["errors"]) for result in answer.json()] == [1] * 1_500


def test_a_detail_never_holds_json_that_was_sent(project: Project) -> None:
    body = json.dumps(project.body(customer(name="marker"))).encode()
    document = refused(project, project.post(body[:-30]), "json.invalid")
    assert "marker" not in json.dumps(document)
