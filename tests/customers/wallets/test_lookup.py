"""What an address may mean is found without asking each namespace for its reasons."""

import json
from collections.abc import Iterator

import pytest

from enrol.customers.wallets.accounts import canonical_address
from enrol.customers.wallets.forms import AddressError, AddressFinding
from enrol.customers.wallets.lookup import lookup_spellings
from enrol.customers.wallets.registry import NAMESPACES
from tests.customers.vectors import FOLDER
from tests.people import CHECKSUMMED, TEZOS


def asked_of_all(address: str) -> Iterator[tuple[str, str]]:
    """The canonical forms as the namespaces' whole checks tell them."""
    plain = address.lower() if address[:2] in ("0x", "0X") else address
    for name in NAMESPACES:
        try:
            yield name, canonical_address(name, plain)
        except AddressFinding as finding:
            yield name, finding.canonical
        except AddressError:
            continue


def addresses(name: str) -> list[str]:
    lines = (FOLDER / "wallets" / f"{name}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line)["address"] for line in lines]


@pytest.mark.parametrize("name", NAMESPACES)
def test_no_address_is_screened_out(name: str) -> None:
    for address in addresses(name):
        told = dict(lookup_spellings(address, as_sent=False))
        assert told.items() >= dict(asked_of_all(address)).items(), address


def test_the_text_itself_counts_where_it_may_be_stored_so() -> None:
    told = list(lookup_spellings("no address"))
    assert told == [(name, "no address") for name in NAMESPACES]
    assert list(lookup_spellings("no address", as_sent=False)) == []


@pytest.mark.parametrize("spelling", [CHECKSUMMED, CHECKSUMMED.lower(), CHECKSUMMED.upper()])
def test_hex_is_found_in_any_case(spelling: str) -> None:
    told = dict(lookup_spellings(spelling, as_sent=False))
    assert told["eip155"] == CHECKSUMMED.lower()
    told = dict(lookup_spellings(f"eip155:1:{spelling}", as_sent=False))
    assert told["eip155"] == CHECKSUMMED.lower()


def test_caip_10_names_its_namespace() -> None:
    assert list(lookup_spellings(f"tezos:NetXdQprcVkpaWU:{TEZOS}", as_sent=False)) == [
        ("tezos", TEZOS)
    ]
    assert list(lookup_spellings(f"eip155:1:{TEZOS}", as_sent=False)) == []


def test_a_namespace_that_is_named_is_asked_alone() -> None:
    assert list(lookup_spellings(CHECKSUMMED, ["eip155"], as_sent=False)) == [
        ("eip155", CHECKSUMMED.lower())
    ]
