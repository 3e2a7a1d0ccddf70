"""Time zones: every name of the database, and the zone that an alias stands for."""

import pytest

from enrol.customers.formats.zones import canonical_zone, zone_names
from tests.customers.vectors import rows


def test_every_zone_and_every_link_is_known() -> None:
    assert zone_names().issuperset(row["zone"] for row in rows("people/tz_zones"))


@pytest.mark.parametrize(
    ("alias", "zone"),
    [
        ("Asia/Calcutta", "Asia/Kolkata"),
        ("Europe/Kiev", "Europe/Kyiv"),
        ("America/Buenos_Aires", "America/Argentina/Buenos_Aires"),
        ("US/Pacific", "America/Los_Angeles"),
        ("GB", "Europe/London"),
        ("UTC", "Etc/UTC"),
        ("Zulu", "Etc/UTC"),
        ("Etc/UCT", "Etc/UTC"),
        ("GMT", "Etc/GMT"),
        # Not to the zone of another country, which the database links these to.
        ("Iceland", "Atlantic/Reykjavik"),
        ("Africa/Asmera", "Africa/Asmara"),
        ("America/Virgin", "America/St_Thomas"),
        ("Antarctica/South_Pole", "Antarctica/McMurdo"),
    ],
)
def test_an_alias_has_a_zone(alias: str, zone: str) -> None:
    assert canonical_zone(alias) == zone


@pytest.mark.parametrize(
    "name",
    [
        "Europe/Paris",
        "Etc/UTC",
        # Links, but the zones of their countries.
        "Europe/Oslo",
        "Africa/Accra",
        "Asia/Kuwait",
        # No places.
        "EST",
        "CET",
        "EST5EDT",
        # No names.
        "asia/calcutta",
        "Mars/Olympus",
        "",
    ],
)
def test_what_is_no_alias(name: str) -> None:
    assert canonical_zone(name) is None


def test_a_zone_is_no_alias_itself() -> None:
    zones = {canonical_zone(name) for name in zone_names()} - {None}
    assert zones
    assert all(zone in zone_names() and canonical_zone(zone) is None for zone in zones if zone)
