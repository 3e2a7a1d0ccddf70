"""Countries: ISO 3166-1 alpha-3, ANT and XKX."""

from importlib.resources import files

import pytest

from enrol.customers.countries import COUNTRIES
from tests.customers.vectors import rows

# What the collection leaves open, decided: the claim is an ISO 3166-1 alpha-3 code or one of the
# two that the compatible API takes besides, spelt as the standard spells it.
DECIDED = {
    "ANT": True,  # the compatible API takes it
    "XKX": True,  # the compatible API takes it
    "D": False,  # ICAO 9303 codes say what a passport says, not where a country is
    "GBD": False,
    "RKS": False,  # Kosovo is XKX here: one country, one code
    "XXA": False,
    "XXB": False,
    "UNO": False,
    "EUE": False,
    "usa": False,  # one country, one spelling
    "Usa": False,
}


def test_there_are_as_many_as_the_time_zone_database_knows_and_two_more() -> None:
    table = files("tzdata").joinpath("zoneinfo/iso3166.tab").read_text("utf-8")
    countries = [line for line in table.splitlines() if line and not line.startswith("#")]
    assert len(countries) == 249
    assert len(COUNTRIES - {"ANT", "XKX"}) == len(countries)
    assert len(COUNTRIES) == 251


def test_every_code_is_three_ascii_capitals() -> None:
    assert all(len(c) == 3 and c.isascii() and c.isalpha() and c.isupper() for c in COUNTRIES)


@pytest.mark.parametrize("row", rows("people/iso3166_edge"), ids=lambda row: repr(row["code"]))
def test_edges(row: dict[str, str]) -> None:
    expected = row["expect"] == "valid"
    assert (row["code"] in COUNTRIES) is DECIDED.get(row["code"], expected)


def test_every_open_question_is_decided() -> None:
    open_questions = {r["code"] for r in rows("people/iso3166_edge") if r["expect"] == "policy"}
    assert open_questions == set(DECIDED)


@pytest.mark.parametrize("code", ["AFI", "ATB", "BUR", "CSK", "CTE", "DDR", "FXX", "NTZ", "SCG"])
def test_withdrawn_codes_are_unknown(code: str) -> None:
    assert code not in COUNTRIES


@pytest.mark.parametrize("code", ["ALA", "BLM", "CUW", "COD", "MNE", "PSE", "ROU", "SSD", "TLS"])
def test_late_comers_are_known(code: str) -> None:
    assert code in COUNTRIES
