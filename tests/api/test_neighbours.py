"""The calls around createCustomers as the hosted API's clients make them, a test for each row of
what is known of them. Merging and the list of wallets have tests of their own, and so have
webhooks."""

import json
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from enrol.customers.countries import COUNTRIES
from enrol.customers.lifecycle.statuses import STATUSES
from enrol.customers.model import CLAIM_NAMES
from enrol.customers.profiles.fields import ONBOARDING_LEVELS, RISK_SCORES
from tests.api.editing.calls import call
from tests.api.refusals import faults
from tests.conftest import ON_TWO_STORES
from tests.people import CHECKSUMMED, customer, with_claims, with_wallet
from tests.serving import Project

pytestmark = ON_TWO_STORES

# Of `PATCH /customers/{id}`, each nullable.
PATCHED = ("riskScore", "type", "onboardingLevel", "status", "reason")
CLAIMS = {
    "sub": "crm-1",
    "name": "Amina Karimi",
    "givenName": "Amina",
    "familyName": "Karimi",
    "middleName": "M",
    "nickname": "A",
    "preferredUsername": "amina",
    "profile": "https://example.com/amina",
    "picture": "https://example.com/amina.png",
    "pictureBase64": "iVBORw0KGgo=",
    "website": "https://amina.example",
    "gender": "female",
    "birthdate": "2004-08-07T13:45:40.886Z",
    "zoneinfo": "Asia/Kabul",
    "locale": "fa-AF",
    "countryOfResidence": "AFG",
    "nationality": "AFG",
    "createdBy": "crm",
    "address": "12 Flower Street, Kabul",
}


@pytest.fixture
def one(project: Project) -> str:
    (customer_id,) = project.enrol(customer(name="A"))
    return customer_id


def ok(answer: httpx.Response) -> Any:
    """The JSON of a success, which is 200 exactly, whatever the method."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


def test_the_list_takes_the_query_of_the_hosted_api(project: Project) -> None:
    ids = project.enrol(*(with_claims(name="Zoë Q", countryOfResidence="AFG") for _ in range(3)))
    for customer_id in ids:
        profile = {"riskScore": "High", "status": "Active", "onboardingLevel": "KYC"}
        ok(call(project, "PATCH", f"/customers/{customer_id}", profile))
    project.enrol(customer(name="Other"))
    query: dict[str, str | int] = {
        "cmsProjectId": project.id,
        "currentPage": 2,
        "limit": 2,
        "search": "zoe",
        "fromDate": "2020-01-01T00:00:00.000Z",
        "toDate": "2099-01-01T00:00:00.000Z",
        "status": "Active",
        "riskLevel": "High",
        "onBoardingLevel": "KYC",
        "countryOfResidence": "AFG",
        "type": "Individual",
    }
    page = ok(project.get("/customers", **query))
    assert {"data", "totalCount"} <= page.keys()
    assert (page["totalCount"], [each["id"] for each in page["data"]]) == (3, ids[:1])
    ok(call(project, "DELETE", f"/customers/{ids[0]}"))
    later = {"cmsProjectId": project.id, "softDeletedBefore": "2099-01-01T00:00:00.000Z"}
    page = ok(project.get("/customers", **later))
    assert [each["id"] for each in page["data"]] == ids[:1]


def test_a_customer_is_read_in_camel_case_with_its_arrays(project: Project, one: str) -> None:
    ok(call(project, "POST", f"/customers/{one}/emails", {"email": "a@example.com"}))
    shown = ok(project.get(f"/customers/{one}"))
    assert (shown["id"], shown["riskScore"], shown["status"]) == (one, "No risk", "No status")
    assert shown["onboardingLevel"] is None
    assert datetime.fromisoformat(shown["createdAt"]).utcoffset() == timedelta(0)
    assert shown["customerClaims"][0]["name"] == "A"
    assert shown["customerEmails"][0]["email"] == "a@example.com"
    assert shown["customerWallets"][0]["wallet"].startswith("0x")


@pytest.mark.parametrize(
    "body",
    [
        *({name: None} for name in PATCHED),
        dict.fromkeys(PATCHED),
        {
            "riskScore": "Low",
            "type": "Individual",
            "onboardingLevel": "KYC",
            "status": "Active",
            "reason": "checked",
        },
    ],
    ids=str,
)
def test_a_patch_answers_a_json_string(project: Project, one: str, body: dict[str, Any]) -> None:
    answer = ok(call(project, "PATCH", f"/customers/{one}", body))
    assert isinstance(answer, str)
    shown = project.customer(one)
    expected = {"riskScore": "No risk", "status": "No status", "type": "Individual"}
    assert [shown[name] for name in body] == [
        expected.get(name) if value is None else value for name, value in body.items()
    ]


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("risk", RISK_SCORES)
def test_a_patch_takes_the_vendors_words(
    project: Project, one: str, status: str, risk: str
) -> None:
    ok(call(project, "PATCH", f"/customers/{one}", {"status": status, "riskScore": risk}))
    shown = project.customer(one)
    assert (shown["status"], shown["riskScore"]) == (status, risk)


@pytest.mark.parametrize(
    ("customer_type", "level"),
    [(one, level) for one, levels in ONBOARDING_LEVELS.items() for level in levels],
)
def test_a_patch_takes_the_levels_of_each_type(
    project: Project, one: str, customer_type: str, level: str
) -> None:
    body = {"type": customer_type, "onboardingLevel": level}
    ok(call(project, "PATCH", f"/customers/{one}", body))
    shown = project.customer(one)
    assert {name: shown[name] for name in body} == body


def test_claims_are_one_record_that_answers_an_object(project: Project, one: str) -> None:
    assert tuple(CLAIMS) == CLAIM_NAMES
    path = f"/customers/{one}/claims"
    for name, value in CLAIMS.items():
        answer = ok(call(project, "POST", path, {name: value}))
        assert answer[name] == value
    assert {name: answer[name] for name in CLAIMS} == CLAIMS
    assert len(project.customer(one)["customerClaims"]) == 1
    assert ok(call(project, "POST", path, {})) == answer
    assert ok(call(project, "POST", path, CLAIMS)) == answer


@pytest.mark.parametrize("body", [{"email": "b@example.com"}, {"verified": True}], ids=str)
def test_an_email_is_patched(project: Project, one: str, body: dict[str, Any]) -> None:
    path = f"/customers/{one}/emails"
    ok(call(project, "POST", path, {"email": "a@example.com"}))
    (email,) = project.customer(one)["customerEmails"]
    ok(call(project, "PATCH", f"{path}/{email['id']}", body))
    (after,) = project.customer(one)["customerEmails"]
    assert {name: after[name] for name in body} == body
    assert after["id"] == email["id"]


@pytest.mark.parametrize("asked", [CHECKSUMMED, CHECKSUMMED.lower(), CHECKSUMMED.upper()])
@pytest.mark.parametrize("slashes", ["/", "//", "///"])
def test_a_wallet_leads_to_its_customer(project: Project, asked: str, slashes: str) -> None:
    """In any case of its letters; some clients write a slash too many."""
    (one,) = project.enrol(with_wallet(CHECKSUMMED))
    path = f"{slashes}projects/{project.id}{slashes}customer-wallets/{asked}{slashes}customer"
    url = f"{project.server.url}{path}"
    shown = ok(project.server.http.get(url, headers=project.headers))
    assert (shown["id"], shown["status"]) == (one, "No status")
    unknown = url.replace(asked, "0x" + "0" * 40)
    assert project.server.http.get(unknown, headers=project.headers).status_code == 404


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_slashes_too_many_are_one(project: Project, one: str, method: str) -> None:
    url = f"{project.server.url}//customers//{one}"
    sent = project.headers | {"Content-Type": "application/json"}
    content = b"{}" if method == "PATCH" else None
    ok(project.server.http.request(method, url, headers=sent, content=content))


def test_errors_are_a_message_a_code_and_issues(project: Project, one: str) -> None:
    body = {"status": "?", "customerClaims": {"locale": "?"}, "tags": ["a", "a"]}
    answer = call(project, "PATCH", f"/customers/{one}", body)
    document = answer.json()
    assert (document["code"], type(document["message"])) == ("body.invalid", str)
    assert [(issue["code"], issue["path"]) for issue in document["issues"]] == [
        ("locale.syntax", ["customerClaims", "locale"]),
        ("status.unknown", ["status"]),
        ("tags.repeated", ["tags", 1]),
    ]
    assert all(issue["message"].endswith(".") for issue in document["issues"])
    assert [issue["code"] for issue in document["issues"]] == [code for _, code in faults(document)]
    wallet = {"customerType": "Individual", "cmsProjectId": project.id} | {
        "customerWallet": {
            "wallet": project.customer(one)["customerWallets"][0]["wallet"],
            "blockchainNamespace": "eip155",
        }
    }
    document = call(project, "POST", "/customers", wallet).json()
    assert document["message"] == "Wallet already attached to another identity"
    (issue,) = document["issues"]
    assert issue["message"] == "Wallet already attached to another identity"


def test_success_is_200_for_every_method(project: Project) -> None:
    body = {"customerType": "Company", "cmsProjectId": project.id, **with_claims(name="A")}
    one = ok(call(project, "POST", "/customers", body))["id"]
    path = f"/customers/{one}"
    email = ok(call(project, "POST", f"{path}/emails", {"email": "a@example.com"}))
    for method, where, sent in (
        ("GET", path, None),
        ("PATCH", path, {}),
        ("POST", f"{path}/claims", {}),
        ("GET", f"{path}/emails", None),
        ("PATCH", f"{path}/emails/{email['id']}", {}),
        ("DELETE", f"{path}/emails/{email['id']}", None),
        ("DELETE", path, None),
        ("POST", f"{path}/restore", None),
    ):
        ok(call(project, method, where, sent))


def test_dirty_addresses_have_a_lenient_project(lenient: Project) -> None:
    """The hosted API checks them hardly."""
    (one,) = lenient.enrol(with_wallet("whatever this was"))
    ok(call(lenient, "POST", f"/customers/{one}/emails", {"email": "not an address"}))
    ok(call(lenient, "PATCH", f"/customers/{one}", {"customerContact": {"phone": "call me"}}))
    shown = lenient.customer(one)
    assert shown["customerWallets"][0]["wallet"] == "whatever this was"
    assert shown["customerEmails"][0]["email"] == "not an address"
    assert shown["customerContact"]["phone"] == "call me"


def test_claims_are_plain_strings_but_for_countries(project: Project, one: str) -> None:
    path = f"/customers/{one}/claims"
    assert len(COUNTRIES) == 251
    for country in sorted(COUNTRIES):
        claims = {"nationality": country, "countryOfResidence": country}
        assert ok(call(project, "POST", path, claims))["nationality"] == country
    answer = call(project, "POST", path, {"nationality": "afg"})
    assert answer.json()["issues"][0]["path"] == ["nationality"]
    for name in ("name", "gender", "address", "nickname"):
        assert ok(call(project, "POST", path, {name: " \t\U0001f600 "}))[name] == " \t\U0001f600 "


def test_a_deletion_is_soft(project: Project, one: str) -> None:
    ok(call(project, "DELETE", f"/customers/{one}"))
    shown = ok(project.get(f"/customers/{one}"))
    assert shown["deletedAt"]
    assert shown["customerWallets"]
    ok(call(project, "POST", f"/customers/{one}/restore"))
    assert project.customer(one)["deletedAt"] is None


def test_bodies_are_compact_json(project: Project, one: str) -> None:
    """As JavaScript writes it."""
    for answer in (
        project.get(f"/customers/{one}"),
        call(project, "PATCH", f"/customers/{one}", {}),
    ):
        text = answer.content.decode()
        assert text == json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False)
