"""What a customer has besides its identity, through a batch and back."""

import json
from typing import Any

import pytest

from enrol.customers.faults import FAULTS
from tests.api.refusals import faults, problem, refused
from tests.conftest import ON_TWO_STORES
from tests.people import customer, with_claims
from tests.serving import Project

pytestmark = ON_TWO_STORES

ITEM = "/customerData/0"
PROFILE: dict[str, Any] = {
    "externalCustomerId": "crm-000001",
    "status": "Active",
    "riskScore": "Low",
    "onboardingLevel": "AML screening",
    "customerContact": {
        "email": "Amina@m\u00fcnchen.example",
        "phone": "+93701234567",
        "twitter": "amina",
        "discord": "amina#0042",
        "telegram": "@amina",
    },
    "tags": ["vip", "\u5c71\u7530", "VIP"],
    "metadata": {"segment": "gold", "visits": 3, "share": 0.5, "member": True, "since": None},
}


def profile_of(shown: dict[str, Any]) -> dict[str, Any]:
    """The profile of a customer as it is answered, in the shape in which it is sent."""
    fields = ("externalCustomerId", "status", "riskScore", "onboardingLevel", "tags", "metadata")
    emails = [one["email"] for one in shown["customerEmails"]]
    contact = {"email": emails[0] if emails else None, **shown["customerContact"]}
    return {name: shown[name] for name in fields} | {"customerContact": contact}


NOTHING: dict[str, Any] = {
    "externalCustomerId": None,
    "status": "No status",
    "riskScore": "No risk",
    "onboardingLevel": None,
    "customerContact": dict.fromkeys(("email", "phone", "twitter", "discord", "telegram")),
    "tags": [],
    "metadata": {},
}


def test_a_profile_comes_back_as_it_was_sent(project: Project) -> None:
    (alone,) = project.enrol(PROFILE)
    assert profile_of(project.customer(alone)) == PROFILE
    (email,) = project.customer(alone)["customerEmails"]
    assert (email["verified"], email["createdBy"], email["customerId"]) == (False, None, alone)


def test_a_profile_is_that_of_its_customer_alone(project: Project) -> None:
    """Beside it, before and behind it, are customers without one, and with another part."""
    others = [{"customerContact": {"email": f"{n}@example.com"}} for n in range(3)]
    sent = [customer(), others[0], customer() | PROFILE, others[1], customer(), others[2]]
    shown = [project.customer(each) for each in project.enrol(*sent)]
    for item, one in zip(sent, shown, strict=True):
        contact = NOTHING["customerContact"] | item.get("customerContact", {})
        expected = NOTHING | {name: item.get(name, NOTHING[name]) for name in NOTHING}
        assert profile_of(one) == expected | {"customerContact": contact}
        assert len(one["customerWallets"]) == ("customerWallet" in item)


@pytest.mark.parametrize("name", PROFILE)
def test_each_field_is_optional_and_null_is_nothing(project: Project, name: str) -> None:
    without = {field: value for field, value in PROFILE.items() if field != name}
    (one,) = project.enrol(customer() | without)
    expected = PROFILE | {name: NOTHING[name]}
    assert profile_of(project.customer(one)) == expected
    null = PROFILE | {name: None, "externalCustomerId": None}
    (other,) = project.enrol(customer() | null)
    assert profile_of(project.customer(other)) == expected | {"externalCustomerId": None}


def test_what_says_nothing_is_stored_as_nothing(project: Project) -> None:
    (one,) = project.enrol(customer() | {"status": "No status", "riskScore": "No risk", "tags": []})
    statement = "SELECT status, risk_score, tags, metadata FROM customers WHERE id = $1"
    found = project.server.query(statement, bytes.fromhex(one.replace("-", "")))
    assert found == [(None, None, None, None)]


def test_metadata_come_back_byte_for_byte(project: Project) -> None:
    texts = ['{ "b":1.00,"a":1E5 }', '{"n":123456789012345678901234567890,"\\u00e9":"\\/"}']
    items = [f'{{"externalCustomerId":"{n}","metadata":{text}}}' for n, text in enumerate(texts)]
    head = f'{{"customerType":"Company","cmsProjectId":"{project.id}","customerData":'
    body = f"{head}[{','.join(items)}]}}".encode()
    ids = project.post(body).json()
    for text, one in zip(texts, ids, strict=True):
        assert f'"metadata":{text},' in project.get(f"/customers/{one}").text
    # The other way of reading, which names every fault, keeps the bytes too.
    again = body.replace(b'"externalCustomerId":"', b'"surname":1,"externalCustomerId":"x')
    ids = project.post(again, unknownFields="ignore").json()
    for text, one in zip(texts, ids, strict=True):
        assert f'"metadata":{text},' in project.get(f"/customers/{one}").text


@pytest.mark.parametrize(
    "item",
    [
        {"externalCustomerId": "a"},
        {"customerContact": {"email": "a@example.com"}},
        {"customerContact": {"phone": "+12025550100", "email": None}},
        {"customerContact": {"twitter": "a"}},
        {"customerContact": {"discord": "a"}},
        {"customerContact": {"telegram": "a"}},
    ],
    ids=str,
)
def test_what_is_enough_to_be_a_customer(project: Project, item: dict[str, Any]) -> None:
    assert len(project.enrol(item)) == 1


@pytest.mark.parametrize(
    "item",
    [
        {"status": "Active", "riskScore": "Low", "onboardingLevel": "KYC"},
        {"tags": ["a"]},
        {"metadata": {"name": "Amina"}},
        {"customerContact": {}},
        {"customerContact": {"email": None}},
        {"customerContact": None, "externalCustomerId": None, "metadata": None},
    ],
    ids=str,
)
def test_what_is_nobody(project: Project, item: dict[str, Any]) -> None:
    refused(project, project.post(project.body(item)), "batch.invalid", (ITEM, "item.empty"))


SHAPES: list[tuple[dict[str, Any], str, str]] = [
    ({"externalCustomerId": 1}, "/externalCustomerId", "field.type"),
    ({"status": ["Active"]}, "/status", "field.type"),
    ({"riskScore": 1}, "/riskScore", "field.type"),
    ({"riskLevel": "Low"}, "/riskLevel", "field.unknown"),
    ({"onboardingLevel": True}, "/onboardingLevel", "field.type"),
    ({"customerContact": "a@example.com"}, "/customerContact", "field.type"),
    ({"customerContact": {"email": 1}}, "/customerContact/email", "field.type"),
    ({"customerContact": {"mail": "a"}}, "/customerContact/mail", "field.unknown"),
    ({"customerContact": {"phone": "\0"}}, "/customerContact/phone", "text.nul"),
    ({"tags": "vip"}, "/tags", "field.type"),
    ({"tags": ["a", 1]}, "/tags/1", "field.type"),
    ({"tags": [None]}, "/tags/0", "field.type"),
    ({"tags": ["\ud800"]}, "/tags/0", "text.surrogate"),
    ({"metadata": []}, "/metadata", "field.type"),
    ({"metadata": {"a": {"b": 1}}}, "/metadata/a", "field.type"),
    ({"metadata": {"a": "x" * 1_025}}, "/metadata/a", "text.too_long"),
    ({"metadata": {"": 1}}, "/metadata/", "metadata.name"),
    ({"metadata": dict.fromkeys(map(str, range(51)))}, "/metadata", "metadata.too_many"),
    (
        {"metadata": dict.fromkeys(map(str, range(18)), "x" * 1_000)},
        "/metadata",
        "metadata.too_large",
    ),
]
VALUES: list[tuple[dict[str, Any], str, str]] = [
    ({"externalCustomerId": ""}, "/externalCustomerId", "field.empty"),
    ({"externalCustomerId": "x" * 256}, "/externalCustomerId", "external.syntax"),
    ({"status": "ACTIVE"}, "/status", "status.unknown"),
    ({"riskScore": ""}, "/riskScore", "risk_score.unknown"),
    ({"onboardingLevel": "Questionnaire"}, "/onboardingLevel", "onboarding_level.unknown"),
    ({"onboardingLevel": "KYB"}, "/onboardingLevel", "onboarding_level.type"),
    ({"customerContact": {"email": "a@b@c"}}, "/customerContact/email", "email.syntax"),
    ({"customerContact": {"phone": "030 1234"}}, "/customerContact/phone", "phone.syntax"),
    ({"customerContact": {"phone": "+9991234567"}}, "/customerContact/phone", "phone.country"),
    ({"customerContact": {"twitter": "a\n"}}, "/customerContact/twitter", "handle.syntax"),
    ({"customerContact": {"discord": ""}}, "/customerContact/discord", "handle.syntax"),
    ({"customerContact": {"telegram": "x" * 129}}, "/customerContact/telegram", "handle.syntax"),
    ({"tags": [str(place) for place in range(33)]}, "/tags", "tags.too_many"),
    ({"tags": ["x" * 65]}, "/tags/0", "tags.text"),
    ({"tags": ["a", "b", "a"]}, "/tags/2", "tags.repeated"),
]


@pytest.mark.parametrize(
    ("fields", "pointer", "code"), [*SHAPES, *VALUES], ids=lambda value: ascii(value)[:50]
)
def test_what_is_wrong_is_refused_at_its_place(
    project: Project, fields: dict[str, Any], pointer: str, code: str
) -> None:
    answer = project.post(project.body(customer() | fields))
    refused(project, answer, "batch.invalid", (ITEM + pointer, code))


@pytest.mark.parametrize(("fields", "pointer", "code"), VALUES, ids=lambda value: ascii(value)[:50])
def test_a_lenient_project_takes_formats_alone(
    lenient: Project, fields: dict[str, Any], pointer: str, code: str
) -> None:
    answer = lenient.post(lenient.body(customer() | fields))
    if not FAULTS[code].format:
        refused(lenient, answer, "batch.invalid", (ITEM + pointer, code))
        return
    shown = lenient.customer(answer.json()[0])
    assert {"pointer": pointer, "code": code} in shown["findings"]
    expected = NOTHING | fields
    contact = NOTHING["customerContact"] | fields.get("customerContact", {})
    assert profile_of(shown) == expected | {"customerContact": contact}


def test_a_text_has_its_limit_in_a_lenient_project_too(lenient: Project) -> None:
    item = {"customerContact": {"email": "x" * 4_097, "twitter": "x" * 4_096}}
    answer = lenient.post(lenient.body(item))
    expected = (f"{ITEM}/customerContact/email", "text.too_long")
    refused(lenient, answer, "batch.invalid", expected)


def test_a_company_has_levels_of_its_own(project: Project) -> None:
    item = customer() | {"onboardingLevel": "KYB"}
    (one,) = project.post(project.body(item, customer_type="Company")).json()
    assert project.customer(one)["onboardingLevel"] == "KYB"
    wrong = project.body(customer() | {"onboardingLevel": "KYC"}, customer_type="Company")
    document = problem(project.post(wrong), "batch.invalid")
    assert faults(document) == [(f"{ITEM}/onboardingLevel", "onboarding_level.type")]


def test_all_faults_of_a_profile_are_told_at_once(project: Project) -> None:
    both = [row for row in VALUES if row[2] in ("status.unknown", "email.syntax", "tags.text")]
    item: dict[str, Any] = {}
    for fields, _, _ in both:
        item |= fields
    answer = project.post(project.body(item | {"metadata": {"a": 1}}, {"tags": ["", ""]}))
    expected = [(ITEM + pointer, code) for _, pointer, code in both]
    expected.append(("/customerData/1", "item.empty"))
    expected += [(f"/customerData/1/tags/{place}", "tags.text") for place in (0, 1)]
    document = refused(project, answer, "batch.invalid")
    assert sorted(faults(document)) == sorted(expected)
    assert "a@b@c" not in answer.text


def test_a_key_that_stands_twice_is_refused_wherever_it_stands(project: Project) -> None:
    head = f'{{"customerType":"Individual","cmsProjectId":"{project.id}","customerData":'
    for item, pointer in [
        ('"status":"Active","status":"Active"', "/status"),
        ('"customerContact":{"phone":null,"phone":null}', "/customerContact/phone"),
        ('"metadata":{"a":1,"a":1}', "/metadata/a"),
        ('"metadata":{"a":1},"metadata":{"a":1}', "/metadata"),
        ('"tags":["a"],"tags":["b"]', "/tags"),
    ]:
        answer = project.post(f'{head}[{{"externalCustomerId":"a",{item}}}]}}'.encode())
        refused(project, answer, "batch.invalid", (ITEM + pointer, "field.duplicate"))


def test_partial_stores_what_is_right(project: Project) -> None:
    wrong = {"customerContact": {"email": "a"}}
    twice = {"externalCustomerId": "crm-000001"}
    body = project.body(wrong, PROFILE, twice, customer() | {"tags": ["a"]}, customer())
    answer = project.post(body, mode="partial")
    first, second, third, fourth, fifth = answer.json()
    assert first["errors"][0]["code"] == "email.syntax"
    assert third["errors"][0]["code"] == "duplicate.external"
    assert third["errors"][0]["detail"].endswith("It stands first at /customerData/1.")
    assert profile_of(project.customer(second["id"])) == PROFILE
    assert project.customer(fourth["id"])["tags"] == ["a"]
    assert profile_of(project.customer(fifth["id"])) == NOTHING
    assert project.total() == 3


def test_a_partial_call_of_which_no_profile_is_left(project: Project) -> None:
    wrong = PROFILE | {"status": "Robot"}
    answer = project.post(project.body(wrong, customer()), mode="partial")
    assert [one["outcome"] for one in answer.json()] == ["refused", "created"]
    assert project.rows()["emails"] == 0


def test_a_dry_run_stores_nothing_and_sees_what_is_taken(project: Project) -> None:
    (owner,) = project.enrol(PROFILE)
    rows = project.rows()
    new = PROFILE | {"externalCustomerId": "crm-000002"}
    answer = project.post(project.body(PROFILE, new, new), mode="dryRun")
    taken, created, twin = answer.json()
    assert (taken["errors"][0]["code"], taken["errors"][0]["customerId"]) == (
        "conflict.external",
        owner,
    )
    assert created == {"outcome": "created"}
    assert twin["errors"][0]["code"] == "duplicate.external"
    assert project.rows() == rows


def test_return_gives_the_customer_of_an_external_id_untouched(project: Project) -> None:
    (owner,) = project.enrol(PROFILE)
    before, rows = project.customer(owner), project.rows()
    other: dict[str, Any] = {"externalCustomerId": "crm-000001", "status": "Terminated"}
    other |= {"tags": ["other"], "customerContact": {"email": "other@example.com"}}
    assert project.enrol(other, onConflict="return") == [owner]
    assert project.customer(owner) == before
    assert project.rows() == rows | {"batches": rows["batches"] + 1}
    answer = project.post(project.body(other, customer()), mode="partial", onConflict="return")
    assert answer.json()[0] == {"outcome": "exists", "id": owner}


def test_external_ids_that_differ_in_any_character_are_two(project: Project) -> None:
    names = ["a", "A", "a ", "caf\u00e9", "cafe\u0301"]
    assert len(set(project.enrol(*({"externalCustomerId": name} for name in names)))) == 5


def test_an_external_id_and_a_sub_of_the_same_text_are_no_conflict(project: Project) -> None:
    project.enrol(with_claims(sub="known"))
    assert len(project.enrol({"externalCustomerId": "known"})) == 1


def test_emails_and_phones_need_not_be_unique(project: Project) -> None:
    family = [{"customerContact": PROFILE["customerContact"]} for _ in range(2)]
    assert len(set(project.enrol(*family, *family))) == 4


def test_a_repeated_call_answers_the_same(project: Project) -> None:
    body = json.dumps(project.body(PROFILE, customer())).encode()
    first = project.post(body, {"Idempotency-Key": "a"})
    rows = project.rows()
    again = project.post(body, {"Idempotency-Key": "a"})
    assert (again.json(), again.headers["idempotency-replayed"]) == (first.json(), "true")
    assert project.rows() == rows
    changed = body.replace(b"gold", b"iron")
    problem(project.post(changed, {"Idempotency-Key": "a"}), "idempotency.reused")


def test_a_large_batch_of_profiles_keeps_each_in_its_place(project: Project) -> None:
    """Large enough to be read in a thread, and by itself."""
    items = [
        customer()
        | {"externalCustomerId": f"crm-{place}", "tags": [str(place)], "metadata": {"n": place}}
        | ({"customerContact": {"email": f"{place}@example.com"}} if place % 3 else {})
        for place in range(1_000)
    ]
    ids = project.enrol(*items)
    for place in (0, 1, 2, 500, 998, 999):
        shown = project.customer(ids[place])
        assert shown["externalCustomerId"] == f"crm-{place}"
        assert (shown["tags"], shown["metadata"]) == ([str(place)], {"n": place})
        emails = [one["email"] for one in shown["customerEmails"]]
        assert emails == ([f"{place}@example.com"] if place % 3 else [])
