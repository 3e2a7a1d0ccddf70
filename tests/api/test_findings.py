"""Findings: what is right and odd is stored, noted on the customer, and counted in the project."""

from typing import Any

import pytest

from enrol.customers.faults import FAULTS
from tests.api.refusals import problem
from tests.conftest import ON_TWO_STORES
from tests.people import CHECKSUMMED, TEZOS, customer, did, with_claims, with_wallet
from tests.serving import Project, Served

pytestmark = ON_TWO_STORES

# CIP-19, "Test Vectors"; ERC-1191, "Test Cases", chain 30.
STAKE = "stake1uyehkck0lajq8gr28t9uxnuvgcqrc6070x3k9r8048z8y5gh6ffgw"
ROOTSTOCK = "0x5aaEB6053f3e94c9b9a09f33669435E7ef1bEAeD"
CLAIMS = "/customerClaims"

FOUND: list[tuple[dict[str, Any], str, str]] = [
    (with_wallet(STAKE, "cardano"), "/customerWallet/wallet", "wallet.stake_address"),
    (with_wallet(ROOTSTOCK, "eip155"), "/customerWallet/wallet", "wallet.erc1191"),
    (
        {**with_wallet(TEZOS, "tezos"), "customerDid": did(f"did:pkh:eip155:1:{CHECKSUMMED}")},
        "/customerDid/did",
        "did.other_account",
    ),
    (with_claims(name="Amina \u202eKarimi"), f"{CLAIMS}/name", "text.bidi"),
    (with_claims(name="Ami\u200bna"), f"{CLAIMS}/name", "text.invisible"),
    (with_claims(gender="female"), CLAIMS, "claims.no_name"),
    (
        with_claims(name="Amina Karimi", givenName="Zahra", familyName="Rahimi"),
        f"{CLAIMS}/name",
        "claims.name_mismatch",
    ),
    (with_claims(name="A", birthdate="1850-01-01"), f"{CLAIMS}/birthdate", "claims.birthdate_old"),
]


@pytest.mark.parametrize(("item", "pointer", "code"), FOUND, ids=[row[2] for row in FOUND])
def test_what_is_odd_is_stored_and_noted(
    project: Project, item: dict[str, Any], pointer: str, code: str
) -> None:
    (one,) = project.enrol(item)
    assert project.customer(one)["findings"] == [{"pointer": pointer, "code": code}]


def test_a_company_has_no_birthdate(project: Project) -> None:
    items = [with_claims(name="Rose Ltd", birthdate="2001"), with_claims(gender="x")]
    answer = project.post(project.body(*items, customer_type="Company"))
    found = [project.customer(one)["findings"] for one in answer.json()]
    pointer = f"{CLAIMS}/birthdate"
    assert found == [[{"pointer": pointer, "code": "claims.company_birthdate"}], []]


def test_every_finding_is_provoked_here() -> None:
    here = {code for *_, code in FOUND} | {"claims.company_birthdate"}
    assert here == {code for code, kind in FAULTS.items() if kind.finding}


def test_a_refusal_does_not_tell_of_findings(project: Project) -> None:
    answer = project.post(project.body(with_claims(gender="x"), with_claims(zoneinfo="?")))
    errors = problem(answer, "batch.invalid")["errors"]
    assert [error["code"] for error in errors] == ["zoneinfo.unknown"]
    assert project.rows()["findings"] == 0


def test_the_findings_of_many_calls_at_once_stay_with_their_customers(project: Project) -> None:
    """Also in a batch that is large enough to be checked in a thread."""
    odd = [customer(gender="x") if n % 7 == 0 else customer(name="A") for n in range(700)]
    ids = project.enrol(*odd)
    noted = [bool(project.customer(one)["findings"]) for one in ids[:21]]
    assert noted == [n % 7 == 0 for n in range(21)]
    assert project.rows()["findings"] == 100


def test_findings_are_counted_by_code(server: Served, project: Project) -> None:
    path = f"/projects/{project.id}/findings"
    assert project.get(path).json() == {"data": [], "totalCount": 0}
    project.enrol(*(with_claims(gender="x") for _ in range(3)), with_wallet(STAKE, "cardano"))
    assert project.get(path).json() == {
        "data": [
            {"code": "claims.no_name", "count": 3},
            {"code": "wallet.stake_address", "count": 1},
        ],
        "totalCount": 4,
    }
    problem(server.new_project().get(path), "access.project")


def test_canonical_forms_stand_beside_what_was_sent(project: Project) -> None:
    sent = {"name": "Zoe\u0308 A", "locale": "iw_il", "zoneinfo": "Asia/Calcutta"}
    (one,) = project.enrol(with_claims(**sent))
    (claims,) = project.customer(one)["customerClaims"]
    assert {name: claims[name] for name in sent} == sent
    told = {name: form for name, form in claims["canonical"].items() if form is not None}
    assert told == {"name": "Zo\u00eb A", "locale": "he-IL", "zoneinfo": "Asia/Kolkata"}


@pytest.mark.parametrize(
    ("namespace", "sent", "canonical", "network", "account_id"),
    [
        ("eip155", CHECKSUMMED, CHECKSUMMED.lower(), None, None),
        (
            "eip155",
            f"eip155:137:{CHECKSUMMED.lower()}",
            CHECKSUMMED.lower(),
            None,
            f"eip155:137:{CHECKSUMMED}",
        ),
        (
            "bip122",
            "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
            "mainnet",
            "bip122:000000000019d6689c085ae165831e93:bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
        ),
        (
            "bip122",
            "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx",
            "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx",
            "testnet",
            None,
        ),
    ],
)
def test_a_wallet_tells_what_its_address_tells(
    project: Project,
    namespace: str,
    sent: str,
    canonical: str,
    network: str | None,
    account_id: str | None,
) -> None:
    (one,) = project.enrol(with_wallet(sent, namespace))
    (wallet,) = project.customer(one)["customerWallets"]
    assert (wallet["wallet"], wallet["canonical"]) == (sent, canonical)
    assert (wallet["network"], wallet["accountId"]) == (network, account_id)
    assert wallet["chainId"] == (account_id and account_id.rpartition(":")[0])


def test_two_spellings_of_one_account_are_one_wallet(project: Project) -> None:
    project.enrol(with_wallet("0x1", "aptos"))
    again = with_wallet("0x" + "0" * 63 + "1", "aptos")
    assert project.post(project.body(again)).status_code == 409
