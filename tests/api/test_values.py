"""Values that are of the right type and wrong all the same, each with its pointer and code."""

from base64 import b64encode
from typing import Any

import pytest

from enrol.customers.faults import FAULTS
from enrol.customers.model import CLAIM_NAMES
from tests.api import test_profiles
from tests.api.bodies import CLAIM, DID, WALLET, example
from tests.api.refusals import faults, refused
from tests.conftest import ON_ONE_STORE
from tests.people import CHECKSUMMED, PNG, TEZOS, customer, with_claims, with_did, with_wallet
from tests.serving import Project

pytestmark = ON_ONE_STORE

WALLETS: list[tuple[str, str, str]] = [
    ("eip155", "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "wallet.prefix"),
    ("eip155", "0X" + CHECKSUMMED[2:].lower(), "wallet.prefix"),
    ("eip155", CHECKSUMMED[:-1], "wallet.length"),
    ("eip155", CHECKSUMMED + "0", "wallet.length"),
    ("eip155", CHECKSUMMED[:-1] + "g", "wallet.alphabet"),
    ("eip155", CHECKSUMMED + "\n", "wallet.alphabet"),
    ("eip155", CHECKSUMMED[:-1] + "D", "wallet.checksum"),
    ("eip155", TEZOS, "wallet.namespace"),
    ("eip155", f"eip155:x y:{CHECKSUMMED}", "wallet.prefix"),
    ("xrpl", "xrpl:1:X7AcgcsBL6XDcUb289X4mJ8djcdyKaB5hJDWMArnXr61cqZ", "wallet.network"),
    ("tezos", TEZOS[:-1] + "c", "wallet.checksum"),
    ("tezos", TEZOS[:-1], "wallet.length"),
    ("tezos", TEZOS[:-1] + "0", "wallet.alphabet"),
    ("tezos", " " + TEZOS, "wallet.prefix"),
    ("tezos", CHECKSUMMED, "wallet.namespace"),
    ("bip122", "1", "wallet.length"),
    ("solana", "0" * 44, "wallet.alphabet"),
]

CLAIMS: list[tuple[str, str, str]] = [
    ("birthdate", "", "birthdate.format"),
    ("birthdate", "1991-02-29", "birthdate.format"),
    ("birthdate", "08.03.1991", "birthdate.format"),
    ("birthdate", "0000", "birthdate.format"),
    ("birthdate", "1991-03-08T10:00:00", "birthdate.format"),
    ("birthdate", "2999", "birthdate.future"),
    ("birthdate", "2999-01-01", "birthdate.future"),
    ("birthdate", "2999-01-01T00:00:00Z", "birthdate.future"),
    ("zoneinfo", "", "zoneinfo.unknown"),
    ("zoneinfo", "Europe/Atlantis", "zoneinfo.unknown"),
    ("zoneinfo", "../../etc/passwd", "zoneinfo.unknown"),
    ("locale", "", "locale.syntax"),
    ("locale", "de_", "locale.syntax"),
    ("profile", "", "url.syntax"),
    ("profile", "example.com", "url.syntax"),
    ("picture", "ftp://example.com/a.png", "url.syntax"),
    ("picture", "data:image/png;base64," + PNG, "url.syntax"),
    ("website", "javascript:alert(1)", "url.syntax"),
    ("website", "https://user:pass@example.com", "url.syntax"),
    ("pictureBase64", "AAA", "picture.base64"),
    ("pictureBase64", "A" * 4, "picture.type"),
    ("pictureBase64", "data:image/gif;base64," + PNG, "picture.type"),
    ("pictureBase64", "A" * 1_400_004, "picture.too_large"),
    ("countryOfResidence", "", "country.unknown"),
    ("countryOfResidence", "AF", "country.unknown"),
    ("countryOfResidence", "XXX", "country.unknown"),
    ("nationality", "afg", "country.unknown"),
    ("nationality", "SUN", "country.unknown"),
    ("sub", "", "field.empty"),
    ("sub", "\u00e9", "sub.syntax"),
    ("sub", "x" * 256, "sub.syntax"),
    *((name, "x" * 4_097, "text.too_long") for name in CLAIM_NAMES if name in (
        "name givenName familyName middleName nickname preferredUsername gender createdBy"
        " address".split()
    )),
]  # fmt: skip

# RFC 8037, appendix A.1, with its private member.
SECRET_JWK = "did:jwk:" + b64encode(
    b'{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",'
    b'"x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}'
).decode().rstrip("=")

DIDS: list[tuple[str, str]] = [
    ("", "field.empty"),
    ("did", "did.syntax"),
    ("did:example:", "did.syntax"),
    ("did:Example:a", "did.syntax"),
    ("did:example:a#key", "did.syntax"),
    ("did:example:a/path", "did.syntax"),
    ("did:example:a b", "did.syntax"),
    ("did:key:z6MkpTHR8VNsBxYAAWHut2Geadd9jSwuBV8xRoAnwWsdvkt0", "did.key"),
    (f"did:pkh:eip155:1:{CHECKSUMMED[:-1]}D", "did.pkh"),
    ("did:web:example..com", "did.web"),
    ("did:ethr:0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD", "did.ethr"),
    ("did:jwk:e30", "did.jwk"),
    ("did:ion:EiClkZMDxPKqC9c", "did.ion"),
    (SECRET_JWK, "did.secret"),
]

TAKEN: dict[str, list[str]] = {
    "birthdate": ["1991-03-08", "1991", "0000-03-08", "0000-02-29", "2024-08-07T13:45:40.886Z"],
    "zoneinfo": ["Europe/Paris", "UTC", "Asia/Calcutta"],
    "locale": ["en", "pt-BR", "en_US", "zh-Hant-TW", "x-private"],
    "profile": ["https://example.com/people/amina", "HTTP://example.com"],
    "picture": ["https://example.com:8443/a.png?b#c", "http://[2001:db8::1]/"],
    "website": ["https://m\u00fcnchen.example", "https://xn--mnchen-3ya.example"],
    "pictureBase64": [PNG, "data:image/png;base64," + PNG],
    "countryOfResidence": ["AFG", "ANT", "XKX"],
    "nationality": ["ZWE", "ANT", "XKX"],
    "name": ["", " ", "x" * 4_096, "\U0001f600" * 4_096],
    "sub": [" ", "x" * 255],
}


def short(value: object) -> str | None:
    return f"{value[:24]!r}" if isinstance(value, str) else None


@pytest.mark.parametrize(("namespace", "address", "code"), WALLETS, ids=short)
def test_a_wallet_that_is_none(project: Project, namespace: str, address: str, code: str) -> None:
    answer = project.post(project.body(with_wallet(address, namespace)))
    refused(project, answer, "batch.invalid", (f"{WALLET}/wallet", code))


@pytest.mark.parametrize("namespace", ["", "ethereum", "EIP155", "eip155:1", " tezos"])
def test_a_namespace_that_is_unknown(project: Project, namespace: str) -> None:
    answer = project.post(project.body(with_wallet(TEZOS, namespace)))
    expected = (f"{WALLET}/blockchainNamespace", "namespace.unknown")
    refused(project, answer, "batch.invalid", expected)


@pytest.mark.parametrize("customer_type", ["", "individual", "COMPANY", "Individual "])
def test_a_customer_type_that_is_unknown(project: Project, customer_type: str) -> None:
    answer = project.post(project.body(customer(), customer_type=customer_type))
    refused(project, answer, "batch.invalid", ("/customerType", "customer_type.unknown"))


def test_a_customer_type_that_is_unknown_refuses_no_customers_too(project: Project) -> None:
    answer = project.post(project.body(customer_type="Robot"))
    refused(project, answer, "batch.invalid", ("/customerType", "customer_type.unknown"))


@pytest.mark.parametrize(("name", "value", "code"), CLAIMS, ids=short)
def test_a_claim_that_is_wrong(project: Project, name: str, value: str, code: str) -> None:
    answer = project.post(project.body(with_claims(**{name: value})))
    refused(project, answer, "batch.invalid", (f"{CLAIM}/{name}", code))


@pytest.mark.parametrize(("identifier", "code"), DIDS)
def test_a_did_that_is_none(project: Project, identifier: str, code: str) -> None:
    answer = project.post(project.body(with_did(identifier)))
    refused(project, answer, "batch.invalid", (f"{DID}/did", code))


def test_a_wallet_that_is_empty(project: Project) -> None:
    answer = project.post(project.body(with_wallet("", "tezos")))
    refused(project, answer, "batch.invalid", (f"{WALLET}/wallet", "field.empty"))


LONG = "x" * 4_097
TOO_LONG: list[tuple[dict[str, Any], str]] = [
    ({"customerWallet": {"wallet": LONG, "blockchainNamespace": "avax"}}, f"{WALLET}/wallet"),
    ({**with_wallet(TEZOS, "tezos"), "customerDid": {"did": "did:a:" + LONG}}, f"{DID}/did"),
    ({"customerDid": {"did": "did:a:b", "createdBy": LONG}}, f"{DID}/createdBy"),
    ({"customerDid": {"did": "did:a:b", "updatedBy": LONG}}, f"{DID}/updatedBy"),
]


@pytest.mark.parametrize(("item", "pointer"), TOO_LONG, ids=lambda value: str(value)[-30:])
def test_a_text_that_is_too_long(project: Project, item: dict[str, Any], pointer: str) -> None:
    document = refused(project, project.post(project.body(item)), "batch.invalid")
    assert (pointer, "text.too_long") in faults(document)


def test_who_created_a_wallet_is_text_of_a_limit(project: Project) -> None:
    item = with_wallet()
    item["customerWallet"]["createdBy"] = LONG
    answer = project.post(project.body(item))
    refused(project, answer, "batch.invalid", (f"{WALLET}/createdBy", "text.too_long"))


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, values in TAKEN.items() for value in values],
    ids=short,
)
def test_a_claim_that_is_right(project: Project, name: str, value: str) -> None:
    (one,) = project.enrol(with_claims(**{"gender": "x", name: value}))
    assert project.customer(one)["customerClaims"][0][name] == value


def test_every_fault_of_one_customer_is_told(project: Project) -> None:
    answer = project.post(example("placeholder", project))
    refused(project, answer, "batch.invalid", *PLACEHOLDER_FAULTS)


PLACEHOLDER_FAULTS = [
    (f"{CLAIM}/picture", "url.syntax"),
    (f"{CLAIM}/pictureBase64", "picture.base64"),
    (f"{CLAIM}/profile", "url.syntax"),
    (f"{CLAIM}/website", "url.syntax"),
    (f"{CLAIM}/zoneinfo", "zoneinfo.unknown"),
    (f"{DID}/did", "did.syntax"),
    (f"{WALLET}/wallet", "wallet.prefix"),
]


def test_a_lenient_project_takes_the_placeholders_with_findings(lenient: Project) -> None:
    body = example("placeholder", lenient)
    answer = lenient.post(body)
    assert answer.status_code == 200
    shown = lenient.customer(answer.json()[0])
    assert sorted((found["pointer"], found["code"]) for found in shown["findings"]) == [
        (pointer.removeprefix("/customerData/0"), code) for pointer, code in PLACEHOLDER_FAULTS
    ]
    (sent,) = body["customerData"]
    assert {name: shown["customerClaims"][0][name] for name in sent["customerClaims"]} == sent[
        "customerClaims"
    ]
    assert shown["customerWallets"][0]["wallet"] == shown["customerDids"][0]["did"] == "string"


def test_a_lenient_project_records_no_finding_of_what_is_right(lenient: Project) -> None:
    ids = lenient.enrol(customer(name="A"), with_claims(name="B", locale="?"), customer(name="C"))
    found = [[one["code"] for one in lenient.customer(each)["findings"]] for each in ids]
    assert found == [[], ["locale.syntax"], []]


FORMAT_CLAIMS = [row for row in CLAIMS if FAULTS[row[2]].format]


@pytest.mark.parametrize(("name", "value", "code"), FORMAT_CLAIMS, ids=short)
def test_a_lenient_project_takes_claims_of_a_wrong_format(
    lenient: Project, name: str, value: str, code: str
) -> None:
    shown = lenient.customer(lenient.enrol(with_claims(**{"nickname": "A", name: value}))[0])
    assert shown["customerClaims"][0][name] == value
    found = [one for one in shown["findings"] if not one["code"].startswith("claims.")]
    assert found == [{"pointer": f"/customerClaims/{name}", "code": code}]


@pytest.mark.parametrize(("namespace", "address", "code"), WALLETS, ids=short)
def test_a_lenient_project_takes_wallets_of_a_wrong_format(
    lenient: Project, namespace: str, address: str, code: str
) -> None:
    shown = lenient.customer(lenient.enrol(with_wallet(address, namespace))[0])
    assert shown["customerWallets"][0]["wallet"] == address
    assert shown["findings"] == [{"pointer": "/customerWallet/wallet", "code": code}]


REFUSED_EVERYWHERE: list[tuple[dict[str, Any], str, str]] = [
    (with_claims(nationality="afg"), f"{CLAIM}/nationality", "country.unknown"),
    (with_claims(sub=""), f"{CLAIM}/sub", "field.empty"),
    (with_claims(name=1), f"{CLAIM}/name", "field.type"),
    (with_claims(name="\0"), f"{CLAIM}/name", "text.nul"),
    (with_claims(nam="A"), f"{CLAIM}/nam", "field.unknown"),
    (with_claims(name=LONG), f"{CLAIM}/name", "text.too_long"),
    (with_claims(pictureBase64="A" * 1_400_004), f"{CLAIM}/pictureBase64", "picture.too_large"),
    (with_wallet("", "tezos"), f"{WALLET}/wallet", "field.empty"),
    (with_wallet("x", "ethereum"), f"{WALLET}/blockchainNamespace", "namespace.unknown"),
    (with_did(""), f"{DID}/did", "field.empty"),
    # Published examples: BIP-38's unencrypted key, and SLIP-0010's; see test_private_keys.py.
    (
        with_wallet("5KN7MzqK5wt2TP1fQCYyHBtDrXdJuXbUzm4A9rKAteGu3Qi5CVR", "bip122"),
        f"{WALLET}/wallet",
        "wallet.secret",
    ),
    (with_did(SECRET_JWK), f"{DID}/did", "did.secret"),
    ({}, "/customerData/0", "item.empty"),
]


@pytest.mark.parametrize(
    ("item", "pointer", "code"), REFUSED_EVERYWHERE, ids=[row[2] for row in REFUSED_EVERYWHERE]
)
def test_a_lenient_project_refuses_what_is_no_format(
    lenient: Project, item: dict[str, Any], pointer: str, code: str
) -> None:
    answer = lenient.post(lenient.body(item))
    refused(lenient, answer, "batch.invalid", (pointer, code))


def test_a_lenient_project_tells_of_refusals_alone(lenient: Project) -> None:
    item = with_claims(locale="?", nationality="?")
    answer = lenient.post(lenient.body(item, with_claims(zoneinfo="?")))
    refused(lenient, answer, "batch.invalid", (f"{CLAIM}/nationality", "country.unknown"))


def test_a_lenient_partial_call_keeps_the_findings_of_what_it_stores(lenient: Project) -> None:
    wrong = {"name": "A", "locale": "?"}
    items = [with_claims(nationality="?", **wrong), with_claims(**wrong), customer(name="B")]
    answer = lenient.post(lenient.body(*items), mode="partial")
    assert [one["outcome"] for one in answer.json()] == ["refused", "created", "created"]
    found = [lenient.customer(one["id"])["findings"] for one in answer.json()[1:]]
    assert found == [[{"pointer": "/customerClaims/locale", "code": "locale.syntax"}], []]
    assert lenient.rows()["findings"] == 1


def test_wallets_of_a_wrong_format_are_unique_in_a_lenient_project(lenient: Project) -> None:
    (owner,) = lenient.enrol(with_wallet("string", "tezos"))
    answer = lenient.post(lenient.body(with_wallet("string", "tezos")))
    assert answer.status_code == 409
    assert answer.json()["errors"][0]["customerId"] == owner


def test_every_code_of_a_value_is_provoked_here() -> None:
    seen = {code for *_, code in (*WALLETS, *CLAIMS, *DIDS)}
    seen |= {code for *_, code in REFUSED_EVERYWHERE} | {"customer_type.unknown"}
    # Those of the shape have tests of their own, and the last is of small bodies alone.
    shape = {"field.missing", "field.duplicate", "text.surrogate", "field.value"}
    # These depend on what is stored, or are of other routes.
    groups = ("query.", "duplicate.", "conflict.", "merge.", "webhook.")
    shape |= {"email.twice", "status.cannot_follow"}
    profile = {code for *_, code in (*test_profiles.SHAPES, *test_profiles.VALUES)}
    refusing = {code for code, kind in FAULTS.items() if not kind.finding}
    assert refusing - {code for code in FAULTS if code.startswith(groups)} == seen | shape | profile
